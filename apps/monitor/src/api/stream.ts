import type {
  ProviderRow,
  ManagerRow,
  ChainHeads,
  PoolRow,
  WorkerRow,
  QueueRow,
  OperatorRow,
  Alert,
  FleetState,
} from './fleet-state.js';
import type { ActionBrief } from './requests.js';

/** Events of the stream by their names; `data` is JSON. `fleet-model.ts` applies them. */
export interface StreamEvents {
  /** Everything. Whatever the client had is void. */
  snapshot: FleetSnapshot;
  /** What changed since the event before. */
  delta: FleetDelta;
  /** Nothing changed; the link holds. */
  ping: { atMs: number };
  /** An action that somebody started goes on; its results are at `apiPaths.action`. */
  action: ActionBrief;
  /** The session is over, or the monitor stops; the stream ends. */
  bye: { reason: 'logged-out' | 'stopping' };
}
export type StreamEvent = {
  [K in keyof StreamEvents]: { type: K; data: StreamEvents[K] };
}[keyof StreamEvents];

export interface FleetSnapshot extends FleetState {
  /** Why all of it comes: a new client, one that resumed too late, or one that did not keep up. */
  reason: 'start' | 'lost' | 'slow';
}

/** Rows that are new or have changed, whole, and the keys of those that are gone. */
export interface RowChanges<T> {
  set?: T[];
  gone?: string[];
}

export interface FleetDelta {
  atMs: number;
  chains?: RowChanges<ChainHeads>;
  providers?: RowChanges<ProviderRow>;
  managers?: RowChanges<ManagerRow>;
  pools?: RowChanges<PoolRow>;
  queues?: RowChanges<QueueRow>;
  operators?: RowChanges<OperatorRow>;
  alerts?: RowChanges<Alert>;
  workers?: WorkerChanges;
}

export interface WorkerChanges {
  /** New workers, or such as changed much. */
  set?: WorkerRow[];
  /** Fields that changed, by the worker's number. */
  patch?: [n: number, fields: Partial<Omit<WorkerRow, 'n' | 'manager' | 'uuid'>>][];
  heights?: HeightGroup[];
  gone?: number[];
}

/** Workers that came to the same heights: -1 is not known. `runs` are their numbers as pairs of first and count. */
export interface HeightGroup {
  /** relayHeader, paraHeader, paraBlock */
  at: [relayHeader: number, paraHeader: number, paraBlock: number];
  runs: number[];
}

/** Keys of rows in {@link RowChanges.gone} and in maps. */
export const rowKeys = {
  chains: (row: ChainHeads) => row.chainIdentity,
  providers: (row: ProviderRow) => row.peerId,
  managers: (row: ManagerRow) => row.peerId,
  pools: (row: Pick<PoolRow, 'manager' | 'uuid'>) => `${row.manager}/${row.uuid}`,
  queues: (row: QueueRow) => row.manager,
  operators: (row: Pick<OperatorRow, 'manager' | 'account'>) => `${row.manager}/${row.account}`,
  alerts: (row: Alert) => row.id,
} as const;
