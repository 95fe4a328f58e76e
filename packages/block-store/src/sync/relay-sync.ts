import {
  AbortScope,
  BoundedQueue,
  fromHex,
  isAbortError,
  silentMetrics,
  systemClock,
  type Clock,
  type Logger,
  type MetricsRegister,
} from '@runtime-bridge/base';
import {
  decodeAuthoritySetChange,
  decodeGenesisInfo,
  type AuthoritySet,
} from '@runtime-bridge/blob-codec';
import {
  RelayReader,
  type FinalizedHeads,
  type JsonRpcClient,
  type JustificationStream,
  type RpcCaller,
} from '@runtime-bridge/chain-client';
import { BlockStoreError, BlockStoreErrorCode, isRefusal } from '../errors.js';
import { corruptRow } from '../rows/meta.js';
import type { BlockStore } from '../store/block-store.js';
import { stepFaultOf } from './fault.js';
import { keepTrying } from './keep-trying.js';
import { RelayFetch, type RelayStretch } from './relay-fetch.js';
import { verifyStretch, type RelayPosition } from './relay-verify.js';
import type { SyncStatus } from './sync-status.js';

/** How relay headers are fetched. */
export interface RelaySyncOptions {
  /** Headers asked for at once. */
  parallelBlocks: number;
  /** Bytes of stretches fetched ahead of the one being verified. */
  maxBytesAhead: number;
}

/** The defaults. */
export const defaultRelaySyncOptions: RelaySyncOptions = {
  parallelBlocks: 64,
  maxBytesAhead: 32 * 1024 * 1024,
};

/** What relay synchronisation works with. */
export interface RelaySyncCollaborators {
  store: BlockStore;
  client: JsonRpcClient;
  heads: FinalizedHeads;
  justifications: JustificationStream;
  status: SyncStatus;
  logger: Logger;
  metrics?: MetricsRegister;
  clock?: Clock;
}

/** How often a node that has nothing new is asked again, should it not announce anything. */
const ASK_AGAIN_MS = 2_000;

/** A node that gives nothing for this long while the chain is known to be further is left for another. */
const STALLED_AFTER_MS = 30_000;

/** Fetches, verifies and stores relay headers, range by range, and follows the finalised head. */
export class RelaySync {
  readonly #options: RelaySyncOptions;
  readonly #with: RelaySyncCollaborators;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #ranges;

