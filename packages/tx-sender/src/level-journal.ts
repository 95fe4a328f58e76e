import { mkdir } from 'node:fs/promises';
import { type Hex, type Logger } from '@runtime-bridge/base';
import { ClassicLevel } from 'classic-level';
import { BoundedRows, type Operation } from './bounded-rows.js';
import { TxSenderError, TxSenderErrorCode } from './errors.js';
import { MAX_HISTORY_PAGE, type HistoryPage, type HistoryQuery, type TxRecord } from './history.js';
import { revived, stored, type StoredRecord } from './replica-format.js';
import type { Failure, JobEnd, Journal, JournalContent, JournalEntry, Success } from './journal.js';

/** Layout of the keys below; a journal of another one is refused. */
const SCHEMA = 1;

/**
 * The journal in a classic-level database: `entry!<id>`; in the order of their ends `job!<number>` (successes),
 * `failure!<number>` and `history!<number>`; `fees!<account>` (decimal text); and `meta`. Every write is synced, since a
 * transaction that was sent and is not written down could be sent twice.
 */
export class LevelJournal implements Journal {
  readonly #path: string;
  readonly #logger: Logger;
  #db: ClassicLevel<string, unknown> | undefined;
  readonly #dead = new Map<number, JournalEntry>();
  readonly #successes: BoundedRows;
  readonly #failures: BoundedRows;
  readonly #history: BoundedRows;
  readonly #fees = new Map<Hex, bigint>();

  constructor(
    options: {
      /** Directory. */
      path: string;
      /** Successes kept, and as many failures. */
      maxRemembered: number;
      /** Transactions that are over and kept. */
      maxHistory: number;
    },
    collaborators: { logger: Logger },
  ) {
    this.#path = options.path;
    this.#logger = collaborators.logger;
    const { maxRemembered } = options;
    this.#successes = new BoundedRows({ prefix: 'job!', maxRows: maxRemembered });
    this.#failures = new BoundedRows({ prefix: 'failure!', maxRows: maxRemembered });
    this.#history = new BoundedRows({ prefix: 'history!', maxRows: options.maxHistory });
  }

  async open(genesisHash: Hex): Promise<JournalContent> {
    const db = await this.#openDb();
    this.#db = db;
    try {
      const meta = (await db.get('meta')) as { schema?: number; genesisHash?: string } | undefined;
      if (meta && meta.schema !== SCHEMA) {
        throw journalError('It was written by another version', this.#path);
      }
      if (meta && meta.genesisHash !== genesisHash) {
        this.#logger.warn('Journal is of another chain and is emptied', {
          path: this.#path,
          genesis: meta.genesisHash,
        });
        await db.clear();
      }
      await this.#write([{ type: 'put', key: 'meta', value: { schema: SCHEMA, genesisHash } }]);
      return await this.#read(db);
    } catch (error) {
      await db.close().catch(() => {});
      throw error instanceof TxSenderError
        ? error
        : journalError('It cannot be read', this.#path, error);
    }
  }

