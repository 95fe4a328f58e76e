import { fromHex, toHex, type Hex } from '@runtime-bridge/base';
import { ClassicLevel } from 'classic-level';

import { FleetError, FleetErrorCode } from '../errors.js';
import type { PoolRow, WorkerRow } from './rows.js';

/** First byte of every key; numbers are never used again for something else. */
const Bucket = { META: 0, POOL: 1, WORKER: 2 } as const;
const SCHEMA_VERSION = 1;
const META_KEY = key(Bucket.META, 'schema');
/** Before the names of imports that were done. */
const IMPORT_PREFIX = 'import:';

/** One change of the store. */
export type StoreChange =
  | { put: 'pool'; row: PoolRow }
  | { put: 'worker'; row: WorkerRow }
  | { delete: 'pool' | 'worker'; uuid: string }
  | { imported: string };

/** Pools and workers on disk. Every call to write() is one atomic, synced batch. */
export class InventoryStore {
  private constructor(private readonly level: ClassicLevel<Uint8Array, Uint8Array>) {}

  /**
   * Opens or makes the store in a directory.
   * @throws FleetError BAD_STORE for a store of a later version or one that is in use; whatever the file system says
   */
  static async open(directory: string): Promise<InventoryStore> {
    const level = new ClassicLevel<Uint8Array, Uint8Array>(directory, {
      keyEncoding: 'view',
      valueEncoding: 'view',
    });
    try {
      await level.open();
    } catch (error) {
      const { cause } = error as { cause?: { code?: unknown } };
      if (cause?.code !== 'LEVEL_LOCKED') throw error;
      throw new FleetError(
        FleetErrorCode.BAD_STORE,
        'The inventory is in use by another lifecycle manager on this volume',
        {
          facts: { directory },
          cause: error,
          remedy:
            'Run one of them only, or give each its own PHALA_LOCAL_DB_PATH and both a queue in Redis, where the second one stands by.',
        },
      );
    }
    try {
      const meta = await level.get(META_KEY);
      if (meta === undefined) {
        await level.put(META_KEY, encode({ version: SCHEMA_VERSION }), { sync: true });
      } else {
        const { version } = decode(meta) as { version?: unknown };
        if (version !== SCHEMA_VERSION) {
          throw new FleetError(
            FleetErrorCode.BAD_STORE,
            'The inventory was written by another version',
            {
              facts: { directory, version: String(version), supported: SCHEMA_VERSION },
            },
          );
        }
      }
    } catch (error) {
      await level.close();
      throw error;
    }
    return new InventoryStore(level);
  }

  /** @throws FleetError BAD_STORE for a row that cannot be read */
  async readAll(): Promise<{ pools: PoolRow[]; workers: WorkerRow[]; imports: string[] }> {
    const imports: string[] = [];
    const pools: PoolRow[] = [];
    const workers: WorkerRow[] = [];
    for await (const [rowKey, value] of this.level.iterator()) {
      try {
        const name = rowKey[0] === Bucket.META ? new TextDecoder().decode(rowKey.subarray(1)) : '';
        if (name.startsWith(IMPORT_PREFIX)) imports.push(name.slice(IMPORT_PREFIX.length));
        if (rowKey[0] === Bucket.POOL) pools.push(decodePool(decode(value)));
        if (rowKey[0] === Bucket.WORKER) workers.push(decodeWorker(decode(value)));
      } catch (cause) {
        throw new FleetError(FleetErrorCode.BAD_STORE, 'A row of the inventory cannot be read', {
          facts: { key: toHex(rowKey) },
          cause,
        });
      }
    }
    return { pools, workers, imports };
  }

  /** Writes all changes or none, and returns when they are on disk. */
  async write(changes: readonly StoreChange[]): Promise<void> {
    await this.level.batch(
      changes.map((change) => {
        if ('imported' in change) {
          return {
            type: 'put' as const,
            key: key(Bucket.META, `${IMPORT_PREFIX}${change.imported}`),
            value: encode({}),
          };
        }
        if ('delete' in change) {
          const bucket = change.delete === 'pool' ? Bucket.POOL : Bucket.WORKER;
          return { type: 'del' as const, key: key(bucket, change.uuid) };
        }
        return change.put === 'pool'
          ? {
              type: 'put' as const,
              key: key(Bucket.POOL, change.row.uuid),
              value: encode(encodePool(change.row)),
            }
          : {
              type: 'put' as const,
              key: key(Bucket.WORKER, change.row.uuid),
              value: encode(encodeWorker(change.row)),
            };
      }),
      { sync: true },
    );
  }

  async close(): Promise<void> {
    await this.level.close();
  }
}

function key(bucket: number, text: string): Uint8Array {
  return new Uint8Array([bucket, ...new TextEncoder().encode(text)]);
}

function encode(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

function decode(bytes: Uint8Array): Record<string, unknown> {
  return JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
}

function encodePool(row: PoolRow): Record<string, unknown> {
  return { ...row, poolId: row.poolId.toString(), sealedOperator: toHex(row.sealedOperator) };
}

function encodeWorker(row: WorkerRow): Record<string, unknown> {
  return { ...row, stake: row.stake.toString() };
}

function decodePool(row: Record<string, unknown>): PoolRow {
  return {
    uuid: text(row, 'uuid'),
    poolId: BigInt(text(row, 'poolId')),
    name: text(row, 'name'),
    enabled: row['enabled'] === true,
    syncOnly: row['syncOnly'] === true,
    operatorPublicKey: text(row, 'operatorPublicKey') as Hex,
    sealedOperator: fromHex(text(row, 'sealedOperator')),
    proxiedAccount: text(row, 'proxiedAccount'),
    createdAtMs: Number(row['createdAtMs']),
    updatedAtMs: Number(row['updatedAtMs']),
  };
}

function decodeWorker(row: Record<string, unknown>): WorkerRow {
  return {
    uuid: text(row, 'uuid'),
    poolUuid: text(row, 'poolUuid'),
    name: text(row, 'name'),
    endpoint: text(row, 'endpoint'),
    stake: BigInt(text(row, 'stake')),
    enabled: row['enabled'] === true,
    syncOnly: row['syncOnly'] === true,
    createdAtMs: Number(row['createdAtMs']),
    updatedAtMs: Number(row['updatedAtMs']),
  };
}

function text(row: Record<string, unknown>, field: string): string {
  const value = row[field];
  if (typeof value !== 'string') throw new Error(`${field} is no text`);
  return value;
}
