import { abortedError, BridgeError, messageOf, type Logger } from '@runtime-bridge/base';
import { WebSocket } from 'ws';
import { ChainClientError, ChainClientErrorCode } from '../errors.js';
import type { SubscriptionRequest } from './endpoint.js';

/** Limits of one connection. */
export interface WsConnectionOptions {
  url: string;
  maxResponseBytes: number;
  heartbeatMs: number;
}

interface Pending {
  method: string;
  /** Called in the same turn in which the answer arrives, before any later message is looked at. */
  resolve: (result: unknown) => void;
  reject: (error: Error) => void;
}

interface Subscription {
  onItem: (item: unknown) => void;
  onEnd: (error: Error) => void;
}

/** JSON-RPC codes of a method that is missing or refused (`-32601`, and what proxies and old nodes say instead). */
const METHOD_NOT_FOUND = -32601;
const UNSAFE_REFUSED = /unsafe to be called externally|method not found|RPC is unavailable/i;
const UNSAFE = /unsafe/i;
const TOO_BIG = /too big|too large|exceeded max limit/i;

/** One WebSocket connection that carries JSON-RPC 2.0 calls and subscriptions. It is never opened again. */
export class WsConnection {
  /** Resolves with the reason when the connection has ended. */
  readonly ended: Promise<Error>;
  readonly #socket: WebSocket;
  readonly #options: WsConnectionOptions;
  readonly #logger: Logger;
  readonly #pending = new Map<number, Pending>();
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #heartbeat: NodeJS.Timeout;
  #nextId = 1;
  #end!: (error: Error) => void;
  #endError: Error | undefined;
  #heardSinceBeat = true;

