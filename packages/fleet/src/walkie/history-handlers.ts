import type { Hex } from '@runtime-bridge/base';
import { fromHex, toHex } from '@runtime-bridge/base';
import { encodeWorkerOrigin } from '@runtime-bridge/blob-codec';
import {
  TransactionStatus,
  type RequestOf,
  type ResponseInit,
  type Walkie,
} from '@runtime-bridge/walkie-protocol';

import { FleetError, FleetErrorCode } from '../errors.js';
import { historyLimits, type WorkerHistory } from '../history/worker-history.js';
import type { Inventory } from '../inventory/inventory.js';
import type { FleetManager } from '../manager/fleet-manager.js';
import { statusToWire } from './rows.js';

/** One job of the transaction queue, waiting, under way or over. */
export interface TransactionRow {
  /** As formatJobId puts it together, or whatever its asker called it. */
  readonly jobId: string;
  readonly action: string;
  readonly status: 'queued' | 'running' | 'done' | 'failed';
  /** Pool id, as decimal text. */
  readonly pool: string;
  /** When it was handed in, ms since 1970; when it was sent, where that is no longer known. */
  readonly queuedMs: number;
  readonly endedMs?: number;
  readonly txHash?: Hex;
  readonly block?: number;
  readonly nonce?: number;
  /** What the transaction cost, of which this job may be a part, in the smallest unit. */
  readonly fee?: bigint;
  /** Why it failed. */
  readonly errorCode?: string;
  readonly errorMessage?: string;
}

/** Which transactions are wanted. */
export interface TransactionBookQuery {
  readonly isWanted: (row: TransactionRow) => boolean;
  /** Only those queued before it, ms since 1970; undefined for no bound. */
  readonly beforeMs?: number;
  readonly limit: number;
}

/** Transactions, newest first, with those of one moment never divided between pages. */
export interface TransactionPage {
  readonly rows: readonly TransactionRow[];
  /** There are older ones. */
  readonly hasMore: boolean;
}

/** Where jobs and their transactions are looked up. */
export interface TransactionBook {
  list(query: TransactionBookQuery, signal: AbortSignal): Promise<TransactionPage>;
}

/** What the answers about the past are made of. */
export interface HistoryHandlersCollaborators {
  inventory: Inventory;
  history: Pick<WorkerHistory, 'list'>;
  /** Undefined in config mode. */
  transactions?: TransactionBook | undefined;
  /** Undefined in config mode. */
  fleet?: Pick<FleetManager, 'snapshot'> | undefined;
}

/** Bounds of one question about the past. */
export const historyQuestionLimits = {
  /** Uuids named in one question; who wants more asks for all. */
  maxWorkers: 100,
  /** Rows of a page unless the caller says otherwise. */
  defaultPage: 100,
  /** Transactions of one page. */
  maxTransactions: 500,
} as const;

const wireTxStatus = {
  queued: TransactionStatus.TS_QUEUED,
  running: TransactionStatus.TS_RUNNING,
  done: TransactionStatus.TS_DONE,
  failed: TransactionStatus.TS_FAILED,
} as const;

/** Answers what workers and transactions went through: ListWorkerEvents and ListTransactions. */
export function serveHistory(walkie: Walkie, collaborators: HistoryHandlersCollaborators): void {
  walkie.handle('ListWorkerEvents', (request) => workerEvents(collaborators, request));
  walkie.handle('ListTransactions', (request, { signal }) =>
    transactions(collaborators, request, signal),
  );
}

