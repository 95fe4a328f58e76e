import { randomUUID } from 'node:crypto';

import {
  Limiter,
  systemClock,
  toHex,
  Watched,
  type Clock,
  type Hex,
  type Logger,
} from '@runtime-bridge/base';

import { FleetError, FleetErrorCode } from '../errors.js';
import type {
  InventorySnapshot,
  PoolInput,
  PoolRow,
  RowIdentity,
  RowUpdate,
  TransferSteps,
  WorkerInput,
  WorkerRow,
} from './rows.js';
import { InventoryStore, type StoreChange } from './store.js';
import { checkPool, checkWorker, invalid, inventoryLimits } from './validation.js';

/** Turns an operator's mnemonic into a public key and a sealed key; throws when the text is no mnemonic. */
export type SealOperator = (mnemonic: string) => { publicKey: Uint8Array; sealed: Uint8Array };

/** What an inventory works with. */
export interface InventoryCollaborators {
  sealOperator: SealOperator;
  logger: Logger;
  clock?: Clock;
}

/** A batch while it is being made: the rows as they would be. */
interface Draft {
  pools: Map<string, PoolRow>;
  workers: Map<string, WorkerRow>;
  changes: StoreChange[];
}

/** Batches that may wait for their turn. */
const MAX_WAITING_BATCHES = 1_000;

/**
 * Pools and workers. Every batch is all or nothing: it is checked as a whole (so that two rows can swap names),
 * written as one atomic batch, and only then seen by anybody.
 */
