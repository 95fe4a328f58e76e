import type { Pool, Worker } from '@runtime-bridge/walkie-protocol';
import { UsageError } from './errors.js';

/** A pool in a file. Amounts and ids are exact, as text. */
export interface PoolEntry {
  pid: string;
  name: string;
  enabled: boolean;
  syncOnly: boolean;
  proxiedAccount: string;
  /** Only in files to import: the operator's phrase, needed for a new pool. */
  mnemonic?: string;
}

/** A worker in a file. */
export interface WorkerEntry {
  name: string;
  pid: string;
  endpoint: string;
  enabled: boolean;
  syncOnly: boolean;
  /** In the smallest unit. */
  stake: string;
}

/** Pools and workers as they are kept in a file. */
export interface Fleet {
  pools: PoolEntry[];
  workers: WorkerEntry[];
}

export const poolEntry = (pool: Pool): PoolEntry => ({
  pid: pool.pid.toString(),
  name: pool.name,
  enabled: pool.enabled,
  syncOnly: pool.syncOnly,
  proxiedAccount: pool.realPhalaSs58,
});

export const workerEntry = (worker: Worker): WorkerEntry => ({
  name: worker.name,
  pid: worker.pid.toString(),
  endpoint: worker.endpoint,
  enabled: worker.enabled,
  syncOnly: worker.syncOnly,
  stake: worker.stake,
});

/** One thing to do so that a manager is as a file says. */
export interface Change<E> {
  kind: 'create' | 'update' | 'delete';
  entry: E;
  /** Uuid of the row, undefined for a new one. */
  uuid: string | undefined;
  /** Lines such as `stake: 1 → 2`. */
  details: string[];
}

/**
 * What has to change: pools are known by pid, workers by name. What is in no line of the file stays, unless `prune`.
 */
export function compare<E extends object>(
  wanted: readonly E[],
  present: readonly { uuid: string; entry: E }[],
  keyOf: (entry: E) => string,
  prune: boolean,
): Change<E>[] {
  const changes: Change<E>[] = [];
  const rows = new Map(present.map((row) => [keyOf(row.entry), row]));
  const keys = new Set<string>();
  for (const entry of wanted) {
    const key = keyOf(entry);
    if (keys.has(key)) throw new UsageError(`${key} is in the file twice`);
    keys.add(key);
    const row = rows.get(key);
    if (row === undefined) {
      changes.push({ kind: 'create', entry, uuid: undefined, details: [] });
      continue;
    }
    const details: string[] = [];
    for (const [field, value] of Object.entries(entry)) {
      if (field === 'mnemonic') {
        details.push('operator: set anew');
        continue;
      }
      const old = (row.entry as Record<string, unknown>)[field];
      if (old !== value) details.push(`${field}: ${String(old)} → ${String(value)}`);
    }
    if (details.length > 0) changes.push({ kind: 'update', entry, uuid: row.uuid, details });
  }
  if (prune) {
    for (const [key, row] of rows) {
      if (keys.has(key)) continue;
      changes.push({ kind: 'delete', entry: row.entry, uuid: row.uuid, details: [] });
    }
  }
  return changes;
}

/**
 * Reads a file as `prb export` writes it. Fields that are missing have the defaults of a new pool or worker.
 * @throws UsageError naming the first thing that is wrong
 */
export function parseFleet(text: string): Fleet {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`The file is no JSON: ${(error as Error).message}`);
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new UsageError('The file holds no object');
  const { pools = [], workers = [] } = json as { pools?: unknown; workers?: unknown };
  if (!Array.isArray(pools) || !Array.isArray(workers)) {
    throw new UsageError('pools and workers have to be lists');
  }
  return {
    pools: pools.map((raw, i) => {
      const read = reader(raw, `pools[${i}]`);
      const mnemonic = read('mnemonic', 'string', '');
      return {
        pid: digits(read('pid', 'string'), `pools[${i}].pid`),
        name: read('name', 'string'),
        enabled: read('enabled', 'boolean', true),
        syncOnly: read('syncOnly', 'boolean', false),
        proxiedAccount: read('proxiedAccount', 'string', ''),
        ...(mnemonic === '' ? {} : { mnemonic }),
      };
    }),
    workers: workers.map((raw, i) => {
      const read = reader(raw, `workers[${i}]`);
      return {
        name: read('name', 'string'),
        pid: digits(read('pid', 'string'), `workers[${i}].pid`),
        endpoint: read('endpoint', 'string'),
        enabled: read('enabled', 'boolean', true),
        syncOnly: read('syncOnly', 'boolean', false),
        stake: digits(read('stake', 'string'), `workers[${i}].stake`),
      };
    }),
  };
}

interface Kinds {
  string: string;
  boolean: boolean;
}

function reader(raw: unknown, where: string) {
  if (typeof raw !== 'object' || raw === null) throw new UsageError(`${where} is no object`);
  return <K extends keyof Kinds>(field: string, kind: K, absent?: Kinds[K]): Kinds[K] => {
    const value = (raw as Record<string, unknown>)[field] ?? absent;
    // A larger number has lost digits already.
    if (kind === 'string' && typeof value === 'number' && Number.isSafeInteger(value)) {
      return String(value) as Kinds[K];
    }
    if (typeof value === kind) return value as Kinds[K];
    throw new UsageError(`${where}.${field} has to be a ${kind}`);
  };
}

function digits(text: string, where: string): string {
  if (/^\d+$/.test(text)) return text;
  throw new UsageError(`${where} has to be a whole number`);
}
