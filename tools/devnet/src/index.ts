export {
  startChains,
  ConfigMismatchError,
  type ChainsOptions,
  type ConsensusOptions,
  type RunningChains,
} from './chain/start.js';
export { RealClock, SteppedClock, type SlotClock } from './chain/clock.js';
export { lineLog, silentLog, type Log } from './log.js';
export type { RelayEra } from './relay/state.js';
export {
  startWorkers,
  PRUNTIME_VERSIONS,
  type PruntimeVersion,
  type RunningWorkers,
  type WorkersOptions,
} from './workers/index.js';
export { ChainDriver, type Heights } from './chain/driver.js';
export {
  FaultBook,
  FaultRequestError,
  NODE_FAULTS,
  parseFault,
  type FaultInForce,
  type FaultRequest,
} from './faults/index.js';
