import type { Service } from '@runtime-bridge/base';
import { loadOrCreateIdentity } from '@runtime-bridge/keystore';
import { StandbyService } from '@runtime-bridge/service-kit';
import { RedisLease } from '@runtime-bridge/tx-queue';

import { redisOf } from './redis.js';
import { createLifecycle, type LifecycleCollaborators } from './service.js';
import type { LifecycleSettings } from './settings.js';

/**
 * The lifecycle manager as it runs in production. Where the queue is in Redis, another one on it may be at work already:
 * then this one stands by, touching neither stores nor workers, until that is gone. Without Redis, or in config mode,
 * there is nobody to wait for: a second one on the same volume is refused by its stores.
 * @throws KeystoreError when the identity cannot be read or made; the rest as createLifecycle
 */
export async function createManager(
  settings: LifecycleSettings,
  collaborators: LifecycleCollaborators,
): Promise<Service> {
  const { configMode, leaseMs } = settings;
  const redis = redisOf(settings);
  if (!redis || configMode) return createLifecycle(settings, collaborators);
  const { logger, health, metrics } = collaborators;
  const identity = await loadOrCreateIdentity(
    {
      directory: settings.identityDirectory,
      name: 'LIFECYCLE',
      passphrase: settings.identityPassphrase,
    },
    { logger },
  );
  logger.info('Got my peer id', { peerId: identity.peerId });
  const source = new RedisLease(
    { ...redis, role: 'manager', identity: identity.peerId, leaseMs },
    { logger },
  );
  return new StandbyService(
    { name: 'lifecycle' },
    {
      source,
      build: (tenure, turnMetrics) =>
        createLifecycle(settings, { ...collaborators, metrics: turnMetrics, tenure }),
      health,
      logger,
      metrics,
    },
  );
}
