import type { Hex, Logger } from '@runtime-bridge/base';
import type { FencedStore, StoreWrite } from '@runtime-bridge/tx-queue';
import type { HistoryPage, HistoryQuery, TxRecord } from './history.js';
import type { JobEnd, Journal, JournalContent, JournalEntry } from './journal.js';
import { feesOfHash, recordToJson, replicaKeys, replicaLimits } from './replica-format.js';

/** What is kept beside the queue of a journal; only the trader that holds the lease writes it. */
export type ReplicaStore = Pick<FencedStore, 'write' | 'hash' | 'list'>;

/** Layout of what is kept there. */
const SCHEMA = 1;

/** What lies under `meta`. */
interface Meta {
  schema: number;
  genesisHash: Hex;
}

/**
 * A journal of which the trader that takes over finds a copy beside the queue: nothing is sent before it is in both. The
 * copy is what counts when the two differ, since whoever was the last to work wrote to it; a Redis that has forgotten it
 * is given it anew from here.
 *
 * @throws TxQueueError LEASE_LOST (each method that writes); TxSenderError JOURNAL
 */
export class ReplicatedJournal implements Journal {
  readonly #local: Journal;
  readonly #store: ReplicaStore;
  readonly #logger: Logger;
  readonly #entries = new Map<number, JournalEntry>();
  /** The newest last. */
  #ends: JobEnd[] = [];
  #fees = new Map<Hex, bigint>();
  #genesisHash: Hex = '0x';

  constructor(
    _options: Record<string, never>,
    collaborators: { local: Journal; store: ReplicaStore; logger: Logger },
  ) {
    this.#local = collaborators.local;
    this.#store = collaborators.store;
    this.#logger = collaborators.logger;
  }

