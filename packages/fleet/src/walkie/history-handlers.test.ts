import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { silentLogger, toHex } from '@runtime-bridge/base';
import { encodeWorkerOrigin } from '@runtime-bridge/blob-codec';
import {
  TransactionStatus,
  WalkieRoles,
  WorkerStatus,
  type WalkieClient,
} from '@runtime-bridge/walkie-protocol';
import { MemoryNetwork, type MemoryWalkie } from '@runtime-bridge/walkie-protocol/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { WorkerHistory } from '../history/worker-history.js';
import type { Inventory } from '../inventory/inventory.js';
import type { FleetManager } from '../manager/fleet-manager.js';
import {
  historyQuestionLimits,
  serveHistory,
  type TransactionBook,
  type TransactionRow,
} from './history-handlers.js';

const KEY = toHex(new Uint8Array(32).fill(0xaa));
let directory: string;
let history: WorkerHistory;
let manager: MemoryWalkie;
let caller: MemoryWalkie;
let client: WalkieClient;
let rows: TransactionRow[];
let limits: number[];

const book: TransactionBook = {
  list: async ({ isWanted, beforeMs = Infinity, limit }) => {
    limits.push(limit);
    const found = rows.filter((row) => row.queuedMs < beforeMs && isWanted(row));
    return { rows: found.slice(0, limit), hasMore: found.length > limit };
  },
};

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'history-handlers-'));
  history = await WorkerHistory.open({ directory }, { logger: silentLogger });
  rows = [];
  limits = [];
  const network = new MemoryNetwork();
  manager = network.node({ role: WalkieRoles.WR_LIFECYCLE_MANAGER });
  caller = network.node();
  await manager.start();
  await caller.start();
  client = caller.client(manager.peerId);
  serve(book);
});
afterEach(async () => {
  await caller.stop();
  await manager.stop();
  await history.close();
  await rm(directory, { recursive: true, force: true });
});

function serve(transactions: TransactionBook | undefined): void {
  const workers = new Map(['a', 'b'].map((uuid) => [uuid, {}]));
  const inventory = { snapshot: { workers, pools: new Map() } } as unknown as Inventory;
  const fleet = {
    snapshot: (uuid: string) => (uuid === 'a' ? { publicKey: KEY } : undefined),
  } as Pick<FleetManager, 'snapshot'>;
  serveHistory(manager, { inventory, history, fleet, transactions });
}

describe('events of workers over Walkie', () => {
  beforeEach(() => {
    history.record([
      { uuid: 'a', timeMs: 1_000, status: 'S_STARTING', message: 'begins' },
      { uuid: 'b', timeMs: 2_000, status: 'S_ACTIVE', message: 'computes' },
      { uuid: 'a', timeMs: 3_000, status: 'S_ERROR', message: 'gone', errorCode: 'RUNNER_GONE' },
    ]);
  });

  it('come newest first, in pages, of the workers asked for', async () => {
    const { events, hasMore } = await client.call('ListWorkerEvents', { limit: 2 });
    expect(hasMore).toBe(true);
    expect(events).toMatchObject([
      {
        workerUuid: 'a',
        timeMs: 3_000n,
        status: WorkerStatus.S_ERROR,
        message: 'gone (RUNNER_GONE)',
      },
      { workerUuid: 'b', timeMs: 2_000n, status: WorkerStatus.S_ACTIVE, message: 'computes' },
    ]);
    const rest = await client.call('ListWorkerEvents', { beforeMs: 2_000n });
    expect(rest).toMatchObject({ events: [{ timeMs: 1_000n }], hasMore: false });
    const ofB = await client.call('ListWorkerEvents', { ids: ['b'] });
    expect(ofB.events.map(({ workerUuid }) => workerUuid)).toEqual(['b']);
  });

  it('are refused for workers that are not there, and for too many', async () => {
    await expect(client.call('ListWorkerEvents', { ids: ['a', 'x'] })).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringMatching(/Worker x/) as string,
    });
    const ids = Array.from({ length: historyQuestionLimits.maxWorkers + 1 }, () => 'a');
    await expect(client.call('ListWorkerEvents', { ids })).rejects.toMatchObject({
      code: 'SERVER',
      message: expect.stringMatching(/at most 100/) as string,
    });
  });
});

describe('transactions over Walkie', () => {
  const row = (jobId: string, more: Partial<TransactionRow>): TransactionRow => ({
    jobId,
    action: 'START_COMPUTING',
    status: 'done',
    pool: '7',
    queuedMs: 5,
    ...more,
  });

  it('are told with their workers, whose messages count as theirs', async () => {
    const origin = toHex(encodeWorkerOrigin(new Uint8Array(32).fill(0xaa)));
    rows = [
      row(`BATCH_SYNC_MQ_MESSAGE:${origin}:1`, { status: 'queued', queuedMs: 9 }),
      row(`START_COMPUTING:${KEY}:2`, {
        status: 'failed',
        endedMs: 8,
        txHash: '0x12',
        block: 3,
        errorCode: 'CALL_FAILED',
        errorMessage: 'no stake',
      }),
      row('of somebody else', { pool: 'odd' }),
    ];
    const { transactions, hasMore } = await client.call('ListTransactions', {});
    expect(hasMore).toBe(false);
    expect(transactions).toMatchObject([
      { status: TransactionStatus.TS_QUEUED, workerUuid: 'a', pid: 7n, queuedMs: 9n, endedMs: 0n },
      {
        status: TransactionStatus.TS_FAILED,
        workerUuid: 'a',
        endedMs: 8n,
        txHash: '0x12',
        blockNumber: 3,
        errorCode: 'CALL_FAILED',
        errorMessage: 'no stake',
      },
      { jobId: 'of somebody else', workerUuid: '', pid: 0n },
    ]);
    const ofA = await client.call('ListTransactions', {
      workerUuid: 'a',
      statuses: [TransactionStatus.TS_FAILED, TransactionStatus.TS_DONE],
    });
    expect(ofA.transactions.map(({ jobId }) => jobId)).toEqual([`START_COMPUTING:${KEY}:2`]);
    const older = await client.call('ListTransactions', { beforeMs: 9n, limit: 1 });
    expect(older.transactions).toHaveLength(1);
    expect(older.hasMore).toBe(true);
  });

  it('come in pages of a bounded size', async () => {
    await client.call('ListTransactions', {});
    await client.call('ListTransactions', { limit: 1_000_000 });
    expect(limits).toEqual([
      historyQuestionLimits.defaultPage,
      historyQuestionLimits.maxTransactions,
    ]);
  });

  it('are refused for a worker that is not there, and where no trader is built in', async () => {
    await expect(client.call('ListTransactions', { workerUuid: 'x' })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    serve(undefined);
    await expect(client.call('ListTransactions', {})).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringMatching(/no queue/) as string,
    });
  });
});
