import {
  compare,
  parseFleet,
  poolEntry,
  workerEntry,
  type Change,
  type Fleet,
  type PoolEntry,
  type WorkerEntry,
} from './difference.js';
import { UsageError } from './errors.js';
import type { Manager } from './session.js';
import type { Show } from './show.js';
import { toJson } from './terminal.js';

/** Rows sent in one request, far below the limit of a message. */
const BATCH = 1_000;

/** Pools and workers as a file; operators' keys are not in it. */
export async function exportFleet(manager: Manager): Promise<Fleet> {
  const [pools, workers] = [await manager.pools(), await manager.workers()];
  return { pools: pools.map(poolEntry), workers: workers.map(workerEntry) };
}

/** How an import is done. */
export interface ImportOptions {
  /** Deletes what is not in the file. */
  prune: boolean;
  dryRun: boolean;
}

/** Shows what differs from a file and, unless it is a dry run, makes the manager as the file says. */
export async function importFleet(
  show: Show,
  manager: Manager,
  text: string,
  { prune, dryRun }: ImportOptions,
): Promise<void> {
  const wanted = parseFleet(text);
  const pools = compare(
    wanted.pools,
    (await manager.pools()).map((pool) => ({ uuid: pool.uuid, entry: poolEntry(pool) })),
    ({ pid }) => pid,
    prune,
  );
  const workers = compare(
    wanted.workers,
    (await manager.workers()).map((one) => ({ uuid: one.uuid, entry: workerEntry(one) })),
    ({ name }) => name,
    prune,
  );
  for (const { kind, entry } of pools) {
    if (kind === 'create' && entry.mnemonic === undefined) {
      throw new UsageError(`Pool ${entry.pid} is new, so it needs its operator's mnemonic`);
    }
  }
  if (show.json) {
    const list = <E extends PoolEntry | WorkerEntry>(changes: Change<E>[]) =>
      changes.map(({ kind, entry, details }) => ({
        kind,
        ...('mnemonic' in entry ? { ...entry, mnemonic: undefined } : entry),
        details,
      }));
    show.terminal.out(toJson({ applied: !dryRun, pools: list(pools), workers: list(workers) }));
  } else {
    describe(show, 'pool', pools, ({ pid, name }) => `${pid} ${name}`);
    describe(show, 'worker', workers, ({ name }) => name);
    const count = pools.length + workers.length;
    if (count === 0) show.terminal.out('Nothing differs');
    else if (dryRun) show.terminal.out(`${count} changes, none made`);
  }
  if (dryRun) return;
  // Workers need their pools, and pools may go only without workers.
  await changePools(
    manager,
    pools.filter(({ kind }) => kind !== 'delete'),
  );
  await changeWorkers(manager, workers);
  await changePools(
    manager,
    pools.filter(({ kind }) => kind === 'delete'),
  );
}

const SIGNS = { create: '+', update: '~', delete: '-' } as const;
const SIGN_COLOURS = { create: 'green', update: 'yellow', delete: 'red' } as const;

function describe<E>(
  { terminal, paint }: Show,
  what: string,
  changes: readonly Change<E>[],
  nameOf: (entry: E) => string,
): void {
  for (const { kind, entry, details } of changes) {
    terminal.out(paint(`${SIGNS[kind]} ${what} ${nameOf(entry)}`, SIGN_COLOURS[kind]));
    for (const detail of details) terminal.out(`    ${detail}`);
  }
}

export const poolInit = (entry: PoolEntry, deleted = false) => ({
  pid: BigInt(entry.pid),
  name: entry.name,
  enabled: entry.enabled,
  deleted,
  syncOnly: entry.syncOnly,
  realPhalaSs58: entry.proxiedAccount,
  ...(entry.mnemonic === undefined ? {} : { owner: { mnemonic: entry.mnemonic } }),
});

export const workerInit = (entry: WorkerEntry, deleted = false) => ({
  pid: BigInt(entry.pid),
  name: entry.name,
  endpoint: entry.endpoint,
  enabled: entry.enabled,
  deleted,
  syncOnly: entry.syncOnly,
  stake: entry.stake,
});

const idOf = (uuid: string | undefined) => ({
  identity: { case: 'uuid' as const, value: uuid ?? '' },
});

export async function changePools(manager: Manager, changes: readonly Change<PoolEntry>[]) {
  const { client, options } = manager;
  for (const some of batches(changes.filter(({ kind }) => kind === 'create'))) {
    await client.call('CreatePool', { pools: some.map(({ entry }) => poolInit(entry)) }, options);
  }
  for (const some of batches(changes.filter(({ kind }) => kind !== 'create'))) {
    const items = some.map(({ uuid, entry, kind }) => ({
      id: idOf(uuid),
      pool: poolInit(entry, kind === 'delete'),
    }));
    await client.call('UpdatePool', { items }, options);
  }
}

export async function changeWorkers(manager: Manager, changes: readonly Change<WorkerEntry>[]) {
  const { client, options } = manager;
  for (const some of batches(changes.filter(({ kind }) => kind === 'create'))) {
    const workers = some.map(({ entry }) => workerInit(entry));
    await client.call('CreateWorker', { workers }, options);
  }
  for (const some of batches(changes.filter(({ kind }) => kind !== 'create'))) {
    const items = some.map(({ uuid, entry, kind }) => ({
      id: idOf(uuid),
      worker: workerInit(entry, kind === 'delete'),
    }));
    await client.call('UpdateWorker', { items }, options);
  }
}

function* batches<T>(all: readonly T[]): Generator<readonly T[]> {
  for (let at = 0; at < all.length; at += BATCH) yield all.slice(at, at + BATCH);
}
