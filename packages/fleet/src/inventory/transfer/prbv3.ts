import type { TransferFault, TransferRow } from './document.js';

// Names and forms: Phala-Network/phala-blockchain 654b1b699 standalone/prb/src/{cli,inv_db,configurator}.rs.

/** A pool as formatInventory has it. */
interface PoolEntry {
  readonly pid: string;
  readonly name: string;
  readonly enabled: boolean;
  readonly syncOnly: boolean;
}

/** A worker as formatInventory has it. */
interface WorkerEntry extends PoolEntry {
  readonly endpoint: string;
  /** In the smallest unit. */
  readonly stake: string;
}

/** A command of PRBv3's `POST /wm/config`. */
export type Prbv3Command =
  'GetAllPoolsWithWorkers' | { readonly [command: string]: Readonly<Record<string, unknown>> };

/**
 * The commands that add pools and workers to a PRBv3, one per line of a JSON list; each is the body of one
 * `POST /wm/config`. Operators are not among them: keys do not leave.
 */
export function formatPrbv3(pools: readonly PoolEntry[], workers: readonly WorkerEntry[]): string {
  const commands = [
    ...pools.map((pool) => ({ AddPool: prbv3Pool(pool) })),
    ...workers.map((worker) => ({ AddWorker: prbv3Worker(worker) })),
  ];
  return `[\n${commands.map((command) => `  ${prbv3Json(command)}`).join(',\n')}\n]\n`;
}

/** A command as JSON, with pool numbers of 64 bits as numbers. */
export function prbv3Json(command: Prbv3Command): string {
  // Within a string the quotes would be escaped.
  return JSON.stringify(command).replaceAll(/"pid":"(\d+)"/g, '"pid":$1');
}

/** Arguments of AddPool and UpdatePool. */
export function prbv3Pool({ pid, name, enabled, syncOnly }: PoolEntry) {
  return { name, pid, disabled: !enabled, sync_only: syncOnly };
}

/** Arguments of AddWorker, and of UpdateWorker for one that keeps its name. */
export function prbv3Worker({ pid, name, endpoint, stake, enabled, syncOnly }: WorkerEntry) {
  return {
    name,
    endpoint,
    stake,
    pid,
    disabled: !enabled,
    sync_only: syncOnly,
    gatekeeper: false,
  };
}

/**
 * Reads the output of GetAllPoolsWithWorkers: pools with their workers. What it says of neither a pool nor a worker of
 * ours (ids) is passed over; a gatekeeper is a fault, since as a worker it would be put to compute.
 * @returns undefined for something that is no such list
 */
export function readPrbv3(
  document: unknown,
): { rows: TransferRow[]; faults: TransferFault[] } | undefined {
  if (!Array.isArray(document)) return undefined;
  const rows: TransferRow[] = [];
  const faults: TransferFault[] = [];
  document.forEach((pool: unknown, index) => {
    const place = `pools[${index}]`;
    if (!isRecord(pool)) {
      faults.push({ place, field: '', rule: 'must have fields' });
      return;
    }
    rows.push({ kind: 'pool', place, fields: defined(pool, POOL_FIELDS) });
    const { workers } = pool;
    if (workers === undefined || workers === null) return;
    if (!Array.isArray(workers)) {
      faults.push({ place, field: 'workers', rule: 'must be a list' });
      return;
    }
    workers.forEach((worker: unknown, at) => {
      const workerPlace = `${place}.workers[${at}]`;
      if (!isRecord(worker)) {
        faults.push({ place: workerPlace, field: '', rule: 'must have fields' });
      } else if (worker['gatekeeper'] === true) {
        faults.push({
          place: workerPlace,
          field: 'gatekeeper',
          rule: 'must be false: gatekeepers are not driven by this bridge',
        });
      } else {
        const fields = { ...defined(worker, WORKER_FIELDS), pid: worker['pid'] ?? pool['pid'] };
        rows.push({ kind: 'worker', place: workerPlace, fields });
      }
    });
  });
  return { rows, faults };
}

/** Fields by their names there, and here. */
const POOL_FIELDS = {
  pid: 'pid',
  name: 'name',
  enabled: 'enabled',
  sync_only: 'syncOnly',
} as const;
const WORKER_FIELDS = { ...POOL_FIELDS, endpoint: 'endpoint', stake: 'stake' } as const;

function defined(
  entry: Record<string, unknown>,
  names: Readonly<Record<string, string>>,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(names).flatMap(([theirs, ours]) =>
      entry[theirs] === undefined ? [] : [[ours, entry[theirs]]],
    ),
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
