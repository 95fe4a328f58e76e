import type {
  Counter,
  Gauge,
  Histogram,
  Labels,
  MetricOptions,
  MetricsRegister,
} from '@runtime-bridge/base';

import { metricLimits, type MetricFamily } from './sampled-metrics.js';

/** Processes whose metrics are shown at most; each has some dozens of values. */
const MAX_PROCESSES = 1_000;
const NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

type Metric =
  | { kind: 'counter'; labels: readonly string[]; metric: Counter }
  | { kind: 'gauge'; labels: readonly string[]; metric: Gauge; collects: (() => void)[] }
  | { kind: 'histogram'; labels: readonly string[]; metric: Histogram };

/** Where the snapshots of one process go. */
export interface ProcessMetricsInlet {
  /** Shows a snapshot; what is malformed or beyond the limits is left out. */
  take(families: readonly MetricFamily[]): void;
  /** The process is gone: its gauges read 0, its counters stay. */
  end(): void;
}

/**
 * Metrics of a service that consists of several processes, in one register: every metric has the label `process`. What the
 * manager counts itself and what its children report may be the same metric.
 */
export class ProcessMetrics {
  /** For the manager's own metrics. */
  readonly own: MetricsRegister;
  readonly #register: MetricsRegister;
  readonly #metrics = new Map<string, Metric>();
  readonly #processes = new Set<string>();
  readonly #refused = new Set<string>();

  /** @param options.process what the manager itself is called */
  constructor(options: { process: string }, collaborators: { register: MetricsRegister }) {
    this.#register = collaborators.register;
    this.own = this.#registerOf(options.process);
  }

  /** The inlet of a child; one that is started again under its name goes on with its counters. */
  inlet(process: string): ProcessMetricsInlet {
    this.#processes.add(process);
    const known = this.#processes.size <= MAX_PROCESSES;
    const counted = new Map<string, number>();
    const gauges = new Map<string, () => void>();
    const take = ({ name, help, kind, labels, samples }: MetricFamily) => {
      const metric = this.#reported(kind, { name, help, labels });
      if (metric?.kind !== kind) return;
      for (const { labels: given, value } of samples) {
        if (!Number.isFinite(value)) continue;
        const values = { ...pick(given, metric.labels), process };
        const key = `${name} ${JSON.stringify(values)}`;
        if (metric.kind === 'gauge') {
          metric.metric.set(value, values);
          gauges.set(key, () => metric.metric.set(0, values));
        } else if (metric.kind === 'counter') {
          const before = counted.get(key) ?? 0;
          counted.set(key, value);
          // Less than before: another life of the process.
          const by = value < before ? value : value - before;
          if (by > 0) metric.metric.inc(values, by);
        }
      }
    };
    return {
      take: (families) => {
        if (!known) return;
        for (const family of bounded(families)) take(family);
      },
      end: () => {
        for (const clear of gauges.values()) clear();
        gauges.clear();
        counted.clear();
      },
    };
  }

  /** A name that the service itself has taken cannot be shown, which must not end the service. */
  #reported(kind: Metric['kind'], options: MetricOptions): Metric | undefined {
    if (this.#refused.has(options.name)) return undefined;
    try {
      return this.#metric(kind, options);
    } catch {
      this.#refused.add(options.name);
      return undefined;
    }
  }

  #registerOf(process: string): MetricsRegister {
    const values = (labels: Labels = {}) => ({ ...labels, process });
    return {
      counter: (options) => {
        const found = this.#metric('counter', options);
        if (found?.kind !== 'counter') throw clash(options.name);
        // Shown from the start, as one without labels is.
        if (found.labels.length === 0) found.metric.inc(values(), 0);
        return { inc: (labels, by) => found.metric.inc(values(labels), by) };
      },
      gauge: (options) => {
        const found = this.#metric('gauge', options);
        if (found?.kind !== 'gauge') throw clash(options.name);
        const gauge: Gauge = {
          set: (value, labels) => found.metric.set(value, values(labels)),
          inc: (labels, by) => found.metric.inc(values(labels), by),
          dec: (labels, by) => found.metric.dec(values(labels), by),
        };
        const { collect } = options;
        if (collect) found.collects.push(() => collect(gauge));
        return gauge;
      },
      histogram: (options) => {
        const found = this.#metric('histogram', options);
        if (found?.kind !== 'histogram') throw clash(options.name);
        return { observe: (value, labels) => found.metric.observe(value, values(labels)) };
      },
    };
  }

  #metric(
    kind: Metric['kind'],
    { name, help, labels = [], buckets = [] }: MetricOptions & { buckets?: readonly number[] },
  ): Metric | undefined {
    const known = this.#metrics.get(name);
    if (known) return known;
    if (this.#metrics.size >= metricLimits.maxFamilies * 2) return undefined;
    const metric = this.#create(kind, { name, help, labels: [...labels, 'process'] }, buckets);
    this.#metrics.set(name, { ...metric, labels });
    return this.#metrics.get(name);
  }

  #create(kind: Metric['kind'], options: MetricOptions, buckets: readonly number[]): Metric {
    const labels: string[] = [];
    switch (kind) {
      case 'counter':
        return { kind, labels, metric: this.#register.counter(options) };
      case 'histogram':
        return { kind, labels, metric: this.#register.histogram({ ...options, buckets }) };
      case 'gauge': {
        const collects: (() => void)[] = [];
        const collect = () => {
          for (const each of collects) each();
        };
        return { kind, labels, collects, metric: this.#register.gauge({ ...options, collect }) };
      }
    }
  }
}

function bounded(families: readonly MetricFamily[]): MetricFamily[] {
  let room: number = metricLimits.maxSamples;
  return families.slice(0, metricLimits.maxFamilies).flatMap((family) => {
    const named = [family.name, ...family.labels].every((name) => NAME.test(name));
    if (!named || family.help.length > metricLimits.maxTextLength) return [];
    const samples = family.samples.slice(0, room);
    room -= samples.length;
    return [{ ...family, samples }];
  });
}

function pick(labels: Labels, names: readonly string[]): Labels {
  return Object.fromEntries(
    names.map((name) => [name, String(labels[name] ?? '').slice(0, metricLimits.maxTextLength)]),
  );
}

function clash(name: string): Error {
  return new Error(`The metric ${name} is of another kind already, or there are too many metrics`);
}
