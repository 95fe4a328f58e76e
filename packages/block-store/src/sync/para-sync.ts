import {
  AbortScope,
  BridgeError,
  bytesEqual,
  fromHex,
  isAbortError,
  silentMetrics,
  systemClock,
  toHex,
  type Clock,
  type Logger,
  type MetricsRegister,
} from '@runtime-bridge/base';
import { decodeStorageProof, headerStateRoot } from '@runtime-bridge/blob-codec';
import {
  ChainClientErrorCode,
  hasCode,
  ParaReader,
  type JsonRpcClient,
  type RpcCaller,
} from '@runtime-bridge/chain-client';
import { readParaHead } from '@runtime-bridge/light-client';
import { Check, refused, type Refused } from '../errors.js';
import { corruptRow, type Meta } from '../rows/meta.js';
import type { ParaRow } from '../rows/para-row.js';
import {
  defaultStateKeeperOptions,
  StateKeeper,
  type StateKeeperOptions,
} from '../state/state-keeper.js';
import type { BlockStore } from '../store/block-store.js';
import { stepFaultOf } from './fault.js';
import { keepTrying } from './keep-trying.js';
import { inOrder, span } from './ordered.js';
import { fetchLinkedHeaders, type LinkedHeader, type ProvenHead } from './para-fetch.js';
import type { SyncStatus } from './sync-status.js';
import { checkedAsync } from './verify-with.js';

/**
 * What is checked of storage changes: `full` keeps the state and compares each block's root; `headers` only compares two
 * endpoints, where there are two.
 */
export type VerifyMode = 'full' | 'headers';

/** How para blocks are fetched and checked. */
export interface ParaSyncOptions {
  verify: VerifyMode;
  /** Blocks asked for at once. */
  parallelBlocks: number;
  /** Bytes of storage changes fetched ahead of the block being verified. */
  maxBytesAhead: number;
  state: StateKeeperOptions;
}

/** The defaults. */
export const defaultParaSyncOptions: ParaSyncOptions = {
  verify: 'full',
  parallelBlocks: 16,
  maxBytesAhead: 32 * 1024 * 1024,
  state: defaultStateKeeperOptions,
};

/** What para synchronisation works with. */
export interface ParaSyncCollaborators {
  store: BlockStore;
  client: JsonRpcClient;
  status: SyncStatus;
  logger: Logger;
  metrics?: MetricsRegister;
  clock?: Clock;
}

/** Blocks linked to one proven head at once, when heads are known that far. */
const MAX_LINKED_BLOCKS = 512;

/** A batch is written when it holds so many bytes or blocks; near the head each block is one. */
const BATCH_BYTES = 4 * 1024 * 1024;
const BATCH_BLOCKS = 128;

/** Near the head each step is waited for, so that nothing is told before it is stored. */
const WAITED_BLOCKS = 8;

/** A para node may learn of a block a moment after the relay chain made it final. */
const UNKNOWN_PAUSE_MS = 200;
const UNKNOWN_PATIENCE_MS = 30_000;

/** Headers from a block, which is not among them, up to a proven head. */
interface Linked {
  from: { number: number; hash: Uint8Array };
  head: ProvenHead;
  headers: LinkedHeader[];
}

/** Fetches, verifies and stores para blocks up to the heads that stored relay headers prove. */
export class ParaSync {
  readonly #options: ParaSyncOptions;
  readonly #with: ParaSyncCollaborators;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #blocks;
  #keeper: StateKeeper | undefined;
  /** Verified blocks that are not written yet. */
  #pending: ParaRow[] = [];
  #pendingBytes = 0;
  /** The batch being written; never fails, the error is told by the next step. */
  #writing: Promise<void> = Promise.resolve();
  #writeError: Error | undefined;

