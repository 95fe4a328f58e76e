import type { Block, BlockRef, TransactionPool, TxStatus } from '../chain/types.js';
import type { StateReader } from '../metadata/storage-item.js';
import { fromHex, ScaleError, ScaleReader, toHex, type Hex } from '../primitives/index.js';
import { BadExtrinsic, InvalidTransaction } from './errors.js';
import { extrinsicHash } from './extrinsic.js';
import * as errors from './pool-errors.js';
import { PoolGraph, type PoolEntry } from './pool-graph.js';
import { PoolWatchers } from './pool-watchers.js';
import type { TxValidity } from './signed-checks.js';

/** Limits of the pool; the defaults are those of a Substrate node. */
export interface PoolOptions {
  readyMaxCount: number;
  readyMaxBytes: number;
  futureMaxCount: number;
  futureMaxBytes: number;
  /** How long bytes that were invalid, or are in a block, are refused. */
  banMs: number;
  /** Blocks after which nobody waits for finality any more. */
  finalityTimeoutBlocks: number;
  /** Peers that ready transactions are said to be broadcast to; none: that status never comes. */
  broadcastTo: readonly string[];
}

/** Defaults of polkadot-sdk sc-transaction-pool. */
export const defaultPoolOptions: PoolOptions = {
  readyMaxCount: 8192,
  readyMaxBytes: 20 * 1024 * 1024,
  futureMaxCount: 512,
  futureMaxBytes: 1024 * 1024,
  banMs: 30 * 60 * 1000,
  finalityTimeoutBlocks: 512,
  broadcastTo: ['12D3KooWDevnetPeer11111111111111111111111111111111111'],
};

/** What the pool is attached to. */
export interface PoolParts {
  runtime: {
    validate(
      extrinsic: Uint8Array,
      state: StateReader,
      at: { number: number; hash: Uint8Array },
    ): TxValidity;
  };
  chain: { readonly best: BlockRef; state(hash: Uint8Array): StateReader };
  /** Milliseconds; only bans depend on it. Default: Date.now. */
  now?: () => number;
}

const MAX_BANS = 10_000;

/** The transaction pool of the parachain's node. */
export class TxPool implements TransactionPool {
  private readonly options: PoolOptions;
  private readonly watchers: PoolWatchers;
  private readonly now: () => number;
  private graph = new PoolGraph();
  /** Back from retracted blocks, not looked at yet. */
  private returned: Uint8Array[] = [];
  /** The best block has changed since the entries were validated. */
  private isOutdated = false;
  /** Until when, by hash. */
  private readonly bans = new Map<Hex, number>();
  /** Transactions of blocks that are not final: block hash to transaction hashes. */
  private readonly inBlocks = new Map<Hex, { number: number; hashes: Hex[] }>();

  constructor(
    options: Partial<PoolOptions>,
    private readonly parts: PoolParts,
  ) {
    this.options = { ...defaultPoolOptions, ...options };
    this.watchers = new PoolWatchers(this.options.broadcastTo);
    this.now = parts.now ?? Date.now;
  }

  submit(extrinsic: Uint8Array): Uint8Array {
    this.refresh();
    const bytes = extrinsic.slice();
    checkFormat(bytes);
    const hash = toHex(extrinsicHash(bytes));
    if (this.isBanned(hash)) throw errors.bannedError();
    if (this.graph.has(hash)) throw errors.alreadyImportedError(hash);
    let entry: PoolEntry;
    try {
      entry = this.validated(bytes, hash);
    } catch (e) {
      if (e instanceof BadExtrinsic) throw errors.verificationError(e.message);
      if (!(e instanceof InvalidTransaction)) throw e;
      const answer = errors.invalidError(e);
      if (answer.code === errors.PoolErrorCode.invalid) this.ban(hash);
      throw answer;
    }
    const lower = this.import(entry);
    if (lower !== undefined) {
      throw errors.tooLowPriorityError(lower, entry.validity.priority);
    }
    this.enforceLimits();
    if (!this.graph.has(hash)) throw errors.immediatelyDroppedError();
    return fromHex(hash);
  }

  ready(): Uint8Array[] {
    this.refresh();
    return this.graph.ordered().map((entry) => entry.encoded);
  }

  pending(): Uint8Array[] {
    this.refresh();
    return [...this.graph.ordered(), ...this.graph.entries('future')].map((e) => e.encoded);
  }

  readyProvides(tag: Uint8Array): boolean {
    this.refresh();
    return this.graph.provides(tag);
  }

  watch(hash: Uint8Array, listener: (status: TxStatus) => void): () => void {
    return this.watchers.watch(toHex(hash), listener);
  }

  onBlock(block: Block): void {
    const blockHash = toHex(block.hash);
    const hashes = block.extrinsics.map((one) => toHex(extrinsicHash(one)));
    const known = hashes.filter(
      (hash) => this.graph.has(hash) || this.watchers.status(hash) !== undefined,
    );
    this.graph.remove(known);
    this.returned = this.returned.filter((one) => !hashes.includes(toHex(extrinsicHash(one))));
    for (const hash of known) {
      this.ban(hash);
      this.watchers.tell(hash, { inBlock: blockHash });
    }
    if (known.length > 0) this.inBlocks.set(blockHash, { number: block.number, hashes: known });
    this.forgetUnfinalized(block.number);
    this.isOutdated = true;
    // In a reorganisation only the last of the new blocks has the state that counts.
    if (Buffer.compare(block.hash, this.parts.chain.best.hash) === 0) this.refresh();
  }

