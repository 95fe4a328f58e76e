import { actionKinds, type ActionKind, type WorkerRow } from '../../../src/api/contract.js';
import type { FleetModel } from '../../../src/api/fleet-model.js';
import type { IconName } from '../components/icons.js';

/** Orders on chain, which only some managers take. */
const orders: ReadonlySet<ActionKind> = new Set(['stop', 'drain', 'reclaim', 'resume']);

/** Actions that at least one of the workers' managers offers, in the order of the contract. */
export function offeredActions(model: FleetModel, workers: readonly WorkerRow[]): ActionKind[] {
  const features = new Set(
    [...new Set(workers.map(({ manager }) => manager))].flatMap(
      (manager) => model.managers.get(manager)?.features ?? [],
    ),
  );
  return actionKinds.filter((kind) => !orders.has(kind) || features.has('orders'));
}

export const actionIcons: Record<ActionKind, IconName> = {
  restart: 'sync',
  refreshRa: 'shield',
  kick: 'eject',
  enable: 'play',
  disable: 'power',
  move: 'arrows',
  delete: 'trash',
  stop: 'pause',
  drain: 'hourglass',
  reclaim: 'download',
  resume: 'play',
};
