import {
  ServiceGroup,
  type Logger,
  type MetricsRegister,
  type Service,
} from '@runtime-bridge/base';
import { ParaApi } from '@runtime-bridge/chain-client/tx';
import { loadOrCreateIdentity } from '@runtime-bridge/keystore';
import { StandbyService } from '@runtime-bridge/service-kit';
import {
  EmbeddedQueueClient,
  ipcChannel,
  JobGate,
  RedisConsumer,
  RedisLease,
  type IpcEndpoint,
} from '@runtime-bridge/tx-queue';
import { createTxSender } from '@runtime-bridge/tx-sender';

import { redisOf } from './redis.js';
import type { LifecycleSettings } from './settings.js';
import { traderLineEnd } from './trader-line.js';

/** What the built-in trader works with. */
export interface TraderCollaborators {
  /** Its line to the manager. */
  ipc: IpcEndpoint;
  logger: Logger;
  metrics: MetricsRegister;
}

/**
 * The built-in trader: the same as the one that runs by itself, fed by the manager's embedded queue or by Redis.
 * @throws KeystoreError when the identity cannot be read
 */
export async function createTrader(
  settings: LifecycleSettings,
  { ipc, logger, metrics }: TraderCollaborators,
): Promise<Service> {
  const identity = await loadOrCreateIdentity(
    {
      directory: settings.identityDirectory,
      name: 'LIFECYCLE',
      passphrase: settings.identityPassphrase,
    },
    { logger },
  );
  const group = new ServiceGroup('trader', { logger });
  const para = new ParaApi({ endpoints: settings.paraEndpoints }, { logger, metrics });
  const redis = redisOf(settings);
  const { traderStorePath: journalPath, leaseMs } = settings;
  const { batchWaitMs, maxBatchCalls, eraBlocks, tip, minBalance } = settings;
  const options = { journalPath, batchWaitMs, maxBatchCalls, eraBlocks, tip, minBalance };
  if (!redis) {
    const consumer = new EmbeddedQueueClient({}, { channel: ipcChannel(ipc), logger });
    const sender = createTxSender(options, { consumer, para, identity, logger, metrics });
    // First, so that the manager is answered, if only with why not, while a node is waited for.
    group.add(traderLineEnd(ipc, sender));
    group.add(para);
    group.add(sender);
    return group;
  }
  const lease = new RedisLease(
    { ...redis, role: 'trader', identity: identity.peerId, leaseMs },
    { logger },
  );
  group.add(para);
  group.add(
    new StandbyService(
      { name: 'trader' },
      {
        source: lease,
        build: (tenure, turnMetrics) => {
          const gate = new JobGate({}, { connection: lease.connection, logger });
          const consumer = new RedisConsumer(redis, { logger, gate });
          return Promise.resolve(
            createTxSender(options, {
              ...{ consumer, para, identity, logger, metrics: turnMetrics },
              turn: { lease, tenure },
            }),
          );
        },
        logger,
        metrics,
      },
    ),
  );
  return group;
}
