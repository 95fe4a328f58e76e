import type { Gauge, Labels, MetricsRegister } from '@runtime-bridge/base';
import prometheus from 'prom-client';

/** Metrics of a process, which Prometheus can read. */
export interface ProcessMetrics extends MetricsRegister {
  /** The text of `/metrics`. */
  expose(): Promise<string>;
  readonly contentType: string;
}

/** A register on prom-client, with the process's own metrics (CPU, memory, event loop) in it. */
export function createMetrics(options: { service: string }): ProcessMetrics {
  const registry = new prometheus.Registry();
  registry.setDefaultLabels({ service: options.service });
  prometheus.collectDefaultMetrics({ register: registry, prefix: 'runtime_bridge_' });
  const names = (labels: readonly string[] | undefined) => [...(labels ?? [])];
  return {
    counter({ name, help, labels }) {
      const counter = new prometheus.Counter({
        name,
        help,
        labelNames: names(labels),
        registers: [registry],
      });
      return { inc: (values: Labels = {}, by = 1) => counter.inc(values, by) };
    },
    gauge({ name, help, labels, collect }) {
      const gauge = new prometheus.Gauge({
        name,
        help,
        labelNames: names(labels),
        registers: [registry],
        ...(collect ? { collect: () => collect(wrapped) } : {}),
      });
      const wrapped: Gauge = {
        set: (value: number, values: Labels = {}) => gauge.set(values, value),
        inc: (values: Labels = {}, by = 1) => gauge.inc(values, by),
        dec: (values: Labels = {}, by = 1) => gauge.dec(values, by),
      };
      return wrapped;
    },
    histogram({ name, help, labels, buckets }) {
      const histogram = new prometheus.Histogram({
        name,
        help,
        labelNames: names(labels),
        buckets: [...buckets],
        registers: [registry],
      });
      return { observe: (value: number, values: Labels = {}) => histogram.observe(values, value) };
    },
    expose: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