  onRetracted(block: Block): void {
    const blockHash = toHex(block.hash);
    this.inBlocks.delete(blockHash);
    for (const extrinsic of block.extrinsics) {
      if (isUnsigned(extrinsic)) continue;
      const hash = toHex(extrinsicHash(extrinsic));
      this.bans.delete(hash);
      this.watchers.tell(hash, { retracted: blockHash });
      this.returned.push(extrinsic);
    }
    this.isOutdated = true;
  }

  onFinalized(block: Block): void {
    const blockHash = toHex(block.hash);
    for (const hash of this.inBlocks.get(blockHash)?.hashes ?? []) {
      this.watchers.tell(hash, { finalized: blockHash });
    }
    this.inBlocks.delete(blockHash);
  }

  /** Validates everything again if the best block has changed. */
  private refresh(): void {
    if (!this.isOutdated) return;
    this.isOutdated = false;
    const before = this.graph;
    const { returned } = this;
    this.graph = new PoolGraph();
    this.returned = [];
    const candidates = [
      ...returned,
      ...[...before.entries('ready'), ...before.entries('future')].map((e) => e.encoded),
    ];
    for (const encoded of candidates) {
      const hash = toHex(extrinsicHash(encoded));
      if (this.graph.has(hash)) continue;
      try {
        const entry = this.validated(encoded, hash);
        if (this.import(entry) !== undefined) this.drop(hash, 'dropped');
      } catch (e) {
        // A new runtime may not even be able to read what was sent for the one before.
        if (!(e instanceof InvalidTransaction || e instanceof BadExtrinsic)) throw e;
        this.ban(hash);
        this.drop(hash, 'invalid');
      }
    }
    this.enforceLimits();
  }

  private validated(encoded: Uint8Array, hash: Hex): PoolEntry {
    const { chain, runtime } = this.parts;
    const { best } = chain;
    const validity = runtime.validate(encoded, chain.state(best.hash), best);
    return { encoded, hash, validity, validTill: best.number + 1 + validity.longevity };
  }

  /** Puts an entry into the graph; returns the priority that it would have to exceed, if too low. */
  private import(entry: PoolEntry): bigint | undefined {
    const outcome = this.graph.add(entry);
    if (outcome.kind === 'tooLow') return outcome.priority;
    if (outcome.kind === 'future') {
      this.tell(entry.hash, 'future');
      return undefined;
    }
    this.tell(entry.hash, 'ready');
    for (const one of outcome.replaced) {
      this.watchers.tell(one.hash, { usurped: entry.hash as Hex });
    }
    for (const one of outcome.demoted)
      if (!this.graph.isReady(one.hash)) this.tell(one.hash, 'future');
    for (const one of outcome.promoted) this.tell(one.hash, 'ready');
    return undefined;
  }

  /** Says so only when it is news. */
  private tell(hash: string, status: 'ready' | 'future'): void {
    if (this.watchers.status(hash) !== status) this.watchers.tell(hash, status);
  }

  private drop(hash: string, status: 'dropped' | 'invalid'): void {
    this.graph.remove([hash]);
    this.watchers.tell(hash, status);
  }

  private enforceLimits(): void {
    const { readyMaxCount, readyMaxBytes, futureMaxCount, futureMaxBytes } = this.options;
    this.enforce('ready', readyMaxCount, readyMaxBytes);
    this.enforce('future', futureMaxCount, futureMaxBytes);
  }

  private enforce(kind: 'ready' | 'future', maxCount: number, maxBytes: number): void {
    for (;;) {
      const entries = this.graph.entries(kind);
      const bytes = entries.reduce((sum, entry) => sum + entry.encoded.length, 0);
      if (entries.length <= maxCount && bytes <= maxBytes) return;
      const worst = this.graph.worst(kind);
      if (!worst) return;
      this.drop(worst.hash, 'dropped');
    }
  }

  private ban(hash: Hex): void {
    if (this.bans.size >= MAX_BANS) {
      const [oldest] = this.bans.keys();
      if (oldest !== undefined) this.bans.delete(oldest);
    }
    this.bans.set(hash, this.now() + this.options.banMs);
  }

  private isBanned(hash: Hex): boolean {
    const until = this.bans.get(hash);
    if (until === undefined) return false;
    if (until > this.now()) return true;
    this.bans.delete(hash);
    return false;
  }

  private forgetUnfinalized(bestNumber: number): void {
    for (const [blockHash, { number, hashes }] of this.inBlocks) {
      if (number + this.options.finalityTimeoutBlocks > bestNumber) continue;
      for (const hash of hashes) this.watchers.tell(hash, { finalityTimeout: blockHash });
      this.inBlocks.delete(blockHash);
    }
  }
}

/** An opaque extrinsic is a length and so many bytes. */
function checkFormat(bytes: Uint8Array): void {
  try {
    const reader = new ScaleReader(bytes);
    reader.bytes();
    reader.end();
  } catch (e) {
    if (e instanceof ScaleError) throw errors.badFormatError(e.message);
    throw e;
  }
}

/** Inherents are not the pool's business. */
function isUnsigned(extrinsic: Uint8Array): boolean {
  const reader = new ScaleReader(extrinsic);
  reader.compact();
  return (reader.u8() & 0x80) === 0;
}
