import {
  AbortScope,
  isAbortError,
  systemClock,
  TaskGroup,
  toHex,
  type Clock,
  type Logger,
  type MetricsRegister,
  type Service,
} from '@runtime-bridge/base';
import {
  ChainClientErrorCode,
  FinalizedHeads,
  defaultFinalizedHeadsOptions,
  hasCode,
  JustificationStream,
  RelayReader,
  type Fault,
  type FinalizedHeadsOptions,
  type JsonRpcClient,
  type RpcCaller,
} from '@runtime-bridge/chain-client';
import { BlockStoreError, BlockStoreErrorCode } from '../errors.js';
import type { BlockStore } from '../store/block-store.js';
import { stepFaultOf } from './fault.js';
import { fetchChainIdentity, fetchGenesisRows, fetchParaGenesis } from './genesis.js';
import { keepTrying } from './keep-trying.js';
import { ParaSync, type ParaSyncOptions } from './para-sync.js';
import { RelaySync, type RelaySyncOptions } from './relay-sync.js';
import { expectOneGenesis } from './same-genesis.js';
import { SyncStatus } from './sync-status.js';

/** How both chains are followed. */
export interface ChainSyncOptions {
  relay?: Partial<RelaySyncOptions>;
  para?: Partial<ParaSyncOptions>;
  heads?: FinalizedHeadsOptions;
}

/** What the synchronisation works with. */
export interface ChainSyncCollaborators {
  store: BlockStore;
  relay: JsonRpcClient;
  para: JsonRpcClient;
  logger: Logger;
  metrics?: MetricsRegister;
  clock?: Clock;
}

/** What the nodes say is final; -1 until they said anything. */
export interface Targets {
  relay: number;
  para: number;
}

/** A node of another chain is left for one of the chain that the store is of. */
function identityFaultOf(error: unknown): Fault | undefined {
  const isOtherChain =
    error instanceof BlockStoreError && error.code === BlockStoreErrorCode.STORE_OF_OTHER_CHAIN;
  return isOtherChain ? 'lie' : stepFaultOf(error);
}

/**
 * Fills the store from nodes: genesis once, then relay headers and para blocks side by side, each verified before it is
 * stored. Waits for nodes that are away, goes on with others when one fails or lies, and never ends by itself.
 */
export class ChainSync implements Service {
  readonly name = 'chain synchronisation';
  readonly status = new SyncStatus();
  readonly #options: ChainSyncOptions;
  readonly #with: ChainSyncCollaborators;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #tasks: TaskGroup;
  readonly #relayHeads: FinalizedHeads;
  readonly #paraHeads: FinalizedHeads;
  readonly #justifications: JustificationStream;

  constructor(options: ChainSyncOptions, collaborators: ChainSyncCollaborators) {
    const { relay, para, logger, clock = systemClock } = collaborators;
    this.#options = options;
    this.#with = collaborators;
    this.#clock = clock;
    this.#logger = logger;
    this.#tasks = new TaskGroup({ name: this.name }, { logger });
    const headOptions = options.heads ?? defaultFinalizedHeadsOptions;
    this.#relayHeads = new FinalizedHeads(headOptions, { client: relay, logger, clock });
    this.#paraHeads = new FinalizedHeads(headOptions, { client: para, logger, clock });
    this.#justifications = new JustificationStream({ client: relay, logger });
  }

  /** What the nodes say is final. */
  get targets(): Targets {
    return {
      relay: this.#relayHeads.head.value?.number ?? -1,
      para: this.#paraHeads.head.value?.number ?? -1,
    };
  }

  /** Begins; resolves at once. The clients and the store have to be started. */
  async start(): Promise<void> {
    if (this.#with.store.meta) this.#admitOwnChain(false);
    await this.#relayHeads.start();
    await this.#paraHeads.start();
    await this.#justifications.start();
    this.#tasks.spawn('synchronise', (signal) => this.#run(signal));
  }

  async stop(): Promise<void> {
    await this.#tasks.stop();
    await Promise.all([
      this.#justifications.stop(),
      this.#paraHeads.stop(),
      this.#relayHeads.stop(),
    ]);
  }

  async #run(signal: AbortSignal): Promise<void> {
    await this.#begin(signal);
    const { store, relay, para, logger, metrics, clock } = this.#with;
    const common = {
      store,
      status: this.status,
      logger,
      ...(metrics ? { metrics } : {}),
      ...(clock ? { clock } : {}),
    };
    const relaySync = new RelaySync(this.#options.relay ?? {}, {
      ...common,
      client: relay,
      heads: this.#relayHeads,
      justifications: this.#justifications,
    });
    const paraSync = new ParaSync(this.#options.para ?? {}, { ...common, client: para });
    await Promise.all([relaySync.run(signal), paraSync.run(signal)]);
  }

