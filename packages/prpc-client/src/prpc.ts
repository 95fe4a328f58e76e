import { fromBinary, type DescMessage, type MessageShape } from '@bufbuild/protobuf';

import { classifyText, PRuntimeError, WorkerErrorClass } from './errors.js';
import { PrpcErrorSchema } from './gen/pruntime_rpc_pb.js';
import type { HttpAnswer } from './transport.js';

/**
 * Decodes an answer of `/prpc`: protobuf at 200, PrpcError in most other answers. Source: phala-blockchain 40ffcd1be
 * and 654b1b699, crates/phactory/src/prpc_service.rs, standalone/pruntime/src/api_server.rs.
 * @throws PRuntimeError of the class that its text or status tells
 */
export function readPrpcAnswer<D extends DescMessage>(
  schema: D,
  answer: HttpAnswer,
  facts: { endpoint: string; path: string },
): MessageShape<D> {
  if (answer.status === 200) {
    try {
      return fromBinary(schema, answer.body);
    } catch (cause) {
      throw new PRuntimeError(
        WorkerErrorClass.BAD_ANSWER,
        `The answer of ${facts.path} is no ${schema.name}`,
        undefined,
        { facts, cause },
      );
    }
  }
  const said = errorText(answer);
  const byStatus = {
    403: WorkerErrorClass.NOT_AVAILABLE,
    404: WorkerErrorClass.NOT_AVAILABLE,
    413: WorkerErrorClass.BODY_TOO_LARGE,
    503: WorkerErrorClass.BUSY,
  }[answer.status];
  throw new PRuntimeError(
    byStatus ?? (said === undefined ? WorkerErrorClass.BAD_ANSWER : classifyText(said)),
    `pRuntime refused ${facts.path}: ${said ?? `HTTP ${answer.status}`}`,
    said,
    { facts: { ...facts, status: answer.status } },
  );
}

function errorText({ body, contentType }: HttpAnswer): string | undefined {
  if (body.length === 0) return undefined;
  const plain = new TextDecoder().decode(body.subarray(0, 2_000));
  if (contentType.includes('json')) {
    try {
      const { error } = JSON.parse(plain) as { error?: unknown };
      if (typeof error === 'string') return error;
    } catch {
      // Said to be JSON and is none: told as it stands.
    }
    return plain;
  }
  try {
    const { message } = fromBinary(PrpcErrorSchema, body);
    if (message !== '') return message;
  } catch {
    // Not from pRuntime's RPC service but from the server around it: plain text.
  }
  return plain;
}
