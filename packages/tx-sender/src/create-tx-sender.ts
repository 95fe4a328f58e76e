import type { Logger, MetricsRegister } from '@runtime-bridge/base';
import { TxGateway, type ParaApi } from '@runtime-bridge/chain-client/tx';
import { openOperator, type Identity } from '@runtime-bridge/keystore';
import {
  FencedStore,
  type JobConsumer,
  type JobOperator,
  type RedisLease,
  type Tenure,
} from '@runtime-bridge/tx-queue';
import { LevelJournal } from './level-journal.js';
import { defaultTxSenderOptions, type TxSenderOptions } from './options.js';
import { ReplicatedJournal } from './replicated-journal.js';
import { TxSender } from './tx-sender.js';

/** What a trader that shares its queue with others is given for its time as the one that works. */
export interface TraderTurn {
  lease: RedisLease;
  tenure: Tenure;
}

/**
 * The trader as it runs in production. The caller starts the API before it, and stops it after.
 * @param options `journalPath` is the directory of the journal, for this sender alone
 */
export function createTxSender(
  options: Partial<TxSenderOptions> & { journalPath: string },
  collaborators: {
    consumer: JobConsumer;
    para: ParaApi;
    /** For which the operator keys of the jobs are sealed. */
    identity: Identity;
    /** Finds operators of jobs that bring none along. @default such jobs fail */
    operatorOf?: (pool: string) => Promise<JobOperator | undefined>;
    /** Given where others may take over; then they find a copy of the journal beside the queue. */
    turn?: TraderTurn;
    logger: Logger;
    metrics: MetricsRegister;
  },
): TxSender {
  const { journalPath, ...senderOptions } = options;
  const { consumer, para, identity, turn, operatorOf, logger, metrics } = collaborators;
  const { maxRemembered, maxHistory } = { ...defaultTxSenderOptions, ...senderOptions };
  const local = new LevelJournal({ path: journalPath, maxRemembered, maxHistory }, { logger });
  return new TxSender(senderOptions, {
    consumer,
    chain: new TxGateway({}, { para }),
    journal: turn
      ? new ReplicatedJournal(
          {},
          {
            local,
            store: new FencedStore({ tenure: turn.tenure }, { lease: turn.lease, logger }),
            logger,
          },
        )
      : local,
    openOperator: (sealed) => openOperator(identity, sealed),
    ...(operatorOf ? { operatorOf } : {}),
    logger,
    metrics,
  });
}
