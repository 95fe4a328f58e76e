import {
  abortedError,
  Backoff,
  Limiter,
  messageOf,
  TaskGroup,
  Watched,
  withTimeout,
  type Clock,
  type Logger,
} from '@runtime-bridge/base';
import { ChainClientError, ChainClientErrorCode } from '../errors.js';
import type { CallOptions, RpcEndpoint, SubscriptionRequest } from './endpoint.js';
import { WsConnection } from './ws-connection.js';

/** Limits and deadlines of a connection to one node. */
export interface WsEndpointOptions {
  url: string;
  /** Deadline of a connection attempt. */
  connectTimeoutMs: number;
  /** Deadline of a call that names none. */
  callTimeoutMs: number;
  /** Calls under way at once; more wait. */
  maxInFlight: number;
  /** Largest message accepted from the node; a larger one ends the connection. */
  maxResponseBytes: number;
  /** A connection on which nothing was heard for this long is asked for a sign of life, then dropped. */
  heartbeatMs: number;
  /** Delay before the first new attempt; it doubles up to `reconnectMaxMs`. */
  reconnectMinMs: number;
  reconnectMaxMs: number;
}

/** The defaults, and where they come from. */
export const defaultWsEndpointOptions = {
  connectTimeoutMs: 10_000,
  callTimeoutMs: 30_000,
  // A Substrate node serves up to 1024 calls of a connection at once; more than this only waits there instead of here.
  maxInFlight: 128,
  // Ten times what a node answers unless told otherwise (15 MiB, --rpc-max-response-size), for those told otherwise.
  maxResponseBytes: 150 * 1024 * 1024,
  heartbeatMs: 20_000,
  reconnectMinMs: 500,
  // A node that restarts is back within this; more often would only fill the logs of one that is gone for days.
  reconnectMaxMs: 10_000,
} as const satisfies Omit<WsEndpointOptions, 'url'>;

/** A connection counts as good, so that the next one is made at once, when it lasted this long. */
const STABLE_AFTER_MS = 5_000;

/** One node over WebSocket, connected again whenever the connection is lost. */
export class WsEndpoint implements RpcEndpoint {
  readonly connected = new Watched(false);
  readonly #options: WsEndpointOptions;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #limiter: Limiter;
  #tasks: TaskGroup | undefined;
  #connection: WsConnection | undefined;
  #lastError: unknown;

  constructor(options: WsEndpointOptions, collaborators: { logger: Logger; clock: Clock }) {
    this.#options = options;
    this.#logger = collaborators.logger.child({ endpoint: options.url });
    this.#clock = collaborators.clock;
    this.#limiter = new Limiter({ concurrency: options.maxInFlight, name: options.url });
  }

  get url(): string {
    return this.#options.url;
  }

  get lastError(): unknown {
    return this.#lastError;
  }

  async start(): Promise<void> {
    if (this.#tasks) return;
    this.#tasks = new TaskGroup({ name: `endpoint ${this.url}` }, { logger: this.#logger });
    this.#tasks.spawn('connect', (signal) => this.#keepConnected(signal));
  }

  async stop(): Promise<void> {
    const tasks = this.#tasks;
    this.#tasks = undefined;
    await tasks?.stop();
  }

  async call(method: string, params: readonly unknown[], options: CallOptions = {}) {
    const { signal, timeoutMs = this.#options.callTimeoutMs } = options;
    return this.#limiter.run(() => this.#need(method).call(method, params, { signal, timeoutMs }), {
      signal,
    });
  }

  async subscribe(
    request: SubscriptionRequest,
    onItem: (item: unknown) => void,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#need(request.method).subscribe(
      request,
      onItem,
      signal,
      this.#options.callTimeoutMs,
    );
  }

  #need(method: string): WsConnection {
    if (this.#connection) return this.#connection;
    throw new ChainClientError(
      ChainClientErrorCode.NOT_CONNECTED,
      `No connection to the node ${this.url}`,
      { facts: { endpoint: this.url, method }, cause: this.#lastError },
    );
  }

  async #keepConnected(signal: AbortSignal): Promise<void> {
    const { reconnectMinMs, reconnectMaxMs } = this.#options;
    const backoff = new Backoff({ minMs: reconnectMinMs, maxMs: reconnectMaxMs });
    while (!signal.aborted) {
      const connectedAtMs = await this.#connectOnce(signal);
      if (signal.aborted) return;
      if (connectedAtMs !== undefined && this.#clock.now() - connectedAtMs >= STABLE_AFTER_MS) {
        backoff.reset();
      }
      const delayMs = backoff.next();
      // The first loss is news; that it is still away is told by the client once, not at each attempt.
      const facts = { delayMs, reason: messageOf(this.#lastError) };
      if (connectedAtMs === undefined) this.#logger.debug('Node cannot be reached', facts);
      else this.#logger.warn('Connection to node lost', facts);
      await this.#clock.sleep(delayMs, signal);
    }
  }

  /** Connects and stays until the connection ends; the time it was made, or undefined when it never was. */
  async #connectOnce(signal: AbortSignal): Promise<number | undefined> {
    const { url, connectTimeoutMs, maxResponseBytes, heartbeatMs } = this.#options;
    let connection: WsConnection;
    try {
      connection = await withTimeout(
        connectTimeoutMs,
        `connecting to ${url}`,
        (connectSignal) =>
          WsConnection.open(
            { url, maxResponseBytes, heartbeatMs },
            { logger: this.#logger },
            connectSignal,
          ),
        signal,
      );
    } catch (error) {
      if (!signal.aborted) {
        this.#lastError = new ChainClientError(
          ChainClientErrorCode.CONNECT_FAILED,
          `Cannot connect to ${url}: ${messageOf(error)}`,
          { facts: { endpoint: url }, cause: error },
        );
      }
      return undefined;
    }
    const connectedAtMs = this.#clock.now();
    this.#connection = connection;
    this.#logger.info('Connected to node');
    this.connected.set(true);
    const onAbort = () => connection.close(abortedError(signal));
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    this.#lastError = await connection.ended;
    signal.removeEventListener('abort', onAbort);
    this.#connection = undefined;
    this.connected.set(false);
    return connectedAtMs;
  }
}
