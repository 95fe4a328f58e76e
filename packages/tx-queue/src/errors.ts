import { BridgeError } from '@runtime-bridge/base';

/** Codes of the errors that the queue raises itself. What a job failed with carries the code of whoever worked on it. */
export const TxQueueErrorCode = {
  /** A job, id or outcome does not have the shape that it must have, or is larger than allowed. */
  INVALID_JOB: 'INVALID_JOB',
  /** The queue holds as many jobs or bytes as it may. */
  QUEUE_FULL: 'QUEUE_FULL',
  /** The queue, or the end of it that was asked, is stopped. */
  CLOSED: 'CLOSED',
  /** Another program worked on the job and said in plain text that it failed. */
  JOB_FAILED: 'JOB_FAILED',
  /** The URL of Redis cannot be used. */
  BAD_REDIS_URL: 'BAD_REDIS_URL',
  /** Files of the queue's library that belong to the program are not there. */
  MISSING_FILES: 'MISSING_FILES',
  /** The job is of a manager that is not, or no longer, the one that may ask; facts: its `epoch`, the `current` one. */
  STALE_EPOCH: 'STALE_EPOCH',
  /** Somebody else holds the lease by now, so nothing may be written. */
  LEASE_LOST: 'LEASE_LOST',
} as const;
export type TxQueueErrorCode = (typeof TxQueueErrorCode)[keyof typeof TxQueueErrorCode];

/** An error of the queue itself. */
export class TxQueueError extends BridgeError<TxQueueErrorCode> {
  override readonly name = 'TxQueueError';
}
