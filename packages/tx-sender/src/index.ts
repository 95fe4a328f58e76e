export { createTxSender, type TraderTurn } from './create-tx-sender.js';
export { TxSenderError, TxSenderErrorCode } from './errors.js';
export type { AccountStatus } from './account-watch.js';
export {
  MAX_HISTORY_PAGE,
  type HistoryPage,
  type HistoryQuery,
  type TxHistory,
  type TxJobRecord,
  type TxRecord,
  type TxState,
} from './history.js';
export type {
  Failure,
  JobEnd,
  Journal,
  JournalContent,
  JournalEntry,
  JournalJob,
  Success,
} from './journal.js';
export { LevelJournal } from './level-journal.js';
export { defaultTxSenderOptions, type TxSenderOptions } from './options.js';
export { preflight, type PreflightSigner } from './preflight.js';
export {
  PreflightProducer,
  type PreflightCollaborators,
  type PreflightSource,
} from './preflight-producer.js';
export { ChainPreflight } from './preflight-source.js';
export { remoteFees, remoteHistory } from './remote-history.js';
export { ReplicatedJournal, type ReplicaStore } from './replicated-journal.js';
export type { TxCalls, TxChain } from './tx-chain.js';
export type { TxSenderCollaborators, TxSenderStatus } from './sender-parts.js';
export { TxSender } from './tx-sender.js';
