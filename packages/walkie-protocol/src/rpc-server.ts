import { create, toBinary, type DescMessage, type MessageInitShape } from '@bufbuild/protobuf';
import {
  BridgeError,
  isBridgeError,
  Limiter,
  messageOf,
  withTimeout,
  type Clock,
  type Logger,
} from '@runtime-bridge/base';
import type { AccessPolicy } from './access-policy.js';
import type { AuthServer } from './auth-server.js';
import type { Caller, Channel } from './channel.js';
import { NO_HANDLER_TEXT, WalkieError, WalkieErrorCode, wireTypeOf } from './errors.js';
import { ResponseErrorType } from './gen/prb/error_pb.js';
import { WRAPPER_BYTES, type WalkieLimits } from './limits.js';
import type { InboundBudget, StreamLease } from './inbound-budget.js';
import {
  findMethod,
  maxAnswerBytes,
  type Method,
  type MethodName,
  type RequestOf,
  type ResponseInit,
} from './methods.js';
import {
  decodeMessage,
  decodeRequest,
  encodeErrorResponse,
  encodeResponse,
  stampOf,
} from './rpc-messages.js';
import type { RpcMetrics } from './rpc-metrics.js';

/** What a handler knows about the call beside its request. */
export interface CallContext extends Caller {
  /** Aborted at the deadline and when the node stops. */
  readonly signal: AbortSignal;
}

/** Answers one method. What it throws goes to the caller as type and text: a WalkieError as its own type, all else as SERVER. */
export type Handler<M extends MethodName> = (
  request: RequestOf<M>,
  context: CallContext,
) => Promise<ResponseInit<M>> | ResponseInit<M>;

type AnyHandler = (request: unknown, context: CallContext) => unknown;

/** Answers requests on channels. Knows nothing of libp2p. */
export class RpcServer {
  readonly #handlers = new Map<string, AnyHandler>();
  readonly #turns: Limiter;

  constructor(
    private readonly options: {
      access: AccessPolicy;
      limits: WalkieLimits;
      budget: InboundBudget;
      /** Where there is a shared secret. */
      auth?: AuthServer | undefined;
    },
    private readonly collaborators: { logger: Logger; metrics: RpcMetrics; clock: Clock },
  ) {
    this.#turns = new Limiter({
      concurrency: options.limits.maxRunningRequests,
      maxQueued: options.limits.maxWaitingRequests,
      name: 'walkie requests',
    });
    const { auth } = options;
    if (auth !== undefined) this.handle('Auth', (request, caller) => auth.handle(request, caller));
  }

  /** Registers the handler of a method; a later one replaces an earlier one. */
  handle<M extends MethodName>(method: M, handler: Handler<M>): void {
    this.#handlers.set(method, handler as unknown as AnyHandler);
  }

  /** Registers a handler for a method that has none; a later `handle` replaces it. */
  handleByDefault<M extends MethodName>(method: M, handler: Handler<M>): void {
    if (!this.#handlers.has(method)) this.handle(method, handler);
  }

  /** Serves one stream from request to answer. Never rejects: what goes wrong is told to the caller or logged. */
  async serve(channel: Channel, caller: Caller, signal: AbortSignal): Promise<void> {
    const { limits } = this.options;
    const { logger, metrics, clock } = this.collaborators;
    const startedMs = clock.now();
    let outcome = 'ok';
    let method = 'unknown';
    let lease: StreamLease | undefined;
    try {
      lease = this.options.budget.lease(caller.peerId);
      const { take } = lease;
      const bytes = await withTimeout(
        limits.requestReadTimeoutMs,
        'reading a Walkie request',
        (readSignal) => channel.readAll(limits.maxMessageBytes + WRAPPER_BYTES, readSignal, take),
        signal,
      );
      const answer = await this.#answer(bytes, caller, lease, signal);
      outcome = answer.outcome;
      method = answer.method;
      await withTimeout(
        limits.answerWriteTimeoutMs,
        'sending a Walkie answer',
        (writeSignal) => channel.writeAll(answer.bytes, writeSignal),
        signal,
      );
    } catch (error) {
      outcome = BridgeError.from(error).code;
      channel.reset(BridgeError.from(error));
      logger.debug('Walkie request was not served', { peer: caller.peerId, method }, error);
    }
    lease?.release();
    metrics.calls.inc({ side: 'server', method, outcome });
    metrics.durationSeconds.observe((clock.now() - startedMs) / 1000, { side: 'server', method });
  }

  async #answer(
    bytes: Uint8Array,
    caller: Caller,
    lease: StreamLease,
    signal: AbortSignal,
  ): Promise<{ bytes: Uint8Array; outcome: string; method: string }> {
    const { logger, clock } = this.collaborators;
    const { limits } = this.options;
    let requestNonce: string | undefined;
    let name = 'unknown';
    try {
      const request = decodeRequest(bytes);
      requestNonce = request.nonce;
      const method = findMethod(request.method);
      if (method === undefined) {
        throw new WalkieError(
          WalkieErrorCode.SERVER,
          `Unknown method '${request.method.slice(0, 64)}'`,
        );
      }
      name = method.name;
      const handler = this.#handlers.get(method.name);
      if (handler === undefined) {
        throw new WalkieError(WalkieErrorCode.NOT_FOUND, NO_HANDLER_TEXT, {
          facts: { method: name },
        });
      }
      this.options.access.check(method, {
        ...caller,
        isAuthenticated: this.options.auth?.isGranted(caller.peerId) === true,
      });
      const payload = decodeMessage(method.input, request.data);
      const response = await withTimeout(
        limits.handlerTimeoutMs,
        `handling ${name}`,
        (handlerSignal) =>
          lease.run(
            () =>
              this.#turns.run(async () => handler(payload, { ...caller, signal: handlerSignal }), {
                signal: handlerSignal,
              }),
            handlerSignal,
          ),
        signal,
      );
      const data = encodeAnswer(method, response, limits);
      lease.take(data.length);
      return {
        bytes: encodeResponse(requestNonce, data, stampOf(clock.now())),
        outcome: 'ok',
        method: name,
      };
    } catch (error) {
      const facts = { peer: caller.peerId, method: name };
      // A refusal that the handler meant goes to the caller; only what nobody foresaw is news here.
      if (isBridgeError(error)) logger.debug('Walkie request refused', facts, error);
      else logger.error('Walkie handler failed', facts, error);
      return {
        bytes: encodeErrorResponse(
          requestNonce,
          { type: wireTypeOf(error), message: wireTextOf(error) },
          stampOf(clock.now()),
        ),
        outcome: isBridgeError(error) ? error.code : ResponseErrorType[ResponseErrorType.SERVER],
        method: name,
      };
    }
  }
}

function encodeAnswer(method: Method, response: unknown, limits: WalkieLimits): Uint8Array {
  const message = create(method.output, response as MessageInitShape<DescMessage>);
  const data = toBinary(method.output, message);
  const maxBytes = maxAnswerBytes(method, limits) - WRAPPER_BYTES;
  if (data.length > maxBytes) {
    throw new WalkieError(
      WalkieErrorCode.TOO_LARGE,
      `The answer to ${method.name} has ${data.length} bytes, the limit is ${maxBytes}`,
      { facts: { method: method.name, size: data.length, maxBytes } },
    );
  }
  return data;
}

/** Text of an error for the wire: 2022's form for what nobody foresaw, message and remedy for ours. */
function wireTextOf(error: unknown): string {
  if (!isBridgeError(error)) return error instanceof Error ? String(error) : messageOf(error);
  return error.remedy === undefined ? error.message : `${error.message}. ${error.remedy}`;
}
