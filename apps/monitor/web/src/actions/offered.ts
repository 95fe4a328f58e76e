import {
  actionKinds,
  type ActionKind,
  type ManagerFeature,
  type WorkerRow,
} from '../../../src/api/contract.js';
import type { FleetModel } from '../../../src/api/fleet-model.js';
import type { IconName } from '../components/icons.js';

/** Actions that only some managers offer. */
const needed: Partial<Record<ActionKind, ManagerFeature>> = {
  stop: 'stop',
  drain: 'drain',
  reclaim: 'reclaim',
};

/** Actions that at least one of the workers' managers offers, in the order of the contract. */
export function offeredActions(model: FleetModel, workers: readonly WorkerRow[]): ActionKind[] {
  const features = new Set(
    [...new Set(workers.map(({ manager }) => manager))].flatMap(
      (manager) => model.managers.get(manager)?.features ?? [],
    ),
  );
  return actionKinds.filter((kind) => {
    const feature = needed[kind];
    return feature === undefined || features.has(feature);
  });
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
};
