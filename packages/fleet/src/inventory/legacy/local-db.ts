import { open, readFile, stat } from 'node:fs/promises';

import { BridgeError, toHex, type Hex, type Logger } from '@runtime-bridge/base';
import type { Database } from 'sql.js';

import { FleetError, FleetErrorCode } from '../../errors.js';
import type { Inventory } from '../inventory.js';
import type { PoolRow, WorkerRow } from '../rows.js';
import { checkPool, checkWorker } from '../validation.js';

/** Opens an operator key as 2022 kept it and seals it anew. */
export type ResealOperator = (envelope: Uint8Array) => {
  publicKey: Uint8Array;
  sealed: Uint8Array;
};

/** What an import works with. */
export interface LocalDbCollaborators {
  inventory: Inventory;
  reseal: ResealOperator;
  logger: Logger;
}

/** What came of an import; undefined parts of a row make it one of those left out. */
export interface LocalDbImport {
  readonly pools: number;
  readonly workers: number;
  /** Rows that break a rule, with what is wrong with them. */
  readonly leftOut: readonly string[];
}

type Row = Record<string, number | string | Uint8Array | null>;

const IMPORT_NAME = 'local.db';
const MAGIC = 'SQLite format 3\0';
const MAX_BYTES = 512 * 1024 * 1024;

/**
 * Takes over pools and workers of a lifecycle manager of 2022, once, into an inventory that is empty; its database is only
 * read. Tables: Phala-Network/runtime-bridge 80fde2c src/lifecycle/local_db.
 * @returns undefined when there is nothing to do: no such file, no SQLite, imported before, or an inventory with rows
 * @throws FleetError BAD_LOCAL_DB when the database or an operator key cannot be read; nothing is taken over then
 */
export async function importLocalDb(
  { path }: { path: string },
  { inventory, reseal, logger }: LocalDbCollaborators,
): Promise<LocalDbImport | undefined> {
  if (inventory.wasImported(IMPORT_NAME) || !(await isSqlite(path))) return undefined;
  const { pools: oldPools, workers: oldWorkers } = inventory.snapshot;
  if (oldPools.size > 0 || oldWorkers.size > 0) {
    logger.warn('Database of 2022 is not imported, there are pools or workers already', { path });
    return undefined;
  }
  const tables = await readTables(path);
  const leftOut: string[] = [];
  const take = <T>(what: string, row: Row, run: () => T): T[] => {
    try {
      return [run()];
    } catch (error) {
      const { code, message } = BridgeError.from(error);
      if (code === FleetErrorCode.BAD_LOCAL_DB) throw error;
      leftOut.push(message);
      logger.warn(`A ${what} of 2022 is left out`, { name: text(row, 'name'), reason: message });
      return [];
    }
  };
  const pools = tables.pools.flatMap((row) => take('pool', row, () => poolOf(row, reseal)));
  const known = new Set(pools.map(({ uuid }) => uuid));
  const workers = tables.workers.flatMap((row) => take('worker', row, () => workerOf(row, known)));
  await inventory.importRows(IMPORT_NAME, { pools, workers });
  logger.info('Database of 2022 was imported', {
    path,
    pools: pools.length,
    workers: workers.length,
    leftOut: leftOut.length,
  });
  return { pools: pools.length, workers: workers.length, leftOut };
}

async function isSqlite(path: string): Promise<boolean> {
  try {
    const file = await open(path, 'r');
    try {
      const { buffer } = await file.read(Buffer.alloc(MAGIC.length), 0, MAGIC.length, 0);
      return buffer.toString('latin1') === MAGIC;
    } finally {
      await file.close();
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'EISDIR' || code === 'ENOTDIR') return false;
    throw badDatabase(path, 'it cannot be read', error);
  }
}

