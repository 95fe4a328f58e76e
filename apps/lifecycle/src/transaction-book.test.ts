import type { Hex } from '@runtime-bridge/base';
import type { TransactionRow } from '@runtime-bridge/fleet';
import type { QueuedJobInfo } from '@runtime-bridge/tx-queue';
import type { HistoryQuery, TxJobRecord, TxRecord } from '@runtime-bridge/tx-sender';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { LocalTransactions } from './transaction-book.js';

const hash = (n: number): Hex => `0x${n.toString(16).padStart(64, '0')}`;
const tx = (n: number, record: Partial<TxRecord>, jobs: Partial<TxJobRecord>[]): TxRecord => ({
  hash: hash(n),
  account: hash(0),
  nonce: n,
  calls: jobs.length,
  state: 'finalized',
  lastBlock: 9,
  ...record,
  jobs: jobs.map((job) => ({
    id: 'x',
    action: 'ADD_WORKER',
    pool: '7',
    calls: 1,
    outcome: 'done',
    ...job,
  })),
});
const queuedJob = (
  id: string,
  askedAtMs: number,
  state: QueuedJobInfo['state'],
): QueuedJobInfo => ({ id, action: 'ADD_WORKER', pool: '7', state, bytes: 1, askedAtMs });

/** A trader whose history has these, newest first, and pages as the real one does, however large a page is wanted. */
function book(
  jobs: QueuedJobInfo[],
  open: TxRecord[],
  ended: TxRecord[],
  pageSize = 2,
): LocalTransactions {
  const history = async ({ before }: HistoryQuery) => {
    const from = before === undefined ? 0 : ended.length + 1 - before;
    const page = ended.slice(from, from + pageSize);
    const left = ended.length - from - page.length;
    return {
      open: before === undefined ? open : [],
      ended: page,
      next: left > 0 ? left + 1 : undefined,
    };
  };
  return new LocalTransactions({ jobs: () => Promise.resolve(jobs), history });
}
const signal = () => AbortSignal.timeout(5_000);
const all = { isWanted: () => true, limit: 100 };

describe('the list of transactions', () => {
  it('is of what waits, what is under way and what is over, each job once, newest first', async () => {
    const { rows, hasMore } = await book(
      [
        queuedJob('waits', 50, 'waiting'),
        queuedJob('sent', 30, 'active'),
        queuedJob('again', 20, 'active'),
      ],
      [tx(1, { state: 'open', sentAtMs: 40 }, [{ id: 'sent', outcome: 'pending' }])],
      [
        tx(2, { sentAtMs: 25, endedAtMs: 45, block: 8 }, [
          { id: 'again', outcome: 'again' },
          { id: 'bad', outcome: 'failed', code: 'CALL_FAILED', reason: 'no' },
        ]),
        tx(3, { sentAtMs: 10, endedAtMs: 12, block: 3, fee: 6n }, [{ id: 'good' }]),
      ],
    ).list(all, signal());
    expect(hasMore).toBe(false);
    const common = { action: 'ADD_WORKER', pool: '7' };
    expect(rows).toEqual([
      { ...common, jobId: 'waits', status: 'queued', queuedMs: 50 },
      { ...common, jobId: 'sent', status: 'running', queuedMs: 30, txHash: hash(1), nonce: 1 },
      {
        ...{ ...common, jobId: 'bad', status: 'failed', queuedMs: 25, endedMs: 45, block: 8 },
        ...{ txHash: hash(2), nonce: 2, errorCode: 'CALL_FAILED', errorMessage: 'no' },
      },
      { ...common, jobId: 'again', status: 'running', queuedMs: 20 },
      {
        ...{ ...common, jobId: 'good', status: 'done', queuedMs: 10, endedMs: 12 },
        ...{ block: 3, txHash: hash(3), nonce: 3, fee: 6n },
      },
    ]);
  });

  it('knows a job that has ended meanwhile from one that was asked for again', async () => {
    const jobs = [queuedJob('ended', 10, 'active'), queuedJob('anew', 30, 'active')];
    const names = [{ id: 'ended' }, { id: 'anew', outcome: 'failed' as const }];
    const inBlock = [tx(1, { state: 'inBlock', sentAtMs: 20, block: 3 }, names)];
    const { rows } = await book(jobs, inBlock, []).list(all, signal());
    expect(rows.map(({ jobId, status, queuedMs }) => [jobId, status, queuedMs])).toEqual([
      ['anew', 'running', 30],
      ['anew', 'failed', 20],
      ['ended', 'done', 10],
    ]);
  });

  it('reads no more of the history than the page needs', async () => {
    const ended = Array.from({ length: 100 }, (_, i) =>
      tx(i, { sentAtMs: 1_000 - i * 5, endedAtMs: 1_002 - i * 5 }, [{ id: `${i}` }]),
    );
    let asked = 0;
    const real = book([], [], ended, 10);
    const list = new LocalTransactions({
      jobs: () => Promise.resolve([]),
      history: async (query, stop) => {
        asked += 1;
        return real['sources'].history(query, stop);
      },
    });
    const { rows, hasMore } = await list.list({ ...all, limit: 12 }, signal());
    expect(rows.map(({ jobId }) => jobId)).toEqual(Array.from({ length: 12 }, (_, i) => `${i}`));
    expect([asked, hasMore]).toEqual([2, true]);
  });

  it('loses nothing between pages and gives nothing twice, however times fall', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            took: fc.integer({ min: 0, max: 6 }),
            apart: fc.integer({ min: 0, max: 2 }),
            jobs: fc.integer({ min: 1, max: 4 }),
          }),
          { maxLength: 15 },
        ),
        fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 5 }),
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 4 }),
        async (transactions, asked, limit, pageSize) => {
          let endedAtMs = 50;
          const ended = transactions.map(({ took, apart, jobs }, n) => {
            endedAtMs -= apart;
            const names = Array.from({ length: jobs }, (_, i) => ({ id: `${n}.${i}` }));
            return tx(n, { sentAtMs: endedAtMs - took, endedAtMs }, names);
          });
          const jobs = asked.map((atMs, n) => queuedJob(`q${n}`, atMs, 'waiting'));
          const list = book(jobs, [], ended, pageSize);
          const paged: TransactionRow[] = [];
          for (let beforeMs = Infinity; ;) {
            const page = await list.list({ ...all, limit, beforeMs }, signal());
            paged.push(...page.rows);
            if (!page.hasMore) break;
            beforeMs = page.rows.at(-1)!.queuedMs;
          }
          const names = [...ended.flatMap((one) => one.jobs), ...jobs].map(({ id }) => id);
          expect(paged.map(({ jobId }) => jobId).sort()).toEqual(names.sort());
          const times = paged.map(({ queuedMs }) => queuedMs);
          expect(times).toEqual([...times].sort((a, b) => b - a));
        },
      ),
      { numRuns: 200 },
    );
  });
});
