import type { TxValidity } from './signed-checks.js';

/** A transaction that the runtime found valid. */
export interface PoolEntry {
  /** With its length prefix. */
  encoded: Uint8Array;
  /** Hex of its hash. */
  hash: string;
  validity: TxValidity;
  /** First block in which it would be dead. */
  validTill: number;
}

/** What became of an entry that was put in. */
export type ImportOutcome =
  | { kind: 'ready'; replaced: PoolEntry[]; promoted: PoolEntry[]; demoted: PoolEntry[] }
  | { kind: 'future' }
  | { kind: 'tooLow'; priority: bigint };

const text = (tag: Uint8Array): string => Buffer.from(tag).toString('latin1');

/**
 * Which transactions can go into a block now, and which wait for others. A transaction is ready
 * when every tag that it requires is provided by a ready one; two that provide one tag exclude
 * each other. Model: polkadot-sdk sc-transaction-pool src/graph/{base_pool,ready,future}.rs.
 */
export class PoolGraph {
  /** In order of arrival. */
  private readonly readyByHash = new Map<string, PoolEntry>();
  private readonly futureByHash = new Map<string, PoolEntry>();
  /** Ready transaction that provides a tag. */
  private readonly provider = new Map<string, string>();

  has(hash: string): boolean {
    return this.readyByHash.has(hash) || this.futureByHash.has(hash);
  }

  isReady(hash: string): boolean {
    return this.readyByHash.has(hash);
  }

  provides(tag: Uint8Array): boolean {
    return this.provider.has(text(tag));
  }

  entries(kind: 'ready' | 'future'): PoolEntry[] {
    return [...(kind === 'ready' ? this.readyByHash : this.futureByHash).values()];
  }

  /** Puts an entry in; it must not be in already. */
  add(entry: PoolEntry): ImportOutcome {
    if (this.isWaiting(entry)) {
      this.futureByHash.set(entry.hash, entry);
      return { kind: 'future' };
    }
    const rivals = this.rivalsOf(entry);
    const priority = rivals.reduce((sum, rival) => sum + rival.validity.priority, 0n);
    if (rivals.length > 0 && entry.validity.priority <= priority) {
      return { kind: 'tooLow', priority };
    }
    for (const rival of rivals) this.takeReady(rival);
    this.putReady(entry);
    const demoted = this.demote();
    return { kind: 'ready', replaced: rivals, promoted: this.promote(), demoted };
  }

  /** Takes entries out; what depended on them waits again. */
  remove(hashes: Iterable<string>): void {
    for (const hash of hashes) {
      const ready = this.readyByHash.get(hash);
      if (ready) this.takeReady(ready);
      this.futureByHash.delete(hash);
    }
    this.demote();
  }

  /** Ready entries as a block should try them: dependencies first, then by priority. */
  ordered(): PoolEntry[] {
    const waiting = new Map<string, PoolEntry[]>();
    const open: PoolEntry[] = [];
    const missing = new Map<string, number>();
    for (const entry of this.readyByHash.values()) {
      const needs = entry.validity.requires.map(text);
      missing.set(entry.hash, needs.length);
      if (needs.length === 0) open.push(entry);
      for (const tag of needs) waiting.set(tag, [...(waiting.get(tag) ?? []), entry]);
    }
    open.sort(worseFirst);
    const out: PoolEntry[] = [];
    for (let entry = open.pop(); entry; entry = open.pop()) {
      out.push(entry);
      for (const tag of entry.validity.provides.map(text)) {
        for (const next of waiting.get(tag) ?? []) {
          const left = (missing.get(next.hash) ?? 0) - 1;
          missing.set(next.hash, left);
          if (left === 0) insertSorted(open, next);
        }
      }
    }
    return out;
  }

  /** The entry to give up first when there are too many. */
  worst(kind: 'ready' | 'future'): PoolEntry | undefined {
    return this.entries(kind).sort(worseFirst)[0];
  }

  private isWaiting(entry: PoolEntry): boolean {
    return entry.validity.requires.some((tag) => !this.provider.has(text(tag)));
  }

  private rivalsOf(entry: PoolEntry): PoolEntry[] {
    const rivals = new Set<PoolEntry>();
    for (const tag of entry.validity.provides) {
      const rival = this.readyByHash.get(this.provider.get(text(tag)) ?? '');
      if (rival) rivals.add(rival);
    }
    return [...rivals];
  }

  private putReady(entry: PoolEntry): void {
    this.readyByHash.set(entry.hash, entry);
    for (const tag of entry.validity.provides) this.provider.set(text(tag), entry.hash);
  }

  private takeReady(entry: PoolEntry): void {
    this.readyByHash.delete(entry.hash);
    for (const tag of entry.validity.provides) {
      if (this.provider.get(text(tag)) === entry.hash) this.provider.delete(text(tag));
    }
  }

  /** Moves ready entries whose requirements are gone to the future ones. */
  private demote(): PoolEntry[] {
    const demoted: PoolEntry[] = [];
    for (let again = true; again;) {
      again = false;
      for (const entry of this.readyByHash.values()) {
        if (!this.isWaiting(entry)) continue;
        this.takeReady(entry);
        this.futureByHash.set(entry.hash, entry);
        demoted.push(entry);
        again = true;
      }
    }
    return demoted;
  }

  /** Moves future entries that have become ready; one that lost its place to another stays. */
  private promote(): PoolEntry[] {
    const promoted: PoolEntry[] = [];
    for (let again = true; again;) {
      again = false;
      for (const entry of this.futureByHash.values()) {
        if (this.isWaiting(entry) || this.rivalsOf(entry).length > 0) continue;
        this.futureByHash.delete(entry.hash);
        this.putReady(entry);
        promoted.push(entry);
        again = true;
      }
    }
    return promoted;
  }
}

/** Lower priority first; of equals, the one that lives longer first. */
function worseFirst(a: PoolEntry, b: PoolEntry): number {
  const [p, q] = [a.validity.priority, b.validity.priority];
  if (p !== q) return p < q ? -1 : 1;
  return b.validTill === a.validTill ? 0 : b.validTill - a.validTill;
}

function insertSorted(list: PoolEntry[], entry: PoolEntry): void {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const at = list[middle];
    if (at && worseFirst(at, entry) < 0) low = middle + 1;
    else high = middle;
  }
  list.splice(low, 0, entry);
}
