import { Limiter } from '@runtime-bridge/base';
import type {
  TransactionBook,
  TransactionBookQuery,
  TransactionPage,
  TransactionRow,
} from '@runtime-bridge/fleet';
import type { QueuedJobInfo } from '@runtime-bridge/tx-queue';
import type { HistoryQuery, TxHistory, TxRecord } from '@runtime-bridge/tx-sender';

/** What a book is made of. */
export interface TransactionSources {
  /** The jobs of the queue. */
  jobs: () => Promise<readonly QueuedJobInfo[]>;
  history: (query: HistoryQuery, signal: AbortSignal) => Promise<TxHistory>;
}

/** Transactions asked of the trader at once. */
const PAGE = 200;

/** Questions at once, and those that wait: each may go through all that the trader keeps. */
const AT_ONCE = 2;
const MAX_WAITING = 50;

/** The jobs of the queue and those of the trader's transactions as one list. */
export class LocalTransactions implements TransactionBook {
  readonly #turns = new Limiter({
    concurrency: AT_ONCE,
    maxQueued: MAX_WAITING,
    name: 'questions about transactions',
  });

  constructor(private readonly sources: TransactionSources) {}

  /** @throws BridgeError TRADER_AWAY, TIMEOUT, ABORTED, QUEUE_FULL; TxSenderError JOURNAL */
  list(query: TransactionBookQuery, signal: AbortSignal): Promise<TransactionPage> {
    return this.#turns.run(() => this.#list(query, signal), { signal });
  }

  async #list(
    { isWanted, beforeMs = Infinity, limit }: TransactionBookQuery,
    signal: AbortSignal,
  ): Promise<TransactionPage> {
    const queued = new Map((await this.sources.jobs()).map((job) => [job.id, job]));
    const rows: TransactionRow[] = [];
    const add = (row: TransactionRow) => {
      if (row.queuedMs < beforeMs && isWanted(row)) rows.push(row);
    };
    let next: number | undefined;
    // Ends by itself: `next` falls, and the trader keeps only so many.
    do {
      const page = await this.sources.history(
        { limit: PAGE, ...(next === undefined ? {} : { before: next }) },
        signal,
      );
      for (const tx of [...page.open, ...page.ended]) takeRows(tx, queued).forEach(add);
      next = page.next;
      // Whatever follows ended before the last of this page, and so was queued before that.
      const endedMs = page.ended.at(-1)?.endedAtMs;
      const safe = rows.filter(({ queuedMs }) => endedMs !== undefined && queuedMs > endedMs);
      if (safe.length > limit) break;
    } while (next !== undefined);
    for (const job of queued.values()) add(rowOfQueued(job));
    rows.sort((a, b) => b.queuedMs - a.queuedMs);
    return cut(rows, limit, next !== undefined);
  }
}

/** Cuts a page so that no moment is divided: whoever goes on asks for what was before the last. */
function cut(rows: readonly TransactionRow[], limit: number, goesOn: boolean): TransactionPage {
  const beyond = rows[limit];
  if (!beyond) return { rows, hasMore: false };
  const whole = rows.slice(0, limit).filter(({ queuedMs }) => queuedMs !== beyond.queuedMs);
  if (whole.length > 0) return { rows: whole, hasMore: true };
  const moment = rows.filter(({ queuedMs }) => queuedMs === beyond.queuedMs);
  return { rows: moment, hasMore: goesOn || moment.length < rows.length };
}

const STATUS = { pending: 'running', done: 'done', failed: 'failed' } as const;

/** The jobs of a transaction, taken out of the queued ones; one that went into another transaction is told there. */
function takeRows(tx: TxRecord, queued: Map<string, QueuedJobInfo>): TransactionRow[] {
  return tx.jobs.flatMap(({ id, action, pool, outcome, code, reason }) => {
    if (outcome === 'again') return [];
    const job = queued.get(id);
    // What is over by now may have been asked for again under the same id since.
    const isSame = outcome === 'pending' || (job?.askedAtMs ?? 0) <= (tx.sentAtMs ?? Infinity);
    if (isSame) queued.delete(id);
    const askedAtMs = isSame ? job?.askedAtMs : undefined;
    return {
      jobId: id,
      action,
      status: STATUS[outcome],
      pool,
      queuedMs: askedAtMs ?? tx.sentAtMs ?? tx.endedAtMs ?? 0,
      txHash: tx.hash,
      nonce: tx.nonce,
      ...(tx.fee === undefined ? {} : { fee: tx.fee }),
      ...(tx.endedAtMs === undefined ? {} : { endedMs: tx.endedAtMs }),
      ...(tx.block === undefined ? {} : { block: tx.block }),
      ...(code === undefined ? {} : { errorCode: code }),
      ...(reason === undefined ? {} : { errorMessage: reason }),
    };
  });
}

function rowOfQueued({ id, action, pool, state, askedAtMs }: QueuedJobInfo): TransactionRow {
  const status = state === 'waiting' ? 'queued' : 'running';
  return { jobId: id, action, status, pool, queuedMs: askedAtMs };
}
