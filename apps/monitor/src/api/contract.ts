/**
 * The dashboard's HTTP API: what the monitor answers under `/api`, as types, and the few constants that both sides go by.
 * Imports nothing, so that the front end and scripts can use it as it is.
 *
 * - Bodies are JSON both ways, with `content-type: application/json`; failures are an {@link ApiFailure}.
 * - `manager` is always the base58 peer id of a lifecycle manager that the monitor has found by itself.
 * - Pool ids (`pid`) and amounts are decimal text; amounts are in the smallest unit, 10^-12 PHA.
 * - Times are ms since 1970. What is not known is null.
 */
export * from './fleet-state.js';
export * from './requests.js';
export * from './stream.js';

/** Paths of the API. */
export const apiPaths = {
  /** GET {@link SessionInfo}; POST {@link LoginRequest} → {@link SessionInfo}; DELETE → {@link SessionInfo}. */
  session: '/api/session',
  /** GET, server-sent events: see {@link StreamEvent}. */
  events: '/api/events',
  /** GET {@link FleetState}, the same as a snapshot of the stream, for scripts. */
  fleet: '/api/fleet',
  /** GET {@link WorkerDetail}. Below it `…/events` and `…/heights`. */
  worker: (manager: string, uuid: string) => `/api/workers/${seg(manager)}/${seg(uuid)}`,
  /** GET with {@link PageQuery} → {@link WorkerEventPage}. */
  workerEvents: (manager: string, uuid: string) =>
    `/api/workers/${seg(manager)}/${seg(uuid)}/events`,
  /** GET with {@link HeightsQuery} → {@link HeightHistory}. */
  workerHeights: (manager: string, uuid: string) =>
    `/api/workers/${seg(manager)}/${seg(uuid)}/heights`,
  /** GET with {@link TransactionQuery} → {@link TransactionPage}. */
  transactions: '/api/transactions',
  /** POST {@link ActionRequest} → {@link ActionPreview} with `preview`, else 202 and {@link ActionProgress}. */
  actions: '/api/actions',
  /** GET {@link ActionProgress}, with `?after=N` only results from the N-th on; DELETE stops it → {@link ActionProgress}. */
  action: (id: string) => `/api/actions/${seg(id)}`,
  /** POST {@link PoolInput} → {@link PoolRow}. */
  pools: (manager: string) => `/api/managers/${seg(manager)}/pools`,
  /** PUT {@link PoolInput} → {@link PoolRow}; DELETE → 204. */
  pool: (manager: string, uuid: string) => `/api/managers/${seg(manager)}/pools/${seg(uuid)}`,
  /** POST {@link NewWorkers} → {@link WorkersWritten}; all or none. */
  workers: (manager: string) => `/api/managers/${seg(manager)}/workers`,
  /** PUT {@link WorkerInput} → {@link WorkersWritten}; DELETE → 204. */
  inventoryWorker: (manager: string, uuid: string) =>
    `/api/managers/${seg(manager)}/workers/${seg(uuid)}`,
  /** GET `?format=` one of {@link transferFormats} → the text; POST {@link ImportRequest} → {@link ImportResult}. */
  inventory: (manager: string) => `/api/managers/${seg(manager)}/inventory`,
  /** GET with {@link PageQuery} → {@link AlertPage}. */
  alerts: '/api/alerts',
  /** POST {@link SilenceRequest} → {@link Alert}. */
  alertSilence: (id: string) => `/api/alerts/${seg(id)}/silence`,
  /** GET with `limit` → {@link ManagerAlertPage}; there is no next page. */
  managerAlerts: (manager: string) => `/api/managers/${seg(manager)}/alerts`,
  /** POST without a body → {@link WebhookTestResult}. */
  webhookTest: (manager: string) => `/api/managers/${seg(manager)}/webhook-test`,
  /** GET with {@link PageQuery} → {@link AuditPage}; operators only. */
  audit: '/api/audit',
  /** GET {@link SettingsInfo}. */
  settings: '/api/settings',
  /** GET: what `glossary.ts` has, for scripts. */
  glossary: '/api/glossary',
} as const;

const seg = (part: string) => encodeURIComponent(part);

/** Bounds that the server keeps; the front end may say them before it asks. */
export const apiLimits = {
  /** Bytes of a body. */
  maxBodyBytes: 4 * 1024 * 1024,
  /** Workers of one action, and of one {@link NewWorkers}. */
  maxTargets: 10_000,
  /** Rows of one page. */
  maxPage: 500,
  /** Rows of a page unless asked otherwise. */
  defaultPage: 100,
  /** The stream says something at least so often; silence of three times that is a lost link. */
  heartbeatMs: 10_000,
} as const;

/** Codes of failures of the API itself; those of a manager pass through under their own (`NOT_FOUND`, `INVALID_FIELD`, …). */
export type ApiErrorCode =
  /** Nobody is logged in: 401. */
  | 'LOGIN_NEEDED'
  /** Wrong token, user or password: 401. */
  | 'LOGIN_WRONG'
  /** Too many wrong logins or requests; `retryAfterSec` says when again: 429. */
  | 'TOO_MANY'
  /** A viewer, or a page of another origin, may not do that: 403. */
  | 'FORBIDDEN'
  /** The body or a parameter is wrong; `field` may name which: 400. */
  | 'BAD_REQUEST'
  /** No such manager, worker, pool, action or path: 404. */
  | 'NOT_FOUND'
  /** The manager is not there, or did not answer in time: 502, 504. */
  | 'UNREACHABLE'
  | 'TIMEOUT'
  /** The manager does not offer that: 501. */
  | 'NOT_OFFERED'
  /** Something broke here: 500. */
  | 'UNEXPECTED';

/** The body of every answer with a status of 400 and more. */
export interface ApiFailure {
  error: {
    code: ApiErrorCode | (string & {});
    message: string;
    /** What to do about it. */
    remedy?: string;
    /** The field of the form that is wrong, such as `stake`. */
    field?: string;
    /** Which entry of a list it is about, from 0. */
    index?: number;
    retryAfterSec?: number;
  };
}

/** What somebody may do. A viewer only looks. */
export type Role = 'viewer' | 'operator';

/** Who one is, and how to become somebody. */
export interface SessionInfo {
  /** Whether one has to log in at all. */
  loginNeeded: boolean;
  /** What a login form asks for; empty when none is needed. */
  ways: ('token' | 'password')[];
  /** Null while nobody is logged in. */
  user: { name: string; role: Role } | null;
  /** When the session ends by itself; null without one. */
  expiresMs: number | null;
  /** Version of the monitor. */
  version: string;
}

/** One of the {@link SessionInfo.ways}. The answer sets an HttpOnly cookie; nothing is to be kept in the page. */
export type LoginRequest = { token: string } | { user: string; password: string };

/**
 * Stands in the built `index.html` where the nonce of the content security policy belongs: scripts and styles come from files
 * only (`'self'`), but style elements that carry this nonce are allowed. Each answer has another one.
 */
export const cspNoncePlaceholder = '__CSP_NONCE__';
