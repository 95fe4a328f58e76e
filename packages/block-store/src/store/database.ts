import { messageOf } from '@runtime-bridge/base';
import { ClassicLevel } from 'classic-level';
import { BlockStoreError, BlockStoreErrorCode } from '../errors.js';

/** Rows are bytes under bytes. */
export type Database = ClassicLevel<Uint8Array, Uint8Array>;

/** One change of a batch. */
export type RowOperation =
  { type: 'put'; key: Uint8Array; value: Uint8Array } | { type: 'del'; key: Uint8Array };

/** How LevelDB is tuned. */
export interface DatabaseOptions {
  /** Folder of the database; made when it is not there. */
  path: string;
  /** Memory for blocks read. */
  cacheBytes: number;
  /** Memory for rows not yet in a table; the log that is read again after a crash has that size too. */
  writeBufferBytes: number;
  /** Size that a table may grow to. */
  maxTableBytes: number;
}

/**
 * The defaults. Rows of a kind are written in rising order, so that most tables move down the levels as they are; but
 * each flush holds rows of every kind, and the tables at the borders between kinds are rewritten with it. Small tables
 * and large flushes keep that cheap: 1.5 GiB of rows had 4.1 bytes written per byte (log, flush and one rewrite
 * included), and 8.7 with tables of 128 MiB and buffers of 16 MiB. 100 GiB are 6,400 tables, of which LevelDB keeps
 * 1,000 open.
 */
export const defaultDatabaseOptions = {
  cacheBytes: 32 * 1024 * 1024,
  writeBufferBytes: 32 * 1024 * 1024,
  maxTableBytes: 16 * 1024 * 1024,
} as const satisfies Omit<DatabaseOptions, 'path'>;

/**
 * Opens the database.
 * @throws BlockStoreError STORE_LOCKED, STORE_CORRUPT
 */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const { path, cacheBytes, writeBufferBytes, maxTableBytes } = options;
  const database: Database = new ClassicLevel<Uint8Array, Uint8Array>(path, {
    keyEncoding: 'view',
    valueEncoding: 'view',
    cacheSize: cacheBytes,
    writeBufferSize: writeBufferBytes,
    maxFileSize: maxTableBytes,
  });
  try {
    await database.open();
    return database;
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    if ((cause as { code?: string }).code === 'LEVEL_LOCKED') {
      throw new BlockStoreError(
        BlockStoreErrorCode.STORE_LOCKED,
        `The store is open in another process: ${path}`,
        {
          facts: { path },
          cause,
          remedy: 'Stop the other data provider, or give this one its own PHALA_LOCAL_DB_PATH',
        },
      );
    }
    throw new BlockStoreError(
      BlockStoreErrorCode.STORE_CORRUPT,
      `The store cannot be opened: ${path}: ${messageOf(cause)}`,
      {
        facts: { path },
        cause,
        remedy: 'Check that the folder can be read and written; else restore a backup',
      },
    );
  }
}
