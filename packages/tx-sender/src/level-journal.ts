import { mkdir } from 'node:fs/promises';
import { type Hex, type Logger } from '@runtime-bridge/base';
import { ClassicLevel } from 'classic-level';
import { TxSenderError, TxSenderErrorCode } from './errors.js';
import type { Journal, JournalContent, JournalEntry, Success } from './journal.js';

/** Layout of the keys below; a journal of another one is refused. */
const SCHEMA = 1;

type Operation = { type: 'put'; key: string; value: unknown } | { type: 'del'; key: string };

/**
 * The journal in a classic-level database: `entry!<id>` and `job!<number>` (successes, in the order of their ends), with
 * `meta`. Every write is synced, since a transaction that was sent and is not written down could be sent twice.
 */
export class LevelJournal implements Journal {
  readonly #path: string;
  readonly #maxRemembered: number;
  readonly #logger: Logger;
  #db: ClassicLevel<string, unknown> | undefined;
  readonly #dead = new Map<number, JournalEntry>();
  /** Keys of remembered successes, oldest first. */
  readonly #remembered: string[] = [];
  #nextSuccess = 1;

  constructor(
    options: { /** Directory. */ path: string; maxRemembered: number },
    collaborators: { logger: Logger },
  ) {
    this.#path = options.path;
    this.#maxRemembered = options.maxRemembered;
    this.#logger = collaborators.logger;
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

  async add(entry: JournalEntry): Promise<void> {
    await this.#releaseAnd([put(entry)], new Set(entry.jobs.map((job) => job.id)));
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

  async markDead(entry: JournalEntry): Promise<void> {
    const dead: JournalEntry = { ...entry, state: 'dead' };
    await this.#write([put(dead)]);
    this.#dead.set(entry.id, dead);
  }

  async remove(
    entry: JournalEntry,
    successes: readonly [id: string, success: Success][],
  ): Promise<void> {
    const operations: Operation[] = [{ type: 'del', key: keyOf(entry.id) }];
    for (const [id, success] of successes) {
      const key = `job!${String(this.#nextSuccess++).padStart(15, '0')}`;
      operations.push({ type: 'put', key, value: { id, success } });
      this.#remembered.push(key);
    }
    const tooMany = this.#remembered.length - this.#maxRemembered;
    for (const key of this.#remembered.splice(0, Math.max(0, tooMany))) {
      operations.push({ type: 'del', key });
    }
    await this.#write(operations);
    this.#dead.delete(entry.id);
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
    const content: JournalContent = { entries: [], successes: [] };
    for await (const [, value] of db.iterator({ gt: 'entry!', lt: 'entry"' })) {
      const entry = value as JournalEntry;
      content.entries.push(entry);
      if (entry.state === 'dead') this.#dead.set(entry.id, entry);
    }
    for await (const [key, value] of db.iterator({ gt: 'job!', lt: 'job"' })) {
      const { id, success } = value as { id: string; success: Success };
      content.successes.push([id, success]);
      this.#remembered.push(key);
      this.#nextSuccess = Number(key.slice('job!'.length)) + 1;
    }
    return content;
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
