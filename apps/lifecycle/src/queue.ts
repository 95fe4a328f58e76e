import type { ChildProcess } from 'node:child_process';

import type { Logger, MetricsRegister, Service } from '@runtime-bridge/base';
import { ExitCode, ServiceError, ServiceErrorCode } from '@runtime-bridge/service-kit';
import {
  EmbeddedQueue,
  EmbeddedQueueHost,
  ipcChannel,
  RedisProducer,
  type JobProducer,
} from '@runtime-bridge/tx-queue';

import { ChildKeeper } from './child-keeper.js';
import type { LifecycleSettings } from './settings.js';

/** What the queue is made with. */
export interface QueueCollaborators {
  /** Starts the built-in trader's process. */
  forkTrader: () => ChildProcess;
  logger: Logger;
  metrics: MetricsRegister;
}

/**
 * The asking end of the transaction queue, and the built-in trader where there is one.
 * @returns the services in the order in which they start
 * @throws ServiceError BAD_SETTINGS when nobody would ever take a job
 */
export function createQueue(
  settings: LifecycleSettings,
  { forkTrader, logger, metrics }: QueueCollaborators,
): { producer: JobProducer; services: Service[] } {
  const { redisEndpoint, builtInTrader } = settings;
  if (redisEndpoint !== undefined) {
    const producer = new RedisProducer({ url: redisEndpoint }, { logger, metrics });
    const trader = new ChildKeeper(
      { name: 'trader' },
      { fork: forkTrader, attach: async () => async () => undefined, logger },
    );
    return { producer, services: builtInTrader ? [producer, trader] : [producer] };
  }
  if (!builtInTrader) {
    throw new ServiceError(
      ServiceErrorCode.BAD_SETTINGS,
      'PHALA_Q_REDIS_ENDPOINT is not set, and USE_BUILT_IN_TRADER is not true: nobody would send transactions',
      {
        facts: { exitCode: ExitCode.BAD_SETTINGS },
        remedy: 'Set one of them.',
      },
    );
  }
  const queue = new EmbeddedQueue({}, { logger, metrics });
  const trader = new ChildKeeper(
    { name: 'trader' },
    {
      fork: forkTrader,
      attach: async (child) => {
        const host = new EmbeddedQueueHost({}, { queue, channel: ipcChannel(child), logger });
        await host.start();
        return () => host.stop();
      },
      logger,
    },
  );
  return { producer: queue, services: [queue, trader] };
}