  async open(genesisHash: Hex): Promise<JournalContent> {
    this.#genesisHash = genesisHash;
    let content = await this.#local.open(genesisHash);
    try {
      const copy = await this.#readCopy();
      if (copy) content = await this.#local.adopt(copy.entries, copy.ends);
      this.#fees = larger(content.fees, copy?.fees);
      for (const entry of content.entries) this.#entries.set(entry.id, entry);
      this.#ends = content.ends.slice(-replicaLimits.maxEnds);
      if (!copy) await this.#writeAll();
      return { ...content, fees: new Map(this.#fees) };
    } catch (error) {
      await this.#local.close();
      throw error;
    }
  }

  async adopt(entries: readonly JournalEntry[], ends: readonly JobEnd[]): Promise<JournalContent> {
    const content = await this.#local.adopt(entries, ends);
    this.#entries.clear();
    for (const entry of content.entries) this.#entries.set(entry.id, entry);
    this.#fees = larger(content.fees, this.#fees);
    await this.#writeAll();
    return { ...content, fees: new Map(this.#fees) };
  }

  async add(entry: JournalEntry): Promise<void> {
    await this.#local.add(entry);
    const writes = this.#leave(new Set(entry.jobs.map(({ id }) => id)));
    this.#entries.set(entry.id, entry);
    try {
      await this.#write([...writes, put(entry)]);
    } catch (error) {
      // What is not in both is never sent, and must not be taken for sent after a restart.
      this.#entries.delete(entry.id);
      await this.#local.forget(entry).catch((reason: unknown) => {
        this.#logger.debug('Entry could not be taken back', { tx: entry.hash }, reason);
      });
      throw error;
    }
  }

  async forget(entry: JournalEntry): Promise<void> {
    await this.#local.forget(entry);
    this.#entries.delete(entry.id);
    await this.#write([drop(entry.id)]);
  }

  async markDead(entry: JournalEntry, record: TxRecord): Promise<void> {
    const dead: JournalEntry = { ...entry, state: 'dead' };
    await this.#local.markDead(entry, record);
    this.#entries.set(entry.id, dead);
    await this.#write([put(dead), ...told(record)]);
  }

  async release(jobId: string): Promise<void> {
    await this.#local.release(jobId);
    const writes = this.#leave(new Set([jobId]));
    if (writes.length > 0) await this.#write(writes);
  }

  async remove(entry: JournalEntry, ends: readonly JobEnd[], record: TxRecord): Promise<void> {
    await this.#local.remove(entry, ends, record);
    this.#entries.delete(entry.id);
    this.#ends.push(...ends);
    this.#ends.splice(0, this.#ends.length - replicaLimits.maxEnds);
    const paid = record.fee === undefined ? [] : [this.#pay(entry.account, record.fee)];
    await this.#write([drop(entry.id), ...ended(ends), ...told(record), ...paid]);
  }

  history(query: HistoryQuery): Promise<HistoryPage> {
    return this.#local.history(query);
  }

  close(): Promise<void> {
    return this.#local.close();
  }

  #pay(account: Hex, fee: bigint): StoreWrite {
    const sum = (this.#fees.get(account) ?? 0n) + fee;
    this.#fees.set(account, sum);
    return paidSoFar([account, sum]);
  }

  /** Dead entries forget jobs that are in other hands. */
  #leave(jobs: ReadonlySet<string>): StoreWrite[] {
    const writes: StoreWrite[] = [];
    for (const dead of [...this.#entries.values()]) {
      if (dead.state !== 'dead') continue;
      const left = dead.jobs.filter(({ id }) => !jobs.has(id));
      if (left.length === dead.jobs.length) continue;
      if (left.length === 0) {
        this.#entries.delete(dead.id);
        writes.push(drop(dead.id));
      } else {
        const rest = { ...dead, jobs: left };
        this.#entries.set(dead.id, rest);
        writes.push(put(rest));
      }
    }
    return writes;
  }

  async #write(writes: readonly StoreWrite[]): Promise<void> {
    if (await this.#store.write(writes, replicaKeys.journal)) return;
    this.#logger.warn('Redis has forgotten the copy of the journal, giving it anew');
    await this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    const { ended: recent } = await this.#local.history({ limit: replicaLimits.firstHistory });
    const meta: Meta = { schema: SCHEMA, genesisHash: this.#genesisHash };
    await this.#store.write([
      ...Object.values(replicaKeys).map((key): StoreWrite => ({ command: 'DEL', key })),
      { command: 'HSET', key: replicaKeys.journal, args: ['meta', JSON.stringify(meta)] },
      ...[...this.#entries.values()].map(put),
      ...ended(this.#ends),
      ...[...recent].reverse().flatMap(told),
      ...[...this.#fees].map(paidSoFar),
    ]);
  }

  async #readCopy(): Promise<
    { entries: JournalEntry[]; ends: JobEnd[]; fees: Map<Hex, bigint> } | undefined
  > {
    const hash = await this.#store.hash(replicaKeys.journal);
    const meta = hash['meta'] === undefined ? undefined : (JSON.parse(hash['meta']) as Meta);
    if (meta?.schema !== SCHEMA || meta.genesisHash !== this.#genesisHash) return undefined;
    const entries = Object.entries(hash)
      .filter(([field]) => field !== 'meta')
      .map(([, text]) => JSON.parse(text) as JournalEntry)
      .sort((a, b) => a.id - b.id);
    const ends = await this.#store.list(replicaKeys.ends, replicaLimits.maxEnds);
    return {
      entries,
      ends: ends.map((text) => JSON.parse(text) as JobEnd).reverse(),
      fees: feesOfHash(await this.#store.hash(replicaKeys.fees)),
    };
  }
}

/** What an account has paid by both: traders of one queue know different parts of it. */
function larger(
  one: ReadonlyMap<Hex, bigint>,
  other: ReadonlyMap<Hex, bigint> = new Map(),
): Map<Hex, bigint> {
  const all = new Map(one);
  for (const [account, sum] of other) if (sum > (all.get(account) ?? 0n)) all.set(account, sum);
  return all;
}

function paidSoFar([account, sum]: [Hex, bigint]): StoreWrite {
  return { command: 'HSET', key: replicaKeys.fees, args: [account, sum.toString()] };
}

function put(entry: JournalEntry): StoreWrite {
  return {
    command: 'HSET',
    key: replicaKeys.journal,
    args: [String(entry.id), JSON.stringify(entry)],
  };
}

function drop(id: number): StoreWrite {
  return { command: 'HDEL', key: replicaKeys.journal, args: [String(id)] };
}

function ended(ends: readonly JobEnd[]): StoreWrite[] {
  if (ends.length === 0) return [];
  const key = replicaKeys.ends;
  return [
    ...ends.map((end): StoreWrite => ({ command: 'LPUSH', key, args: [JSON.stringify(end)] })),
    { command: 'LTRIM', key, args: [0, replicaLimits.maxEnds - 1] },
  ];
}

function told(record: TxRecord): StoreWrite[] {
  const key = replicaKeys.history;
  return [
    { command: 'LPUSH', key, args: [recordToJson(record)] },
    { command: 'LTRIM', key, args: [0, replicaLimits.maxHistory - 1] },
  ];
}