export class Inventory {
  readonly #store: InventoryStore;
  readonly #collaborators: InventoryCollaborators;
  readonly #state: Watched<InventorySnapshot>;
  readonly #imports: Set<string>;
  readonly #turn = new Limiter({
    concurrency: 1,
    maxQueued: MAX_WAITING_BATCHES,
    name: 'inventory batches',
  });

  private constructor(
    store: InventoryStore,
    state: InventorySnapshot,
    imports: readonly string[],
    collaborators: InventoryCollaborators,
  ) {
    this.#store = store;
    this.#collaborators = collaborators;
    this.#state = new Watched(state);
    this.#imports = new Set(imports);
  }

  /** Opens the store in a directory. @throws FleetError BAD_STORE */
  static async open(
    options: { directory: string },
    collaborators: InventoryCollaborators,
  ): Promise<Inventory> {
    const store = await InventoryStore.open(options.directory);
    const { pools, workers, imports } = await store.readAll();
    collaborators.logger.info('Inventory opened', {
      pools: pools.length,
      workers: workers.length,
    });
    return new Inventory(
      store,
      {
        pools: new Map(pools.map((row) => [row.uuid, row])),
        workers: new Map(workers.map((row) => [row.uuid, row])),
      },
      imports,
      collaborators,
    );
  }

  /** What there is now; a new object after each batch. */
  get snapshot(): InventorySnapshot {
    return this.#state.value;
  }

  /** Calls back after each batch until the returned function is called. */
  subscribe(listener: (snapshot: InventorySnapshot) => void): () => void {
    return this.#state.subscribe(listener);
  }

  async close(): Promise<void> {
    await this.#turn.run(() => this.#store.close());
  }

  /** @throws FleetError INVALID_FIELD, DUPLICATED, INVENTORY_FULL; nothing is changed then */
  createPools(inputs: readonly PoolInput[]): Promise<PoolRow[]> {
    return this.#batch((draft) => this.#createPools(draft, inputs));
  }

  /**
   * Replaces or deletes pools.
   * @returns those that were replaced
   * @throws FleetError NOT_FOUND, INVALID_FIELD, DUPLICATED, POOL_IN_USE; nothing is changed then
   */
  updatePools(updates: readonly RowUpdate<PoolInput>[]): Promise<PoolRow[]> {
    return this.#batch((draft) => this.#updatePools(draft, updates));
  }

  /** @throws FleetError INVALID_FIELD, NOT_FOUND (the pool), DUPLICATED, INVENTORY_FULL; nothing is changed then */
  createWorkers(inputs: readonly WorkerInput[]): Promise<WorkerRow[]> {
    return this.#batch((draft) => this.#createWorkers(draft, inputs));
  }

  /**
   * Replaces or deletes workers.
   * @returns those that were replaced
   * @throws FleetError NOT_FOUND, INVALID_FIELD, DUPLICATED; nothing is changed then
   */
  updateWorkers(updates: readonly RowUpdate<WorkerInput>[]): Promise<WorkerRow[]> {
    return this.#batch((draft) => this.#updateWorkers(draft, updates));
  }

  /**
   * Changes pools and workers together, as one batch. What is to be done is decided on when it is this batch's turn, so
   * that nothing changes between decision and deed.
   * @throws FleetError like the methods above; what `decide` throws; nothing is changed then
   */
  async transfer(decide: (snapshot: InventorySnapshot) => TransferSteps): Promise<void> {
    await this.#batch((draft) => {
      const steps = decide(this.#state.value);
      this.#createPools(draft, steps.createPools);
      this.#updatePools(draft, steps.updatePools);
      this.#createWorkers(draft, steps.createWorkers);
      this.#updateWorkers(draft, steps.updateWorkers);
      this.#updatePools(draft, steps.deletePools);
    });
  }

  /** Whether a key can be made of a mnemonic. */
  isMnemonic(text: string): boolean {
    try {
      this.#collaborators.sealOperator(text);
      return true;
    } catch {
      return false;
    }
  }

  /** Whether an import of this name was ever done. */
  wasImported(name: string): boolean {
    return this.#imports.has(name);
  }

  /**
   * Takes over whole rows, which the caller has checked one by one, and remembers that it was done.
   * @throws FleetError DUPLICATED, INVENTORY_FULL, POOL_IN_USE; nothing is changed then
   */
  async importRows(
    name: string,
    rows: { pools: readonly PoolRow[]; workers: readonly WorkerRow[] },
  ): Promise<void> {
    await this.#batch((draft) => {
      for (const row of rows.pools) this.#putPool(draft, row);
      for (const row of rows.workers) this.#putWorker(draft, row);
      draft.changes.push({ imported: name });
    });
    this.#imports.add(name);
  }

  #createPools(draft: Draft, inputs: readonly PoolInput[]): PoolRow[] {
    return inputs.map((input, index) => {
      const item = label('pools', index, input.name);
      checkPool(item, input, true);
      return this.#putPool(draft, this.#poolRow(item, randomUUID(), input, undefined));
    });
  }

  #updatePools(draft: Draft, updates: readonly RowUpdate<PoolInput>[]): PoolRow[] {
    return updates.flatMap((update, index) => {
      const item = label('items', index, nameOf(update.id));
      const old = this.#find(item, 'Pool', update.id, draft.pools);
      if ('deleted' in update) {
        draft.pools.delete(old.uuid);
        draft.changes.push({ delete: 'pool', uuid: old.uuid });
        return [];
      }
      checkPool(item, update.input, false);
      return [this.#putPool(draft, this.#poolRow(item, old.uuid, update.input, old))];
    });
  }

  #createWorkers(draft: Draft, inputs: readonly WorkerInput[]): WorkerRow[] {
    return inputs.map((input, index) => {
      const item = label('workers', index, input.name);
      return this.#putWorker(draft, this.#workerRow(item, randomUUID(), input, undefined, draft));
    });
  }

  #updateWorkers(draft: Draft, updates: readonly RowUpdate<WorkerInput>[]): WorkerRow[] {
    return updates.flatMap((update, index) => {
      const item = label('items', index, nameOf(update.id));
      const old = this.#find(item, 'Worker', update.id, draft.workers);
      if ('deleted' in update) {
        draft.workers.delete(old.uuid);
        draft.changes.push({ delete: 'worker', uuid: old.uuid });
        return [];
      }
      return [this.#putWorker(draft, this.#workerRow(item, old.uuid, update.input, old, draft))];
    });
  }

  #batch<T>(work: (draft: Draft) => T): Promise<T> {
    return this.#turn.run(async () => {
      const { pools, workers } = this.#state.value;
      const draft: Draft = { pools: new Map(pools), workers: new Map(workers), changes: [] };
      const result = work(draft);
      checkWhole(draft);
      if (draft.changes.length === 0) return result;
      await this.#store.write(draft.changes);
      this.#state.set({ pools: draft.pools, workers: draft.workers });
      this.#collaborators.logger.info('Inventory changed', { changes: draft.changes.length });
      return result;
    });
  }

  #putPool(draft: Draft, row: PoolRow): PoolRow {
    draft.pools.set(row.uuid, row);
    draft.changes.push({ put: 'pool', row });
    return row;
  }

  #putWorker(draft: Draft, row: WorkerRow): WorkerRow {
    draft.workers.set(row.uuid, row);
    draft.changes.push({ put: 'worker', row });
    return row;
  }

  #poolRow(item: string, uuid: string, input: PoolInput, old: PoolRow | undefined): PoolRow {
    const now = this.#now();
    const key = input.mnemonic === '' && old ? old : this.#seal(item, input.mnemonic);
    return {
      uuid,
      poolId: input.poolId,
      name: input.name,
      enabled: input.enabled,
      syncOnly: input.syncOnly,
      operatorPublicKey: key.operatorPublicKey,
      sealedOperator: key.sealedOperator,
      proxiedAccount: input.proxiedAccount,
      createdAtMs: old?.createdAtMs ?? now,
      updatedAtMs: now,
    };
  }

  #seal(item: string, mnemonic: string): { operatorPublicKey: Hex; sealedOperator: Uint8Array } {
    try {
      const { publicKey, sealed } = this.#collaborators.sealOperator(mnemonic);
      return { operatorPublicKey: toHex(publicKey), sealedOperator: sealed };
    } catch {
      // The cause is left out on purpose: it may quote the phrase.
      throw invalid(item, 'owner.mnemonic', 'must be a valid mnemonic phrase');
    }
  }

  #workerRow(
    item: string,
    uuid: string,
    input: WorkerInput,
    old: WorkerRow | undefined,
    draft: Draft,
  ): WorkerRow {
    const { stake, endpoint } = checkWorker(item, input);
    const pool = [...draft.pools.values()].find((row) => row.poolId === input.poolId);
    if (!pool) {
      throw new FleetError(
        FleetErrorCode.NOT_FOUND,
        `${item}: pool ${input.poolId.toString()} not found!`,
        { facts: { item, field: 'pid', poolId: input.poolId } },
      );
    }
    const now = this.#now();
    return {
      uuid,
      poolUuid: pool.uuid,
      name: input.name,
      endpoint,
      stake,
      enabled: input.enabled,
      syncOnly: input.syncOnly,
      createdAtMs: old?.createdAtMs ?? now,
      updatedAtMs: now,
    };
  }

  #find<R extends PoolRow | WorkerRow>(
    item: string,
    what: string,
    id: RowIdentity | undefined,
    rows: ReadonlyMap<string, R>,
  ): R {
    if (!id) throw invalid(item, 'id', 'must name the row by uuid, name or (pools) pid');
    const row = findRow(rows, id);
    if (row) return row;
    throw new FleetError(FleetErrorCode.NOT_FOUND, `${what} ${nameOf(id)} not found!`, {
      facts: { item, id: nameOf(id) },
    });
  }

  #now(): number {
    return (this.#collaborators.clock ?? systemClock).now();
  }
}

