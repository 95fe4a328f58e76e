export { ChainFactsReader } from './chain-facts-reader.js';
export { TxError, TxErrorCode } from './errors.js';
export { ParaApi, type Head, type ParaApiOptions, type RuntimeVersion } from './para-api.js';
export {
  SessionState,
  type ChainFacts,
  type ChainFactsQuery,
  type PoolFacts,
  type SessionFacts,
  type WorkerFacts,
} from './worker-facts.js';
