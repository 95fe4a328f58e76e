export { createTxSender } from './create-tx-sender.js';
export { TxSenderError, TxSenderErrorCode } from './errors.js';
export type { Journal, JournalContent, JournalEntry, JournalJob, Success } from './journal.js';
export { LevelJournal } from './level-journal.js';
export { defaultTxSenderOptions, type TxSenderOptions } from './options.js';
export type { TxCalls, TxChain } from './tx-chain.js';
export { TxSender, type TxSenderCollaborators, type TxSenderStatus } from './tx-sender.js';
