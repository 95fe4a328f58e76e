import type { Service } from '@runtime-bridge/base';
import type { JobOutcome, JobRequest, ReceivedJob } from './job.js';

/** Name of the queue in Redis, as in the 2022 system. */
export const QUEUE_NAME = 'prbmq__main';

/** Jobs worked on at once by one consumer, as in the 2022 system. */
export const DEFAULT_CONCURRENCY = 1_000;

/** Jobs that a queue holds before it refuses more: several per worker of the largest fleet. */
export const DEFAULT_MAX_JOBS = 20_000;

/** How much there is in a queue. */
export interface QueueCounts {
  /** Handed in, nobody works on it yet. */
  waiting: number;
  /** Somebody works on it. */
  active: number;
}

/** The end of the queue that asks. */
export interface JobProducer extends Service {
  /**
   * Hands in a job and waits for its outcome. A job whose id is already in the queue is not handed in again: the caller
   * gets the outcome of the one that is there. Giving up by the signal leaves the job in the queue.
   * @throws TxQueueError INVALID_JOB, QUEUE_FULL, CLOSED; BridgeError ABORTED
   */
  submit(request: JobRequest, signal?: AbortSignal): Promise<JobOutcome>;
  /** How much there is in the queue now. */
  counts(): Promise<QueueCounts>;
}

/**
 * Works on one job. The signal is aborted when the consumer stops; whatever is returned or thrown after that is ignored
 * and the job goes to the next consumer. A rejection becomes the job's error.
 */
export type JobHandler = (job: ReceivedJob, signal: AbortSignal) => Promise<JobOutcome>;

/**
 * The end of the queue that works. A job is handed to one consumer at a time, and again when the one that had it went
 * away without an answer: the handler may see an id twice, and has to make that harmless.
 */
export interface JobConsumer extends Service {
  /** Says who works on the jobs; to be called once, before start. */
  handle(handler: JobHandler): void;
}
