import type { Facts } from './errors.js';

/**
 * Where log lines go. One event is one line: a constant message, flat facts, and the error if there is one.
 * Levels: trace = each message of a protocol; debug = each step; info = what an operator wants to have seen;
 * warn = something is wrong and is being dealt with; error = something failed and somebody should look;
 * fatal = the process ends.
 */
export interface Logger {
  trace(message: string, facts?: Facts, error?: unknown): void;
  debug(message: string, facts?: Facts, error?: unknown): void;
  info(message: string, facts?: Facts, error?: unknown): void;
  warn(message: string, facts?: Facts, error?: unknown): void;
  error(message: string, facts?: Facts, error?: unknown): void;
  fatal(message: string, facts?: Facts, error?: unknown): void;
  /** A logger that adds these facts to each line. */
  child(context: Facts): Logger;
}

const nothing = () => {};

/** A logger that says nothing. */
export const silentLogger: Logger = {
  trace: nothing,
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  fatal: nothing,
  child: () => silentLogger,
};

/** Label values of one sample. */
export type Labels = Readonly<Record<string, string | number>>;

/** Only grows. */
export interface Counter {
  inc(labels?: Labels, by?: number): void;
}

/** Goes up and down. */
export interface Gauge {
  set(value: number, labels?: Labels): void;
  inc(labels?: Labels, by?: number): void;
  dec(labels?: Labels, by?: number): void;
}

/** Counts values by size. */
export interface Histogram {
  observe(value: number, labels?: Labels): void;
}

/** What a metric is. Names are `runtime_bridge_<area>_<what>_<unit>`, times in seconds, sizes in bytes. */
export interface MetricOptions {
  name: string;
  help: string;
  labels?: readonly string[];
}

/** Where metrics are made, beside their owner. */
export interface MetricsRegister {
  counter(options: MetricOptions): Counter;
  /** `collect` is called at each scrape, for values that are costly to keep up to date. */
  gauge(options: MetricOptions & { collect?: (gauge: Gauge) => void }): Gauge;
  histogram(options: MetricOptions & { buckets: readonly number[] }): Histogram;
}

/** Metrics that go nowhere. */
export const silentMetrics: MetricsRegister = {
  counter: () => ({ inc: nothing }),
  gauge: () => ({ set: nothing, inc: nothing, dec: nothing }),
  histogram: () => ({ observe: nothing }),
};
