import type { Clock } from '@runtime-bridge/base';
import { systemClock } from '@runtime-bridge/base';
import type { UuidQueryRequest, Walkie } from '@runtime-bridge/walkie-protocol';

import { FleetError, FleetErrorCode } from '../errors.js';
import type { Inventory } from '../inventory/inventory.js';
import type { PoolRow, WorkerRow } from '../inventory/rows.js';
import { isoWithOffset } from '../life/message-log.js';
import type { FleetManager } from '../manager/fleet-manager.js';
import { sessionInfoJson } from '../manager/session-info.js';
import type { WorkerCommand } from '../runner/messages.js';
import { configMode, type FleetAbsence } from './absence.js';
import {
  identityFromWire,
  poolFromWire,
  poolToWire,
  stateToWire,
  workerFromWire,
  workerToWire,
} from './rows.js';

/** What the handlers answer from. */
export interface LifecycleHandlersCollaborators {
  inventory: Inventory;
  /** Undefined while no worker is driven. */
  fleet: Pick<FleetManager, 'snapshot' | 'workerFacts' | 'command'> | undefined;
  /** Why that is so. @default config mode */
  absence?: FleetAbsence;
  clock?: Clock;
}

/** Answers the methods of a lifecycle manager. */
export function serveLifecycle(
  walkie: Walkie,
  collaborators: LifecycleHandlersCollaborators,
): void {
  const { inventory } = collaborators;
  const poolList = (rows: Iterable<PoolRow>) => ({ pools: [...rows].map(poolToWire) });
  const workerList = (rows: Iterable<WorkerRow>) => ({
    workers: [...rows].map((row) => workerToWire(row, poolIdOf(inventory, row))),
  });

  walkie.handle('ListPool', async () => poolList(inventory.snapshot.pools.values()));
  walkie.handle('CreatePool', async ({ pools }) =>
    poolList(await inventory.createPools(pools.map(poolFromWire))),
  );
  walkie.handle('UpdatePool', async ({ items }) =>
    poolList(
      await inventory.updatePools(
        items.map(({ id, pool }, index) => ({
          id: identityFromWire(id),
          ...(pool?.deleted
            ? { deleted: true as const }
            : { input: poolFromWire(required(pool, index, 'pool')) }),
        })),
      ),
    ),
  );

  walkie.handle('ListWorker', async () => workerList(inventory.snapshot.workers.values()));
  walkie.handle('CreateWorker', async ({ workers }) =>
    workerList(await inventory.createWorkers(workers.map(workerFromWire))),
  );
  walkie.handle('UpdateWorker', async ({ items }) =>
    workerList(
      await inventory.updateWorkers(
        items.map(({ id, worker }, index) => ({
          id: identityFromWire(id),
          ...(worker?.deleted
            ? { deleted: true as const }
            : { input: workerFromWire(required(worker, index, 'worker')) }),
        })),
      ),
    ),
  );

  walkie.handle('GetWorkerStatus', async ({ ids }) => ({
    workerStates: (ids.length === 0
      ? [...inventory.snapshot.workers.values()]
      : rowsOf(inventory, ids)
    ).map((row) => stateOf(collaborators, row)),
  }));
  const command = (what: WorkerCommand) => async (request: UuidQueryRequest) => {
    const rows = rowsOf(inventory, request.ids);
    const { fleet } = collaborators;
    if (!fleet) throw (collaborators.absence ?? configMode).error();
    await Promise.all(rows.map((row) => fleet.command(row.uuid, what)));
    return { workerStates: rows.map((row) => stateOf(collaborators, row)) };
  };
  walkie.handle('RestartWorker', command('restart'));
  walkie.handle('RefreshRaAndRestartWorker', command('refreshRa'));
  walkie.handle('KickWorker', command('kick'));
}

function stateOf(
  { inventory, fleet, absence = configMode, clock }: LifecycleHandlersCollaborators,
  row: WorkerRow,
) {
  const snapshot = fleet?.snapshot(row.uuid);
  const facts =
    snapshot?.publicKey === undefined ? undefined : fleet?.workerFacts(snapshot.publicKey);
  const pool = inventory.snapshot.pools.get(row.poolUuid);
  const idle = !fleet
    ? absence.message
    : !row.enabled
      ? 'Worker is disabled.'
      : pool?.enabled === false
        ? 'Pool is disabled.'
        : 'Waiting for a runner.';
  return stateToWire({
    worker: workerToWire(row, poolIdOf(inventory, row)),
    snapshot,
    sessionInfoJson: sessionInfoJson(facts, snapshot?.runtimeInfo),
    sessionAccount: facts?.sessionAccount,
    idleMessage: `[${isoWithOffset((clock ?? systemClock).now())}] ${idle}`,
  });
}

function rowsOf({ snapshot }: Inventory, ids: readonly string[]): WorkerRow[] {
  return ids.map((id) => {
    const row = snapshot.workers.get(id);
    if (row) return row;
    throw new FleetError(FleetErrorCode.NOT_FOUND, `Worker ${id} not found!`, {
      facts: { worker: id },
    });
  });
}

function poolIdOf({ snapshot }: Inventory, row: WorkerRow): bigint {
  return snapshot.pools.get(row.poolUuid)?.poolId ?? 0n;
}

function required<T>(value: T | undefined, index: number, field: string): T {
  if (value !== undefined) return value;
  throw new FleetError(FleetErrorCode.INVALID_FIELD, `items[${index}]: ${field} is missing`, {
    facts: { item: `items[${index}]`, field },
  });
}
