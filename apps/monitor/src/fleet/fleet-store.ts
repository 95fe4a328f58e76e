import {
  rowKeys,
  type Alert,
  type ChainHeads,
  type FleetDelta,
  type FleetState,
  type HeightGroup,
  type ManagerRow,
  type OperatorRow,
  type PoolRow,
  type ProviderRow,
  type QueueRow,
  type RowChanges,
  type WorkerKey,
  type WorkerRow,
} from '../api/index.js';

interface Tables {
  chains: ChainHeads;
  providers: ProviderRow;
  managers: ManagerRow;
  pools: PoolRow;
  queues: QueueRow;
  operators: OperatorRow;
  alerts: Alert;
}
type TableName = keyof Tables;
const TABLES = Object.keys(rowKeys) as TableName[];

interface Table<T> {
  rows: Map<string, T>;
  changed: Set<string>;
}

type Fields = Partial<Omit<WorkerRow, 'n' | 'manager' | 'uuid'>>;
/** What is known of a worker after it was looked at; what is left out stays. */
export type WorkerUpdate = WorkerKey & Fields;

/** Numbers are not used again; so many that are gone make clients begin anew rather than be told each. */
const MAX_GONE = 10_000;

/**
 * The fleet as last seen, and what has changed since the last delta was taken. What is set equal to what is there changes
 * nothing; whatever changes several times comes once, as it is in the end.
 */
