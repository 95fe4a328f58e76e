import {
  Backoff,
  BridgeError,
  messageOf,
  TaskGroup,
  type Counter,
  type Gauge,
  type Histogram,
  type Logger,
  type MetricsRegister,
  type Service,
} from '@runtime-bridge/base';
import type { Health } from './health.js';

/** Our time as the one that works. */
export interface Turn {
  /** Grows from one to the next. */
  readonly epoch: number;
  /** Aborted when it is over. */
  readonly lost: AbortSignal;
}

/** Where we stand: `held` when it is our turn. */
export interface Standing {
  readonly kind: string;
  readonly detail?: string;
}

/** Who decides which of several processes works. */
export interface TurnSource<T extends Turn> extends Service {
  /** Where we stand, a Watched; its detail is shown to operators. */
  readonly state: {
    readonly value: Standing;
    subscribe(listener: (value: Standing) => void): () => void;
  };
  /** Waits until it is our turn. */
  acquire(signal: AbortSignal): Promise<T>;
}

/** What works when it is our turn. */
export interface StandbyCollaborators<T extends Turn> {
  source: TurnSource<T>;
  /** Made anew for each turn, with metrics that may be registered again. */
  build: (turn: T, metrics: MetricsRegister) => Promise<Service>;
  /** Shows the part that is called `lease`. */
  health?: Health;
  logger: Logger;
  metrics: MetricsRegister;
}

/** Pauses after something that could not start. */
const RETRY_MS = { minMs: 1_000, maxMs: 30_000 };

/** How long what works may take to stop before its turn is ended for it. */
const STOP_PATIENCE_MS = 2_000;

/** Runs a service only while it is our turn, and stands by otherwise. */
export class StandbyService<T extends Turn> implements Service {
  readonly name: string;
  readonly #with: StandbyCollaborators<T>;
  readonly #tasks: TaskGroup;
  readonly #metrics: MetricsRegister;
  readonly #ending = new AbortController();
  #isWorking = false;
  #unsubscribe: (() => void) | undefined;

  constructor(options: { name: string }, collaborators: StandbyCollaborators<T>) {
    this.name = options.name;
    this.#with = collaborators;
    this.#tasks = new TaskGroup({ name: options.name }, { logger: collaborators.logger });
    this.#metrics = renewableMetrics(collaborators.metrics);
    collaborators.metrics.gauge({
      // By name, since a manager shows its trader's metrics on the same page.
      name: `runtime_bridge_${options.name}_standby`,
      help: '1 while another process does the work of this one',
      collect: (gauge) => gauge.set(collaborators.source.state.value.kind === 'held' ? 0 : 1),
    });
  }

  async start(signal?: AbortSignal): Promise<void> {
    const { source, health } = this.#with;
    const tell = ({ kind, detail }: Standing) => {
      const ready = kind === 'held' && this.#isWorking;
      health?.set('lease', { ready, detail: detail ?? (ready ? 'held' : 'held, beginning') });
    };
    tell(source.state.value);
    this.#unsubscribe = source.state.subscribe(tell);
    await source.start(signal);
    this.#tasks.spawn('take turns', (stop) => this.#takeTurns(stop));
  }

  async stop(): Promise<void> {
    const timer = setTimeout(() => this.#ending.abort(), STOP_PATIENCE_MS);
    try {
      await this.#tasks.stop();
    } finally {
      clearTimeout(timer);
    }
    this.#unsubscribe?.();
    await this.#with.source.stop();
  }

  async #takeTurns(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const turn = await this.#with.source.acquire(signal);
      await this.#work(
        { ...turn, lost: AbortSignal.any([turn.lost, this.#ending.signal]) },
        signal,
      );
    }
  }

  async #work(turn: T, signal: AbortSignal): Promise<void> {
    const over = AbortSignal.any([turn.lost, signal]);
    const backoff = new Backoff(RETRY_MS);
    while (!over.aborted) {
      const service = await this.#begin(turn, over);
      this.#isWorking = service !== undefined;
      if (!over.aborted) await (service ? aborted(over) : pause(backoff.next(), over));
      this.#isWorking = false;
      await service?.stop().catch((error: unknown) => {
        this.#with.logger.warn('Something did not stop as it should', {}, BridgeError.from(error));
      });
    }
  }

  /** Undefined when it could not start; that is told. */
  async #begin(turn: T, over: AbortSignal): Promise<Service | undefined> {
    const { build, health, logger } = this.#with;
    let service: Service | undefined;
    try {
      service = await build(turn, this.#metrics);
      await service.start(over);
      health?.set('lease', { ready: true, detail: 'held' });
      return service;
    } catch (error) {
      if (!over.aborted) {
        logger.error('It is our turn, but the work cannot begin', {}, BridgeError.from(error));
        health?.set('lease', { ready: false, detail: `cannot begin: ${messageOf(error)}` });
      }
      await service?.stop().catch(() => undefined);
      return undefined;
    }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end, { once: true });
  });
}

/**
 * A register in which the same metric may be made again, by what takes the place of what made it before: counters go on,
 * and the last one to make a gauge says what it reads.
 */
export function renewableMetrics(register: MetricsRegister): MetricsRegister {
  const counters = new Map<string, Counter>();
  const histograms = new Map<string, Histogram>();
  const gauges = new Map<
    string,
    { gauge: Gauge; collect?: ((gauge: Gauge) => void) | undefined }
  >();
  const once = <M>(made: Map<string, M>, name: string, make: () => M): M => {
    const known = made.get(name) ?? make();
    made.set(name, known);
    return known;
  };
  return {
    counter: (options) => once(counters, options.name, () => register.counter(options)),
    histogram: (options) => once(histograms, options.name, () => register.histogram(options)),
    gauge: (options) => {
      const { collect, ...rest } = options;
      let slot = gauges.get(options.name);
      if (!slot) {
        const made: { gauge: Gauge; collect?: ((gauge: Gauge) => void) | undefined } = {
          gauge: register.gauge({ ...rest, collect: (gauge) => made.collect?.(gauge) }),
        };
        slot = made;
        gauges.set(options.name, slot);
      }
      slot.collect = collect;
      return slot.gauge;
    },
  };
}
