export { BlockStoreError, BlockStoreErrorCode, Check, isRefusal } from './errors.js';
export {
  PeerEndpoint,
  type PeerBlobs,
  type PeerEndpointCollaborators,
  type PeerEndpointOptions,
} from './peer/peer-endpoint.js';
export { SCHEMA, type ChainId, type Meta } from './rows/meta.js';
export type { RangeEnd } from './rows/range-end.js';
export { defaultStateKeeperOptions, type StateKeeperOptions } from './state/state-keeper.js';
export {
  BlockStore,
  type BlockStoreOptions,
  type GenesisRows,
  type RangeRows,
  type StoreHeights,
} from './store/block-store.js';
export { DiskRoom, freeBytesOf, type FreeBytes } from './store/disk-room.js';
export { defaultDatabaseOptions } from './store/database.js';
export {
  ChainSync,
  type ChainSyncCollaborators,
  type ChainSyncOptions,
  type Targets,
} from './sync/chain-sync.js';
export { defaultParaSyncOptions, type ParaSyncOptions, type VerifyMode } from './sync/para-sync.js';
export { ProgressMeter, type Progress } from './sync/progress.js';
export { defaultRelaySyncOptions, type RelaySyncOptions } from './sync/relay-sync.js';
export type { SideState, SyncStatus } from './sync/sync-status.js';
export { compactStore, inspectStore, type StoreSummary } from './transfer/inspect-store.js';
export { expectStoreFile } from './transfer/store-file.js';
export { exportStore, importStore, type TransferOptions } from './transfer/transfer.js';
export {
  verifyStore,
  type OnProgress,
  type VerifiedStore,
  type VerifyStoreOptions,
} from './transfer/verify-store.js';
export type { BlobParts } from './views/blob-loads.js';
export {
  BlobViews,
  defaultBlobViewsOptions,
  type Blob,
  type BlobViewsOptions,
} from './views/blob-views.js';
