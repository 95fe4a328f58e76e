import {
  BaseErrorCode,
  isAbortError,
  isBridgeError,
  messageOf,
  withTimeout,
} from '@runtime-bridge/base';
import { Agent } from 'undici';

import { PRuntimeError, WorkerErrorClass } from './errors.js';

/** How connections to workers are held. */
export interface PRuntimeTransportOptions {
  /** Whether connections stay open between calls; old pRuntimes want this off. @default false */
  keepAlive?: boolean;
  /** How long an idle connection stays open. @default 5000 */
  keepAliveTimeoutMs?: number;
  /** Time to open a connection. @default 10000 */
  connectTimeoutMs?: number;
}

/** One HTTP answer. */
export interface HttpAnswer {
  status: number;
  contentType: string;
  body: Uint8Array;
}

/** One HTTP call. */
export interface HttpCall {
  endpoint: string;
  path: string;
  body: Uint8Array;
  timeoutMs: number;
  maxAnswerBytes: number;
  signal?: AbortSignal | undefined;
}

/** Connections per worker: one for a heavy call, one for a small one, one for a command such as kick. */
const CONNECTIONS_PER_WORKER = 3;

/** HTTP connections to all workers of a process. Make one, share it among the clients, close it at the end. */
export class PRuntimeTransport {
  readonly #agent: Agent;

  constructor(options: PRuntimeTransportOptions = {}) {
    const keepAliveTimeoutMs = options.keepAliveTimeoutMs ?? 5_000;
    this.#agent = new Agent({
      connections: CONNECTIONS_PER_WORKER,
      // undici's way to say "connection: close"
      pipelining: options.keepAlive ? 1 : 0,
      keepAliveTimeout: keepAliveTimeoutMs,
      keepAliveMaxTimeout: keepAliveTimeoutMs,
      connect: { timeout: options.connectTimeoutMs ?? 10_000 },
      // Deadlines are per call and cover all of it.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  /**
   * Posts bytes and reads the answer, whatever its status.
   * @throws PRuntimeError TRANSPORT, TIMEOUT, BAD_ANSWER (answer beyond its limit); BridgeError ABORTED
   */
  async post(call: HttpCall): Promise<HttpAnswer> {
    const facts = { endpoint: call.endpoint, path: call.path };
    try {
      return await withTimeout(
        call.timeoutMs,
        `${call.endpoint}${call.path}`,
        (signal) => this.#post(call, signal),
        call.signal,
      );
    } catch (error) {
      if (isBridgeError(error) && error.code === BaseErrorCode.TIMEOUT) {
        throw new PRuntimeError(
          WorkerErrorClass.TIMEOUT,
          `No answer from pRuntime within ${call.timeoutMs} ms: ${call.path}`,
          undefined,
          { facts: { ...facts, timeoutMs: call.timeoutMs }, cause: error },
        );
      }
      if (isBridgeError(error) || isAbortError(error) || call.signal?.aborted) throw error;
      throw new PRuntimeError(
        WorkerErrorClass.TRANSPORT,
        `Could not reach pRuntime at ${call.endpoint}: ${reasonOf(error)}`,
        undefined,
        {
          facts,
          cause: error,
          remedy: 'Check that pRuntime runs there and that this host can reach it.',
        },
      );
    }
  }

  /** Closes every connection; calls under way fail. */
  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  async #post(call: HttpCall, signal: AbortSignal): Promise<HttpAnswer> {
    const url = new URL(call.endpoint);
    const answer = await this.#agent.request({
      origin: url.origin,
      path: `${url.pathname.replace(/\/+$/, '')}${call.path}`,
      method: 'POST',
      headers: { 'content-type': 'application/octet-stream' },
      body: call.body,
      signal,
    });
    const contentType = answer.headers['content-type'];
    return {
      status: answer.statusCode,
      contentType: Array.isArray(contentType) ? (contentType[0] ?? '') : (contentType ?? ''),
      body: await readBounded(answer.body, call),
    };
  }
}

async function readBounded(
  body: AsyncIterable<Uint8Array> & { destroy(error?: Error): unknown },
  call: HttpCall,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of body) {
    size += part.length;
    if (size > call.maxAnswerBytes) {
      body.destroy();
      throw new PRuntimeError(
        WorkerErrorClass.BAD_ANSWER,
        `The answer of ${call.path} is larger than ${call.maxAnswerBytes} bytes`,
        undefined,
        { facts: { endpoint: call.endpoint, path: call.path, maxBytes: call.maxAnswerBytes } },
      );
    }
    parts.push(part);
  }
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
}

function reasonOf(error: unknown): string {
  // A failed connect to several addresses has its reasons inside and an empty message.
  if (error instanceof AggregateError && error.errors.length > 0) return messageOf(error.errors[0]);
  return messageOf(error);
}
