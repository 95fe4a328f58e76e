import { mkdir } from 'node:fs/promises';

import { ServiceGroup, systemClock, type Service } from '@runtime-bridge/base';
import { ParaApi } from '@runtime-bridge/chain-client/tx';
import {
  importLocalDb,
  StateStore,
  Inventory,
  ProcessMetrics,
  WorkerHistory,
} from '@runtime-bridge/fleet';
import {
  loadOrCreateIdentity,
  openOperator,
  operatorFromMnemonic,
  sealOperator,
  type Identity,
  type OperatorKey,
} from '@runtime-bridge/keystore';

import { showMetrics } from './child-metrics.js';
import { createQueue } from './queue.js';
import { Operation, type LifecycleCollaborators } from './operation.js';
import type { LifecycleSettings } from './settings.js';

export type { LifecycleCollaborators } from './operation.js';

/** A lifecycle manager, with what tests and tools want to see of it. */
export interface Lifecycle extends Service {
  readonly peerId: string;
  /** Multiaddrs of its Walkie node; empty until that is up. */
  readonly addresses: string[];
}

/**
 * Puts a lifecycle manager together. It starts whatever is there; what is not is waited for.
 * @throws KeystoreError when the identity cannot be read or made; FleetError BAD_STORE, BAD_LOCAL_DB; ServiceError BAD_SETTINGS
 */
export async function createLifecycle(
  settings: LifecycleSettings,
  collaborators: LifecycleCollaborators,
): Promise<Lifecycle> {
  const { logger } = collaborators;
  const processes = new ProcessMetrics({ process: 'manager' }, { register: collaborators.metrics });
  const { own: metrics } = processes;
  const fork: LifecycleCollaborators['fork'] = (entry, name) =>
    showMetrics(collaborators.fork(entry, name), processes.inlet(name));
  const clock = collaborators.clock ?? systemClock;
  // Said before anything is touched, should the settings make no sense together.
  const queue = settings.configMode
    ? undefined
    : createQueue(settings, {
        forkTrader: () => fork('trader', 'trader'),
        tenure: collaborators.tenure,
        logger,
        metrics,
      });
  const identity = await loadOrCreateIdentity(
    {
      directory: settings.identityDirectory,
      name: 'LIFECYCLE',
      passphrase: settings.identityPassphrase,
    },
    { logger },
  );
  // Said before by one that stood by.
  if (!collaborators.tenure) logger.info('Got my peer id', { peerId: identity.peerId });
  const directory = `${settings.storePath}.store`;
  await mkdir(directory, { recursive: true });
  // What is open, the last first: closed when the rest cannot be opened, and at the end.
  const open: { close(): Promise<void> }[] = [];
  const closeAll = async () => {
    for (const store of open.splice(0)) await store.close();
  };
  try {
    const inventory = await Inventory.open(
      { directory },
      { sealOperator: (mnemonic) => seal(identity, mnemonic), logger, clock },
    );
    open.unshift(inventory);
    await importLocalDb(
      { path: settings.storePath },
      {
        inventory,
        reseal: (envelope) => sealed(identity, openOperator(identity, envelope)),
        logger,
      },
    );
    const historyDirectory = `${settings.storePath}.history`;
    await mkdir(historyDirectory, { recursive: true });
    const history = await WorkerHistory.open({ directory: historyDirectory }, { logger });
    open.unshift(history);
    await history.retain(new Set(inventory.snapshot.workers.keys()));
    const stateDirectory = `${settings.storePath}.state`;
    await mkdir(stateDirectory, { recursive: true });
    const state = await StateStore.open({ directory: stateDirectory });
    open.unshift(state);
    const group = new ServiceGroup('lifecycle', { logger });
    for (const service of queue?.services ?? []) group.add(service);
    const para = new ParaApi({ endpoints: settings.paraEndpoints }, { logger, metrics, clock });
    const operation = group.add(
      new Operation(settings, {
        ...collaborators,
        metrics,
        fork,
        clock,
        identity,
        inventory,
        history,
        state,
        para,
        producer: queue?.producer,
        transactions: queue?.transactions,
      }),
    );
    return {
      name: group.name,
      peerId: identity.peerId,
      get addresses() {
        return operation.addresses;
      },
      start: (signal) => group.start(signal),
      stop: async () => {
        try {
          await group.stop();
        } finally {
          await closeAll();
        }
      },
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

function seal(identity: Identity, mnemonic: string) {
  return sealed(identity, operatorFromMnemonic(mnemonic));
}

function sealed(identity: Identity, key: OperatorKey) {
  return { publicKey: key.publicKey, sealed: sealOperator(identity, key) };
}
