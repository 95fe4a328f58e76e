import type { Watched } from '@runtime-bridge/base';

/** How one call is made. */
export interface CallOptions {
  signal?: AbortSignal | undefined;
  /** Deadline in milliseconds. @default the endpoint's `callTimeoutMs` */
  timeoutMs?: number | undefined;
}

/** Somewhere to send JSON-RPC calls to. Answers are whatever JSON the node sent; nobody has looked at it yet. */
export interface RpcCaller {
  /** The URL, which errors and log lines name. */
  readonly url: string;
  /** @throws ChainClientError; ABORTED with the signal */
  call(method: string, params: readonly unknown[], options?: CallOptions): Promise<unknown>;
}

/** What to subscribe to. */
export interface SubscriptionRequest {
  method: string;
  unsubscribe: string;
  params?: readonly unknown[];
}

/**
 * One node. It reconnects by itself from `start` until `stop`; a call while there is no connection fails at once, so
 * that the caller can go elsewhere.
 */
export interface RpcEndpoint extends RpcCaller {
  readonly connected: Watched<boolean>;
  /** Why there is no connection, as far as it is known. */
  readonly lastError: unknown;
  start(): Promise<void>;
  stop(): Promise<void>;
  /**
   * Hands each notification to `onItem` until the signal is aborted, then resolves.
   * @throws ChainClientError when the node refuses the subscription or the connection is lost
   */
  subscribe(
    request: SubscriptionRequest,
    onItem: (item: unknown) => void,
    signal: AbortSignal,
  ): Promise<void>;
}
