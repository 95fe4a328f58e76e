export { AbortScope } from './abort-scope.js';
export { bytesEqual, concatBytes, fromHex, toHex } from './bytes.js';
export { BoundedQueue, type BoundedQueueOptions } from './bounded-queue.js';
export { ByteLru, type ByteLruOptions } from './byte-lru.js';
export {
  abortedError,
  BaseErrorCode,
  BridgeError,
  isAbortError,
  isBridgeError,
  messageOf,
  type ErrorDetails,
  type ErrorObject,
  type Facts,
  type Hex,
} from './errors.js';
export { Limiter, type LimiterOptions, type RunOptions } from './limiter.js';
export {
  silentLogger,
  silentMetrics,
  type Counter,
  type Gauge,
  type Histogram,
  type Labels,
  type Logger,
  type MetricOptions,
  type MetricsRegister,
} from './observability.js';
export { ServiceGroup, TaskGroup, type Service } from './service.js';
export { SingleFlight } from './single-flight.js';
export {
  Backoff,
  retry,
  sleep,
  systemClock,
  withTimeout,
  type BackoffOptions,
  type Clock,
  type RetryOptions,
} from './time.js';
export { Watched } from './watched.js';
