import { TransactionStatus, WorkerStatus } from '@runtime-bridge/walkie-protocol';
import { UsageError } from './errors.js';
import type { Manager } from './session.js';
import { print, type Show } from './show.js';
import { formatTable } from './table.js';

/** Options of commands about the past. */
export interface PastOptions {
  limit?: string;
  /** A time; only what was before it. */
  before?: string;
}

/** What workers went through, newest first. */
export async function showEvents(
  show: Show,
  manager: Manager,
  { names, ...options }: PastOptions & { names: readonly string[] },
): Promise<void> {
  const all = await manager.workers();
  const named = names.length === 0 ? [] : await manager.workersNamed(names);
  const nameOf = new Map(all.map(({ uuid, name }) => [uuid, name]));
  const { events, hasMore } = await manager.client.call(
    'ListWorkerEvents',
    { ids: named.map(({ uuid }) => uuid), ...pageOf(options) },
    manager.options,
  );
  const rows = events.map(({ workerUuid, timeMs, status, message }) => ({
    time: timeOf(timeMs),
    uuid: workerUuid,
    name: nameOf.get(workerUuid) ?? '',
    status: WorkerStatus[status] ?? `${status}`,
    message,
  }));
  print(show, { events: rows, hasMore }, () => [
    ...formatTable(
      [
        { title: 'TIME' },
        { title: 'WORKER', maxWidth: 36 },
        { title: 'STATE' },
        { title: 'MESSAGE', maxWidth: 100 },
      ],
      rows.map((row) => [row.time, row.name || row.uuid, row.status, row.message]),
    ),
    ...older(hasMore, rows.at(-1)?.time),
  ]);
}

/** Transactions of the built-in trader and jobs that wait for one, newest first. */
export async function showTransactions(
  show: Show,
  manager: Manager,
  { worker, state, ...options }: PastOptions & { worker?: string; state?: string },
): Promise<void> {
  const all = await manager.workers();
  const named = worker === undefined ? undefined : (await manager.workersNamed([worker]))[0];
  const nameOf = new Map(all.map(({ uuid, name }) => [uuid, name]));
  const { transactions, hasMore } = await manager.client.call(
    'ListTransactions',
    {
      workerUuid: named?.uuid ?? '',
      statuses: state === undefined ? [] : [statusNamed(state)],
      ...pageOf(options),
    },
    manager.options,
  );
  const rows = transactions.map((row) => ({
    job: row.jobId,
    action: row.action,
    status: statusName(row.status),
    pid: row.pid,
    workerUuid: row.workerUuid,
    worker: nameOf.get(row.workerUuid) ?? '',
    queued: timeOf(row.queuedMs),
    ended: row.endedMs === 0n ? '' : timeOf(row.endedMs),
    hash: row.txHash,
    block: row.blockNumber,
    errorCode: row.errorCode,
    error: row.errorMessage,
  }));
  print(show, { transactions: rows, hasMore }, () => [
    ...formatTable(
      [
        { title: 'QUEUED' },
        { title: 'ACTION' },
        { title: 'PID', right: true },
        { title: 'WORKER', maxWidth: 36 },
        { title: 'STATE' },
        { title: 'BLOCK', right: true },
        { title: 'HASH', maxWidth: 66 },
        { title: 'ERROR', maxWidth: 60 },
      ],
      rows.map((row) => [
        row.queued,
        row.action,
        `${row.pid}`,
        row.worker || row.workerUuid,
        row.status,
        row.block === 0 ? '' : `${row.block}`,
        row.hash,
        [row.errorCode, row.error].filter((text) => text !== '').join(': '),
      ]),
    ),
    ...older(hasMore, rows.at(-1)?.queued),
  ]);
}

const statusName = (status: TransactionStatus) =>
  (TransactionStatus[status] ?? `${status}`).replace(/^TS_/, '').toLowerCase();

function statusNamed(text: string): TransactionStatus {
  const status = TransactionStatus[`TS_${text.toUpperCase()}` as keyof typeof TransactionStatus];
  if (status !== undefined) return status;
  throw new UsageError(`'${text}' is no state of a transaction: queued, running, done or failed`);
}

const older = (hasMore: boolean, time = '') =>
  hasMore ? [`There are older ones: --before ${time}`] : [];

function pageOf({ limit, before }: PastOptions): { limit: number; beforeMs: bigint } {
  if (limit !== undefined && !/^[1-9]\d{0,5}$/.test(limit)) {
    throw new UsageError(`'${limit}' is no number of rows`);
  }
  const beforeMs = before === undefined ? 0 : Date.parse(before);
  if (!(beforeMs >= 0)) {
    throw new UsageError(`'${before}' is no time, such as 2026-01-31T12:00:00Z`);
  }
  return { limit: Number(limit ?? 0), beforeMs: BigInt(beforeMs) };
}

/** A peer's time may be anything. */
function timeOf(ms: bigint): string {
  const date = new Date(Number(ms));
  return Number.isNaN(date.getTime()) ? `${ms}` : date.toISOString();
}
