import type { Hex } from '@runtime-bridge/base';
import type { OperatorKey } from '@runtime-bridge/keystore';
import type { ActiveJob } from './job-book.js';

/** A job that waits for a transaction. */
export interface QueuedJob {
  readonly active: ActiveJob;
  readonly key: OperatorKey;
  /** Account that the key acts for. */
  readonly real: Hex | undefined;
  readonly calls: readonly Hex[];
  /** Spec version that the calls were built for. */
  readonly spec: number;
  readonly bytes: number;
  readonly refTime: bigint;
  readonly proofSize: bigint;
}

/** How much a batch may hold. */
export interface BatchLimits {
  maxCalls: number;
  maxBytes: number;
  maxRefTime: bigint;
  maxProofSize: bigint;
}

/**
 * Jobs of one account on behalf of one other (or of itself) that wait, in order. A batch takes from the front as many as
 * fit, at least one.
 */
export class Bucket {
  #jobs: QueuedJob[] = [];
  #openedAtMs = 0;
  /** Set when a batch turned out too heavy for a block. */
  #maxJobs = Infinity;

  constructor(readonly real: Hex | undefined) {}

  get size(): number {
    return this.#jobs.length;
  }

  /** When the first of those that wait came, in milliseconds since 1970. */
  get openedAtMs(): number {
    return this.#openedAtMs;
  }

  push(job: QueuedJob, nowMs: number): void {
    if (this.#jobs.length === 0) this.#openedAtMs = nowMs;
    this.#jobs.push(job);
  }

  /** Puts jobs that were in a batch already before all others; they do not wait for company. */
  unshift(jobs: readonly QueuedJob[]): void {
    this.#jobs.unshift(...jobs);
    this.#openedAtMs = 0;
  }

  /** The next batch gets no more jobs than this. */
  shrink(maxJobs: number): void {
    this.#maxJobs = Math.max(1, maxJobs);
  }

  /** A batch was taken: the next may be larger again. */
  regrow(): void {
    this.#maxJobs *= 2;
  }

  /** Whether waiting longer would not make the next batch larger. */
  isFull(limits: BatchLimits): boolean {
    return (
      this.#fitting(limits) < this.#jobs.length || this.#callsOf(this.#jobs) >= limits.maxCalls
    );
  }

  /** Takes the next batch out. */
  take(limits: BatchLimits, nowMs: number): QueuedJob[] {
    const batch = this.#jobs.splice(0, this.#fitting(limits));
    this.#openedAtMs = nowMs;
    return batch;
  }

  /** Takes everything out. */
  clear(): QueuedJob[] {
    return this.#jobs.splice(0);
  }

  #callsOf(jobs: readonly QueuedJob[]): number {
    return jobs.reduce((sum, job) => sum + job.calls.length, 0);
  }

  #fitting(limits: BatchLimits): number {
    let calls = 0;
    let bytes = 0;
    let refTime = 0n;
    let proofSize = 0n;
    let count = 0;
    for (const job of this.#jobs) {
      calls += job.calls.length;
      bytes += job.bytes;
      refTime += job.refTime;
      proofSize += job.proofSize;
      const fits =
        calls <= limits.maxCalls &&
        bytes <= limits.maxBytes &&
        (limits.maxRefTime === 0n || refTime <= limits.maxRefTime) &&
        (limits.maxProofSize === 0n || proofSize <= limits.maxProofSize) &&
        count < this.#maxJobs;
      if (!fits && count > 0) break;
      count += 1;
    }
    return count;
  }
}
