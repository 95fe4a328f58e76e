export { BlobReader } from './blob-reader.js';
export { feedWorker, type FeedOptions, type WorkerHeights } from './fed-worker.js';
export { HANG, RpcRefusal, type Exchange, type Lie } from './lie.js';
export * as lies from './lies.js';
export { LyingNode, type LyingNodeOptions } from './lying-node.js';
export {
  freePort,
  ProviderProcess,
  type LogLine,
  type ProviderHeights,
  type ProviderOptions,
} from './provider-process.js';
export { DevChains } from './dev-chains.js';
export { differencesOf, type Difference, type Span } from './truth.js';
export { RecordFields } from './record-fields.js';
