import type { JobOperator, JobOutcome, TxJob } from '@runtime-bridge/tx-queue';
import type { Success } from './journal.js';

/** A job that the sender is at. */
export interface ActiveJob {
  readonly id: string;
  readonly job: TxJob;
  readonly operator: JobOperator;
  /** How often it was tried again. */
  retries: number;
  /** Its outcome as far as the best chain tells. */
  answer: JobOutcome | undefined;
}

interface Page {
  readonly active: ActiveJob;
  waiters: ((outcome: JobOutcome) => void)[];
}

/** All jobs that the sender is at, who waits for them, and which took effect lately. */
export class JobBook {
  readonly #pages = new Map<string, Page>();
  readonly #successes = new Map<string, Success>();

  constructor(private readonly options: { /** Successes kept. */ maxRemembered: number }) {}

  /** Jobs going on. */
  get size(): number {
    return this.#pages.size;
  }

  /** The outcome of a job that is going on or took effect lately; undefined for any other. */
  attach(id: string): Promise<JobOutcome> | undefined {
    const success = this.#successes.get(id);
    if (success) return Promise.resolve(success);
    const page = this.#pages.get(id);
    if (!page) return undefined;
    const { answer } = page.active;
    if (answer) return Promise.resolve(answer);
    return new Promise((resolve) => page.waiters.push(resolve));
  }

  /** Begins a job. */
  open(job: Omit<ActiveJob, 'answer'>): ActiveJob {
    const active: ActiveJob = { ...job, answer: undefined };
    this.#pages.set(job.id, { active, waiters: [] });
    return active;
  }

  /** Tells everybody who waits. */
  answer(job: ActiveJob, outcome: JobOutcome): void {
    job.answer = outcome;
    const page = this.#pages.get(job.id);
    if (!page) return;
    for (const resolve of page.waiters.splice(0)) resolve(outcome);
  }

  /** The block of the answer is not in the best chain any more: whoever asks from now on waits again. */
  unanswer(job: ActiveJob): void {
    job.answer = undefined;
  }

  /** Ends a job for good. A success is remembered; a failure may be asked for again. */
  close(job: ActiveJob, outcome: JobOutcome): void {
    this.answer(job, outcome);
    this.#pages.delete(job.id);
    if (outcome.ok) this.remember(job.id, outcome);
  }

  /** Remembers a success, forgetting the oldest beyond the limit. */
  remember(id: string, success: Success): void {
    this.#successes.delete(id);
    this.#successes.set(id, success);
    for (const oldest of this.#successes.keys()) {
      if (this.#successes.size <= this.options.maxRemembered) return;
      this.#successes.delete(oldest);
    }
  }
}
