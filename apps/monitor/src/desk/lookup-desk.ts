import { BridgeError, type Clock } from '@runtime-bridge/base';
import {
  AlertSeverity,
  TransactionStatus,
  type Transaction,
} from '@runtime-bridge/walkie-protocol';
import {
  errorMeanings,
  type HeightHistory,
  type ManagerAlertPage,
  type Severity,
  type TransactionPage,
  type TransactionRow,
  type TransactionState,
  type WebhookTestResult,
  type WorkerDetail,
  type WorkerEventPage,
  type WorkerRow,
} from '../api/index.js';
import type { FleetWatch } from '../fleet/fleet-watch.js';
import { joinHistory } from '../fleet/height-history.js';
import {
  readBasics,
  readSessionFacts,
  splitSessionJson,
  stateName,
} from '../fleet/worker-facts.js';
import { ApiError } from './api-error.js';
import type { Managers } from './managers.js';

const STATES = {
  queued: TransactionStatus.TS_QUEUED,
  running: TransactionStatus.TS_RUNNING,
  done: TransactionStatus.TS_DONE,
  failed: TransactionStatus.TS_FAILED,
} as const;
/** One manager that does not answer must not keep the others' transactions from being shown. */
const TRANSACTIONS_TIMEOUT_MS = 10_000;

/** A page of something, as the browser asks for it. */
export interface Page {
  /** Infinity for the newest. */
  beforeMs: number;
  limit: number;
}

/** Answers what the browser asks about one worker, and about transactions. */
export class LookupDesk {
  constructor(
    private readonly collaborators: { managers: Managers; fleet: FleetWatch; clock: Clock },
  ) {}

  async worker(manager: string, uuid: string): Promise<WorkerDetail> {
    const { managers, fleet, clock } = this.collaborators;
    const { workerStates } = await managers.call(manager, 'GetWorkerStatus', { ids: [uuid] });
    const state = workerStates.find(({ worker }) => worker?.uuid === uuid);
    const basics = state === undefined ? undefined : readBasics(state);
    if (state === undefined || basics === undefined) throw ApiError.notFound('The worker');
    const known = fleet.store.worker(manager, uuid);
    const worker: WorkerRow = {
      n: -1,
      manager,
      sinceMs: null,
      perMinute: null,
      order: null,
      ...known,
      ...basics,
      ...readSessionFacts(state.sessionInfoJson, state.workerAccountId),
    };
    if (known !== undefined && known.state !== worker.state) worker.sinceMs = clock.now();
    const pool = [...fleet.store.rows('pools').values()].find(
      (row) => row.manager === manager && row.pid === worker.pid,
    );
    return {
      atMs: clock.now(),
      worker,
      pool: pool ?? null,
      initialized: state.initialized,
      ...splitSessionJson(state.sessionInfoJson),
    };
  }

  async workerEvents(manager: string, uuid: string, page: Page): Promise<WorkerEventPage> {
    const { events, hasMore } = await this.collaborators.managers.call(
      manager,
      'ListWorkerEvents',
      { ids: [uuid], beforeMs: wireTime(page.beforeMs), limit: page.limit },
    );
    return {
      hasMore,
      events: events.map(({ timeMs, status, message }) => ({
        timeMs: Number(timeMs),
        state: stateName(status),
        message,
      })),
    };
  }

  /** @throws ApiError NOT_FOUND for a worker that the monitor does not know */
  heights(manager: string, uuid: string, sinceMs: number, points: number): HeightHistory {
    const { fleet, clock } = this.collaborators;
    const row = fleet.store.worker(manager, uuid);
    if (row === undefined) throw ApiError.notFound('The worker');
    const chain = fleet.store.rows('managers').get(manager)?.chainIdentity ?? '';
    const nowMs = clock.now();
    const heads = fleet.heads.list(chain, nowMs);
    return joinHistory(fleet.histories.list(row.n, nowMs), heads, { sinceMs, points });
  }

