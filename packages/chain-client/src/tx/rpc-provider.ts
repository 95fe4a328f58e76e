import type {
  ProviderInterface,
  ProviderInterfaceCallback,
  ProviderInterfaceEmitCb,
  ProviderInterfaceEmitted,
} from '@polkadot/rpc-provider/types';
import { BridgeError, sleep, TaskGroup, Watched, type Logger } from '@runtime-bridge/base';
import { ChainClientError, ChainClientErrorCode } from '../errors.js';
import type { CallOptions, RpcEndpoint, SubscriptionRequest } from '../rpc/endpoint.js';

/** Subscriptions whose end is not named after their beginning. */
const UNSUBSCRIBE: Readonly<Record<string, string>> = {
  author_submitAndWatchExtrinsic: 'author_unwatchExtrinsic',
};

/** Delay before a refused subscription is tried again. */
const RESUBSCRIBE_MS = 3_000;

/**
 * Lets @polkadot/api talk through our endpoints: all calls go to one node, the first in order that is connected, and to
 * the next when that one goes away. Subscriptions are made again on the new one.
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
  #unwatch: (() => void)[] = [];

  constructor(
    private readonly endpoints: readonly RpcEndpoint[],
    collaborators: { logger: Logger },
  ) {
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
    if (this.#unwatch.length > 0) return;
    this.#unwatch = this.endpoints.map((endpoint) =>
      endpoint.connected.subscribe(() => this.#choose()),
    );
    for (const endpoint of this.endpoints) await endpoint.start();
    this.#choose();
  }

  async disconnect(): Promise<void> {
    for (const unwatch of this.#unwatch) unwatch();
    await this.#tasks.stop();
    await Promise.all(this.endpoints.map((endpoint) => endpoint.stop()));
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
          await endpoint.subscribe(request, onItem, either);
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
    await this.#need(request.method).subscribe(request, onItem, signal);
  }

  #need(method: string): RpcEndpoint {
    if (this.current.value) return this.current.value;
    throw new ChainClientError(ChainClientErrorCode.NOT_CONNECTED, 'No connection to a para node', {
      facts: {
        method,
        endpoints: this.endpoints.map((endpoint) => endpoint.url).join(', '),
      },
    });
  }

  #choose(): void {
    if (this.current.value?.connected.value) return;
    this.#change(this.endpoints.find((endpoint) => endpoint.connected.value));
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
