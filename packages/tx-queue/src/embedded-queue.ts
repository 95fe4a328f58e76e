import { abortedError, BridgeError, type Logger, type MetricsRegister } from '@runtime-bridge/base';
import { TxQueueError, TxQueueErrorCode } from './errors.js';
import {
  newAsk,
  parseJobRequest,
  sizeOf,
  toQueueData,
  type JobOutcome,
  type JobRequest,
} from './job.js';
import { DEFAULT_MAX_JOBS, type JobProducer, type QueueCounts } from './queue.js';

/** Bounds of an embedded queue. */
export interface EmbeddedQueueOptions {
  /** Jobs waiting and active. @default DEFAULT_MAX_JOBS */
  maxJobs?: number;
  /** Bytes of all jobs as JSON. @default 128 MiB */
  maxBytes?: number;
}

/** A job as it lies in the queue. */
interface Entry {
  readonly id: string;
  readonly data: Record<string, unknown>;
  readonly bytes: number;
  readonly askedAtMs: number;
  readonly waiters: Set<Waiter>;
}

interface Waiter {
  resolve: (outcome: JobOutcome) => void;
  reject: (error: unknown) => void;
}

/** A job of the queue, for those who look at it: what it carries is not told. */
export interface QueuedJobInfo {
  id: string;
  action: string;
  /** Pool id, as decimal text. */
  pool: string;
  state: 'waiting' | 'active';
  bytes: number;
  /** When it was handed in, in milliseconds since 1970. */
  askedAtMs: number;
}

/** A job in the hands of one end. */
export interface EmbeddedDelivery {
  readonly id: string;
  readonly data: unknown;
  /** Ends the job. Only the first answer of whoever holds it counts. */
  answer(outcome: JobOutcome): void;
  /** Gives it back unanswered: it goes to the front of the queue. */
  giveBack(): void;
}

/** Where an embedded queue delivers to: one end, in this process or behind a channel. */
export interface EmbeddedSink {
  /** Whether it takes another job now. */
  readonly hasRoom: boolean;
  deliver(delivery: EmbeddedDelivery): void;
}

/**
 * The queue without Redis: it lives in the process that asks, and its jobs end with it (they can all be asked again from
 * chain, workers and store). Those who work attach as a sink, in this process (EmbeddedConsumer) or in a child
 * (EmbeddedQueueHost).
 */
export class EmbeddedQueue implements JobProducer {
  readonly name = 'embedded queue';
  readonly #entries = new Map<string, Entry>();
  /** Ids not delivered, in order; those given back come first. */
  #waiting: string[] = [];
  readonly #sinks = new Set<EmbeddedSink>();
  #bytes = 0;
  #stopped = false;
  readonly #maxJobs: number;
  readonly #maxBytes: number;

