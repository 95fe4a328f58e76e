/** Columns of the table of workers, in the order in which they stand. Widths are in pixels; one of `flex` takes what is left. */
export const workerColumns = [
  { id: 'name', label: 'Name', width: 170, sortable: true },
  { id: 'state', label: 'State', width: 132, sortable: true },
  { id: 'since', label: 'For', width: 84, sortable: true, numeric: true },
  { id: 'lag', label: 'Behind', width: 86, sortable: true, numeric: true },
  { id: 'session', label: 'On chain', width: 146, sortable: true },
  { id: 'message', label: 'Last message', width: 240, sortable: true, flex: true },
  { id: 'pool', label: 'Pool', width: 66, sortable: true, numeric: true },
  { id: 'manager', label: 'Manager', width: 112, sortable: true },
  { id: 'paraBlock', label: 'Para block', width: 108, sortable: true, numeric: true },
  { id: 'paraHeader', label: 'Para header', width: 112, sortable: true, numeric: true },
  { id: 'relayHeader', label: 'Relay header', width: 116, sortable: true, numeric: true },
  { id: 'speed', label: 'Blocks/min', width: 104, sortable: true, numeric: true },
  { id: 'eta', label: 'Head in', width: 96, sortable: true, numeric: true },
  { id: 'v', label: 'V', width: 100, sortable: true, numeric: true },
  { id: 've', label: 'Ve', width: 110, sortable: true, numeric: true },
  { id: 'pInit', label: 'P init', width: 86, sortable: true, numeric: true },
  { id: 'pInstant', label: 'P instant', width: 92, sortable: true, numeric: true },
  { id: 'reward', label: 'Rewards (PHA)', width: 128, sortable: true, numeric: true },
  { id: 'stake', label: 'Stake (PHA)', width: 120, sortable: true, numeric: true },
  { id: 'version', label: 'pRuntime', width: 100, sortable: true },
  { id: 'memory', label: 'Memory', width: 100, sortable: true, numeric: true },
  { id: 'endpoint', label: 'Endpoint', width: 220, sortable: true },
  { id: 'publicKey', label: 'Public key', width: 140, sortable: false },
  { id: 'account', label: 'Session account', width: 150, sortable: false },
] as const satisfies readonly WorkerColumn[];

/** What is known of a column before anything is in it. */
export interface WorkerColumn {
  readonly id: string;
  readonly label: string;
  readonly width: number;
  readonly sortable: boolean;
  /** Figures stand to the right. */
  readonly numeric?: boolean;
  readonly flex?: boolean;
}

export type ColumnId = (typeof workerColumns)[number]['id'];

/** What is shown unless somebody chose otherwise. */
export const defaultColumns: readonly ColumnId[] = [
  'name',
  'state',
  'since',
  'lag',
  'session',
  'message',
  'pool',
  'manager',
  'v',
];

const byId = new Map<string, WorkerColumn>(workerColumns.map((column) => [column.id, column]));

export function isColumn(text: string): text is ColumnId {
  return byId.has(text);
}

export function isSortable(id: ColumnId): boolean {
  return byId.get(id)?.sortable === true;
}

/** The column of an id. */
export function columnOf(id: ColumnId): WorkerColumn {
  return byId.get(id)!;
}
