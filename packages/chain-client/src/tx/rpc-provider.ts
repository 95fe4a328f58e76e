import type {
  ProviderInterface,
  ProviderInterfaceCallback,
  ProviderInterfaceEmitCb,
  ProviderInterfaceEmitted,
} from '@polkadot/rpc-provider/types';
import {
  AbortScope,
  BridgeError,
  sleep,
  TaskGroup,
  Watched,
  type Clock,
  type Logger,
} from '@runtime-bridge/base';
import { ChainClientError, ChainClientErrorCode } from '../errors.js';
import { defaultFinalizedHeadsOptions, FinalizedHeads } from '../read/finalized-heads.js';
import type { CallOptions, RpcEndpoint, SubscriptionRequest } from '../rpc/endpoint.js';
import type { JsonRpcClient } from '../rpc/json-rpc-client.js';

/** Subscriptions whose end is not named after their beginning. */
const UNSUBSCRIBE: Readonly<Record<string, string>> = {
  author_submitAndWatchExtrinsic: 'author_unwatchExtrinsic',
};

/** Delay before a refused subscription is tried again. */
const RESUBSCRIBE_MS = 3_000;

/**
 * Lets @polkadot/api talk through our endpoints: all calls go to one node, the first in order that is connected, and to
 * another one when that goes away, lies about its head, does not tell it, or stays behind. Subscriptions are made again
 * on the new one.
 */
export class RpcProvider implements ProviderInterface {
  readonly hasSubscriptions = true;
  readonly isClonable = false;
  readonly ttl = null;
  /** The node in use. */
  readonly current = new Watched<RpcEndpoint | undefined>(undefined);
  readonly #listeners: Record<ProviderInterfaceEmitted, Set<ProviderInterfaceEmitCb>> = {
    connected: new Set(),
    disconnected: new Set(),
    error: new Set(),
  };
  readonly #subscriptions = new Map<string, AbortController>();
  readonly #tasks: TaskGroup;
  readonly #logger: Logger;
  #nextId = 1;
  readonly #client: JsonRpcClient;
  /** Asks all nodes for their heads, which tells of each whether it is in good health. */
  readonly #heads: FinalizedHeads;
  #unwatch: (() => void) | undefined;

  constructor(collaborators: { client: JsonRpcClient; logger: Logger; clock?: Clock }) {
    this.#client = collaborators.client;
    this.#heads = new FinalizedHeads(defaultFinalizedHeadsOptions, collaborators);
    this.#logger = collaborators.logger;
    this.#tasks = new TaskGroup({ name: 'subscriptions' }, collaborators);
  }

  get isConnected(): boolean {
    return this.current.value !== undefined;
  }

  clone(): ProviderInterface {
    throw new Error('not supported');
  }

  /** Begins to connect; resolves at once. */
  async connect(): Promise<void> {
    if (this.#unwatch) return;
    this.#unwatch = this.#client.onReview(() => this.#choose());
    await this.#client.start();
    await this.#heads.start();
    this.#choose();
  }

  async disconnect(): Promise<void> {
    this.#unwatch?.();
    await this.#heads.stop();
    await this.#tasks.stop();
    await this.#client.stop();
    this.#change(undefined);
  }

  on(type: ProviderInterfaceEmitted, listener: ProviderInterfaceEmitCb): () => void {
    this.#listeners[type].add(listener);
    return () => this.#listeners[type].delete(listener);
  }

  async send<T = unknown>(method: string, params: unknown[]): Promise<T> {
    return (await this.call(method, params)) as T;
  }

  /** One call on the node in use. */
  async call(
    method: string,
    params: readonly unknown[],
    options: CallOptions = {},
  ): Promise<unknown> {
    return await this.#need(method).call(method, params, options);
  }

  subscribe(
    _type: string,
    method: string,
    params: unknown[],
    callback: ProviderInterfaceCallback,
  ): Promise<string> {
    const id = `s${this.#nextId++}`;
    const controller = new AbortController();
    this.#subscriptions.set(id, controller);
    this.follow(
      { method, unsubscribe: unsubscribeOf(method), params },
      (item) => callback(null, item),
      controller.signal,
    );
    return Promise.resolve(id);
  }

  unsubscribe(_type: string, _method: string, id: number | string): Promise<boolean> {
    const controller = this.#subscriptions.get(String(id));
    controller?.abort();
    return Promise.resolve(this.#subscriptions.delete(String(id)));
  }

  /** Keeps a subscription up on whichever node is in use until the signal is aborted or the provider disconnects. */
  follow(
    request: SubscriptionRequest,
    onItem: (item: unknown) => void,
    signal?: AbortSignal,
  ): void {
    this.#tasks.spawn(request.method, async (stopping) => {
      const either = signal ? AbortSignal.any([signal, stopping]) : stopping;
      while (!either.aborted) {
        try {
          const endpoint = await this.current.until((value) => value !== undefined, either);
          await this.#whileCurrent(endpoint, either, (standing) =>
            endpoint.subscribe(request, onItem, standing),
          );
        } catch (error) {
          if (either.aborted) return;
          this.#logger.debug(
            'Subscription ended',
            { method: request.method },
            BridgeError.from(error),
          );
          // Lost with its node: the next one is chosen at once. Refused: not again in the same breath.
          if (this.isConnected) await sleep(RESUBSCRIBE_MS, either).catch(() => {});
        }
      }
    });
  }

  /**
   * One subscription on the node in use, not made again when that node goes away.
   * @throws ChainClientError when refused or lost
   */
  async subscribeOnce(
    request: SubscriptionRequest,
    onItem: (item: unknown) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const endpoint = this.#need(request.method);
    await this.#whileCurrent(endpoint, signal, (standing) =>
      endpoint.subscribe(request, onItem, standing),
    );
    if (signal.aborted) return;
    throw new ChainClientError(
      ChainClientErrorCode.DISCONNECTED,
      `The node ${endpoint.url} was left for another one`,
      { facts: { endpoint: endpoint.url, method: request.method } },
    );
  }

  /** Runs something whose signal ends when another node is used. */
  async #whileCurrent(
    endpoint: RpcEndpoint,
    signal: AbortSignal,
    run: (standing: AbortSignal) => Promise<void>,
  ): Promise<void> {
    const scope = new AbortScope(signal);
    const stop = this.current.subscribe((current) => current !== endpoint && scope.end());
    try {
      await run(scope.signal);
    } finally {
      stop();
      scope.end();
    }
  }

  #need(method: string): RpcEndpoint {
    if (this.current.value) return this.current.value;
    throw new ChainClientError(ChainClientErrorCode.NOT_CONNECTED, 'No connection to a para node', {
      facts: {
        method,
        endpoints: this.#client.endpoints.map(({ url }) => url).join(', '),
      },
    });
  }

  #choose(): void {
    const before = this.current.value;
    const next = this.#client.choose(before);
    if (before?.connected.value && next && next !== before) {
      this.#logger.warn('Para node left for another one', { endpoint: before.url, next: next.url });
    }
    this.#change(next);
  }

  #change(next: RpcEndpoint | undefined): void {
    if (next === this.current.value && (next === undefined || next.connected.value)) return;
    if (this.current.value) {
      this.current.set(undefined);
      this.#emit('disconnected');
    }
    if (!next) return;
    this.current.set(next);
    this.#emit('connected');
  }

  #emit(type: ProviderInterfaceEmitted): void {
    for (const listener of [...this.#listeners[type]]) listener();
  }
}

/** The method that ends a subscription. */
export function unsubscribeOf(method: string): string {
  return UNSUBSCRIBE[method] ?? method.replace('_subscribe', '_unsubscribe');
}