  /** Makes sure that there is a genesis, and that it is of the chain that the nodes are of. */
  async #begin(signal: AbortSignal): Promise<void> {
    let isDone = false;
    const done = new AbortScope(signal);
    await keepTrying(
      async () => {
        await this.#beginOnce(signal);
        isDone = true;
        done.end();
      },
      {
        what: 'Start of the store',
        onFailure: (error) => this.status.failed('para', error),
        signal: done.signal,
      },
      { logger: this.#logger, clock: this.#clock },
    );
    if (!isDone) signal.throwIfAborted();
  }

  async #beginOnce(signal: AbortSignal): Promise<void> {
    const { store, relay, para } = this.#with;
    if (store.meta) return;
    const start = await this.#untilBlock1(
      () => para.use((rpc) => fetchParaGenesis(rpc, signal), { signal, faultOf: stepFaultOf }),
      signal,
    );
    const { genesis, more } = await relay.use((rpc) => fetchGenesisRows(rpc, start, signal), {
      signal,
      faultOf: stepFaultOf,
    });
    const { relayGenesisHeight, relayGenesis } = genesis.chain;
    const others = { clock: this.#clock, logger: this.#logger };
    await expectOneGenesis(
      { chain: 'para', number: 1, hash: start.paraBlock1 },
      { ...others, client: para },
      signal,
    );
    await expectOneGenesis(
      { chain: 'relay', number: relayGenesisHeight, hash: relayGenesis },
      { ...others, client: relay },
      signal,
    );
    await store.putGenesis(genesis, more);
    // Those that could be asked have just told the same beginning: they keep their order.
    this.#admitOwnChain(true);
    this.#logger.info('Store begun', {
      paraId: genesis.chain.paraId,
      relayBlock: genesis.chain.relayGenesisHeight,
      chainIdentity: genesis.chain.paraBlock1,
    });
  }

  /**
   * Lets only nodes be asked that are of the chain of the store: the para chain is told by its first blocks, the relay
   * chain by the block that the genesis info names. Others are set aside, named, and looked at again later.
   */
  #admitOwnChain(known: boolean): void {
    const { store, relay, para } = this.#with;
    const ofSide =
      (side: 'relay' | 'para', check: (rpc: RpcCaller, signal: AbortSignal) => Promise<void>) =>
      async (rpc: RpcCaller, signal: AbortSignal) => {
        try {
          await check(rpc, signal);
        } catch (error) {
          const isOther = identityFaultOf(error) === 'lie';
          if (isOther && this.#with[side].usable.length === 0) this.status.failed(side, error);
          throw error;
        }
      };
    para.admitOnly(
      ofSide('para', async (rpc, signal) => {
        const { paraGenesis, paraBlock1 } = await fetchChainIdentity(rpc, signal);
        store.expectChain({ paraGenesis: toHex(paraGenesis), paraBlock1: toHex(paraBlock1) });
      }),
      identityFaultOf,
      known,
    );
    relay.admitOnly(
      ofSide('relay', async (rpc, signal) => {
        const height = store.meta?.relayGenesisHeight ?? 0;
        const hash = await new RelayReader({ rpc }).blockHash(height, { signal });
        store.expectChain({ relayGenesis: toHex(hash) });
      }),
      identityFaultOf,
      known,
    );
  }

  /** A chain that was just started has no block 1 yet: that is waited for, and is no failure of the node. */
  async #untilBlock1<T>(run: () => Promise<T>, signal: AbortSignal): Promise<T> {
    for (let isTold = false; ; isTold = true) {
      try {
        return await run();
      } catch (error) {
        if (isAbortError(error) || !hasCode(error, ChainClientErrorCode.BLOCK_UNKNOWN)) throw error;
        if (!isTold) this.#logger.info('Waiting for para block 1', { reason: error.message });
        this.status.waiting('para', 'Waiting for para block 1');
        await this.#clock.sleep(1_000, signal);
      }
    }
  }
}
