export { ipcChannel, type IpcEndpoint, type QueueChannel } from './channel.js';
export { EmbeddedConsumer } from './embedded-consumer.js';
export { EmbeddedQueueClient, EmbeddedQueueHost } from './embedded-ipc.js';
export { EmbeddedQueue, type EmbeddedQueueOptions, type QueuedJobInfo } from './embedded-queue.js';
export { TxQueueError, TxQueueErrorCode } from './errors.js';
export {
  formatJobId,
  JobAction,
  jobLimits,
  parseJobRequest,
  type JobOperator,
  type JobOutcome,
  type JobRequest,
  type ReceivedJob,
  type TxJob,
} from './job.js';
export {
  DEFAULT_CONCURRENCY,
  DEFAULT_MAX_JOBS,
  QUEUE_NAME,
  type JobConsumer,
  type JobHandler,
  type JobProducer,
  type QueueCounts,
} from './queue.js';
export { openQueueWindow, type QueueWindow } from './redis/queue-window.js';
export type { RedisConnectionOptions } from './redis/bee-connection.js';
export { RedisConsumer, type RedisConsumerOptions } from './redis/redis-consumer.js';
export { RedisProducer, type RedisProducerOptions } from './redis/redis-producer.js';
export { FencedStore, type StoreWrite } from './lease/fenced-store.js';
export { JobGate, type JobGateOptions } from './lease/job-gate.js';
export { LeaseConnection, type LeaseRole } from './lease/lease-connection.js';
export {
  DEFAULT_LEASE_MS,
  RedisLease,
  type LeaseState,
  type RedisLeaseOptions,
  type Tenure,
} from './lease/redis-lease.js';
