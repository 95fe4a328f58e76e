export {
  startChains,
  ConfigMismatchError,
  type ChainsOptions,
  type ConsensusOptions,
  type RunningChains,
} from './chain/start.js';
export { RealClock, type SlotClock } from './chain/clock.js';
export { lineLog, silentLog, type Log } from './log.js';
export type { RelayEra } from './relay/state.js';
export {
  startWorkers,
  PRUNTIME_VERSIONS,
  type PruntimeVersion,
  type RunningWorkers,
  type WorkersOptions,
} from './workers/index.js';
