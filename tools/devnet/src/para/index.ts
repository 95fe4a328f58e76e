export { type BlockInput, type BuiltBlock, type LeftOut } from './block-builder.js';
export { BadExtrinsic, InvalidTransaction } from './errors.js';
export { decodeExtrinsic, extrinsicHash, type Extrinsic } from './extrinsic.js';
export {
  devAccounts,
  devGenesis,
  type DevName,
  type GenesisPool,
  type GenesisProxy,
  type ParaGenesis,
} from './genesis.js';
export type { RuntimeConfig } from './pallet.js';
export { defaultRuntimeConfig, ParaRuntime } from './runtime.js';
export { codeOf, releaseIn, releaseOf, stateVersionOf, type Release } from './release.js';
export { type TxValidity } from './signed-checks.js';
export { defaultPoolOptions, TxPool, type PoolOptions, type PoolParts } from './pool.js';
export { PoolErrorCode } from './pool-errors.js';
