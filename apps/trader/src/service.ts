import { readFile } from 'node:fs/promises';
import {
  ServiceGroup,
  systemClock,
  type Logger,
  type MetricsRegister,
  type Service,
} from '@runtime-bridge/base';
import { ParaApi } from '@runtime-bridge/chain-client/tx';
import { loadOrCreateIdentity } from '@runtime-bridge/keystore';
import { StandbyService, type Health } from '@runtime-bridge/service-kit';
import { JobGate, RedisConsumer, RedisLease } from '@runtime-bridge/tx-queue';
import { createTxSender, type TxSender } from '@runtime-bridge/tx-sender';
import { arenaPage, PageServer } from '@runtime-bridge/tx-sender/queue-page';
import { HealthReporter } from './health-reporter.js';
import { Operators2022 } from './operators-2022.js';
import type { TraderSettings } from './settings.js';

/** What the trader works with. */
export interface TraderCollaborators {
  logger: Logger;
  metrics: MetricsRegister;
  health: Health;
}

/**
 * Puts the trader together. Nothing is connected to before it is started.
 * @throws KeystoreError when the identity cannot be read
 */
export async function createTrader(
  settings: TraderSettings,
  { logger, metrics, health }: TraderCollaborators,
): Promise<Service> {
  // Operator keys are sealed for the lifecycle manager, whose identity the trader shares.
  const identity = await loadOrCreateIdentity(
    {
      directory: settings.identityDirectory,
      name: 'LIFECYCLE',
      passphrase: settings.identityPassphrase,
    },
    { logger },
  );
  logger.info('Got my peer id', { peer: identity.peerId });
  const para = new ParaApi({ endpoints: settings.paraEndpoints }, { logger, metrics });
  const { redisCaFile, localDbPath, leaseMs } = settings;
  const redis = {
    url: settings.redisEndpoint,
    ...(redisCaFile === undefined ? {} : { tls: { ca: await readFile(redisCaFile, 'utf8') } }),
  };
  const { journalPath, batchWaitMs, maxBatchCalls, eraBlocks, tip, minBalance } = settings;
  const operators = new Operators2022({ path: localDbPath }, { logger });
  const lease = new RedisLease(
    { ...redis, role: 'trader', identity: identity.peerId, leaseMs },
    { logger },
  );
  let working: { consumer: RedisConsumer; sender: TxSender } | undefined;
  const standby = new StandbyService(
    { name: 'trader' },
    {
      source: lease,
      build: (tenure, turnMetrics) => {
        const gate = new JobGate({}, { connection: lease.connection, logger });
        const consumer = new RedisConsumer(redis, { logger, gate });
        const sender = createTxSender(
          { journalPath, batchWaitMs, maxBatchCalls, eraBlocks, tip, minBalance },
          {
            ...{ consumer, para, identity, logger, metrics: turnMetrics },
            operatorOf: (pool) => operators.of(pool),
            turn: { lease, tenure },
          },
        );
        working = { consumer, sender };
        return Promise.resolve(sender);
      },
      health,
      logger,
      metrics,
    },
  );
  const group = new ServiceGroup('trader', { logger });
  group.add(
    new HealthReporter({
      ...{ para, lease, health, logger, clock: systemClock },
      working: () => working,
    }),
  );
  const { queuePagePort: port, queuePageToken: token } = settings;
  if (port !== 0) {
    group.add(
      new PageServer(
        { port, token, tokenFile: `${journalPath}.page-token` },
        { open: () => arenaPage(redis, { logger }), logger },
      ),
    );
  }
  group.add(para);
  group.add(standby);
  return group;
}