async function readTables(path: string): Promise<{ pools: Row[]; workers: Row[] }> {
  for (const suffix of ['-wal', '-journal']) {
    // What is in there is not in the database yet.
    const size = await stat(path + suffix).then(
      (found) => found.size,
      () => 0,
    );
    if (size > 0)
      throw badDatabase(path, `${path}${suffix} holds changes: stop what uses it first`);
  }
  const { size } = await stat(path);
  if (size > MAX_BYTES) throw badDatabase(path, 'it is too large');
  // Only here, so that nobody else pays for it.
  const { default: initSqlJs } = await import('sql.js');
  const { Database } = await initSqlJs();
  let database: Database | undefined;
  try {
    database = new Database(await readFile(path));
    return {
      pools: rowsOf(database, 'SELECT * FROM pools ORDER BY pid'),
      workers: rowsOf(database, 'SELECT * FROM workers ORDER BY name'),
    };
  } catch (error) {
    throw badDatabase(path, 'its tables cannot be read', error);
  } finally {
    database?.close();
  }
}

function rowsOf(database: Database, sql: string): Row[] {
  const statement = database.prepare(sql);
  try {
    const rows: Row[] = [];
    while (statement.step()) rows.push(statement.getAsObject());
    return rows;
  } finally {
    statement.free();
  }
}

function poolOf(row: Row, reseal: ResealOperator): PoolRow {
  const name = text(row, 'name');
  const item = `pool ${name}`;
  const pid = row['pid'];
  if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid < 0) {
    throw new FleetError(FleetErrorCode.INVALID_FIELD, `${item}: pid must be a pool's number`);
  }
  const input = {
    poolId: BigInt(pid),
    name,
    enabled: row['enabled'] !== 0,
    syncOnly: row['syncOnly'] === 1,
    proxiedAccount: text(row, 'proxiedAccountSs58').trim(),
  };
  checkPool(item, { ...input, mnemonic: '' }, false);
  const { publicKey, sealed } = resealed(item, row['encryptedOperator'], reseal);
  return {
    ...input,
    uuid: text(row, 'id'),
    operatorPublicKey: publicKey,
    sealedOperator: sealed,
    ...times(row),
  };
}

/** A key that cannot be opened is most likely a forgotten key file, so the import as a whole waits for it. */
function resealed(
  item: string,
  envelope: Row[string] | undefined,
  reseal: ResealOperator,
): { publicKey: Hex; sealed: Uint8Array } {
  try {
    if (!(envelope instanceof Uint8Array)) throw new Error('It has none');
    const { publicKey, sealed } = reseal(envelope);
    return { publicKey: toHex(publicKey), sealed };
  } catch (cause) {
    throw new FleetError(
      FleetErrorCode.BAD_LOCAL_DB,
      `${item}: the operator's key of 2022 cannot be opened: ${BridgeError.from(cause).message}`,
      {
        facts: { item },
        cause,
        remedy: 'Put the key file LIFECYCLE of 2022 into the folder PHALA_PEER_ID_PREFIX.',
      },
    );
  }
}

function workerOf(row: Row, pools: ReadonlySet<string>): WorkerRow {
  const name = text(row, 'name');
  const item = `worker ${name}`;
  const { stake, endpoint } = checkWorker(item, {
    poolId: 0n,
    name,
    endpoint: text(row, 'endpoint').trim(),
    stake: text(row, 'stake').trim(),
    enabled: true,
    syncOnly: false,
  });
  const poolUuid = text(row, 'poolId');
  if (!pools.has(poolUuid)) {
    throw new FleetError(FleetErrorCode.NOT_FOUND, `${item}: its pool is not there`);
  }
  return {
    uuid: text(row, 'id'),
    poolUuid,
    name,
    endpoint,
    stake,
    enabled: row['enabled'] !== 0,
    syncOnly: row['syncOnly'] === 1,
    ...times(row),
  };
}

function times(row: Row): { createdAtMs: number; updatedAtMs: number } {
  const ms = (field: string) => Date.parse(text(row, field)) || 0;
  return { createdAtMs: ms('createdAt'), updatedAtMs: ms('updatedAt') };
}

function text(row: Row, field: string): string {
  const value = row[field];
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';
}

function badDatabase(path: string, why: string, cause?: unknown): FleetError {
  return new FleetError(
    FleetErrorCode.BAD_LOCAL_DB,
    `The database of 2022 cannot be imported: ${why}`,
    { facts: { path }, cause },
  );
}
