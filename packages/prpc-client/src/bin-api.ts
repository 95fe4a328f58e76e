import { classifyText, PRuntimeError, WorkerErrorClass } from './errors.js';
import type { HttpAnswer } from './transport.js';

/**
 * Takes an answer of `/bin_api` apart: HTTP 200 with `{status, payload, signature}`, the payload a text that holds JSON,
 * or, when the call never reached the enclave, plain text. Source: phala-blockchain 40ffcd1be and 654b1b699,
 * crates/phactory/src/bin_api_service.rs.
 * @returns the object in the payload
 * @throws PRuntimeError of the class that its text tells; BAD_ANSWER when it is no such answer
 */
export function readBinApiAnswer(
  answer: HttpAnswer,
  facts: { endpoint: string; path: string },
): Record<string, unknown> {
  const text = new TextDecoder().decode(answer.body);
  const wrapper = parseObject(text);
  const payload = wrapper?.['payload'];
  if (typeof payload !== 'string') throw noAnswer(answer, text, facts);
  const content = parseObject(payload);
  if (wrapper!['status'] === 'ok') {
    if (content === undefined) throw noAnswer(answer, text, facts);
    return content;
  }
  const message = content?.['message'];
  const said = typeof message === 'string' ? message : payload;
  throw new PRuntimeError(classifyText(said), `pRuntime refused ${facts.path}: ${said}`, said, {
    facts,
  });
}

/**
 * Reads a height out of a payload.
 * @throws PRuntimeError BAD_ANSWER
 */
export function readHeight(
  payload: Record<string, unknown>,
  field: string,
  facts: { endpoint: string; path: string },
): number {
  const value = payload[field];
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff) {
    return value;
  }
  throw new PRuntimeError(
    WorkerErrorClass.BAD_ANSWER,
    `The answer of ${facts.path} has no height in ${field}`,
    undefined,
    { facts: { ...facts, field } },
  );
}

function noAnswer(
  answer: HttpAnswer,
  text: string,
  facts: { endpoint: string; path: string },
): PRuntimeError {
  const known = {
    404: WorkerErrorClass.NOT_AVAILABLE,
    403: WorkerErrorClass.NOT_AVAILABLE,
    405: WorkerErrorClass.NOT_AVAILABLE,
    413: WorkerErrorClass.BODY_TOO_LARGE,
    503: WorkerErrorClass.BUSY,
  }[answer.status];
  const start = text.slice(0, 200);
  return new PRuntimeError(
    known ?? WorkerErrorClass.BAD_ANSWER,
    `Unexpected answer to ${facts.path}: HTTP ${answer.status} ${start}`.trimEnd(),
    start === '' ? undefined : start,
    { facts: { ...facts, status: answer.status } },
  );
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
