import type {
  Counter,
  Gauge,
  Histogram,
  Labels,
  MetricOptions,
  MetricsRegister,
} from '@runtime-bridge/base';

/** One metric of a process with all of its values; survives a structured clone. */
export interface MetricFamily {
  readonly name: string;
  readonly help: string;
  readonly kind: 'counter' | 'gauge';
  readonly labels: readonly string[];
  readonly samples: readonly { readonly labels: Labels; readonly value: number }[];
}

/** What one process may tell of itself. */
export const metricLimits = { maxFamilies: 200, maxSamples: 2_000, maxTextLength: 300 } as const;

interface Family {
  readonly options: MetricOptions;
  readonly kind: MetricFamily['kind'];
  readonly values: Map<string, { labels: Labels; value: number }>;
  readonly collects: (() => void)[];
}

/**
 * Metrics of a child process, which has no port of its own: kept as plain numbers, of which the parent gets a snapshot now
 * and then. Of a histogram only the sum and the count are kept, as two counters. Beyond metricLimits nothing is added.
 */
export class SampledMetrics implements MetricsRegister {
  readonly #families = new Map<string, Family>();
  #samples = 0;

  counter(options: MetricOptions): Counter {
    const family = this.#family(options, 'counter');
    return { inc: (labels = {}, by = 1) => this.#add(family, labels, by) };
  }

  gauge(options: MetricOptions & { collect?: (gauge: Gauge) => void }): Gauge {
    const family = this.#family(options, 'gauge');
    const gauge: Gauge = {
      set: (value, labels = {}) => {
        const sample = this.#sample(family, labels);
        if (sample) sample.value = value;
      },
      inc: (labels = {}, by = 1) => this.#add(family, labels, by),
      dec: (labels = {}, by = 1) => this.#add(family, labels, -by),
    };
    const { collect } = options;
    if (collect) family?.collects.push(() => collect(gauge));
    return gauge;
  }

  histogram(options: MetricOptions & { buckets: readonly number[] }): Histogram {
    const sum = this.counter({ ...options, name: `${options.name}_sum` });
    const count = this.counter({ ...options, name: `${options.name}_count` });
    return {
      observe: (value, labels = {}) => {
        sum.inc(labels, value);
        count.inc(labels);
      },
    };
  }

  /** All values as of now. */
  snapshot(): MetricFamily[] {
    return [...this.#families.values()].map(({ options, kind, values, collects }) => {
      for (const collect of collects) collect();
      return {
        name: options.name,
        help: options.help,
        kind,
        labels: [...(options.labels ?? [])],
        samples: [...values.values()].map((sample) => ({ ...sample })),
      };
    });
  }

  #family(options: MetricOptions, kind: MetricFamily['kind']): Family | undefined {
    const known = this.#families.get(options.name);
    if (known) return known;
    if (this.#families.size >= metricLimits.maxFamilies) return undefined;
    const family: Family = { options, kind, values: new Map(), collects: [] };
    this.#families.set(options.name, family);
    return family;
  }

  #add(family: Family | undefined, labels: Labels, by: number): void {
    const sample = this.#sample(family, labels);
    if (sample) sample.value += by;
  }

  #sample(family: Family | undefined, labels: Labels): { value: number } | undefined {
    if (!family) return undefined;
    const key = JSON.stringify((family.options.labels ?? []).map((name) => labels[name]));
    const known = family.values.get(key);
    if (known) return known;
    if (this.#samples >= metricLimits.maxSamples) return undefined;
    this.#samples += 1;
    const sample = { labels: { ...labels }, value: 0 };
    family.values.set(key, sample);
    return sample;
  }
}
