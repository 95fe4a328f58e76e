/** The fleet as the dashboard sees it: rows of peers, pools, workers, queues, operators and alerts. */

/** States of a worker as its manager tells them. */
export const workerStates = [
  'S_ERROR',
  'S_KICKED',
  'S_IDLE',
  'S_STARTING',
  'S_SYNCHING',
  'S_SYNCHED',
  'S_PRE_ACTIVE',
  'S_ACTIVE',
] as const;
/** Trouble comes first in {@link workerStates}. `S_UNKNOWN` is one that this monitor does not know. */
export type WorkerState = (typeof workerStates)[number] | 'S_UNKNOWN';

/** States of a session on chain; others may come with a runtime upgrade. */
export const sessionStates = [
  'WorkerUnresponsive',
  'WorkerCoolingDown',
  'Ready',
  'WorkerIdle',
] as const;
export type SessionState = (typeof sessionStates)[number] | (string & {});

/** How a peer answers. */
export interface PeerRow {
  peerId: string;
  hostname: string;
  chainIdentity: string;
  bridgeIdentity: string;
  /** Where the monitor reached it. */
  multiaddr: string;
  /** False for one that departed; it stays listed for a while, with what was last known. */
  isThere: boolean;
  /** When it last answered. */
  answeredMs: number | null;
  /** How long its last answer took. */
  latencyMs: number | null;
  /** Why it does not answer as it should. */
  problem: { code: string; message: string; sinceMs: number } | null;
}

/** How far a data provider is on one chain. */
export interface ChainProgress {
  /** Finalised height of the chain as it knows it. */
  target: number | null;
  fetched: number | null;
  /** Up to here workers are served. */
  done: number | null;
  /** Blocks of `done` per minute, over the last minutes. */
  perMinute: number | null;
  /** Seconds until it reaches the head at that rate; 0 at the head. */
  etaSec: number | null;
}

export interface ProviderRow extends PeerRow {
  /** `idle` is at the head. */
  state: 'idle' | 'syncing' | 'unknown';
  paraId: number | null;
  relay: ChainProgress;
  para: ChainProgress;
}

/** What a manager can do beyond what managers of 2022 can. */
export type ManagerFeature =
  | 'events'
  | 'transactions'
  | 'inventory'
  | 'alerts'
  | 'operators'
  /** Stop, drain, reclaim, resume. */
  | 'orders';

export interface ManagerRow extends PeerRow {
  /** What it offers; null until it was asked. */
  features: ManagerFeature[] | null;
}

/** Best known heads of a chain, by data providers of that chain. Workers' lag is against these. */
export interface ChainHeads {
  chainIdentity: string;
  relay: number | null;
  para: number | null;
  /** When `para` last grew. */
  grewMs: number | null;
}

export interface PoolRow {
  manager: string;
  uuid: string;
  pid: string;
  name: string;
  enabled: boolean;
  syncOnly: boolean;
  /** Account that signs, SS58. */
  operator: string;
  /** Account that it acts for, SS58; empty for itself. */
  proxiedAccount: string;
}

/** The key of one worker in tables and selections. */
export interface WorkerKey {
  manager: string;
  uuid: string;
}

/** A worker in the table. */
export interface WorkerRow extends WorkerKey {
  /** Its number in this stream; what {@link HeightGroup} and deltas go by. */
  n: number;
  name: string;
  pid: string;
  endpoint: string;
  stake: string;
  enabled: boolean;
  syncOnly: boolean;
  state: WorkerState;
  /** Since when it is in that state; null when it was so before anybody looked. */
  sinceMs: number | null;
  message: string;
  messageMs: number | null;
  /** Last heights that it has. */
  relayHeader: number | null;
  paraHeader: number | null;
  paraBlock: number | null;
  /** Para blocks per minute while it is behind; null at the head. */
  perMinute: number | null;
  /** Hex without 0x; empty until it is initialized. */
  publicKey: string;
  session: SessionBrief | null;
  runtime: RuntimeBrief | null;
  order: OrderBrief | null;
}

/** An order on chain that stands until it is done (reclaim) or taken back (stop, drain). */
export interface OrderBrief {
  kind: 'stop' | 'drain' | 'reclaim';
  sinceMs: number;
  /** How far it is. */
  text: string;
  /** What was wanted is so; a stop stands on. */
  isDone: boolean;
  /** From when on the stake can be reclaimed; null when it is not cooling down. */
  cooledDownMs: number | null;
}

/** What the chain says, as far as it is in the table. */
export interface SessionBrief {
  state: SessionState;
  /** Decimals as text, such as `3000.12345678`. */
  v: string | null;
  ve: string | null;
  pInit: number | null;
  pInstant: number | null;
  /** Minted in all, in the smallest unit. */
  reward: string | null;
  /** SS58 of the session account; null while unbound. */
  account: string | null;
}

/** What pRuntime says of itself, as far as it is in the table. Memory is rounded to two digits, so that it changes seldom. */
export interface RuntimeBrief {
  version: string | null;
  gitRevision: string | null;
  memoryMib: number | null;
  peakMemoryMib: number | null;
}

/** Transactions at one manager. */
export interface QueueRow {
  manager: string;
  queued: number;
  running: number;
  /** In the last 24 hours. */
  failedLately: number;
  /** When the oldest that waits was queued. */
  oldestQueuedMs: number | null;
  /** Counts are at least that: the manager has more than were read. */
  isMore: boolean;
  problem: string | null;
}

/** An operator's account. */
export interface OperatorRow {
  manager: string;
  /** SS58. */
  account: string;
  /** Pools that it signs for. */
  pids: string[];
  /** What it can pay fees with, in the smallest unit; null when the manager does not tell. */
  free: string | null;
  /** As of when. */
  atMs: number | null;
}

export type Severity = 'critical' | 'warning' | 'info';

/** What an alert can be about; `glossary.ts` says what each means and what to do. */
export const alertKinds = [
  'no-provider',
  'no-manager',
  'peer-gone',
  'peer-failing',
  'provider-behind',
  'chain-stalled',
  'workers-in-error',
  'workers-behind',
  'workers-unresponsive',
  'workers-kicked',
  'transactions-failing',
  'queue-stuck',
  'operator-balance-low',
  'views-disagree',
] as const;
export type AlertKind = (typeof alertKinds)[number];

/** Something is wrong, or was. */
export interface Alert {
  id: string;
  kind: AlertKind;
  severity: Severity;
  /** One sentence. */
  title: string;
  /** More, such as the commonest message. */
  detail: string;
  /** What it is about, where it is about one. */
  peer: string | null;
  account: string | null;
  /** How many workers or transactions, and up to ten of the workers. */
  count: number;
  workers: WorkerKey[];
  sinceMs: number;
  /** Null while it lasts. */
  endedMs: number | null;
  /** Not counted as trouble until then. */
  silencedUntilMs: number | null;
}

/** All that the stream keeps up to date. */
export interface FleetState {
  /** When the monitor put it together. */
  atMs: number;
  chains: ChainHeads[];
  providers: ProviderRow[];
  managers: ManagerRow[];
  pools: PoolRow[];
  workers: WorkerRow[];
  queues: QueueRow[];
  operators: OperatorRow[];
  /** Those that last. */
  alerts: Alert[];
}