  constructor(
    options: EmbeddedQueueOptions,
    collaborators: { logger: Logger; metrics: MetricsRegister },
  ) {
    this.#maxJobs = options.maxJobs ?? DEFAULT_MAX_JOBS;
    this.#maxBytes = options.maxBytes ?? 128 * 1024 * 1024;
    collaborators.metrics.gauge({
      name: 'runtime_bridge_tx_queue_jobs_count',
      help: 'Jobs in the embedded transaction queue',
      labels: ['state'],
      collect: (gauge) => {
        gauge.set(this.#waiting.length, { state: 'waiting' });
        gauge.set(this.#entries.size - this.#waiting.length, { state: 'active' });
      },
    });
  }

  start(): Promise<void> {
    return Promise.resolve();
  }

  /** Ends all waits with CLOSED. */
  stop(): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    this.#stopped = true;
    for (const entry of this.#entries.values()) {
      for (const waiter of [...entry.waiters]) waiter.reject(closed());
    }
    this.#entries.clear();
    this.#waiting = [];
    this.#bytes = 0;
    return Promise.resolve();
  }

  async submit(request: JobRequest, signal?: AbortSignal): Promise<JobOutcome> {
    if (this.#stopped) throw closed();
    if (signal?.aborted) throw abortedError(signal);
    const entry = this.#entries.get(request.id) ?? this.#add(parseJobRequest(request));
    const outcome = this.#wait(entry, signal);
    this.#dispatch();
    return await outcome;
  }

  counts(): Promise<QueueCounts> {
    const waiting = this.#waiting.length;
    return Promise.resolve({ waiting, active: this.#entries.size - waiting });
  }

  /** The jobs that there are, oldest first. @param limit of the list, at most */
  list(limit: number): QueuedJobInfo[] {
    const waiting = new Set(this.#waiting);
    const jobs: QueuedJobInfo[] = [];
    for (const { id, data, bytes, askedAtMs } of this.#entries.values()) {
      if (jobs.length >= limit) break;
      const { action, payload } = data as { action: string; payload: { pid: string } };
      const state = waiting.has(id) ? 'waiting' : 'active';
      jobs.push({ id, action, pool: payload.pid, state, bytes, askedAtMs });
    }
    return jobs;
  }

  /** Begins to deliver to an end; the returned function stops that, giving nothing back by itself. */
  attach(sink: EmbeddedSink): () => void {
    this.#sinks.add(sink);
    this.#dispatch();
    return () => this.#sinks.delete(sink);
  }

  /** To be called by a sink when it has room again. */
  roomMade(): void {
    this.#dispatch();
  }

  #add(request: JobRequest): Entry {
    const data = toQueueData(request, newAsk());
    const bytes = sizeOf(data);
    if (this.#entries.size >= this.#maxJobs || this.#bytes + bytes > this.#maxBytes) {
      throw new TxQueueError(TxQueueErrorCode.QUEUE_FULL, 'The transaction queue is full', {
        facts: {
          job: request.id,
          jobs: this.#entries.size,
          maxJobs: this.#maxJobs,
          bytes: this.#bytes,
          maxBytes: this.#maxBytes,
        },
      });
    }
    const entry: Entry = {
      id: request.id,
      data,
      bytes,
      askedAtMs: Date.now(),
      waiters: new Set(),
    };
    this.#entries.set(entry.id, entry);
    this.#waiting.push(entry.id);
    this.#bytes += bytes;
    return entry;
  }

  #wait(entry: Entry, signal: AbortSignal | undefined): Promise<JobOutcome> {
    return new Promise((resolve, reject) => {
      const end = () => {
        entry.waiters.delete(waiter);
        signal?.removeEventListener('abort', onAbort);
      };
      const waiter: Waiter = {
        resolve: (outcome) => {
          end();
          resolve(outcome);
        },
        reject: (error: unknown) => {
          end();
          reject(BridgeError.from(error));
        },
      };
      const onAbort = () => waiter.reject(abortedError(signal!));
      entry.waiters.add(waiter);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  #dispatch(): void {
    while (this.#waiting.length > 0) {
      const sink = [...this.#sinks].find((candidate) => candidate.hasRoom);
      if (!sink) return;
      const id = this.#waiting.shift()!;
      const entry = this.#entries.get(id);
      if (entry) sink.deliver(this.#deliveryOf(entry));
    }
  }

  #deliveryOf(entry: Entry): EmbeddedDelivery {
    let held = true;
    const release = () => {
      const was = held && this.#entries.get(entry.id) === entry;
      held = false;
      return was;
    };
    return {
      id: entry.id,
      data: entry.data,
      answer: (outcome) => {
        if (!release()) return;
        this.#entries.delete(entry.id);
        this.#bytes -= entry.bytes;
        for (const waiter of [...entry.waiters]) waiter.resolve(outcome);
      },
      giveBack: () => {
        if (!release()) return;
        this.#waiting.unshift(entry.id);
        this.#dispatch();
      },
    };
  }
}

function closed(): TxQueueError {
  return new TxQueueError(TxQueueErrorCode.CLOSED, 'The transaction queue is stopped');
}
