import type { WorkerRow, FleetState } from './fleet-state.js';
import {
  rowKeys,
  type FleetSnapshot,
  type RowChanges,
  type FleetDelta,
  type HeightGroup,
} from './stream.js';

/** The fleet as a client of the stream has it: rows by their keys, workers by their numbers. */
export interface FleetModel {
  atMs: number;
  chains: Map<string, FleetState['chains'][number]>;
  providers: Map<string, FleetState['providers'][number]>;
  managers: Map<string, FleetState['managers'][number]>;
  pools: Map<string, FleetState['pools'][number]>;
  queues: Map<string, FleetState['queues'][number]>;
  operators: Map<string, FleetState['operators'][number]>;
  alerts: Map<string, FleetState['alerts'][number]>;
  workers: Map<number, WorkerRow>;
}

/** The model that a snapshot makes. */
export function modelOf(state: FleetState | FleetSnapshot): FleetModel {
  const byKey = <T>(rows: readonly T[], keyOf: (row: T) => string) =>
    new Map(rows.map((row) => [keyOf(row), row]));
  return {
    atMs: state.atMs,
    chains: byKey(state.chains, rowKeys.chains),
    providers: byKey(state.providers, rowKeys.providers),
    managers: byKey(state.managers, rowKeys.managers),
    pools: byKey(state.pools, rowKeys.pools),
    queues: byKey(state.queues, rowKeys.queues),
    operators: byKey(state.operators, rowKeys.operators),
    alerts: byKey(state.alerts, rowKeys.alerts),
    workers: new Map(state.workers.map((row) => [row.n, row])),
  };
}

/**
 * Brings a model up to date, in place: maps keep their identity, a row that changed is a new object and all others stay the
 * same ones, so that views can compare rows by identity.
 * @returns numbers of the workers that are new, changed or gone
 */
export function applyDelta(model: FleetModel, delta: FleetDelta): Set<number> {
  model.atMs = delta.atMs;
  applyRows(model.chains, delta.chains, rowKeys.chains);
  applyRows(model.providers, delta.providers, rowKeys.providers);
  applyRows(model.managers, delta.managers, rowKeys.managers);
  applyRows(model.pools, delta.pools, rowKeys.pools);
  applyRows(model.queues, delta.queues, rowKeys.queues);
  applyRows(model.operators, delta.operators, rowKeys.operators);
  applyRows(model.alerts, delta.alerts, rowKeys.alerts);
  const touched = new Set<number>();
  const { workers } = model;
  const change = (n: number, fields: Partial<WorkerRow>) => {
    const row = workers.get(n);
    if (row === undefined) return;
    workers.set(n, { ...row, ...fields });
    touched.add(n);
  };
  for (const n of delta.workers?.gone ?? []) {
    workers.delete(n);
    touched.add(n);
  }
  for (const row of delta.workers?.set ?? []) {
    workers.set(row.n, row);
    touched.add(row.n);
  }
  for (const [n, fields] of delta.workers?.patch ?? []) change(n, fields);
  for (const group of delta.workers?.heights ?? []) {
    const heights = heightsOf(group);
    for (let i = 0; i + 1 < group.runs.length; i += 2) {
      const first = group.runs[i]!;
      for (let n = first; n < first + group.runs[i + 1]!; n += 1) change(n, heights);
    }
  }
  return touched;
}

function heightsOf({ at }: HeightGroup): Partial<WorkerRow> {
  const [relayHeader, paraHeader, paraBlock] = at.map((height) => (height < 0 ? null : height));
  return {
    relayHeader: relayHeader ?? null,
    paraHeader: paraHeader ?? null,
    paraBlock: paraBlock ?? null,
  };
}

function applyRows<T>(
  rows: Map<string, T>,
  changes: RowChanges<T> | undefined,
  keyOf: (row: T) => string,
): void {
  for (const key of changes?.gone ?? []) rows.delete(key);
  for (const row of changes?.set ?? []) rows.set(keyOf(row), row);
}
