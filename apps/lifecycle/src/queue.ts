import type { ChildProcess } from 'node:child_process';

import type { Logger, MetricsRegister, Service } from '@runtime-bridge/base';
import { ExitCode, ServiceError, ServiceErrorCode } from '@runtime-bridge/service-kit';
import {
  DEFAULT_MAX_JOBS,
  EmbeddedQueue,
  EmbeddedQueueHost,
  ipcChannel,
  LeaseConnection,
  RedisProducer,
  type JobProducer,
  type Tenure,
} from '@runtime-bridge/tx-queue';
import { remoteHistory } from '@runtime-bridge/tx-sender';
import {
  arenaPage,
  listPage,
  PageServer,
  type OpenPage,
} from '@runtime-bridge/tx-sender/queue-page';

import { ChildKeeper } from './child-keeper.js';
import { redisOf } from './redis.js';
import type { LifecycleSettings } from './settings.js';
import { TraderLine } from './trader-line.js';
import { LocalTransactions } from './transaction-book.js';

/** Jobs and transactions that the page shows. */
const PAGE_JOBS = 1_000;
const PAGE_TRANSACTIONS = 100;

/** Jobs of the queue that the list of transactions knows: all. */
const MAX_LISTED_JOBS = DEFAULT_MAX_JOBS;

/** Jobs in Redis that the list of transactions knows, the waiting ones first. */
const MAX_LISTED_REDIS_JOBS = 2_000;

/** What the queue is made with. */
export interface QueueCollaborators {
  /** Starts the built-in trader's process. */
  forkTrader: () => ChildProcess;
  /** Held by this manager; undefined without Redis. */
  tenure?: Tenure | undefined;
  logger: Logger;
  metrics: MetricsRegister;
}

/**
 * The asking end of the transaction queue, and the built-in trader with its page where there is one.
 * @returns the services in the order in which they start, and the list of transactions, whoever sends them
 * @throws ServiceError BAD_SETTINGS when nobody would ever take a job
 */
export function createQueue(
  settings: LifecycleSettings,
  { forkTrader, tenure, logger, metrics }: QueueCollaborators,
): { producer: JobProducer; services: Service[]; transactions: LocalTransactions } {
  const { builtInTrader } = settings;
  const redis = redisOf(settings);
  const traderLine = new TraderLine();
  const history: TraderLine['history'] = (query, signal) => traderLine.history(query, signal);
  if (redis) {
    const producer = new RedisProducer(
      { ...redis, ...(tenure ? { epoch: tenure.epoch } : {}) },
      { logger, metrics },
    );
    const connection = new LeaseConnection(redis, { logger });
    // Whoever sends: what its journal holds has a copy beside the queue.
    const transactions = new LocalTransactions({
      jobs: () => producer.list(MAX_LISTED_REDIS_JOBS),
      history: (query) => remoteHistory(connection, query),
    });
    const looking: Service = {
      name: 'window into the trader',
      start: () => Promise.resolve(),
      stop: () => Promise.resolve(connection.close()),
    };
    const services: Service[] = [producer, looking];
    if (builtInTrader) {
      services.push(
        new ChildKeeper(
          { name: 'trader' },
          { fork: forkTrader, attach: () => Promise.resolve(() => Promise.resolve()), logger },
        ),
        ...queuePage(settings, () => arenaPage(redis, { logger }), logger),
      );
    }
    return { producer, services, transactions };
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
  const transactions = new LocalTransactions({
    jobs: () => Promise.resolve(queue.list(MAX_LISTED_JOBS)),
    history,
  });
  return { producer: queue, services: [queue, trader, ...page], transactions };
}

/** The page about the queue, unless it is not wanted. */
function queuePage(settings: LifecycleSettings, open: () => OpenPage, logger: Logger): Service[] {
  const { queuePagePort: port, queuePageToken: token } = settings;
  if (port === 0) return [];
  const tokenFile = `${settings.traderStorePath}.page-token`;
  return [new PageServer({ port, token, tokenFile }, { open, logger })];
}
