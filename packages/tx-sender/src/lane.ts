import { Watched, type Clock, type Hex } from '@runtime-bridge/base';
import { Bucket, type BatchLimits, type QueuedJob } from './batch.js';

/** Bounds of a lane. */
export interface LaneOptions {
  batchWaitMs: number;
  maxInFlight: number;
}

/** What a lane cannot do itself. */
export interface LaneWork {
  limits(): BatchLimits;
  /** The first nonce that the node would give. */
  nextNonce(signal: AbortSignal): Promise<number>;
  /** Signs, writes down and sends; resolves when the next one may follow. */
  send(jobs: QueuedJob[], nonce: number, signal: AbortSignal): Promise<void>;
}

/**
 * One account's transactions, one after another: the only place where its nonces are given out, for all pools that the
 * account works for.
 */
export class Lane {
  readonly account: Hex;
  readonly #options: LaneOptions;
  readonly #work: LaneWork;
  readonly #clock: Clock;
  readonly #buckets = new Map<string, Bucket>();
  /** Nonces of transactions that are written down and neither finalised nor expired. */
  readonly #open = new Set<number>();
  /** Those of them that are not in a block. */
  readonly #inFlight = new Set<number>();
  /** Nonces below this are used in the finalised chain, whatever a node that lags says. */
  #usedBelow = 0;
  readonly #changes = new Watched(0);

  constructor(
    options: LaneOptions & { account: Hex },
    collaborators: { work: LaneWork; clock: Clock },
  ) {
    this.account = options.account;
    this.#options = options;
    this.#work = collaborators.work;
    this.#clock = collaborators.clock;
  }

  /** Jobs that wait for a transaction. */
  get waiting(): number {
    let sum = 0;
    for (const bucket of this.#buckets.values()) sum += bucket.size;
    return sum;
  }

  /** Transactions that are sent and not in a block. */
  get inFlight(): number {
    return this.#inFlight.size;
  }

  push(job: QueuedJob): void {
    this.bucketOf(job.real).push(job, this.#clock.now());
    this.#changed();
  }

  /** Puts jobs whose transaction did not go through before all others. */
  putBack(jobs: readonly QueuedJob[]): void {
    for (const job of [...jobs].reverse()) this.bucketOf(job.real).unshift([job]);
    this.#changed();
  }

  /** Jobs on behalf of one account (undefined: its own). */
  bucketOf(real: Hex | undefined): Bucket {
    const key = real ?? '';
    let bucket = this.#buckets.get(key);
    if (!bucket) {
      bucket = new Bucket(real);
      this.#buckets.set(key, bucket);
    }
    return bucket;
  }

  /** A transaction with this nonce is written down. */
  opened(nonce: number): void {
    this.#open.add(nonce);
    this.#inFlight.add(nonce);
  }

  included(nonce: number): void {
    this.#inFlight.delete(nonce);
    this.#changed();
  }

  retracted(nonce: number): void {
    this.#inFlight.add(nonce);
  }

  /** Its block is finalised. */
  finalized(nonce: number): void {
    this.#forget(nonce);
    this.#usedBelow = Math.max(this.#usedBelow, nonce + 1);
    this.#changed();
  }

  /** It never gets into a block: its nonce is free, or taken by somebody else. */
  dropped(nonce: number): void {
    this.#forget(nonce);
    // What we thought of the account may be wrong, for instance after it was emptied and began again at 0.
    this.#usedBelow = 0;
    this.#changed();
  }

  /** Sends batches until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    for (;;) {
      const seen = this.#changes.value;
      const bucket = this.#inFlight.size < this.#options.maxInFlight ? this.#due() : undefined;
      if (bucket) {
        await this.#sendFrom(bucket, signal);
        continue;
      }
      await this.#waitForChange(seen, signal);
    }
  }

  async #sendFrom(bucket: Bucket, signal: AbortSignal): Promise<void> {
    const nonce = await this.#nextNonce(signal);
    const jobs = bucket.take(this.#work.limits(), this.#clock.now());
    if (jobs.length > 0) await this.#work.send(jobs, nonce, signal);
  }

  /** The lowest nonce from the node's own on that no transaction of ours has. */
  async #nextNonce(signal: AbortSignal): Promise<number> {
    let nonce = Math.max(await this.#work.nextNonce(signal), this.#usedBelow);
    while (this.#open.has(nonce)) nonce += 1;
    return nonce;
  }

  /** The bucket that has waited longest of those that are full or whose time has come. */
  #due(): Bucket | undefined {
    const now = this.#clock.now();
    const limits = this.#work.limits();
    let first: Bucket | undefined;
    for (const bucket of this.#buckets.values()) {
      if (bucket.size === 0) continue;
      const isDue = now - bucket.openedAtMs >= this.#options.batchWaitMs || bucket.isFull(limits);
      if (isDue && (!first || bucket.openedAtMs < first.openedAtMs)) first = bucket;
    }
    return first;
  }

  async #waitForChange(seen: number, signal: AbortSignal): Promise<void> {
    const timer = new AbortController();
    const either = AbortSignal.any([signal, timer.signal]);
    const changed = this.#changes.until((value) => value !== seen, either);
    const waits: Promise<unknown>[] = [changed];
    if (this.waiting > 0 && this.#inFlight.size < this.#options.maxInFlight) {
      waits.push(this.#clock.sleep(this.#msToNextDue(), either));
    }
    try {
      await Promise.race(waits);
    } finally {
      timer.abort();
      await Promise.allSettled(waits);
    }
  }

  #msToNextDue(): number {
    const now = this.#clock.now();
    let least = this.#options.batchWaitMs;
    for (const bucket of this.#buckets.values()) {
      if (bucket.size === 0) continue;
      least = Math.min(least, bucket.openedAtMs + this.#options.batchWaitMs - now);
    }
    return Math.max(0, least);
  }

  #forget(nonce: number): void {
    this.#open.delete(nonce);
    this.#inFlight.delete(nonce);
  }

  #changed(): void {
    this.#changes.update((value) => value + 1);
  }
}
