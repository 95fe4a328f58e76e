import {
  Backoff,
  BridgeError,
  sleep,
  TaskGroup,
  Watched,
  type Hex,
  type Logger,
} from '@runtime-bridge/base';
import type { BlockTxs, Head } from '@runtime-bridge/chain-client/tx';
import type { TxChain } from './tx-chain.js';

/** Where a transaction is. */
export interface Inclusion {
  number: number;
  hash: Hex;
  /** Its place among the extrinsics of the block. */
  index: number;
}

/** Who wants to know where a transaction is. All are awaited, and called again when they fail. */
export interface Follower {
  readonly hash: Hex;
  /** Blocks above this one can hold it. */
  readonly birth: number;
  /** The last block that can hold it. */
  readonly lastHeight: number;
  /** It is in this block, of the best chain or of the finalised one. Not called again for the same block. */
  included(where: Inclusion, signal: AbortSignal): Promise<void>;
  /** The block that it was in is no longer of the best chain. */
  retracted(): Promise<void>;
  /** The block that it is in is finalised. The last call. */
  finalized(where: Inclusion): Promise<void>;
  /** Every block that could hold it is finalised, and none does. The last call. */
  expired(): Promise<void>;
}

interface Watch {
  readonly follower: Follower;
  /** Finalised blocks up to here do not hold it. */
  scannedTo: number;
  told: Inclusion | undefined;
}

/** Blocks kept, so that each is read once on its way from best to finalised. */
const MAX_BLOCKS = 512;

/** Blocks read at a time when catching up. */
const CATCH_UP = 8;

/** Delays before blocks that could not be read are read again. */
const retryMs = { minMs: 500, maxMs: 30_000 };

/** Errors that are told elsewhere, by whoever keeps the connection. */
const connectionCodes: ReadonlySet<unknown> = new Set([
  'NOT_CONNECTED',
  'DISCONNECTED',
  'CONNECT_FAILED',
  'CALL_TIMEOUT',
]);

/** Whether an error only says that the node was out of reach. */
export function isConnectionError(error: unknown): boolean {
  return error instanceof BridgeError && connectionCodes.has(error.code);
}

/**
 * Finds transactions in blocks. What the pool of a node says about a transaction may be lost, late or about another
 * fork; a block that is there and holds the hash is the truth, and so is a finalised era without it.
 */
export class BlockFollower {
  readonly #chain: TxChain;
  readonly #logger: Logger;
  readonly #tasks: TaskGroup;
  readonly #watches = new Map<Hex, Watch>();
  readonly #blocks = new Map<Hex, BlockTxs>();
  readonly #wakeUps = new Watched(0);
  readonly #backoff = new Backoff(retryMs);

  constructor(_options: Record<string, never>, collaborators: { chain: TxChain; logger: Logger }) {
    this.#chain = collaborators.chain;
    this.#logger = collaborators.logger;
    this.#tasks = new TaskGroup({ name: 'block follower' }, collaborators);
  }