/** The row that an identity points at; workers have no pool id of their own. */
export function findRow<R extends PoolRow | WorkerRow>(
  rows: ReadonlyMap<string, R>,
  id: RowIdentity,
): R | undefined {
  switch (id.kind) {
    case 'uuid':
      return rows.get(id.uuid);
    case 'name':
      return [...rows.values()].find((row) => row.name === id.name);
    case 'poolId':
      return [...rows.values()].find((row) => 'poolId' in row && row.poolId === id.poolId);
  }
}

/** Rules that hold between rows. */
function checkWhole({ pools, workers }: Draft): void {
  checkCount('pools', pools.size, inventoryLimits.maxPools);
  checkCount('workers', workers.size, inventoryLimits.maxWorkers);
  checkUnique('Pool', 'name', pools.values(), (row) => row.name);
  checkUnique('Pool', 'pid', pools.values(), (row) => row.poolId.toString());
  checkUnique('Worker', 'name', workers.values(), (row) => row.name);
  for (const worker of workers.values()) {
    if (pools.has(worker.poolUuid)) continue;
    throw new FleetError(
      FleetErrorCode.POOL_IN_USE,
      `The pool still has worker ${worker.name}: delete or move its workers first`,
      { facts: { worker: worker.name, pool: worker.poolUuid } },
    );
  }
}

function checkUnique<R extends { name: string }>(
  what: string,
  field: string,
  rows: Iterable<R>,
  valueOf: (row: R) => string,
): void {
  const seen = new Set<string>();
  for (const row of rows) {
    const value = valueOf(row);
    if (seen.has(value)) {
      throw new FleetError(
        FleetErrorCode.DUPLICATED,
        `${what} ${row.name}: ${field} ${value} exists already`,
        { facts: { item: row.name, field, value } },
      );
    }
    seen.add(value);
  }
}

function checkCount(what: string, count: number, max: number): void {
  if (count <= max) return;
  throw new FleetError(FleetErrorCode.INVENTORY_FULL, `More than ${max} ${what} are not possible`, {
    facts: { what, count, max },
  });
}

function label(list: string, index: number, name: string): string {
  return name === '' ? `${list}[${index}]` : `${list}[${index}] (${name.slice(0, 100)})`;
}

function nameOf(id: RowIdentity | undefined): string {
  switch (id?.kind) {
    case 'uuid':
      return id.uuid;
    case 'name':
      return id.name;
    case 'poolId':
      return id.poolId.toString();
    case undefined:
      return '';
  }
}