async function workerEvents(
  { inventory, history }: HistoryHandlersCollaborators,
  { ids, beforeMs, limit }: RequestOf<'ListWorkerEvents'>,
): Promise<ResponseInit<'ListWorkerEvents'>> {
  const { maxWorkers, defaultPage } = historyQuestionLimits;
  if (ids.length > maxWorkers) {
    throw new FleetError(
      FleetErrorCode.INVALID_FIELD,
      `ids: at most ${maxWorkers} workers, or none for all`,
      { facts: { field: 'ids', count: ids.length, maxWorkers } },
    );
  }
  for (const id of ids) known(inventory, id);
  const page = await history.list({
    workers: ids,
    limit: pageOf(limit, defaultPage, historyLimits.maxPage),
    ...before(beforeMs),
  });
  return {
    events: page.events.map(({ uuid, timeMs, status, message, errorCode }) => ({
      workerUuid: uuid,
      timeMs: BigInt(timeMs),
      status: statusToWire(status),
      message: errorCode === undefined ? message : `${message} (${errorCode})`,
    })),
    hasMore: page.hasMore,
  };
}

async function transactions(
  { inventory, transactions: book, fleet }: HistoryHandlersCollaborators,
  { statuses, workerUuid, beforeMs, limit }: RequestOf<'ListTransactions'>,
  signal: AbortSignal,
): Promise<ResponseInit<'ListTransactions'>> {
  if (!book) {
    throw new FleetError(
      FleetErrorCode.NOT_FOUND,
      'This manager has no queue: in config mode (PHALA_LIFECYCLE_CONFIG_MODE) there are no transactions',
    );
  }
  if (workerUuid !== '') known(inventory, workerUuid);
  const workers = workersBySubject(inventory, fleet);
  const wanted = new Set(statuses);
  const { defaultPage, maxTransactions } = historyQuestionLimits;
  const workerOf = (row: TransactionRow) => workers.get(subjectOf(row.jobId)) ?? '';
  const page = await book.list(
    {
      isWanted: (row) =>
        (wanted.size === 0 || wanted.has(wireTxStatus[row.status])) &&
        (workerUuid === '' || workerOf(row) === workerUuid),
      limit: pageOf(limit, defaultPage, maxTransactions),
      ...before(beforeMs),
    },
    signal,
  );
  return {
    transactions: page.rows.map((row) => ({
      jobId: row.jobId,
      action: row.action,
      status: wireTxStatus[row.status],
      pid: /^\d{1,20}$/.test(row.pool) ? BigInt.asUintN(64, BigInt(row.pool)) : 0n,
      workerUuid: workerOf(row),
      queuedMs: BigInt(row.queuedMs),
      endedMs: BigInt(row.endedMs ?? 0),
      txHash: row.txHash ?? '',
      blockNumber: row.block ?? 0,
      ...(row.nonce === undefined ? {} : { nonce: row.nonce }),
      ...(row.fee === undefined ? {} : { fee: row.fee.toString() }),
      errorCode: row.errorCode ?? '',
      errorMessage: row.errorMessage ?? '',
    })),
    hasMore: page.hasMore,
  };
}

/** Uuids by what stands for a worker in job ids: its key, or the origin of its messages. */
function workersBySubject(
  { snapshot }: Inventory,
  fleet: HistoryHandlersCollaborators['fleet'],
): Map<string, string> {
  const workers = new Map<string, string>();
  for (const uuid of snapshot.workers.keys()) {
    const publicKey = fleet?.snapshot(uuid)?.publicKey;
    if (publicKey === undefined) continue;
    workers.set(publicKey, uuid);
    workers.set(toHex(encodeWorkerOrigin(fromHex(publicKey))), uuid);
  }
  return workers;
}

const subjectOf = (jobId: string) => jobId.split(':', 2)[1] ?? '';

function known({ snapshot }: Inventory, uuid: string): void {
  if (snapshot.workers.has(uuid)) return;
  throw new FleetError(FleetErrorCode.NOT_FOUND, `Worker ${uuid} not found!`, {
    facts: { worker: uuid },
  });
}

const pageOf = (limit: number, fallback: number, most: number) => Math.min(limit || fallback, most);

/** 0 on the wire means now. */
const before = (ms: bigint) => (ms === 0n ? {} : { beforeMs: Number(ms) });
