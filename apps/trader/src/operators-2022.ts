import { open, readFile, stat } from 'node:fs/promises';
import { BridgeError, SingleFlight, sleep, type Logger } from '@runtime-bridge/base';
import type { JobOperator } from '@runtime-bridge/tx-queue';
import type { Database } from 'sql.js';

/** What an SQLite file begins with. */
const MAGIC = 'SQLite format 3\0';

/** Largest database that is read: one of thousands of workers has a few megabytes. */
const MAX_BYTES = 64 * 1024 * 1024;

/** How long a write of the lifecycle manager into its database is waited for. */
const WRITE_PATIENCE_MS = 5_000;

interface Pools {
  /** Size and time of the file that they were read from. */
  version: string;
  byPid: ReadonlyMap<string, JobOperator>;
}

/**
 * Operators out of the `local.db` of a 2022 lifecycle manager, whose jobs bring none along. The file is only read, and
 * read again when it has changed. Table: Phala-Network/runtime-bridge 80fde2c src/lifecycle/local_db/pool_model.ts.
 */
export class Operators2022 {
  readonly #path: string;
  readonly #logger: Logger;
  readonly #reading = new SingleFlight<string, Pools | undefined>();
  #pools: Pools | undefined;

  constructor(options: { path: string }, collaborators: { logger: Logger }) {
    this.#path = options.path;
    this.#logger = collaborators.logger;
  }

  /**
   * The operator of a pool, its key in the envelope of 2022.
   * @param pool id as decimal text
   * @returns undefined where there is no such file or no such pool
   * @throws BridgeError BAD_LOCAL_DB
   */
  async of(pool: string): Promise<JobOperator | undefined> {
    const pools = await this.#reading.do('read', () => this.#read());
    return pools?.byPid.get(pool);
  }

  async #read(): Promise<Pools | undefined> {
    const version = await versionOf(this.#path);
    if (version === undefined) return undefined;
    if (this.#pools?.version === version) return this.#pools;
    await this.#untilWritten();
    let database: Database | undefined;
    try {
      const bytes = await readFile(this.#path);
      // Only here, so that nobody else pays for it.
      const { default: initSqlJs } = await import('sql.js');
      const { Database: SqlDatabase } = await initSqlJs();
      database = new SqlDatabase(bytes);
      const byPid = operatorsIn(database);
      this.#pools = { version, byPid };
      this.#logger.info('Read operators out of a database of 2022', {
        path: this.#path,
        pools: byPid.size,
      });
      return this.#pools;
    } catch (error) {
      throw badDatabase(this.#path, 'its pools cannot be read', error);
    } finally {
      database?.close();
    }
  }

  /** What stands in a journal beside the file is not in it yet. */
  async #untilWritten(): Promise<void> {
    const endMs = performance.now() + WRITE_PATIENCE_MS;
    for (;;) {
      const sizes = await Promise.all(
        ['-journal', '-wal'].map((suffix) =>
          stat(this.#path + suffix).then(
            ({ size }) => size,
            () => 0,
          ),
        ),
      );
      if (sizes.every((size) => size === 0)) return;
      if (performance.now() > endMs) {
        throw badDatabase(this.#path, 'there are changes beside it that are not in it');
      }
      await sleep(200);
    }
  }
}

/** Tells one state of the file from the next; undefined for one that is no SQLite. */
async function versionOf(path: string): Promise<string | undefined> {
  try {
    const file = await open(path, 'r');
    try {
      const { size, mtimeMs } = await file.stat();
      const { buffer } = await file.read(Buffer.alloc(MAGIC.length), 0, MAGIC.length, 0);
      if (buffer.toString('latin1') !== MAGIC) return undefined;
      if (size > MAX_BYTES) throw badDatabase(path, 'it is too large');
      return `${size} ${mtimeMs}`;
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof BridgeError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'EISDIR' || code === 'ENOTDIR') return undefined;
    throw badDatabase(path, 'it cannot be opened', error);
  }
}

function operatorsIn(database: Database): Map<string, JobOperator> {
  const statement = database.prepare(
    'SELECT pid, proxiedAccountSs58, encryptedOperator FROM pools',
  );
  const operators = new Map<string, JobOperator>();
  try {
    while (statement.step()) {
      const { pid, proxiedAccountSs58: proxied, encryptedOperator: key } = statement.getAsObject();
      if (typeof pid !== 'number' || !(key instanceof Uint8Array)) continue;
      const proxiedAccount = typeof proxied === 'string' ? proxied.trim() : '';
      operators.set(String(pid), {
        sealed: Buffer.from(key).toString('base64'),
        ...(proxiedAccount === '' ? {} : { proxiedAccount }),
      });
    }
  } finally {
    statement.free();
  }
  return operators;
}

function badDatabase(path: string, why: string, cause?: unknown): BridgeError {
  return new BridgeError('BAD_LOCAL_DB', `The database of 2022 cannot be used: ${why}`, {
    facts: { path, variable: 'PHALA_LOCAL_DB_PATH' },
    cause,
  });
}
