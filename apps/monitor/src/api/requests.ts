import type { Alert, PoolRow, Severity, WorkerKey, WorkerRow, WorkerState } from './fleet-state.js';
import type { Role } from './contract.js';

export interface WorkerDetail {
  atMs: number;
  /** As the manager tells it now; `n` is that of the stream. */
  worker: WorkerRow;
  pool: PoolRow | null;
  initialized: boolean;
  /** The session on chain as the manager tells it, in human form (camelCase, `raw` beside); null without one. */
  session: Record<string, unknown> | null;
  /** pRuntime's last GetInfo, in 2022's names. */
  runtime: Record<string, unknown> | null;
}

/** Query of every list that comes in pages, newest first. For the next page: `beforeMs` of the last row. */
export interface PageQuery {
  beforeMs?: number;
  limit?: number;
}

export interface WorkerEvent {
  timeMs: number;
  state: WorkerState;
  message: string;
}
export interface WorkerEventPage {
  events: WorkerEvent[];
  hasMore: boolean;
}

export interface HeightsQuery {
  /** Only since then. */
  sinceMs?: number;
  /** Points at most; fewer come when there are fewer. @default 300 */
  points?: number;
}

/** Heights over time as the monitor saw them; columns of one length, oldest first, null where nobody looked. */
export interface HeightHistory {
  timesMs: number[];
  relayHeader: (number | null)[];
  paraHeader: (number | null)[];
  paraBlock: (number | null)[];
  /** Heads of the chain at that time. */
  relayHead: (number | null)[];
  paraHead: (number | null)[];
}

export const transactionStates = ['queued', 'running', 'done', 'failed'] as const;
export type TransactionState = (typeof transactionStates)[number] | 'unknown';

export interface TransactionQuery extends PageQuery {
  /** Peer ids, with commas; none means all. */
  manager?: string;
  /** Uuid; only with one manager. */
  worker?: string;
  /** With commas; none means all. */
  states?: string;
}

export interface TransactionRow {
  manager: string;
  jobId: string;
  /** Such as `START_COMPUTING`. */
  action: string;
  state: TransactionState;
  pid: string;
  /** Empty when it is about none. */
  workerUuid: string;
  workerName: string;
  queuedMs: number | null;
  endedMs: number | null;
  txHash: string | null;
  block: number | null;
  nonce: number | null;
  /** In the smallest unit; null when the manager does not tell. */
  fee: string | null;
  error: { code: string; message: string; remedy: string | null } | null;
}

export interface TransactionPage {
  transactions: TransactionRow[];
  hasMore: boolean;
  /** Managers that could not be asked, and why; the others' rows are here. */
  missing: { manager: string; code: string; message: string }[];
}

/**
 * What can be done to workers. The last four are orders on chain: only at managers whose `features` have `orders`, and only
 * with the `confirmation` of a preview.
 */
export const actionKinds = [
  'restart',
  'refreshRa',
  'kick',
  'enable',
  'disable',
  'move',
  'delete',
  'stop',
  'drain',
  'reclaim',
  'resume',
] as const;
export type ActionKind = (typeof actionKinds)[number];

export interface ActionRequest {
  kind: ActionKind;
  targets: WorkerKey[];
  /** Of `move`: the pool to go to, at the same manager. */
  pid?: string;
  /** Only says what would happen. */
  preview?: boolean;
  /** That of a preview of the same kind and targets; orders on chain need it. */
  confirmation?: string;
}

export interface ActionPreview {
  kind: ActionKind;
  /** What it will mean, in one or two sentences; also in `glossary.ts`. */
  consequence: string;
  /** Whether a person should have to confirm it: something is lost, or costs. */
  isGrave: boolean;
  /** For orders on chain, to be sent with them within some minutes; null for others and when nothing would be done. */
  confirmation: string | null;
  will: number;
  wont: number;
  /** In the order of the targets. */
  items: (WorkerKey & { name: string; will: boolean; why: string })[];
}

export type ActionOutcome = 'done' | 'failed' | 'skipped';

export interface ActionBrief {
  id: string;
  kind: ActionKind;
  startedMs: number;
  endedMs: number | null;
  total: number;
  done: number;
  failed: number;
  skipped: number;
}