  constructor(options: Partial<RelaySyncOptions>, collaborators: RelaySyncCollaborators) {
    this.#options = { ...defaultRelaySyncOptions, ...options };
    this.#with = collaborators;
    this.#clock = collaborators.clock ?? systemClock;
    this.#logger = collaborators.logger.child({ chain: 'relay' });
    this.#ranges = (collaborators.metrics ?? silentMetrics).counter({
      name: 'runtime_bridge_relay_ranges_total',
      help: 'Ranges of relay headers verified and stored',
    });
  }

  /** Runs until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { client, status } = this.#with;
    await keepTrying(
      () =>
        client.use((rpc, workSignal = signal) => this.#runOn(rpc, workSignal), {
          signal,
          faultOf: stepFaultOf,
          leaveWhenBehind: true,
        }),
      {
        what: 'Relay synchronisation',
        onFailure: (error) => status.failed('relay', error),
        signal,
      },
      { logger: this.#logger, clock: this.#clock },
    );
  }

  /** Goes on from what is stored with one endpoint, until that fails. */
  async #runOn(rpc: RpcCaller, signal: AbortSignal): Promise<never> {
    const { store, status, client, justifications } = this.#with;
    await store.expectRoom();
    let position = await positionOf(store);
    const scope = new AbortScope(signal);
    // The next stretches are fetched while one is verified and stored.
    const queue = new BoundedQueue<RelayStretch>({
      maxItems: 8,
      maxBytes: this.#options.maxBytesAhead,
      sizeOf: bytesOf,
      name: 'relay stretches',
    });
    const fetching = this.#fetchInto(queue, rpc, position, scope.signal);
    try {
      for (;;) {
        const stretch = await queue.shift(scope.signal);
        if (!stretch) throw new BlockStoreError(BlockStoreErrorCode.NODE_STALLED, 'Fetching ended');
        const { range, next } = await verifyStretch(stretch, position);
        await store.appendRange(range);
        position = next;
        this.#ranges.inc();
        client.praise(rpc.url);
        status.syncing('relay', `Following ${rpc.url}`);
      }
    } catch (error) {
      // Else the next attempt would begin with the same announcement, and be refused for it.
      if (isRefusal(error)) justifications.forget(rpc.url);
      throw error;
    } finally {
      scope.end();
      await fetching;
    }
  }

  async #fetchInto(
    queue: BoundedQueue<RelayStretch>,
    rpc: RpcCaller,
    from: RelayPosition,
    signal: AbortSignal,
  ): Promise<void> {
    const fetch = new RelayFetch(
      { paraId: from.paraId, parallelBlocks: this.#options.parallelBlocks },
      { reader: new RelayReader({ rpc }) },
    );
    try {
      for (let start = from.height + 1; ;) {
        const stretch = await this.#nextStretch(fetch, rpc, start, signal);
        start += stretch.headers.length;
        await queue.push(stretch, signal);
      }
    } catch (error) {
      queue.close(isAbortError(error) ? undefined : error);
    }
  }

  async #nextStretch(
    fetch: RelayFetch,
    rpc: RpcCaller,
    start: number,
    signal: AbortSignal,
  ): Promise<RelayStretch> {
    const { heads, justifications, status } = this.#with;
    const since = this.#clock.now();
    for (;;) {
      const newest = justifications.newest.value;
      const announced = justifications.newestOf(rpc.url);
      const head = heads.head.value;
      const finalizedHeight = head?.number ?? 0;
      const isNews = finalizedHeight >= start || (announced?.targetNumber ?? 0) >= start;
      const stretch = isNews
        ? await fetch.stretch(start, announced, finalizedHeight, signal)
        : undefined;
      if (stretch) return stretch;
      if (finalizedHeight >= start && this.#clock.now() - since > STALLED_AFTER_MS) {
        throw new BlockStoreError(
          BlockStoreErrorCode.NODE_STALLED,
          `The node ${rpc.url} gives no justification for relay block ${start}, although block ${finalizedHeight} is final`,
          { facts: { chain: 'relay', block: start, endpoint: rpc.url } },
        );
      }
      if (!head) status.waiting('relay', 'Waiting for a finalised relay block');
      await this.#news(newest, head, signal);
    }
  }

  /** Waits until a head or justification is announced, or for a while. */
  async #news(newest: unknown, head: unknown, signal: AbortSignal): Promise<void> {
    const { heads, justifications } = this.#with;
    const step = new AbortScope(signal);
    try {
      await Promise.race([
        heads.head.until((value) => value !== head, step.signal),
        justifications.newest.until((value) => value !== newest, step.signal),
        this.#clock.sleep(ASK_AGAIN_MS, step.signal),
      ]);
    } finally {
      step.end();
    }
  }
}

/**
 * Where the stored relay headers end, with the authority set in force there.
 * @throws BlockStoreError STORE_CORRUPT
 */
export async function positionOf(store: BlockStore): Promise<RelayPosition> {
  const { meta } = store;
  if (!meta) throw corruptRow('meta', 'there is no genesis yet');
  const end = await store.rangeEndBefore(meta.relayHeight + 1);
  return {
    paraId: meta.paraId,
    height: meta.relayHeight,
    hash: fromHex(meta.relayHash),
    set: await setInForce(store, meta.setHeight, meta.relayGenesisHeight),
    paraNumber: end?.paraNumber ?? -1,
  };
}

async function setInForce(
  store: BlockStore,
  setHeight: number,
  genesisHeight: number,
): Promise<AuthoritySet> {
  if (setHeight === genesisHeight) {
    const genesis = await store.genesis();
    if (!genesis) throw corruptRow('genesis', 'missing');
    return decodeGenesisInfo(genesis.info).authoritySet;
  }
  const row = await store.relayRow(setHeight);
  const change = row?.range?.authoritySetChange;
  if (!change) throw corruptRow(`relay ${setHeight}`, 'has no set change');
  return decodeAuthoritySetChange(change).authoritySet;
}

function bytesOf(stretch: RelayStretch): number {
  const sum = (parts: readonly Uint8Array[]) =>
    parts.reduce((bytes, part) => bytes + part.length, 0);
  return sum(stretch.headers) + sum(stretch.paraHeadProof) + stretch.justification.length;
}
