export { devGenesis } from './genesis.js';
export { ParaRuntime } from './runtime.js';
export { codeOf, releaseIn, releaseOf, stateVersionOf } from './release.js';
export { TxPool } from './pool.js';
