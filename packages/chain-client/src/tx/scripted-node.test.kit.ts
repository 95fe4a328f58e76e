import { TypeRegistry } from '@polkadot/types';
import type { Header } from '@polkadot/types/interfaces';
import { Watched, type Hex } from '@runtime-bridge/base';
import { ChainClientError, ChainClientErrorCode } from '../errors.js';
import type { RpcEndpoint, SubscriptionRequest } from '../rpc/endpoint.js';
import type { Head } from './para-api.js';

type Handler = (...params: never[]) => unknown;

interface Subscriber {
  method: string;
  params: readonly unknown[];
  onItem: (item: unknown) => void;
  end: (error: Error) => void;
}

/** A header by number and parent, in the JSON form of nodes. */
export function headerJson(number: number, parentHash: Hex): Record<string, unknown> {
  return {
    parentHash,
    number: `0x${number.toString(16)}`,
    stateRoot: `0x${'00'.repeat(32)}`,
    extrinsicsRoot: `0x${'00'.repeat(32)}`,
    digest: { logs: [] },
  };
}

/** The same header as ParaApi should see it. */
export function headOf(number: number, parentHash: Hex): Head {
  const header = new TypeRegistry().createType<Header, string>(
    'Header',
    headerJson(number, parentHash),
  );
  return { number, parentHash, hash: header.hash.toHex() };
}

/** A node that answers what it is told to, reached without a network. */
export class ScriptedNode implements RpcEndpoint {
  readonly connected = new Watched(false);
  readonly lastError = undefined;
  readonly calls: { method: string; params: readonly unknown[] }[] = [];
  readonly subscribers = new Set<Subscriber>();
  readonly handlers: Record<string, Handler> = {};
  /** Whether start connects. */
  isThere = true;
  specVersion = 1;

  constructor(
    readonly url: string,
    readonly metadata: () => Hex,
  ) {
    const genesis: Hex = `0x${'11'.repeat(32)}`;
    Object.assign(this.handlers, {
      chain_getBlockHash: (number: number) => (number === 0 ? genesis : null),
      state_getRuntimeVersion: () => this.runtimeVersion,
      state_getMetadata: () => this.metadata(),
      system_chain: () => 'Scripted',
      system_properties: () => ({ ss58Format: 30, tokenDecimals: 12, tokenSymbol: 'PHA' }),
      system_health: () => ({ peers: 0, isSyncing: false, shouldHavePeers: false }),
      rpc_methods: () => ({ version: 1, methods: [] }),
      chain_getHeader: () => headerJson(1, genesis),
    } satisfies Record<string, Handler>);
  }

  get runtimeVersion() {
    return {
      specName: 'own',
      implName: 'own',
      authoringVersion: 1,
      specVersion: this.specVersion,
      implVersion: 1,
      apis: [],
      transactionVersion: 3,
    };
  }

  start(): Promise<void> {
    if (this.isThere) this.connected.set(true);
    return Promise.resolve();
  }

  stop(): Promise<void> {
    this.drop();
    return Promise.resolve();
  }

  /** Loses the connection. */
  drop(): void {
    this.connected.set(false);
    for (const subscriber of [...this.subscribers]) subscriber.end(this.#lost(subscriber.method));
  }

  async call(method: string, params: readonly unknown[]): Promise<unknown> {
    await Promise.resolve();
    if (!this.connected.value) throw this.#lost(method);
    this.calls.push({ method, params });
    const handler = this.handlers[method];
    if (!handler) {
      throw new ChainClientError(ChainClientErrorCode.METHOD_UNAVAILABLE, `no ${method}`);
    }
    return handler(...(params as never[]));
  }

  async subscribe(
    request: SubscriptionRequest,
    onItem: (item: unknown) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const { method, params = [] } = request;
    await Promise.resolve();
    if (!this.connected.value) throw this.#lost(method);
    this.handlers[method]?.(...(params as never[]));
    await new Promise<void>((resolve, reject) => {
      const leave = () => {
        this.subscribers.delete(subscriber);
        signal.removeEventListener('abort', onAbort);
      };
      const subscriber: Subscriber = {
        method,
        params,
        onItem,
        end: (error) => {
          leave();
          reject(error);
        },
      };
      const onAbort = () => {
        leave();
        resolve();
      };
      this.subscribers.add(subscriber);
      signal.addEventListener('abort', onAbort, { once: true });
      if (method === 'state_subscribeRuntimeVersion') onItem(this.runtimeVersion);
    });
  }

  /** Sends an item to all subscribers of a method. */
  notify(method: string, item: unknown): void {
    for (const subscriber of this.subscribers) {
      if (subscriber.method === method) subscriber.onItem(item);
    }
  }

  #lost(method: string): ChainClientError {
    return new ChainClientError(ChainClientErrorCode.DISCONNECTED, 'gone', { facts: { method } });
  }
}

/** Waits until something is so. */
export async function until(isSo: () => boolean, limitMs = 5_000): Promise<void> {
  const end = Date.now() + limitMs;
  while (!isSo()) {
    if (Date.now() > end) throw new Error('it never came to that');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
