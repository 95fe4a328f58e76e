import type { Clock, Logger, MetricsRegister } from '@runtime-bridge/base';
import type { OperatorKey } from '@runtime-bridge/keystore';
import type { JobConsumer, JobOperator } from '@runtime-bridge/tx-queue';
import type { AccountStatus } from './account-watch.js';
import type { Journal } from './journal.js';
import type { TxChain } from './tx-chain.js';

/** What the sender works with. */
export interface TxSenderCollaborators {
  consumer: JobConsumer;
  chain: TxChain;
  journal: Journal;
  /** Opens the sealed operator key of a job. */
  openOperator: (sealed: Uint8Array) => OperatorKey;
  /** Finds the operator of a pool (decimal text) for a job that brings none along. @default such jobs fail */
  operatorOf?: (pool: string) => Promise<JobOperator | undefined>;
  logger: Logger;
  metrics: MetricsRegister;
  clock?: Clock;
}

/** How much there is to do. */
export interface TxSenderStatus {
  /** Jobs that are not over: waiting, or in a transaction that is not finalised. */
  jobs: number;
  /** Jobs that wait for a transaction. */
  waiting: number;
  /** Transactions sent and not in a block. */
  inFlight: number;
  /** Transactions neither finalised nor expired. */
  open: number;
  /** The accounts that sign and pay. */
  accounts: AccountStatus[];
}