  /** Transactions of several managers as one list; those of one moment come together. */
  async transactions(query: {
    managers: readonly string[];
    worker: string;
    states: readonly string[];
    page: Page;
  }): Promise<TransactionPage> {
    const { managers } = this.collaborators;
    const { beforeMs, limit } = query.page;
    const wanted =
      query.managers.length > 0 ? query.managers : managers.list().map(({ peerId }) => peerId);
    const request = {
      statuses: query.states.map(stateOf),
      workerUuid: query.worker,
      beforeMs: wireTime(beforeMs),
      limit,
    };
    const missing: TransactionPage['missing'] = [];
    const lists = await Promise.all(
      wanted.map(async (manager) => {
        try {
          const options = { timeoutMs: TRANSACTIONS_TIMEOUT_MS };
          const answer = await managers.call(manager, 'ListTransactions', request, options);
          return {
            hasMore: answer.hasMore,
            rows: answer.transactions.map((one) => this.#transactionRow(manager, one)),
          };
        } catch (error) {
          const { code, message } = BridgeError.from(error);
          missing.push({ manager, code, message });
          return { hasMore: false, rows: [] };
        }
      }),
    );
    // What is older than the end of a list that has more may lack some of that manager's.
    const floorMs = Math.max(
      ...lists.map(({ hasMore, rows }) => (hasMore ? (rows.at(-1)?.queuedMs ?? 0) : 0)),
      0,
    );
    const all = lists
      .flatMap(({ rows }) => rows)
      .filter(({ queuedMs }) => (queuedMs ?? 0) >= floorMs)
      .sort((a, b) => (b.queuedMs ?? 0) - (a.queuedMs ?? 0));
    let end = Math.min(limit, all.length);
    while (end > 0 && end < all.length && all[end]!.queuedMs === all[end - 1]!.queuedMs) end += 1;
    const hasMore = end < all.length || lists.some((list) => list.hasMore);
    return { transactions: all.slice(0, end), hasMore, missing };
  }

  async managerAlerts(manager: string, limit: number): Promise<ManagerAlertPage> {
    const answer = await this.collaborators.managers.call(manager, 'ListAlerts', { limit });
    const { webhook } = answer;
    return {
      hasMore: answer.hasMore,
      alerts: answer.alerts.map((alert) => ({
        id: alert.id,
        kind: alert.kind,
        severity: severityOf(alert.severity),
        message: alert.message,
        remedy: alert.remedy,
        firedMs: Number(alert.firedMs),
        clearedMs: timeOf(alert.clearedMs),
        workerUuid: alert.workerUuid || null,
        workerName: alert.workerName || null,
        pid: alert.pid === 0n ? null : alert.pid.toString(),
        peerId: alert.peerId || null,
      })),
      webhook: {
        isConfigured: webhook?.configured ?? false,
        waiting: webhook?.waiting ?? 0,
        lost: webhook?.lost ?? 0,
        deliveredMs: timeOf(webhook?.deliveredMs),
        error: webhook?.error || null,
      },
    };
  }

  async testWebhook(manager: string): Promise<WebhookTestResult> {
    const answer = await this.collaborators.managers.call(manager, 'TestWebhook', {});
    return {
      isDelivered: answer.delivered,
      httpStatus: answer.httpStatus || null,
      error: answer.error || null,
      tookMs: answer.tookMs,
    };
  }

  #transactionRow(manager: string, one: Transaction): TransactionRow {
    const { errorCode, errorMessage } = one;
    const code = errorCode || (errorMessage === '' ? '' : 'FAILED');
    return {
      manager,
      jobId: one.jobId,
      action: one.action,
      state: stateNameOf(one.status),
      pid: one.pid.toString(),
      workerUuid: one.workerUuid,
      workerName: this.collaborators.fleet.store.worker(manager, one.workerUuid)?.name ?? '',
      queuedMs: timeOf(one.queuedMs),
      endedMs: timeOf(one.endedMs),
      txHash: one.txHash || null,
      block: one.blockNumber || null,
      nonce: null,
      fee: null,
      error:
        code === ''
          ? null
          : { code, message: errorMessage, remedy: errorMeanings[code]?.remedy ?? null },
    };
  }
}

/** 0 on the wire means now, or never. */
const wireTime = (ms: number) => (Number.isFinite(ms) ? BigInt(Math.trunc(ms)) : 0n);
const timeOf = (ms: bigint | undefined) => (ms === undefined || ms === 0n ? null : Number(ms));

function stateOf(name: string): TransactionStatus {
  if (Object.hasOwn(STATES, name)) return STATES[name as keyof typeof STATES];
  throw ApiError.badRequest(`'${name}' is no state of a transaction`, 'states');
}

function stateNameOf(status: TransactionStatus): TransactionState {
  for (const [name, value] of Object.entries(STATES)) {
    if (value === status) return name as keyof typeof STATES;
  }
  return 'unknown';
}

function severityOf(severity: AlertSeverity): Severity {
  if (severity === AlertSeverity.SV_CRITICAL) return 'critical';
  return severity === AlertSeverity.SV_WARNING ? 'warning' : 'info';
}
