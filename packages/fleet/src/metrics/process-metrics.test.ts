import type { Gauge, Labels, MetricsRegister } from '@runtime-bridge/base';
import { beforeEach, describe, expect, it } from 'vitest';

import { ProcessMetrics } from './process-metrics.js';
import { metricLimits, SampledMetrics } from './sampled-metrics.js';

/** A register that refuses a name twice, as Prometheus clients do, and shows its values at a scrape. */
class Register implements MetricsRegister {
  readonly #values = new Map<string, number>();
  readonly #names = new Map<string, readonly string[]>();
  readonly #collects: (() => void)[] = [];

  counter = ({ name, labels = [] }: { name: string; labels?: readonly string[] }) => {
    this.#claim(name, labels);
    return { inc: (values: Labels = {}, by = 1) => this.#change(name, values, by) };
  };

  gauge = (options: {
    name: string;
    labels?: readonly string[];
    collect?: (gauge: Gauge) => void;
  }) => {
    const { name } = options;
    this.#claim(name, options.labels ?? []);
    const gauge: Gauge = {
      set: (value, values = {}) => void this.#values.set(this.#key(name, values), value),
      inc: (values = {}, by = 1) => this.#change(name, values, by),
      dec: (values = {}, by = 1) => this.#change(name, values, -by),
    };
    this.#collects.push(() => options.collect?.(gauge));
    return gauge;
  };

  histogram = () => ({ observe: () => undefined });

  scrape(): Record<string, number> {
    for (const collect of this.#collects) collect();
    return Object.fromEntries(this.#values);
  }

  #claim(name: string, labels: readonly string[]): void {
    if (this.#names.has(name)) throw new Error(`${name} twice`);
    this.#names.set(name, labels);
  }

  #change(name: string, labels: Labels, by: number): void {
    const key = this.#key(name, labels);
    this.#values.set(key, (this.#values.get(key) ?? 0) + by);
  }

  #key(name: string, labels: Labels): string {
    for (const label of Object.keys(labels)) {
      if (!this.#names.get(name)!.includes(label)) throw new Error(`${name} has no label ${label}`);
    }
    return `${name}{${Object.entries(labels)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([label, value]) => `${label}=${value}`)
      .join(',')}}`;
  }
}

let register: Register;
let metrics: ProcessMetrics;

beforeEach(() => {
  register = new Register();
  metrics = new ProcessMetrics({ process: 'manager' }, { register });
});

describe('ProcessMetrics', () => {
  it('shows what the manager and its children count as one metric with the process as label', () => {
    const child = new SampledMetrics();
    child.counter({ name: 'calls_total', help: 'Calls', labels: ['method'] }).inc({ method: 'a' });
    let open = 3;
    child.gauge({ name: 'open_count', help: 'Open', collect: (gauge) => gauge.set(open) });
    metrics.inlet('runner-1').take(child.snapshot());
    metrics.own
      .counter({ name: 'calls_total', help: 'Calls', labels: ['method'] })
      .inc({ method: 'a' }, 5);
    metrics.own.gauge({ name: 'open_count', help: 'Open', collect: (gauge) => gauge.set(9) });
    expect(register.scrape()).toEqual({
      'calls_total{method=a,process=runner-1}': 1,
      'calls_total{method=a,process=manager}': 5,
      'open_count{process=runner-1}': 3,
      'open_count{process=manager}': 9,
    });
    open = 4;
    metrics.inlet('runner-2').take(child.snapshot());
    expect(register.scrape()).toMatchObject({ 'open_count{process=runner-2}': 4 });
  });

  it('never lets a counter go back when a child begins anew, and clears the gauges of one that is gone', () => {
    const first = new SampledMetrics();
    first.counter({ name: 'x_total', help: '' }).inc({}, 10);
    first.gauge({ name: 'y_bytes', help: '' }).set(7);
    const inlet = metrics.inlet('trader');
    inlet.take(first.snapshot());
    inlet.take(first.snapshot());
    expect(register.scrape()).toEqual({
      'x_total{process=trader}': 10,
      'y_bytes{process=trader}': 7,
    });
    inlet.end();
    expect(register.scrape()).toEqual({
      'x_total{process=trader}': 10,
      'y_bytes{process=trader}': 0,
    });
    const second = new SampledMetrics();
    second.counter({ name: 'x_total', help: '' }).inc({}, 4);
    const again = metrics.inlet('trader');
    again.take(second.snapshot());
    expect(register.scrape()).toMatchObject({ 'x_total{process=trader}': 14 });
    const third = new SampledMetrics();
    third.counter({ name: 'x_total', help: '' }).inc({}, 1);
    again.take(third.snapshot());
    expect(register.scrape()).toMatchObject({ 'x_total{process=trader}': 15 });
  });

  it('keeps the sum and the count of a histogram', () => {
    const child = new SampledMetrics();
    const histogram = child.histogram({ name: 'd_seconds', help: '', buckets: [1] });
    histogram.observe(2);
    histogram.observe(3);
    metrics.inlet('r').take(child.snapshot());
    expect(register.scrape()).toEqual({
      'd_seconds_sum{process=r}': 5,
      'd_seconds_count{process=r}': 2,
    });
  });

  it('leaves out what a child reports under a name that the service itself has taken', () => {
    const register = new Register();
    register.gauge({ name: 'taken' }).set(1);
    const inlet = new ProcessMetrics({ process: 'manager' }, { register }).inlet('trader');
    const family = (name: string) =>
      ({
        name,
        help: 'x',
        kind: 'gauge',
        labels: [],
        samples: [{ labels: {}, value: 2 }],
      }) as const;
    inlet.take([family('taken'), family('free')]);
    const values = Object.values(register.scrape());
    expect(values).toEqual([1, 2]);
  });

  it('takes no more of a process than the limits say, and nothing malformed', () => {
    const child = new SampledMetrics();
    const counter = child.counter({ name: 'many_total', help: '', labels: ['id'] });
    for (let id = 0; id < metricLimits.maxSamples + 50; id += 1) counter.inc({ id: String(id) });
    expect(child.snapshot()[0]!.samples).toHaveLength(metricLimits.maxSamples);
    const families = Array.from({ length: metricLimits.maxFamilies + 5 }, (_, index) => ({
      name: `f${index}`,
      help: '',
      kind: 'gauge' as const,
      labels: [],
      samples: [{ labels: { other: 'x' }, value: index === 0 ? NaN : 1 }],
    }));
    metrics.inlet('r').take([{ ...families[0]!, name: 'bad name' }, ...families]);
    // One place was taken by the malformed one, and one value is no number.
    expect(Object.keys(register.scrape())).toHaveLength(metricLimits.maxFamilies - 2);
  });
});
