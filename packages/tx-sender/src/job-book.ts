import type { JobOperator, JobOutcome, TxJob } from '@runtime-bridge/tx-queue';
import type { Failure, JobEnd, Success } from './journal.js';

/** A job that the sender is at. */
export interface ActiveJob {
  readonly id: string;
  readonly job: TxJob;
  readonly operator: JobOperator;
  /** Marks of those who asked for it. */
  readonly asks: Set<string>;
  /** How often it was tried again. */
  retries: number;
  /** Its outcome as far as the best chain tells. */
  answer: JobOutcome | undefined;
}

interface Page {
  readonly active: ActiveJob;
  waiters: ((outcome: JobOutcome) => void)[];
}

/** Askings of one job that are remembered; more than anybody makes before its block is finalised. */
const MAX_ASKS = 32;

/** All jobs that the sender is at, who waits for them, and how others ended lately. */
export class JobBook {
  readonly #pages = new Map<string, Page>();
  readonly #successes = new Map<string, Success>();
  /** By id and mark of the asking. */
  readonly #failures = new Map<string, Failure>();

  constructor(
    private readonly options: {
      /** Successes kept, and as many failures. */ maxRemembered: number;
    },
  ) {}

  /** Jobs going on. */
  get size(): number {
    return this.#pages.size;
  }

  /**
   * The outcome of a job that is going on, that took effect lately, or that failed in a block for this very asking;
   * undefined for any other.
   */
  attach(id: string, ask: string | undefined): Promise<JobOutcome> | undefined {
    const success = this.#successes.get(id);
    if (success) return Promise.resolve(success);
    const page = this.#pages.get(id);
    if (!page) {
      const failure = ask === undefined ? undefined : this.#failures.get(keyOf(id, ask));
      return failure && Promise.resolve(failure);
    }
    if (ask !== undefined && page.active.asks.size < MAX_ASKS) page.active.asks.add(ask);
    const { answer } = page.active;
    if (answer) return Promise.resolve(answer);
    return new Promise((resolve) => page.waiters.push(resolve));
  }

  /** Begins a job. */
  open(job: Omit<ActiveJob, 'answer' | 'asks'> & { asks: readonly string[] }): ActiveJob {
    const active: ActiveJob = { ...job, asks: new Set(job.asks), answer: undefined };
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

  /** Ends a job that no block had anything to do with: it is carried out again when it is asked for again. */
  close(job: ActiveJob, outcome: JobOutcome): void {
    this.answer(job, outcome);
    this.#pages.delete(job.id);
  }

  /** Ends a job for good by what a finalised block says, and remembers that. */
  finish(job: ActiveJob, outcome: JobOutcome): void {
    this.close(job, outcome);
    this.remember({ id: job.id, asks: [...job.asks], outcome });
  }

  /**
   * Remembers how a job ended, forgetting the oldest beyond the limit. A success stands for everybody who asks; a
   * failure only for those who had asked before it: whoever asks anew wants another try.
   */
  remember({ id, asks, outcome }: JobEnd): void {
    if (outcome.ok) {
      this.#put(this.#successes, id, outcome);
      return;
    }
    for (const ask of asks) this.#put(this.#failures, keyOf(id, ask), outcome);
  }

  #put<T>(map: Map<string, T>, key: string, value: T): void {
    map.delete(key);
    map.set(key, value);
    for (const oldest of map.keys()) {
      if (map.size <= this.options.maxRemembered) return;
      map.delete(oldest);
    }
  }
}

/** Neither ids nor marks have spaces. */
function keyOf(id: string, ask: string): string {
  return `${id} ${ask}`;
}