  constructor(options: Partial<ParaSyncOptions>, collaborators: ParaSyncCollaborators) {
    this.#options = { ...defaultParaSyncOptions, ...options };
    this.#with = collaborators;
    this.#clock = collaborators.clock ?? systemClock;
    this.#logger = collaborators.logger.child({ chain: 'para' });
    const metrics = collaborators.metrics ?? silentMetrics;
    this.#blocks = metrics.counter({
      name: 'runtime_bridge_para_blocks_total',
      help: 'Para blocks verified and stored',
    });
    metrics
      .gauge({
        name: 'runtime_bridge_para_verify_full',
        help: '1 when storage changes are checked against state roots, 0 when they are not',
      })
      .set(this.#options.verify === 'full' ? 1 : 0);
  }

  /** Runs until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { client, status } = this.#with;
    if (this.#options.verify === 'headers') {
      this.#logger.warn('Storage changes are not checked against state roots', {
        setting: 'PHALA_DATA_PROVIDER_VERIFY',
      });
    }
    await keepTrying(
      () =>
        client.use((rpc, workSignal = signal) => this.#runOn(rpc, workSignal), {
          signal,
          faultOf: stepFaultOf,
          leaveWhenBehind: true,
        }),
      {
        what: 'Para synchronisation',
        onFailure: (error) => status.failed('para', error),
        signal,
      },
      { logger: this.#logger, clock: this.#clock },
    );
  }

  /** Goes on from what is stored with one endpoint, until that fails. */
  async #runOn(rpc: RpcCaller, signal: AbortSignal): Promise<never> {
    const { client, status } = this.#with;
    const reader = new ParaReader({ rpc });
    // What an earlier attempt left.
    await this.#flush(true);
    await this.#openState(signal);
    const scope = new AbortScope(signal);
    try {
      for (let next = await this.#linkNext(reader, scope.signal); ;) {
        await this.#with.store.expectRoom();
        // The headers of what comes then are fetched while the blocks of this are.
        const following = this.#linkNext(reader, scope.signal, next);
        following.catch(() => {});
        try {
          await this.#advance(reader, next, scope.signal);
        } catch (error) {
          // What was verified before it failed is good, and the state in memory already has it.
          await this.#flush(true);
          throw error;
        }
        client.praise(rpc.url);
        status.syncing('para', `Following ${rpc.url}`);
        next = await following;
      }
    } finally {
      scope.end();
      // Nothing of this attempt goes on behind it; a failure is told by the next one.
      await this.#writing;
    }
  }

  async #openState(signal: AbortSignal): Promise<void> {
    if (this.#options.verify !== 'full' || this.#keeper) return;
    const { store, status } = this.#with;
    const { stateHeight, paraHeight } = this.#meta();
    const keeper = await StateKeeper.open(this.#options.state, store);
    if (stateHeight < paraHeight) {
      this.#logger.info('Checking stored blocks whose state was not kept', {
        from: stateHeight + 1,
        to: paraHeight,
      });
      status.waiting('para', 'Checking stored blocks whose state was not kept');
      await keeper.catchUp(store, signal);
    }
    this.#keeper = keeper;
  }

  /** The head to go to from a height: the farthest proven one within reach, or the nearest one. Waits for one. */
  async #nextHead(from: number, signal: AbortSignal): Promise<ProvenHead> {
    const { store } = this.#with;
    const further = () => store.unbuilt.filter(({ paraNumber }) => paraNumber > from);
    await store.heights.until(() => further().length > 0, signal);
    const { paraId } = this.#meta();
    const ends = further();
    const end =
      ends.findLast(({ paraNumber }) => paraNumber <= from + MAX_LINKED_BLOCKS) ?? ends[0]!;
    const row = await store.relayRow(end.height);
    const proof = row?.range?.paraHead?.proof;
    if (!row || !proof) throw corruptRow(`relay ${end.height}`, 'has no para head');
    const head = readParaHead({
      paraId,
      stateRoot: headerStateRoot(row.header),
      proof: decodeStorageProof(proof),
    });
    if (!head) throw corruptRow(`relay ${end.height}`, 'its proof shows no para head');
    return head;
  }

  /** The headers up to the next proven head, behind what is stored or behind those that come before. */
  async #linkNext(reader: ParaReader, signal: AbortSignal, before?: Linked): Promise<Linked> {
    const { paraHeight, paraHash, paraBlock1 } = this.#meta();
    const from = before
      ? { number: before.head.number, hash: before.head.hash }
      : { number: paraHeight, hash: fromHex(paraHash) };
    const head = await this.#nextHead(from.number, signal);
    const headers = await this.#whenKnown(
      () => fetchLinkedHeaders(reader, from, head, this.#options.parallelBlocks, signal),
      signal,
    );
    if (from.number === 0 && toHex(headers[0]!.hash) !== paraBlock1) {
      throw refused(
        this.#about(reader, 1, Check.CHAIN_IDENTITY),
        `its hash is not ${paraBlock1}, with which the store was begun`,
      );
    }
    return { from, head, headers };
  }

  async #advance(reader: ParaReader, linked: Linked, signal: AbortSignal): Promise<void> {
    const { from, head, headers } = linked;
    const { maxBytesAhead, parallelBlocks } = this.#options;
    const source = inOrder(
      span(from.number + 1, head.number),
      (height, workSignal) => {
        const { hash } = headers[height - from.number - 1]!;
        return this.#whenKnown(() => this.#changes(reader, hash, height, workSignal), workSignal);
      },
      { maxAhead: parallelBlocks, maxBytesAhead, sizeOf: (changes) => changes.length },
      signal,
    );
    for await (const { height, result } of source) {
      await this.#take(reader, headers[height - from.number - 1]!, result, height);
    }
    await this.#flush(head.number - from.number <= WAITED_BLOCKS);
  }

  async #take(reader: ParaReader, header: LinkedHeader, changes: Uint8Array, height: number) {
    if (this.#keeper) {
      const keeper = this.#keeper;
      await checkedAsync(this.#about(reader, height, Check.STATE_ROOT), () =>
        keeper.advance(changes, header.raw, height),
      );
    }
    this.#pending.push({ header: header.raw, storageChanges: changes });
    this.#pendingBytes += header.raw.length + changes.length;
    if (this.#pendingBytes >= BATCH_BYTES || this.#pending.length >= BATCH_BLOCKS) {
      await this.#flush(false);
    }
  }

  /**
   * Writes what is verified, one batch after another. When that fails, the state in memory is ahead of the store and has
   * to be opened anew.
   * @param mustEnd whether to wait for the end; with state rows always, as what is written may be read again at once
   */
  async #flush(mustEnd: boolean): Promise<void> {
    await this.#writing;
    this.#throwWriteError();
    const blocks = this.#pending;
    if (blocks.length === 0) return;
    this.#pending = [];
    this.#pendingBytes = 0;
    const state = this.#keeper?.takeRows();
    this.#writing = this.#with.store.appendParaBlocks(blocks, state).then(
      () => this.#blocks.inc({}, blocks.length),
      (error: unknown) => {
        this.#keeper = undefined;
        this.#writeError = BridgeError.from(error);
      },
    );
    if (!mustEnd && !state) return;
    await this.#writing;
    this.#throwWriteError();
  }

  #throwWriteError(): void {
    const error = this.#writeError;
    if (error === undefined) return;
    this.#writeError = undefined;
    // What was verified behind the failed batch does not continue the store.
    this.#pending = [];
    this.#pendingBytes = 0;
    throw error;
  }

  async #changes(
    reader: ParaReader,
    hash: Uint8Array,
    height: number,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    const other =
      this.#options.verify === 'headers' ? this.#with.client.beside(reader.url) : undefined;
    const [changes, opinion] = await Promise.all([
      reader.storageChanges(hash, { signal }),
      other && new ParaReader({ rpc: other }).storageChanges(hash, { signal }).catch(() => {}),
    ]);
    if (opinion && !bytesEqual(changes, opinion)) {
      throw refused(
        this.#about(reader, height, Check.SECOND_OPINION),
        `${other?.url} tells of other changes`,
      );
    }
    return changes;
  }

  /** Tries again for a while when a node does not know a block yet. */
  async #whenKnown<T>(run: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const since = this.#clock.now();
    for (;;) {
      try {
        return await run();
      } catch (error) {
        const isNotThereYet = hasCode(error, ChainClientErrorCode.BLOCK_UNKNOWN);
        if (!isNotThereYet || isAbortError(error)) throw error;
        if (this.#clock.now() - since > UNKNOWN_PATIENCE_MS) throw error;
        this.#with.status.waiting('para', 'Waiting for the node to know the next block');
        await this.#clock.sleep(UNKNOWN_PAUSE_MS, signal);
      }
    }
  }

  #about(reader: ParaReader, block: number, check: Check): Refused {
    return { chain: 'para', block, check, endpoint: reader.url };
  }

  #meta(): Readonly<Meta> {
    const { meta } = this.#with.store;
    if (!meta) throw corruptRow('meta', 'there is no genesis yet');
    return meta;
  }
}