/** How far an action is; kept for an hour after its end. */
export interface ActionProgress extends ActionBrief {
  /** Results as they came, from `after` on. */
  results: (WorkerKey & {
    name: string;
    outcome: ActionOutcome;
    code: string | null;
    message: string;
  })[];
}

export interface PoolInput {
  pid: string;
  name: string;
  enabled: boolean;
  syncOnly: boolean;
  /** SS58; empty for none. */
  proxiedAccount: string;
  /** The operator's phrase: needed for a new pool, left out to keep the key. Never comes back. */
  mnemonic?: string;
}

export interface WorkerInput {
  pid: string;
  name: string;
  endpoint: string;
  /** In the smallest unit; `amounts.ts` reads and writes PHA. */
  stake: string;
  enabled: boolean;
  syncOnly: boolean;
}

export interface NewWorkers {
  workers: WorkerInput[];
}
export interface WorkersWritten {
  workers: (WorkerInput & { uuid: string })[];
}

/** `prbv3`: the output of PRBv3's GetAllPoolsWithWorkers when read, commands for its configuration API when written. */
export const transferFormats = ['yaml', 'json', 'csv', 'prbv3'] as const;
export type TransferFormat = (typeof transferFormats)[number];

export interface ImportRequest {
  format: TransferFormat;
  text: string;
  /** Whether what is not in the text goes. */
  prune: boolean;
  /** Only tells the difference. */
  dryRun: boolean;
  /** Takes over the entries that are right although others are not. @default false */
  skipFaulty?: boolean;
  /** Of a dry run: nothing is done if by now something else would be. */
  planId?: string;
}

/** What an import would do, or did. */
export interface ImportResult {
  applied: boolean;
  changes: {
    kind: 'pool' | 'worker';
    action: 'create' | 'change' | 'delete';
    name: string;
    pid: string;
    fields: { field: string; before: string; after: string }[];
  }[];
  unchanged: number;
  /** Entries that cannot be taken over. Without `skipFaulty` nothing is applied while there are any. */
  faults: { place: string; field: string; rule: string }[];
  /** Stands for exactly these changes. */
  planId: string;
}

export interface AlertPage {
  /** Lasting ones first, then those that ended, newest first. */
  alerts: Alert[];
  hasMore: boolean;
}
/** Incidents as one manager keeps them, those that are on first; its webhook tells the same. */
export interface ManagerAlertPage {
  alerts: {
    id: string;
    /** Such as `worker_error`. */
    kind: string;
    severity: Severity;
    message: string;
    remedy: string;
    firedMs: number;
    clearedMs: number | null;
    workerUuid: string | null;
    workerName: string | null;
    pid: string | null;
    peerId: string | null;
  }[];
  hasMore: boolean;
  webhook: {
    isConfigured: boolean;
    waiting: number;
    lost: number;
    deliveredMs: number | null;
    error: string | null;
  };
}
export interface WebhookTestResult {
  isDelivered: boolean;
  httpStatus: number | null;
  error: string | null;
  tookMs: number;
}
export interface SilenceRequest {
  /** Null lifts it. */
  untilMs: number | null;
}

/** One change, or attempt at one. */
export interface AuditEntry {
  timeMs: number;
  /** Who: a user's name, `token`, or `local` where no login is needed. */
  user: string;
  role: Role | null;
  /** Address it came from. */
  address: string;
  /** Such as `restart`, `pool.create`, `login`, `proxy.KickWorker`. */
  what: string;
  manager: string | null;
  /** Names or uuids, at most ten, and how many in all. */
  targets: string[];
  targetCount: number;
  /** Further facts without secrets, such as `pid → 7`. */
  detail: string;
  /** `begun` is an action on many, whose end comes as another entry. */
  outcome: 'begun' | 'done' | 'partly' | 'failed' | 'refused';
  /** Why not. */
  error: string | null;
}
export interface AuditPage {
  entries: AuditEntry[];
  hasMore: boolean;
}

export interface SettingsInfo {
  version: string;
  startedMs: number;
  /** Peer id of the monitor in this run. */
  peerId: string;
  settings: {
    env: string;
    /** As text; secrets are only said to be set. */
    value: string;
    description: string;
    isDefault: boolean;
  }[];
  /** Pages beside this one, such as that of the transaction queue. */
  links: { label: string; url: string }[];
}