export class FleetStore {
  readonly #tables = Object.fromEntries(
    TABLES.map((name) => [name, { rows: new Map(), changed: new Set() }]),
  ) as { [K in TableName]: Table<Tables[K]> };
  readonly #workers = new Map<number, WorkerRow>();
  readonly #numbers = new Map<string, Map<string, number>>();
  readonly #fresh = new Set<number>();
  readonly #patches = new Map<number, Fields>();
  readonly #moved = new Set<number>();
  #gone: number[] = [];
  #next = 0;
  #isVoid = false;

  /** Rows of a table by their keys. */
  rows<K extends TableName>(name: K): ReadonlyMap<string, Tables[K]> {
    return this.#tables[name].rows;
  }

  get workers(): ReadonlyMap<number, WorkerRow> {
    return this.#workers;
  }

  /** The worker of a manager's uuid. */
  worker(manager: string, uuid: string): WorkerRow | undefined {
    const n = this.#numbers.get(manager)?.get(uuid);
    return n === undefined ? undefined : this.#workers.get(n);
  }

  /** Numbers of a manager's workers by uuid. */
  numbersOf(manager: string): ReadonlyMap<string, number> {
    return this.#numbers.get(manager) ?? new Map<string, number>();
  }

  /** Puts a row in, or what is new about it. */
  set<K extends TableName>(name: K, row: Tables[K]): void {
    const table: Table<Tables[K]> = this.#tables[name];
    const key = (rowKeys[name] as (row: Tables[K]) => string)(row);
    const old = table.rows.get(key);
    if (old !== undefined && JSON.stringify(old) === JSON.stringify(row)) return;
    table.rows.set(key, row);
    table.changed.add(key);
  }

  /** Makes the rows that belong to an owner exactly these. */
  replace<K extends TableName>(
    name: K,
    isOwned: (row: Tables[K]) => boolean,
    rows: readonly Tables[K][],
  ): void {
    const table: Table<Tables[K]> = this.#tables[name];
    const keyOf = rowKeys[name] as (row: Tables[K]) => string;
    const keys = new Set(rows.map(keyOf));
    for (const [key, row] of table.rows) {
      if (!keys.has(key) && isOwned(row)) this.delete(name, key);
    }
    for (const row of rows) this.set(name, row);
  }

  delete(name: TableName, key: string): void {
    const table = this.#tables[name];
    if (table.rows.delete(key)) table.changed.add(key);
  }

  /** Puts a worker in, or what is new about it. @returns its number */
  setWorker(update: WorkerUpdate, absent: () => Omit<WorkerRow, 'n'>): number {
    const numbers = this.#numbersFor(update.manager);
    const n = numbers.get(update.uuid);
    const old = n === undefined ? undefined : this.#workers.get(n);
    if (n === undefined || old === undefined) return this.#addWorker(numbers, absent());
    this.#changeWorker(n, old, update);
    return n;
  }

  /** Takes those of a manager out that are not among these. */
  keepWorkers(manager: string, uuids: ReadonlySet<string>): number[] {
    const numbers = this.#numbers.get(manager);
    const gone: number[] = [];
    for (const [uuid, n] of numbers ?? []) {
      if (uuids.has(uuid)) continue;
      numbers!.delete(uuid);
      this.#dropWorker(n);
      gone.push(n);
    }
    if (numbers?.size === 0) this.#numbers.delete(manager);
    return gone;
  }

  /** Everything as it is. */
  state(atMs: number): FleetState {
    const list = <K extends TableName>(name: K) =>
      [...this.#tables[name].rows.values()] as Tables[K][];
    return {
      atMs,
      chains: list('chains'),
      providers: list('providers'),
      managers: list('managers'),
      pools: list('pools'),
      workers: [...this.#workers.values()],
      queues: list('queues'),
      operators: list('operators'),
      alerts: list('alerts'),
    };
  }

  /**
   * What changed since the last call.
   * @returns undefined when nothing did, `void` when so much did that everything is to be told anew
   */
  takeDelta(atMs: number): FleetDelta | 'void' | undefined {
    const delta: FleetDelta = { atMs };
    let isEmpty = true;
    for (const name of TABLES) {
      const changes = takeRows(this.#tables[name] as Table<unknown>);
      if (changes === undefined) continue;
      (delta as unknown as Record<string, unknown>)[name] = changes;
      isEmpty = false;
    }
    const workers = {
      ...some(
        'set',
        [...this.#fresh].map((n) => this.#workers.get(n)!),
      ),
      ...some('patch', [...this.#patches]),
      ...some('heights', groupHeights(this.#moved, this.#workers)),
      ...some('gone', this.#gone),
    };
    const wasVoid = this.#isVoid;
    this.#fresh.clear();
    this.#patches.clear();
    this.#moved.clear();
    this.#gone = [];
    this.#isVoid = false;
    if (Object.keys(workers).length > 0) {
      delta.workers = workers;
      isEmpty = false;
    }
    if (wasVoid) return 'void';
    return isEmpty ? undefined : delta;
  }

  #numbersFor(manager: string): Map<string, number> {
    let numbers = this.#numbers.get(manager);
    if (numbers === undefined) this.#numbers.set(manager, (numbers = new Map<string, number>()));
    return numbers;
  }

  #addWorker(numbers: Map<string, number>, row: Omit<WorkerRow, 'n'>): number {
    const n = this.#next;
    this.#next += 1;
    numbers.set(row.uuid, n);
    this.#workers.set(n, { n, ...row });
    this.#fresh.add(n);
    return n;
  }

  #changeWorker(n: number, old: WorkerRow, update: WorkerUpdate): void {
    let fields: Record<string, unknown> | undefined;
    let hasMoved = false;
    for (const key in update) {
      const name = key as keyof WorkerUpdate;
      if (isSame(old[name], update[name])) continue;
      if (name === 'relayHeader' || name === 'paraHeader' || name === 'paraBlock') hasMoved = true;
      else (fields ??= {})[name] = update[name];
    }
    if (!hasMoved && fields === undefined) return;
    this.#workers.set(n, { ...old, ...update });
    if (this.#fresh.has(n)) return;
    if (hasMoved) this.#moved.add(n);
    if (fields !== undefined) this.#patches.set(n, { ...this.#patches.get(n), ...fields });
  }

  #dropWorker(n: number): void {
    this.#workers.delete(n);
    this.#patches.delete(n);
    this.#moved.delete(n);
    // One that nobody was told of needs no farewell.
    if (this.#fresh.delete(n) || this.#isVoid) return;
    this.#gone.push(n);
    if (this.#gone.length > MAX_GONE) {
      this.#gone = [];
      this.#isVoid = true;
    }
  }
}

function takeRows<T>({ rows, changed }: Table<T>): RowChanges<T> | undefined {
  if (changed.size === 0) return undefined;
  const set: T[] = [];
  const gone: string[] = [];
  for (const key of changed) {
    const row = rows.get(key);
    if (row === undefined) gone.push(key);
    else set.push(row);
  }
  changed.clear();
  return { ...some('set', set), ...some('gone', gone) };
}

function some<K extends string, T>(name: K, list: T[]): Partial<Record<K, T[]>> {
  return list.length === 0 ? {} : ({ [name]: list } as Record<K, T[]>);
}

/** Workers at the head mostly stand at the same heights: told once for all of them. */
function groupHeights(
  moved: ReadonlySet<number>,
  workers: ReadonlyMap<number, WorkerRow>,
): HeightGroup[] {
  const groups = new Map<string, HeightGroup>();
  for (const n of [...moved].sort((a, b) => a - b)) {
    const { relayHeader, paraHeader, paraBlock } = workers.get(n)!;
    const at: HeightGroup['at'] = [relayHeader ?? -1, paraHeader ?? -1, paraBlock ?? -1];
    const key = at.join();
    let group = groups.get(key);
    if (group === undefined) groups.set(key, (group = { at, runs: [] }));
    const { runs } = group;
    const end = runs.length - 1;
    if (end > 0 && runs[end - 1]! + runs[end]! === n) runs[end]! += 1;
    else runs.push(n, 1);
  }
  return [...groups.values()];
}

/** Values of a row are plain, or small objects of plain values. */
function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  const keys = Object.keys(left);
  return keys.length === Object.keys(right).length && keys.every((key) => left[key] === right[key]);
}
