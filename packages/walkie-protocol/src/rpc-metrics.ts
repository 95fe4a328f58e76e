import type { Counter, Histogram, MetricsRegister } from '@runtime-bridge/base';

/** What is counted about calls, on both sides. */
export interface RpcMetrics {
  /** Calls by side (`client`, `server`), method and outcome (`ok` or the code of the error). */
  readonly calls: Counter;
  /** Seconds from the first to the last byte. */
  readonly durationSeconds: Histogram;
}

/** A kept connection answers in about a millisecond, a dial takes some ten, deadlines are tens of seconds. */
const BUCKETS_SECONDS = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30];

export function createRpcMetrics(metrics: MetricsRegister): RpcMetrics {
  return {
    calls: metrics.counter({
      name: 'runtime_bridge_walkie_calls_total',
      help: 'Walkie calls by side, method and outcome',
      labels: ['side', 'method', 'outcome'],
    }),
    durationSeconds: metrics.histogram({
      name: 'runtime_bridge_walkie_call_duration_seconds',
      help: 'Time of Walkie calls by side and method',
      labels: ['side', 'method'],
      buckets: BUCKETS_SECONDS,
    }),
  };
}
