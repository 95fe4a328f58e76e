import { workerStates, type WorkerState } from '../../../src/api/contract.js';
import { defaultColumns, isColumn, isSortable, type ColumnId } from './worker-columns.js';

/** Special filters beside the states. */
export const workerFlags = ['behind', 'disagree', 'disabled', 'syncOnly'] as const;
export type WorkerFlag = (typeof workerFlags)[number];

/** What the table of workers shows: all of it stands in the address, so that a view can be kept and sent. */
export interface WorkerQuery {
  /** Words that all must be found in name, endpoint, message, key or ids. */
  readonly text: string;
  /** None means all. */
  readonly states: readonly WorkerState[];
  readonly sessions: readonly string[];
  readonly pools: readonly string[];
  readonly managers: readonly string[];
  readonly flags: readonly WorkerFlag[];
  readonly sort: { readonly by: ColumnId; readonly descending: boolean };
  readonly columns: readonly ColumnId[];
}

/** Everybody, trouble first. */
export const defaultQuery: WorkerQuery = {
  text: '',
  states: [],
  sessions: [],
  pools: [],
  managers: [],
  flags: [],
  sort: { by: 'state', descending: false },
  columns: defaultColumns,
};

/** Reads the part of an address after `?`. What it does not understand it leaves out. */
export function parseWorkerQuery(search: string): WorkerQuery {
  const params = new URLSearchParams(search);
  const list = (name: string) => (params.get(name) ?? '').split(',').filter((item) => item !== '');
  const states: readonly string[] = workerStates;
  const sort = params.get('sort') ?? '';
  const by = sort.replace(/^-/, '');
  const columns = list('columns').filter(isColumn);
  return {
    text: params.get('q') ?? '',
    states: list('state').filter((item): item is WorkerState => states.includes(item)),
    sessions: list('session'),
    pools: list('pool'),
    managers: list('manager'),
    flags: workerFlags.filter((flag) => list('flag').includes(flag)),
    sort:
      isColumn(by) && isSortable(by) ? { by, descending: sort.startsWith('-') } : defaultQuery.sort,
    columns: columns.length > 0 ? columns : defaultColumns,
  };
}

/** The part of an address after `?`, with it; empty for the default. */
export function formatWorkerQuery(query: Partial<WorkerQuery>): string {
  const { text, states, sessions, pools, managers, flags, sort, columns } = {
    ...defaultQuery,
    ...query,
  };
  const params = new URLSearchParams();
  if (text.trim() !== '') params.set('q', text);
  const list = (name: string, items: readonly string[]) => {
    if (items.length > 0) params.set(name, items.join(','));
  };
  list('state', states);
  list('session', sessions);
  list('pool', pools);
  list('manager', managers);
  list('flag', flags);
  if (sort.by !== defaultQuery.sort.by || sort.descending !== defaultQuery.sort.descending) {
    params.set('sort', `${sort.descending ? '-' : ''}${sort.by}`);
  }
  if (columns.join(',') !== defaultColumns.join(',')) params.set('columns', columns.join(','));
  const formatted = params.toString().replaceAll('%2C', ',');
  return formatted === '' ? '' : `?${formatted}`;
}

/** Whether it leaves workers out. */
export function isFiltering(query: WorkerQuery): boolean {
  return (
    query.text.trim() !== '' ||
    [query.states, query.sessions, query.pools, query.managers, query.flags].some(
      (list) => list.length > 0,
    )
  );
}
