import type { Logger, MetricsRegister } from '@runtime-bridge/base';
import { TxGateway, type ParaApi } from '@runtime-bridge/chain-client/tx';
import { openOperator, type Identity } from '@runtime-bridge/keystore';
import type { JobConsumer } from '@runtime-bridge/tx-queue';
import { LevelJournal } from './level-journal.js';
import { defaultTxSenderOptions, type TxSenderOptions } from './options.js';
import { TxSender } from './tx-sender.js';

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
    logger: Logger;
    metrics: MetricsRegister;
  },
): TxSender {
  const { journalPath, ...senderOptions } = options;
  const { consumer, para, identity, logger, metrics } = collaborators;
  const { maxRemembered, maxHistory } = { ...defaultTxSenderOptions, ...senderOptions };
  return new TxSender(senderOptions, {
    consumer,
    chain: new TxGateway({}, { para }),
    journal: new LevelJournal({ path: journalPath, maxRemembered, maxHistory }, { logger }),
    openOperator: (sealed) => openOperator(identity, sealed),
    logger,
    metrics,
  });
}
