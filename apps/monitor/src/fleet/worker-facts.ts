import { WorkerStatus, type WorkerState as WireState } from '@runtime-bridge/walkie-protocol';
import type { RuntimeBrief, SessionBrief, WorkerRow, WorkerState } from '../api/index.js';

/** The parts of a worker's row that its state on Walkie tells directly. */
export type WorkerBasics = Pick<
  WorkerRow,
  | 'uuid'
  | 'name'
  | 'pid'
  | 'endpoint'
  | 'stake'
  | 'enabled'
  | 'syncOnly'
  | 'state'
  | 'message'
  | 'messageMs'
  | 'relayHeader'
  | 'paraHeader'
  | 'paraBlock'
  | 'publicKey'
>;

/** What `sessionInfoJson` tells. */
export interface SessionFacts {
  session: SessionBrief | null;
  runtime: RuntimeBrief | null;
}

const KNOWN: ReadonlySet<string> = new Set(
  Object.values(WorkerStatus).filter((value) => typeof value === 'string'),
);

/** Managers keep such bounds themselves; a peer that is none may say anything. */
const MAX_NAME = 200;
const MAX_ENDPOINT = 2_000;
const MAX_MESSAGE = 1_200;

/** Cuts a text that is too long to be meant. */
export function clip(text: string, maxLength: number): string {
  return text.length > maxLength ? `${text.slice(0, maxLength - 1)}…` : text;
}

/** The name of a state; `S_UNKNOWN` for one that is not known here. */
export function stateName(status: WorkerStatus): WorkerState {
  const name = WorkerStatus[status];
  return name !== undefined && KNOWN.has(name) ? (name as WorkerState) : 'S_UNKNOWN';
}

/** Reads all but the session; undefined for a state without a worker, which cannot be shown anywhere. */
export function readBasics(state: WireState): WorkerBasics | undefined {
  const { worker } = state;
  if (worker === undefined || worker.uuid === '') return undefined;
  return {
    uuid: worker.uuid,
    name: clip(worker.name, MAX_NAME),
    pid: worker.pid.toString(),
    endpoint: clip(worker.endpoint, MAX_ENDPOINT),
    stake: clip(worker.stake, MAX_NAME),
    enabled: worker.enabled,
    syncOnly: worker.syncOnly,
    state: stateName(state.status),
    ...readMessage(clip(state.lastMessage, MAX_MESSAGE)),
    relayHeader: heightOf(state.parentHeaderSynchedTo),
    paraHeader: heightOf(state.paraHeaderSynchedTo),
    paraBlock: heightOf(state.paraBlockDispatchedTo),
    publicKey: clip(state.publicKey.replace(/^0x/, ''), MAX_NAME),
  };
}

/** The wire has -1 for heights that are not known. */
export function heightOf(height: number | undefined): number | null {
  return height === undefined || height < 0 ? null : height;
}

/** A message with its time, `[2022-01-01T00:00:00+00:00] text`, taken apart. */
export function readMessage(text: string): { message: string; messageMs: number | null } {
  const [, time, message] = /^\[([^\]]{10,40})\] ?([\s\S]*)$/.exec(text) ?? [];
  const messageMs = time === undefined ? NaN : Date.parse(time);
  return Number.isNaN(messageMs)
    ? { message: text, messageMs: null }
    : { message: message ?? '', messageMs };
}

/**
 * Reads `sessionInfoJson`; whatever is missing or malformed there is null. Source of its shape: Phala-Network/runtime-bridge
 * 80fde2c src/lifecycle/runner/worker.js.
 */
export function readSessionFacts(json: string, accountId: string): SessionFacts {
  const info = parseObject(json);
  if (info === undefined) return { session: null, runtime: null };
  const state = info['state'];
  const runtime = objectOf(info['runtimeInfo']);
  return {
    session: typeof state === 'string' ? readSession(info, state, accountId) : null,
    runtime: runtime === undefined ? null : readRuntime(runtime),
  };
}

/** The JSON of a session in two: the session itself, and what pRuntime says. */
export function splitSessionJson(json: string): {
  session: Record<string, unknown> | null;
  runtime: Record<string, unknown> | null;
} {
  const { runtimeInfo, ...session } = parseObject(json) ?? {};
  return {
    session: Object.keys(session).length === 0 ? null : session,
    runtime: objectOf(runtimeInfo) ?? null,
  };
}

function readSession(info: Json, state: string, accountId: string): SessionBrief {
  const raw = objectOf(info['raw']);
  const benchmark = objectOf(raw?.['benchmark']);
  const stats = objectOf(raw?.['stats']);
  return {
    state,
    v: textOf(info['v']),
    ve: textOf(info['ve']),
    pInit: wholeOf(benchmark?.['pInit']),
    pInstant: wholeOf(benchmark?.['pInstant']),
    reward: bigOf(stats?.['totalReward'])?.toString() ?? null,
    account: accountId === '' ? null : accountId,
  };
}

function readRuntime(info: Json): RuntimeBrief {
  const memory = objectOf(info['memoryUsage']);
  return {
    version: textOf(info['version']),
    gitRevision: textOf(info['gitRevision']),
    memoryMib: mibOf(memory?.['rustUsed']),
    peakMemoryMib: mibOf(memory?.['totalPeakUsed'] ?? memory?.['rustPeakUsed']),
  };
}

type Json = Record<string, unknown>;

function parseObject(json: string): Json | undefined {
  if (json === '') return undefined;
  try {
    return objectOf(JSON.parse(json));
  } catch {
    return undefined;
  }
}

function objectOf(value: unknown): Json | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Json)
    : undefined;
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

/** Numbers come as such, as decimal text, as hex text, or with thousands separators. */
function bigOf(value: unknown): bigint | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : undefined;
  if (typeof value !== 'string') return undefined;
  const text = value.replaceAll(',', '');
  return /^(\d{1,40}|0x[0-9a-f]{1,32})$/i.test(text) ? BigInt(text) : undefined;
}

function wholeOf(value: unknown): number | null {
  const big = bigOf(value);
  return big === undefined ? null : Number(big);
}

/** Bytes in MiB, to two digits: it changes all the time, and nobody needs to know more. */
function mibOf(value: unknown): number | null {
  const bytes = wholeOf(value);
  return bytes === null ? null : twoDigits(bytes / 2 ** 20);
}

/** Rounds to two significant digits. */
export function twoDigits(value: number): number {
  return Number(value.toPrecision(2));
}
