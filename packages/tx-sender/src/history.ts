import type { Hex } from '@runtime-bridge/base';
import type { JobAction } from '@runtime-bridge/tx-queue';
import type { ActiveJob } from './job-book.js';
import type { JournalEntry } from './journal.js';
import type { JobVerdict } from './verdict.js';

/** Where a transaction is, or how it ended: the last three are ends. */
export type TxState = 'open' | 'inBlock' | 'finalized' | 'expired' | 'refused';

/** A job of a transaction, and what this transaction did for it. */
export interface TxJobRecord {
  id: string;
  action: JobAction;
  /** Pool id, as decimal text. */
  pool: string;
  calls: number;
  /** `again`: nothing took effect, and the job went into another transaction. */
  outcome: 'pending' | 'done' | 'failed' | 'again';
  /** Code of the failure. */
  code?: string;
  /** Why it failed, in words; cut to 500 characters. */
  reason?: string;
}

/** One transaction as the history tells it. */
export interface TxRecord {
  hash: Hex;
  /** Account id that signed and paid. */
  account: Hex;
  /** SS58 address that it acted for. */
  proxiedAccount?: string;
  nonce: number;
  /** Calls of all jobs together. */
  calls: number;
  state: TxState;
  /** When it was written down, in milliseconds since 1970; unknown for those of an earlier version. */
  sentAtMs?: number;
  /** When it ended. */
  endedAtMs?: number;
  /** The last block that can hold it. */
  lastBlock: number;
  block?: number;
  blockHash?: Hex;
  /** What it cost, in the smallest unit, where the runtime tells. */
  fee?: bigint;
  jobs: TxJobRecord[];
}

/** Which transactions are wanted. */
export interface HistoryQuery {
  /** Only of this account. */
  account?: Hex;
  /** Only older ones than the last of an earlier answer: its `next`. */
  before?: number;
  /** @default 50; at most MAX_HISTORY_PAGE */
  limit?: number;
}

/** Transactions that are over, newest first. */
export interface HistoryPage {
  ended: TxRecord[];
  /** To be asked with as `before`; undefined when there are no older ones. */
  next: number | undefined;
}

/** Transactions, newest first: all that are not over (on the first page), and a page of those that are. */
export interface TxHistory extends HistoryPage {
  open: TxRecord[];
}

/** Records of one answer, at most. */
export const MAX_HISTORY_PAGE = 500;

/** Characters of a reason that are kept. */
const MAX_REASON = 500;

/** What is known of a transaction that is in a block. */
export interface InBlock {
  block: number;
  blockHash: Hex;
  fee: bigint | undefined;
  verdicts: readonly JobVerdict[];
}

/** How a transaction ended. */
export interface TxEnd {
  state: 'finalized' | 'expired' | 'refused';
  endedAtMs: number;
  /** Why those of its jobs failed that no block tells about. */
  failure?: JobFailure;
  /** Jobs that go into another transaction. */
  again?: readonly ActiveJob[];
}

/** Tells a transaction; the jobs are those of the entry, in its order. */
export function recordOf(
  entry: JournalEntry,
  jobs: readonly ActiveJob[],
  { inBlock, end }: { inBlock: InBlock | undefined; end?: TxEnd | undefined },
): TxRecord {
  const proxiedAccount = entry.jobs[0]?.operator.proxiedAccount;
  return {
    hash: entry.hash,
    account: entry.account,
    ...(proxiedAccount === undefined ? {} : { proxiedAccount }),
    nonce: entry.nonce,
    calls: entry.jobs.reduce((sum, job) => sum + job.calls, 0),
    state: end?.state ?? (inBlock ? 'inBlock' : 'open'),
    ...(entry.writtenAtMs === undefined ? {} : { sentAtMs: entry.writtenAtMs }),
    ...(end ? { endedAtMs: end.endedAtMs } : {}),
    lastBlock: entry.era.birth + entry.era.period - 1,
    ...(inBlock ? { block: inBlock.block, blockHash: inBlock.blockHash } : {}),
    ...(inBlock?.fee === undefined ? {} : { fee: inBlock.fee }),
    jobs: entry.jobs.map((job, index) => ({
      id: job.id,
      action: job.job.action,
      pool: job.job.payload.pid,
      calls: job.calls,
      ...outcomeOf(jobs[index], inBlock?.verdicts[index], end),
    })),
  };
}

/** Why a job failed. */
type JobFailure = { code: string; message: string };

function outcomeOf(
  job: ActiveJob | undefined,
  verdict: JobVerdict | undefined,
  end: TxEnd | undefined,
): Pick<TxJobRecord, 'outcome' | 'code' | 'reason'> {
  const failed = (error: JobFailure, outcome: 'failed' | 'again' = 'failed') => ({
    outcome,
    code: error.code,
    reason: error.message.slice(0, MAX_REASON),
  });
  if (verdict) {
    if (verdict.kind === 'done') return { outcome: 'done' };
    return failed(verdict.error, job?.answer ? 'failed' : 'again');
  }
  if (!end) return { outcome: 'pending' };
  const isAgain = job !== undefined && end.again?.includes(job) === true;
  if (end.failure && (!isAgain || end.state === 'refused')) {
    return failed(end.failure, isAgain ? 'again' : 'failed');
  }
  return { outcome: 'again' };
}
