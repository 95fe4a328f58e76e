import type { ChildProcess } from 'node:child_process';

import type { Logger, MetricsRegister, Service } from '@runtime-bridge/base';
import { ExitCode, ServiceError, ServiceErrorCode } from '@runtime-bridge/service-kit';
import {
  DEFAULT_MAX_JOBS,
  EmbeddedQueue,
  EmbeddedQueueHost,
  ipcChannel,
  RedisProducer,
  type JobProducer,
} from '@runtime-bridge/tx-queue';
import {
  arenaPage,
  listPage,
  PageServer,
  type OpenPage,
} from '@runtime-bridge/tx-sender/queue-page';

import { ChildKeeper } from './child-keeper.js';
import type { LifecycleSettings } from './settings.js';
import { TraderLine } from './trader-line.js';
import { LocalTransactions } from './transaction-book.js';

/** Jobs and transactions that the page shows. */
const PAGE_JOBS = 1_000;
const PAGE_TRANSACTIONS = 100;

/** Jobs of the queue that the list of transactions knows: all. */
const MAX_LISTED_JOBS = DEFAULT_MAX_JOBS;

/** What the queue is made with. */
export interface QueueCollaborators {
  /** Starts the built-in trader's process. */
  forkTrader: () => ChildProcess;
  logger: Logger;
  metrics: MetricsRegister;
}

/**
 * The asking end of the transaction queue, and the built-in trader with its page where there is one.
 * @returns the services in the order in which they start, and the list of transactions where the trader is ours
 * @throws ServiceError BAD_SETTINGS when nobody would ever take a job
 */
export function createQueue(
  settings: LifecycleSettings,
  { forkTrader, logger, metrics }: QueueCollaborators,
): { producer: JobProducer; services: Service[]; transactions?: LocalTransactions } {
  const { redisEndpoint, builtInTrader } = settings;
  const traderLine = new TraderLine();
  const history: TraderLine['history'] = (query, signal) => traderLine.history(query, signal);
  if (redisEndpoint !== undefined) {
    const producer = new RedisProducer({ url: redisEndpoint }, { logger, metrics });
    const trader = new ChildKeeper(
      { name: 'trader' },
      { fork: forkTrader, attach: async (child) => detacher(traderLine.attach(child)), logger },
    );
    if (!builtInTrader) return { producer, services: [producer] };
    const page = queuePage(settings, () => arenaPage({ url: redisEndpoint }, { logger }), logger);
    // What waits in Redis is on its page.
    const transactions = new LocalTransactions({ jobs: () => [], history });
    return { producer, services: [producer, trader, ...page], transactions };
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
        const endLine = traderLine.attach(child);
        return async () => {
          endLine();
          await host.stop();
        };
      },
      logger,
    },
  );
  const listing = async () => ({
    ...(await queue.counts()),
    jobs: queue.list(PAGE_JOBS),
    // A trader that is just being started is no reason to show nothing.
    ...(await traderLine.history({ limit: PAGE_TRANSACTIONS }).then(
      (history) => ({ history }),
      () => ({}),
    )),
  });
  const page = queuePage(settings, () => listPage(listing), logger);
  const transactions = new LocalTransactions({ jobs: () => queue.list(MAX_LISTED_JOBS), history });
  return { producer: queue, services: [queue, trader, ...page], transactions };
}

/** The page about the queue, unless it is not wanted. */
function queuePage(settings: LifecycleSettings, open: () => OpenPage, logger: Logger): Service[] {
  const { queuePagePort: port, queuePageToken: token } = settings;
  if (port === 0) return [];
  const tokenFile = `${settings.traderStorePath}.page-token`;
  return [new PageServer({ port, token, tokenFile }, { open, logger })];
}

function detacher(detach: () => void): () => Promise<void> {
  return () => {
    detach();
    return Promise.resolve();
  };
}
