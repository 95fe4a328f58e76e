export {
  accountOfAddress,
  CallBuilder,
  type CallSource,
  type RegisterWorkerArgs,
} from './calls.js';
export { ChainFactsReader } from './chain-facts-reader.js';
export { describeFailure, type CallFailure } from './dispatch-error.js';
export { eraPeriod, eraPeriodOf, lastHeightOf, type MortalEra } from './era.js';
export { TxError, TxErrorCode } from './errors.js';
export type { BatchOutcome } from './outcome.js';
export { ParaApi, type Head, type ParaApiOptions, type RuntimeVersion } from './para-api.js';
export {
  PreflightReader,
  type ComputingRules,
  type PreflightFacts,
  type PreflightQuery,
  type ProxyFacts,
} from './preflight-reader.js';
export { Refusal } from './refusal.js';
export { remedyOf } from './remedies.js';
export {
  TxGateway,
  type AccountBalance,
  type BlockLimits,
  type BlockTxs,
  type CallWeight,
  type PoolStatus,
  type SignedTx,
  type SignRequest,
} from './tx-gateway.js';
export {
  SessionState,
  type ChainFacts,
  type ChainFactsQuery,
  type PoolFacts,
  type SessionFacts,
  type WorkerFacts,
} from './worker-facts.js';
