import {
  TransactionStatus,
  type CallOptions,
  type WalkieClient,
} from '@runtime-bridge/walkie-protocol';
import type { QueueRow } from '../api/index.js';

const OPEN_LIMIT = 500;
const FAILED_LIMIT = 200;
const LATELY_MS = 24 * 3_600_000;

/**
 * Counts what waits, runs and failed lately at a manager.
 * @throws WalkieError NOT_FOUND where it does not tell
 */
export async function readQueue(
  client: WalkieClient,
  manager: string,
  nowMs: number,
  options: CallOptions,
): Promise<QueueRow> {
  const { TS_QUEUED, TS_RUNNING, TS_FAILED } = TransactionStatus;
  const open = await client.call(
    'ListTransactions',
    { statuses: [TS_QUEUED, TS_RUNNING], limit: OPEN_LIMIT },
    options,
  );
  const failed = await client.call(
    'ListTransactions',
    { statuses: [TS_FAILED], limit: FAILED_LIMIT },
    options,
  );
  const queued = open.transactions.filter(({ status }) => status === TS_QUEUED);
  const times = queued.map(({ queuedMs }) => Number(queuedMs));
  const failedLately = failed.transactions.filter(
    ({ endedMs, queuedMs }) => Number(endedMs || queuedMs) >= nowMs - LATELY_MS,
  );
  return {
    manager,
    queued: queued.length,
    running: open.transactions.length - queued.length,
    failedLately: failedLately.length,
    oldestQueuedMs: times.length === 0 ? null : Math.min(...times),
    isMore: open.hasMore || (failed.hasMore && failedLately.length === failed.transactions.length),
    problem: null,
  };
}
