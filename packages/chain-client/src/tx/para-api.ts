import { ApiPromise } from '@polkadot/api';
import type { ApiDecoration } from '@polkadot/api/types';
import type { Header } from '@polkadot/types/interfaces';
import { cryptoWaitReady } from '@polkadot/util-crypto';
import {
  abortedError,
  Watched,
  type Clock,
  type Hex,
  type Logger,
  type MetricsRegister,
  type Service,
} from '@runtime-bridge/base';
import type { CallOptions, RpcEndpoint } from '../rpc/endpoint.js';
import { JsonRpcClient } from '../rpc/json-rpc-client.js';
import type { WsEndpointOptions } from '../rpc/ws-endpoint.js';
import { TxError, TxErrorCode } from './errors.js';
import { RpcProvider, unsubscribeOf } from './rpc-provider.js';

/** Which nodes, and with what limits. */
export interface ParaApiOptions extends Partial<Omit<WsEndpointOptions, 'url'>> {
  /** `ws:`/`wss:` URLs in order of preference. */
  endpoints: readonly string[];
}

/** A block of the parachain. */
export interface Head {
  number: number;
  hash: Hex;
  parentHash: Hex;
}

/** What runs on the chain. */
export interface RuntimeVersion {
  specName: string;
  specVersion: number;
  transactionVersion: number;
}

/** How long a node that is not there is waited for before that is said again. */
const WAITING_LOG_MS = 30_000;

/**
 * The parachain as @polkadot/api sees it: metadata, types and heads, kept up through lost connections, changes of node
 * and runtime upgrades. Not for blocks and their bytes: those are read by ParaReader.
 */
export class ParaApi implements Service {
  readonly name = 'para API';
  /** Whether there is a connection. */
  readonly connected = new Watched(false);
  /** The newest block of the best chain that the node knows. Goes back when a fork is given up. */
  readonly bestHead = new Watched<Head | undefined>(undefined);
  /** The newest finalised block; never goes back. */
  readonly finalizedHead = new Watched<Head | undefined>(undefined);
  /** The runtime whose metadata is in use. */
  readonly runtimeVersion = new Watched<RuntimeVersion | undefined>(undefined);
  readonly #provider: RpcProvider;
  readonly #logger: Logger;
  #api: ApiPromise | undefined;
  #ready = false;