  private constructor(options: WsConnectionOptions, socket: WebSocket, logger: Logger) {
    this.#options = options;
    this.#socket = socket;
    this.#logger = logger;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    socket.on('message', (data, isBinary) => {
      if (!isBinary) this.#receive(data as Buffer);
    });
    socket.on('pong', () => {
      this.#heardSinceBeat = true;
    });
    socket.on('error', (error) => this.close(this.#socketError(error)));
    socket.on('close', (code) =>
      this.close(
        this.#error(ChainClientErrorCode.DISCONNECTED, 'The node closed the connection', { code }),
      ),
    );
    this.#heartbeat = setInterval(() => this.#beat(), options.heartbeatMs);
  }

  /**
   * Opens a connection.
   * @throws whatever the socket fails with, ABORTED with the signal
   */
  static open(
    options: WsConnectionOptions,
    collaborators: { logger: Logger },
    signal: AbortSignal,
  ): Promise<WsConnection> {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(options.url, {
        maxPayload: options.maxResponseBytes,
        perMessageDeflate: false,
      });
      const onAbort = () => {
        socket.on('error', () => {});
        socket.terminate();
        reject(abortedError(signal));
      };
      signal.addEventListener('abort', onAbort, { once: true });
      socket.once('error', (error) => {
        signal.removeEventListener('abort', onAbort);
        reject(error);
      });
      socket.once('open', () => {
        signal.removeEventListener('abort', onAbort);
        socket.removeAllListeners('error');
        resolve(new WsConnection(options, socket, collaborators.logger));
      });
    });
  }

  /** Sends a call and waits for its answer. */
  call(
    method: string,
    params: readonly unknown[],
    options: { signal?: AbortSignal | undefined; timeoutMs: number },
  ): Promise<unknown> {
    return this.#request(method, params, options, (result) => result);
  }

  /** Subscribes; resolves when the signal is aborted. */
  async subscribe(
    request: SubscriptionRequest,
    onItem: (item: unknown) => void,
    signal: AbortSignal,
    timeoutMs: number,
  ): Promise<void> {
    let end!: { resolve: () => void; reject: (error: Error) => void };
    const over = new Promise<void>((resolve, reject) => {
      end = { resolve, reject };
    });
    over.catch(() => {});
    // Registered in the turn of the answer: the first notification may sit in the same packet.
    const id = await this.#request(
      request.method,
      request.params ?? [],
      { signal, timeoutMs },
      (result) => {
        const key = this.#subscriptionKey(request.method, result);
        this.#subscriptions.set(key, { onItem, onEnd: end.reject });
        return { key, result };
      },
    );
    const onAbort = () => end.resolve();
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    try {
      await over;
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.#subscriptions.delete(id.key);
      if (!this.#endError) this.#send(this.#nextId++, request.unsubscribe, [id.result]);
    }
  }

  /** Ends the connection; everything under way fails with the error. Harmless when it has ended. */
  close(error: Error): void {
    if (this.#endError) return;
    this.#endError = error;
    clearInterval(this.#heartbeat);
    this.#socket.terminate();
    for (const pending of this.#pending.values()) pending.reject(this.#lost(error, pending.method));
    this.#pending.clear();
    for (const subscription of this.#subscriptions.values()) subscription.onEnd(error);
    this.#subscriptions.clear();
    this.#end(error);
  }

  #request<T>(
    method: string,
    params: readonly unknown[],
    options: { signal?: AbortSignal | undefined; timeoutMs: number },
    onResult: (result: unknown) => T,
  ): Promise<T> {
    const { signal, timeoutMs } = options;
    return new Promise<T>((resolve, reject) => {
      if (signal?.aborted) {
        reject(abortedError(signal));
        return;
      }
      if (this.#endError) {
        reject(this.#lost(this.#endError, method));
        return;
      }
      const id = this.#nextId++;
      const finish = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        this.#pending.delete(id);
      };
      const fail = (error: Error) => {
        finish();
        reject(error);
      };
      const onAbort = () => fail(abortedError(signal!));
      const timer = setTimeout(
        () =>
          fail(
            this.#error(
              ChainClientErrorCode.CALL_TIMEOUT,
              `No answer to ${method} within ${timeoutMs} ms`,
              {
                method,
                timeoutMs,
              },
            ),
          ),
        timeoutMs,
      );
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#pending.set(id, {
        method,
        resolve: (result) => {
          finish();
          try {
            resolve(onResult(result));
          } catch (error) {
            reject(BridgeError.from(error));
          }
        },
        reject: fail,
      });
      this.#send(id, method, params);
    });
  }

  #send(id: number, method: string, params: readonly unknown[]): void {
    this.#logger.trace('Call sent', { method, id });
    this.#socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
  }

  #receive(data: Buffer): void {
    this.#heardSinceBeat = true;
    let message: unknown;
    try {
      message = JSON.parse(data.toString('utf8'));
    } catch {
      this.close(
        this.#error(
          ChainClientErrorCode.BAD_RESPONSE,
          'The node sent something that is not JSON',
          {},
        ),
      );
      return;
    }
    if (typeof message !== 'object' || message === null) return;
    const { id, result, error, params } = message as Record<string, unknown>;
    if (typeof id === 'number') {
      const pending = this.#pending.get(id);
      if (!pending) return;
      if (error === undefined || error === null) pending.resolve(result);
      else pending.reject(this.#rpcError(pending.method, error));
      return;
    }
    if (typeof params === 'object' && params !== null && 'subscription' in params) {
      const { subscription, result: item } = params as { subscription: unknown; result?: unknown };
      this.#subscriptions.get(JSON.stringify(subscription))?.onItem(item);
    }
  }

  #subscriptionKey(method: string, result: unknown): string {
    if (typeof result === 'string' || typeof result === 'number') return JSON.stringify(result);
    throw this.#error(ChainClientErrorCode.BAD_RESPONSE, `${method} gave no subscription id`, {
      method,
      field: 'result',
    });
  }

  #beat(): void {
    if (!this.#heardSinceBeat) {
      this.close(
        this.#error(ChainClientErrorCode.DISCONNECTED, 'The node gave no sign of life', {
          heartbeatMs: this.#options.heartbeatMs,
        }),
      );
      return;
    }
    this.#heardSinceBeat = false;
    this.#socket.ping();
  }

  #rpcError(method: string, error: unknown): ChainClientError {
    const { code, message, data } = (typeof error === 'object' ? error : { message: error }) as {
      code?: unknown;
      message?: unknown;
      data?: unknown;
    };
    const rpcCode = typeof code === 'number' ? code : 0;
    const text = [message, data].filter((part) => typeof part === 'string').join(': ');
    const facts = { method, rpcCode, rpcMessage: text.slice(0, 500) };
    if (rpcCode === METHOD_NOT_FOUND || UNSAFE_REFUSED.test(text)) {
      return this.#error(
        ChainClientErrorCode.METHOD_UNAVAILABLE,
        `The node does not offer ${method}: ${text}`,
        facts,
        undefined,
        UNSAFE.test(text)
          ? 'Start the node with --rpc-methods unsafe (on an address that only the bridge can reach), or use another node'
          : undefined,
      );
    }
    if (TOO_BIG.test(text)) {
      return this.#error(
        ChainClientErrorCode.RESPONSE_TOO_LARGE,
        `The node's own limit is too small for the answer to ${method}`,
        { ...facts, maxBytes: undefined },
        undefined,
        'Start the node with a larger --rpc-max-response-size (--rpc-max-payload before 2022)',
      );
    }
    return this.#error(
      ChainClientErrorCode.RPC_ERROR,
      `The node refused ${method}: ${text}`,
      facts,
    );
  }

  #socketError(error: Error): Error {
    if ((error as { code?: string }).code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') {
      return this.#error(
        ChainClientErrorCode.RESPONSE_TOO_LARGE,
        'The node sent a message above the limit',
        {
          maxBytes: this.#options.maxResponseBytes,
        },
      );
    }
    return this.#error(
      ChainClientErrorCode.DISCONNECTED,
      `Connection failed: ${messageOf(error)}`,
      {},
      error,
    );
  }

  /** What a call under way is told when the connection ends: the same, with its own method. */
  #lost(error: Error, method: string): Error {
    if (!(error instanceof ChainClientError)) return error;
    return new ChainClientError(error.code, error.message, {
      facts: { ...error.facts, method },
      cause: error,
    });
  }

  #error(
    code: ChainClientErrorCode,
    message: string,
    facts: Record<string, string | number | undefined>,
    cause?: unknown,
    remedy?: string,
  ): ChainClientError {
    return new ChainClientError(code, `${message} (${this.#options.url})`, {
      facts: { endpoint: this.#options.url, ...facts },
      cause,
      ...(remedy === undefined ? {} : { remedy }),
    });
  }
}