  start(): void {
    const wake = () => this.#wakeUps.update((value) => value + 1);
    const unsubscribe = [
      this.#chain.bestHead.subscribe(wake),
      this.#chain.finalizedHead.subscribe(wake),
    ];
    this.#tasks.spawn('follow', async (signal) => {
      try {
        for await (const _wakeUp of this.#wakeUps.changes(signal)) await this.#tryStep(signal);
      } finally {
        for (const stop of unsubscribe) stop();
      }
    });
  }

  async stop(): Promise<void> {
    await this.#tasks.stop();
  }

  /** Begins to look for a transaction. */
  watch(follower: Follower): void {
    this.#watches.set(follower.hash, { follower, scannedTo: follower.birth, told: undefined });
    this.#wakeUps.update((value) => value + 1);
  }

  /** Stops looking for one that was never sent. */
  unwatch(hash: Hex): void {
    this.#watches.delete(hash);
  }

  async #tryStep(signal: AbortSignal): Promise<void> {
    try {
      await this.#step(signal);
      this.#backoff.reset();
    } catch (error) {
      if (signal.aborted) return;
      const delayMs = this.#backoff.next();
      const level = isConnectionError(error) ? 'debug' : 'warn';
      this.#logger[level]('Blocks could not be followed', { delayMs }, error);
      await sleep(delayMs, signal);
      this.#wakeUps.update((value) => value + 1);
    }
  }

  async #step(signal: AbortSignal): Promise<void> {
    const finalized = this.#chain.finalizedHead.value;
    if (this.#watches.size === 0 || !finalized) {
      this.#blocks.clear();
      return;
    }
    await this.#lookInFinalized(finalized, signal);
    if (this.#watches.size > 0) await this.#lookInBest(finalized, signal);
  }

  async #lookInFinalized(finalized: Head, signal: AbortSignal): Promise<void> {
    const watches = [...this.#watches.values()];
    // Heights that somebody still has to look at.
    const heights = new Set<number>();
    for (const { scannedTo, follower } of watches) {
      const last = Math.min(finalized.number, follower.lastHeight);
      for (let height = scannedTo + 1; height <= last; height += 1) heights.add(height);
    }
    const sorted = [...heights].sort((a, b) => a - b);
    for (let at = 0; at < sorted.length; at += CATCH_UP) {
      const blocks = await Promise.all(
        sorted
          .slice(at, at + CATCH_UP)
          .map((height) => this.#finalizedBlock(height, finalized, signal)),
      );
      for (const block of blocks) await this.#lookAtFinalized(block, signal);
    }
    for (const watch of watches) {
      if (!this.#isWatched(watch) || watch.scannedTo < watch.follower.lastHeight) continue;
      await this.#tellRetracted(watch);
      await watch.follower.expired();
      this.#watches.delete(watch.follower.hash);
    }
  }

  async #lookAtFinalized(block: BlockTxs, signal: AbortSignal): Promise<void> {
    for (const watch of [...this.#watches.values()]) {
      const { follower } = watch;
      const next = watch.scannedTo + 1;
      if (block.number !== next || next > follower.lastHeight) continue;
      const index = block.txHashes.indexOf(follower.hash);
      if (index < 0) {
        watch.scannedTo = next;
        continue;
      }
      const where = { number: block.number, hash: block.hash, index };
      await this.#tellIncluded(watch, where, signal);
      await follower.finalized(where);
      this.#watches.delete(follower.hash);
    }
  }

  async #lookInBest(finalized: Head, signal: AbortSignal): Promise<void> {
    const best = this.#chain.bestHead.value;
    // The two heads arrive one after the other: an older best head says nothing about what is above it.
    if (!best || best.number <= finalized.number) return;
    const found = new Map<Hex, Inclusion>();
    let { hash } = best;
    for (;;) {
      const block: BlockTxs = await this.#block(hash, signal);
      if (block.number <= finalized.number) break;
      for (const [index, txHash] of block.txHashes.entries()) {
        if (this.#watches.has(txHash)) found.set(txHash, { number: block.number, hash, index });
      }
      hash = block.parentHash;
    }
    for (const watch of [...this.#watches.values()]) {
      const where = found.get(watch.follower.hash);
      if (where) await this.#tellIncluded(watch, where, signal);
      else await this.#tellRetracted(watch);
    }
  }

  async #tellIncluded(watch: Watch, where: Inclusion, signal: AbortSignal): Promise<void> {
    if (watch.told?.hash === where.hash) return;
    await this.#tellRetracted(watch);
    await watch.follower.included(where, signal);
    watch.told = where;
  }

  async #tellRetracted(watch: Watch): Promise<void> {
    if (!watch.told) return;
    await watch.follower.retracted();
    watch.told = undefined;
  }

  #isWatched(watch: Watch): boolean {
    return this.#watches.get(watch.follower.hash) === watch;
  }

  /** A finalised block has one hash per height, so the node may be asked by number. */
  async #finalizedBlock(height: number, finalized: Head, signal: AbortSignal): Promise<BlockTxs> {
    const hash =
      height === finalized.number
        ? finalized.hash
        : await this.#chain.blockHash(height, { signal });
    return await this.#block(hash, signal);
  }

  async #block(hash: Hex, signal: AbortSignal): Promise<BlockTxs> {
    const known = this.#blocks.get(hash);
    if (known) return known;
    const block = await this.#chain.blockTxs(hash, { signal });
    this.#blocks.set(hash, block);
    for (const oldest of this.#blocks.keys()) {
      if (this.#blocks.size <= MAX_BLOCKS) break;
      this.#blocks.delete(oldest);
    }
    return block;
  }
}