  constructor(
    options: ParaApiOptions,
    collaborators: {
      logger: Logger;
      metrics: MetricsRegister;
      clock?: Clock;
      /** How an endpoint is made. @default a WebSocket connection */
      openEndpoint?: (options: WsEndpointOptions) => RpcEndpoint;
    },
  ) {
    const { endpoints, ...limits } = options;
    this.#logger = collaborators.logger.child({ chain: 'para' });
    const client = new JsonRpcClient({ name: 'para', endpoints, ...limits }, collaborators);
    this.#provider = new RpcProvider({
      client,
      logger: this.#logger,
      ...(collaborators.clock ? { clock: collaborators.clock } : {}),
    });
    const { metrics } = collaborators;
    metrics.gauge({
      name: 'runtime_bridge_para_api_connected',
      help: '1 when there is a connection to a para node',
      collect: (gauge) => gauge.set(this.connected.value ? 1 : 0),
    });
    metrics.gauge({
      name: 'runtime_bridge_para_api_finalized_height',
      help: 'Newest finalised para block seen',
      collect: (gauge) => gauge.set(this.finalizedHead.value?.number ?? 0),
    });
  }

  /** @throws TxError NOT_READY before start has resolved */
  get api(): ApiPromise {
    if (this.#api && this.#ready) return this.#api;
    throw new TxError(TxErrorCode.NOT_READY, 'No para node has been reached yet');
  }

  /** Hash of block 0. */
  get genesisHash(): Hex {
    return this.api.genesisHash.toHex();
  }

  /** SS58 prefix of the chain's addresses. */
  get ss58Prefix(): number {
    return this.api.registry.chainSS58 ?? 42;
  }

  /**
   * Whether the runtime registers workers by register_worker_v2 (since the end of 2022; older ones have only the call
   * with the legacy attestation).
   * @throws TxError NOT_READY
   */
  supportsRegisterWorkerV2(): boolean {
    return this.api.tx['phalaRegistry']?.['registerWorkerV2'] !== undefined;
  }

  /** Resolves when metadata is there and the first finalised head is known; waits for a node as long as it takes. */
  async start(signal?: AbortSignal): Promise<void> {
    if (this.#api) return;
    await cryptoWaitReady();
    const api = new ApiPromise({
      provider: this.#provider,
      noInitWarn: true,
      throwOnConnect: false,
      // Adds no bytes; named so that it is not taken for an unknown one.
      signedExtensions: { CheckMqSequence: { extrinsic: {}, payload: {} } },
    });
    this.#api = api;
    api.on('connected', () => this.connected.set(true));
    api.on('disconnected', () => this.connected.set(false));
    api.on('error', (error: unknown) => this.#logger.debug('API error', {}, error));
    api.on('decorated', () => this.#noteRuntime(api));
    const ready = new Promise<void>((resolve) => api.once('ready', () => resolve()));
    await this.#provider.connect();
    await this.#waiting('Waiting for a para node', ready, signal);
    this.#ready = true;
    this.#noteRuntime(api);
    this.#followHeads(api);
    const head = this.finalizedHead.until((value) => value !== undefined, signal).then(() => {});
    await this.#waiting('Waiting for the finalised head of the parachain', head, signal);
  }

  async stop(): Promise<void> {
    const api = this.#api;
    if (!api) return;
    // The timers of @polkadot/api end with 'disconnected'.
    await this.#provider.disconnect();
    await api.disconnect();
  }

  /**
   * Hash of a block of the best chain.
   * @throws TxError BAD_ANSWER when there is no such block yet
   */
  async blockHash(number: number, options: CallOptions = {}): Promise<Hex> {
    const hash = await this.call('chain_getBlockHash', [number], options);
    if (typeof hash === 'string' && /^0x[0-9a-f]{64}$/.test(hash)) return hash as Hex;
    throw new TxError(TxErrorCode.BAD_ANSWER, `The node knows no block ${number} yet`, {
      facts: { method: 'chain_getBlockHash', block: number },
    });
  }

  /**
   * One JSON-RPC call on the node in use.
   * @throws ChainClientError; ABORTED with the signal
   */
  async call(
    method: string,
    params: readonly unknown[],
    options: CallOptions = {},
  ): Promise<unknown> {
    return await this.#provider.call(method, params, options);
  }

  /** One subscription on the node in use; see RpcEndpoint.subscribe. */
  async subscribeOnce(
    method: string,
    params: readonly unknown[],
    onItem: (item: unknown) => void,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#provider.subscribeOnce(
      { method, unsubscribe: unsubscribeOf(method), params },
      onItem,
      signal,
    );
  }

  /** Types, storage and constants of the runtime that made a block. */
  async at(blockHash: Hex): Promise<ApiDecoration<'promise'>> {
    return await this.api.at(blockHash);
  }

  #noteRuntime(api: ApiPromise): void {
    const { specName, specVersion, transactionVersion } = api.runtimeVersion;
    const next: RuntimeVersion = {
      specName: specName.toString(),
      specVersion: specVersion.toNumber(),
      transactionVersion: transactionVersion.toNumber(),
    };
    const known = this.runtimeVersion.value;
    if (known?.specVersion === next.specVersion && known.specName === next.specName) return;
    this.runtimeVersion.set(next);
    this.#logger.info('Runtime of the parachain', {
      spec: next.specName,
      specVersion: next.specVersion,
      before: known?.specVersion,
    });
  }

  #followHeads(api: ApiPromise): void {
    this.#follow('chain_subscribeNewHeads', api, (head) => this.bestHead.set(head));
    this.#follow('chain_subscribeFinalizedHeads', api, (head) => {
      const known = this.finalizedHead.value;
      if (known && head.number < known.number) return;
      this.finalizedHead.set(head);
    });
  }

  #follow(method: string, api: ApiPromise, onHead: (head: Head) => void): void {
    this.#provider.follow({ method, unsubscribe: unsubscribeOf(method) }, (item) => {
      try {
        const header = api.registry.createType<Header>('Header', item);
        onHead({
          number: header.number.toNumber(),
          hash: header.hash.toHex(),
          parentHash: header.parentHash.toHex(),
        });
      } catch (error) {
        this.#logger.warn('The node sent a header that cannot be read', { method }, error);
      }
    });
  }

  async #waiting(what: string, work: Promise<void>, signal: AbortSignal | undefined) {
    const timer = setInterval(() => this.#logger.info(what), WAITING_LOG_MS);
    const first = setTimeout(() => this.#logger.info(what), 1_000);
    let onAbort: (() => void) | undefined;
    try {
      await Promise.race([
        work,
        new Promise<never>((_resolve, reject) => {
          if (!signal) return;
          onAbort = () => reject(abortedError(signal));
          if (signal.aborted) onAbort();
          signal.addEventListener('abort', onAbort, { once: true });
        }),
      ]);
    } finally {
      clearInterval(timer);
      clearTimeout(first);
      if (onAbort) signal?.removeEventListener('abort', onAbort);
    }
  }
}
