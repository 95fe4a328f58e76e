export type { LifeTiming, WorkerClient } from '../life/worker-life.js';
export type { BlobConnection } from '../sync/blob-fetcher.js';
export { SampledMetrics, type MetricFamily } from '../metrics/sampled-metrics.js';
export { childLine, type IpcPeer } from './line.js';
export type { Line, ProviderView, ToManager, ToRunner } from './messages.js';
export { Runner, type RunnerCollaborators, type RunnerOptions } from './runner.js';