  async adopt(entries: readonly JournalEntry[], ends: readonly JobEnd[]): Promise<JournalContent> {
    const db = this.#db;
    if (!db) throw journalError('It is closed', this.#path);
    const before = await this.#read(db);
    const known = new Set(before.ends.map(nameOfEnd));
    const fresh = ends.filter((end) => !known.has(nameOfEnd(end)));
    await this.#write([
      ...before.entries.map(({ id }): Operation => ({ type: 'del', key: keyOf(id) })),
      ...entries.map(put),
      ...this.#remember(fresh),
    ]);
    return await this.#read(db);
  }

  async add(entry: JournalEntry): Promise<void> {
    await this.#releaseAnd([put(entry)], new Set(entry.jobs.map((job) => job.id)));
  }

  async forget(entry: JournalEntry): Promise<void> {
    await this.#write([{ type: 'del', key: keyOf(entry.id) }]);
  }

  async release(jobId: string): Promise<void> {
    await this.#releaseAnd([], new Set([jobId]));
  }

  async #releaseAnd(operations: Operation[], jobs: ReadonlySet<string>): Promise<void> {
    const changed: [number, JournalEntry | undefined][] = [];
    for (const dead of this.#dead.values()) {
      const left = dead.jobs.filter((job) => !jobs.has(job.id));
      if (left.length === dead.jobs.length) continue;
      const rest = left.length > 0 ? { ...dead, jobs: left } : undefined;
      changed.push([dead.id, rest]);
      operations.push(rest ? put(rest) : { type: 'del', key: keyOf(dead.id) });
    }
    if (operations.length > 0) await this.#write(operations);
    for (const [id, rest] of changed) {
      if (rest) this.#dead.set(id, rest);
      else this.#dead.delete(id);
    }
  }

  async markDead(entry: JournalEntry, record: TxRecord): Promise<void> {
    const dead: JournalEntry = { ...entry, state: 'dead' };
    await this.#write([put(dead), ...this.#history.add([stored(record)])]);
    this.#dead.set(entry.id, dead);
  }

  async remove(entry: JournalEntry, ends: readonly JobEnd[], record: TxRecord): Promise<void> {
    const operations: Operation[] = [
      { type: 'del', key: keyOf(entry.id) },
      ...this.#remember(ends),
      ...this.#history.add([stored(record)]),
    ];
    const fees = (this.#fees.get(entry.account) ?? 0n) + (record.fee ?? 0n);
    if (record.fee !== undefined) {
      operations.push({ type: 'put', key: `fees!${entry.account}`, value: fees.toString() });
    }
    await this.#write(operations);
    if (record.fee !== undefined) this.#fees.set(entry.account, fees);
    this.#dead.delete(entry.id);
  }

  /** The writes by which ends of jobs are remembered. */
  #remember(ends: readonly JobEnd[]): Operation[] {
    const successes = ends.flatMap(({ id, outcome }) =>
      outcome.ok ? [{ id, success: outcome }] : [],
    );
    const failures = ends.flatMap(({ id, asks, outcome }) =>
      outcome.ok ? [] : [{ id, asks, failure: outcome }],
    );
    return [...this.#successes.add(successes), ...this.#failures.add(failures)];
  }

  async history(query: HistoryQuery): Promise<HistoryPage> {
    const db = this.#db;
    if (!db) throw journalError('It is closed', this.#path);
    const limit = Math.min(Math.max(1, Math.trunc(query.limit ?? 50)), MAX_HISTORY_PAGE);
    const ended: TxRecord[] = [];
    let last: number | undefined;
    try {
      for await (const [number, value] of this.#history.newestFirst(db, query.before)) {
        const record = revived(value as StoredRecord);
        if (query.account !== undefined && record.account !== query.account) continue;
        if (ended.length === limit) return { ended, next: last };
        ended.push(record);
        last = number;
      }
    } catch (error) {
      throw journalError('It cannot be read', this.#path, error);
    }
    return { ended, next: undefined };
  }

  async close(): Promise<void> {
    const db = this.#db;
    this.#db = undefined;
    await db?.close();
  }

  async #openDb(): Promise<ClassicLevel<string, unknown>> {
    try {
      await mkdir(this.#path, { recursive: true });
      const db = new ClassicLevel<string, unknown>(this.#path, { valueEncoding: 'json' });
      await db.open();
      return db;
    } catch (error) {
      throw journalError('It cannot be opened', this.#path, error);
    }
  }

  async #read(db: ClassicLevel<string, unknown>): Promise<JournalContent> {
    const entries: JournalEntry[] = [];
    this.#dead.clear();
    for await (const [, value] of db.iterator({ gt: 'entry!', lt: 'entry"' })) {
      const entry = value as JournalEntry;
      entries.push(entry);
      if (entry.state === 'dead') this.#dead.set(entry.id, entry);
    }
    for await (const [key, value] of db.iterator({ gt: 'fees!', lt: 'fees"' })) {
      this.#fees.set(key.slice('fees!'.length) as Hex, BigInt(value as string));
    }
    for (const rows of [this.#successes, this.#failures, this.#history]) await rows.open(db);
    const successes = (await this.#successes.all(db)) as { id: string; success: Success }[];
    const failures = (await this.#failures.all(db)) as {
      id: string;
      asks: string[];
      failure: Failure;
    }[];
    return {
      entries,
      ends: [
        ...successes.map(({ id, success }): JobEnd => ({ id, asks: [], outcome: success })),
        ...failures.map(({ id, asks, failure }): JobEnd => ({ id, asks, outcome: failure })),
      ],
      fees: new Map(this.#fees),
    };
  }

  async #write(operations: Operation[]): Promise<void> {
    if (!this.#db) throw journalError('It is closed', this.#path);
    try {
      await this.#db.batch(operations, { sync: true });
    } catch (error) {
      throw journalError('It cannot be written', this.#path, error);
    }
  }
}

function put(entry: JournalEntry): Operation {
  return { type: 'put', key: keyOf(entry.id), value: entry };
}

/** Tells ends apart. */
function nameOfEnd({ id, asks, outcome }: JobEnd): string {
  return outcome.ok ? id : [id, ...asks].join(' ');
}

function keyOf(id: number): string {
  return `entry!${String(id).padStart(15, '0')}`;
}

function journalError(what: string, path: string, cause?: unknown): TxSenderError {
  return new TxSenderError(
    TxSenderErrorCode.JOURNAL,
    `The journal of transactions cannot be used: ${what}`,
    {
      facts: { path },
      cause,
      remedy:
        'Check that the directory can be written and that no other trader uses it; PHALA_TRADER_DB_PATH names it.',
    },
  );
}
