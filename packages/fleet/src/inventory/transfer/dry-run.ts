import { BridgeError } from '@runtime-bridge/base';

import type {
  InventorySnapshot,
  PoolInput,
  PoolRow,
  RowUpdate,
  TransferSteps,
  WorkerInput,
  WorkerRow,
} from '../rows.js';
import { checkPool, checkWorker } from '../validation.js';
import { poolFields, workerFields, type TransferFault, type TransferRow } from './document.js';

/** What would become of one entry, or of a row that has none. */
export interface TransferChange {
  readonly kind: 'pool' | 'worker';
  readonly action: 'create' | 'change' | 'delete';
  readonly name: string;
  /** Number of the pool, or of the worker's pool. */
  readonly poolId: bigint;
  /** Fields that would be another, before and after; a key is only said to be new. */
  readonly fields: readonly { field: string; before: string; after: string }[];
}

/** What an import would do. */
export interface TransferPlan {
  readonly changes: readonly TransferChange[];
  /** Entries that are in the inventory as they are in the document. */
  readonly unchanged: number;
  /** Entries that cannot be taken over; the others can. */
  readonly faults: readonly TransferFault[];
  readonly steps: TransferSteps;
}

/** How the document is meant. */
export interface TransferOptions {
  /** Whether rows that are not in the document go. @default false */
  prune?: boolean;
  /** Whether a text is a mnemonic that a key can be made of. @default every text is */
  isMnemonic?: (text: string) => boolean;
}

interface Steps {
  createPools: PoolInput[];
  updatePools: RowUpdate<PoolInput>[];
  createWorkers: WorkerInput[];
  updateWorkers: RowUpdate<WorkerInput>[];
  deletePools: RowUpdate<PoolInput>[];
}

class Fault extends Error {
  constructor(
    readonly field: string,
    readonly rule: string,
  ) {
    super(rule);
  }
}

/**
 * Compares a document with the inventory: pools are the same by their pid, workers by their name. Pure. Every entry is
 * judged for itself, so that the faults name exactly the entries that have one; with prune a row whose entry is faulty stays.
 * @param document rows and faults of parseInventory
 */
export function planTransfer(
  document: { rows: readonly TransferRow[]; faults: readonly TransferFault[] },
  snapshot: InventorySnapshot,
  { prune = false, isMnemonic = () => true }: TransferOptions = {},
): TransferPlan {
  const faults = [...document.faults];
  const changes: TransferChange[] = [];
  const steps: Steps = {
    createPools: [],
    updatePools: [],
    createWorkers: [],
    updateWorkers: [],
    deletePools: [],
  };
  let unchanged = 0;
  /** Entries by what they are the same by, faulty ones included. */
  const mentioned = { pools: new Set<bigint>(), workers: new Set<string>() };
  const oldPools = new Map([...snapshot.pools.values()].map((row) => [row.poolId, row]));
  const oldWorkers = new Map([...snapshot.workers.values()].map((row) => [row.name, row]));
  const poolIdOf = (row: WorkerRow) => snapshot.pools.get(row.poolUuid)?.poolId ?? 0n;

  const judge = (row: TransferRow, run: () => void) => {
    try {
      run();
    } catch (error) {
      faults.push({ place: row.place, ...faultOf(error) });
    }
  };
  const note = (change: TransferChange): boolean => {
    if (change.action === 'change' && change.fields.length === 0) {
      unchanged += 1;
      return false;
    }
    changes.push(change);
    return true;
  };

  const poolRows = document.rows.filter(({ kind }) => kind === 'pool');
  const names = finalPoolNames(poolRows, oldPools);
  for (const row of poolRows) {
    judge(row, () => {
      const poolId = poolIdField(row);
      if (mentioned.pools.has(poolId)) throw new Fault('pid', 'is there twice');
      mentioned.pools.add(poolId);
      const old = oldPools.get(poolId);
      const input = poolInput(row, poolId, old);
      checkPool(row.place, input, old === undefined);
      if (input.mnemonic !== '' && !isMnemonic(input.mnemonic)) {
        throw new Fault('mnemonic', 'must be a valid mnemonic phrase');
      }
      const holder = names.get(input.name);
      if (holder !== undefined && holder !== poolId) {
        throw new Fault('name', `belongs to pool ${holder.toString()} already`);
      }
      const fields = old ? poolDifference(old, input) : [];
      const action = old ? 'change' : 'create';
      if (!note({ kind: 'pool', action, name: input.name, poolId, fields })) return;
      if (old) steps.updatePools.push({ id: { kind: 'uuid', uuid: old.uuid }, input });
      else steps.createPools.push(input);
    });
  }
  const pools = new Set([...oldPools.keys(), ...steps.createPools.map(({ poolId }) => poolId)]);
  for (const row of document.rows.filter(({ kind }) => kind === 'worker')) {
    judge(row, () => {
      const name = textField(row, 'name');
      if (mentioned.workers.has(name)) throw new Fault('name', 'is there twice');
      mentioned.workers.add(name);
      const old = oldWorkers.get(name);
      const input = workerInput(row, name, old);
      const { stake, endpoint } = checkWorker(row.place, input);
      if (!pools.has(input.poolId)) throw new Fault('pid', 'is of no pool here or in the document');
      const fields = old ? workerDifference(old, poolIdOf(old), { ...input, endpoint, stake }) : [];
      const action = old ? 'change' : 'create';
      if (!note({ kind: 'worker', action, name, poolId: input.poolId, fields })) return;
      if (old) steps.updateWorkers.push({ id: { kind: 'uuid', uuid: old.uuid }, input });
      else steps.createWorkers.push(input);
    });
  }
  // A document that is not understood as a whole takes nothing away.
  if (prune && document.faults.length === 0 && faults.every(({ field }) => !IDENTITY.has(field))) {
    const stays = new Set(
      steps.updateWorkers.map(({ id }) => (id?.kind === 'uuid' ? id.uuid : '')),
    );
    const used = new Set<string>();
    for (const row of oldWorkers.values()) {
      if (mentioned.workers.has(row.name)) {
        if (!stays.has(row.uuid)) used.add(row.poolUuid);
        continue;
      }
      note({ kind: 'worker', action: 'delete', name: row.name, poolId: poolIdOf(row), fields: [] });
      steps.updateWorkers.push({ id: { kind: 'uuid', uuid: row.uuid }, deleted: true });
    }
    const wanted = new Set(
      [
        ...steps.createWorkers,
        ...steps.updateWorkers.flatMap((u) => ('input' in u ? [u.input] : [])),
      ].map(({ poolId }) => poolId),
    );
    for (const row of oldPools.values()) {
      if (mentioned.pools.has(row.poolId) || wanted.has(row.poolId) || used.has(row.uuid)) continue;
      note({ kind: 'pool', action: 'delete', name: row.name, poolId: row.poolId, fields: [] });
      steps.deletePools.push({ id: { kind: 'uuid', uuid: row.uuid }, deleted: true });
    }
  }
  return { changes, unchanged, faults, steps };
}

/** Without these it is not known which row an entry means. */
const IDENTITY: ReadonlySet<string> = new Set(['pid', 'name']);

/** Which pool will have a name: the first entry that wants it, else the pool that has it and keeps it. */
function finalPoolNames(
  rows: readonly TransferRow[],
  old: ReadonlyMap<bigint, PoolRow>,
): Map<string, bigint> {
  const names = new Map<string, bigint>();
  const renamed = new Set<bigint>();
  for (const row of rows) {
    const { pid, name } = row.fields;
    const poolId = toBigint(pid);
    if (poolId === undefined) continue;
    const text = typeof name === 'string' ? name : old.get(poolId)?.name;
    if (text === undefined || renamed.has(poolId)) continue;
    renamed.add(poolId);
    if (!names.has(text)) names.set(text, poolId);
  }
  for (const pool of old.values()) {
    if (!renamed.has(pool.poolId)) names.set(pool.name, pool.poolId);
  }
  return names;
}

function poolInput(row: TransferRow, poolId: bigint, old: PoolRow | undefined): PoolInput {
  expectFields(row, poolFields);
  return {
    poolId,
    name: textField(row, 'name', old?.name),
    enabled: booleanField(row, 'enabled', old?.enabled ?? true),
    syncOnly: booleanField(row, 'syncOnly', old?.syncOnly ?? false),
    proxiedAccount: textField(row, 'realPhalaSs58', old?.proxiedAccount ?? '').trim(),
    mnemonic: textField(row, 'mnemonic', '').trim(),
  };
}

function workerInput(row: TransferRow, name: string, old: WorkerRow | undefined): WorkerInput {
  expectFields(row, workerFields);
  return {
    poolId: poolIdField(row),
    name,
    endpoint: textField(row, 'endpoint', old?.endpoint).trim(),
    stake: textField(row, 'stake', old?.stake.toString()).trim(),
    enabled: booleanField(row, 'enabled', old?.enabled ?? true),
    syncOnly: booleanField(row, 'syncOnly', old?.syncOnly ?? false),
  };
}

function poolDifference(old: PoolRow, input: PoolInput): TransferChange['fields'] {
  return [
    ...differing({
      name: [old.name, input.name],
      enabled: [old.enabled, input.enabled],
      syncOnly: [old.syncOnly, input.syncOnly],
      realPhalaSs58: [old.proxiedAccount, input.proxiedAccount],
    }),
    ...(input.mnemonic === '' ? [] : [{ field: 'mnemonic', before: '', after: 'a new key' }]),
  ];
}

function workerDifference(
  old: WorkerRow,
  oldPoolId: bigint,
  next: Omit<WorkerInput, 'stake'> & { stake: bigint },
): TransferChange['fields'] {
  return differing({
    pid: [oldPoolId, next.poolId],
    endpoint: [old.endpoint, next.endpoint],
    stake: [old.stake, next.stake],
    enabled: [old.enabled, next.enabled],
    syncOnly: [old.syncOnly, next.syncOnly],
  });
}

function differing(
  fields: Record<
    string,
    readonly [before: string | bigint | boolean, after: string | bigint | boolean]
  >,
): { field: string; before: string; after: string }[] {
  return Object.entries(fields).flatMap(([field, [before, after]]) =>
    before === after ? [] : [{ field, before: String(before), after: String(after) }],
  );
}

function expectFields({ fields }: TransferRow, known: readonly string[]): void {
  for (const field of Object.keys(fields)) {
    if (!known.includes(field)) throw new Fault(field, 'is not known');
  }
}

function poolIdField({ fields }: TransferRow): bigint {
  const poolId = toBigint(fields['pid']);
  if (poolId === undefined) throw new Fault('pid', 'must be the number of a stake pool');
  return poolId;
}

function toBigint(value: unknown): bigint | undefined {
  const text = typeof value === 'string' ? value.trim() : numberText(value);
  if (text === undefined || !/^\d{1,20}$/.test(text)) return undefined;
  const number = BigInt(text);
  return number < 1n << 64n ? number : undefined;
}

function textField({ fields }: TransferRow, field: string, absent?: string): string {
  const value = fields[field];
  if (value === undefined || value === null) {
    if (absent === undefined) throw new Fault(field, 'is missing');
    return absent;
  }
  if (typeof value === 'string') return value;
  const text = numberText(value);
  if (text === undefined) throw new Fault(field, 'must be a text');
  return text;
}

/** A number beyond what JSON numbers hold exactly is not guessed at. */
function numberText(value: unknown): string | undefined {
  if (typeof value === 'bigint') return value.toString();
  return typeof value === 'number' && Number.isSafeInteger(value) ? value.toString() : undefined;
}

function booleanField({ fields }: TransferRow, field: string, absent: boolean): boolean {
  const value = fields[field];
  if (value === undefined || value === null) return absent;
  if (typeof value === 'boolean') return value;
  switch (typeof value === 'string' ? value.trim().toLowerCase() : numberText(value)) {
    case 'true':
    case '1':
      return true;
    case 'false':
    case '0':
      return false;
    default:
      throw new Fault(field, 'must be true or false');
  }
}

function faultOf(error: unknown): { field: string; rule: string } {
  if (error instanceof Fault) return { field: error.field, rule: error.rule };
  const { field, rule } = BridgeError.from(error).facts;
  if (typeof field !== 'string' || typeof rule !== 'string') throw error;
  return { field: field === 'owner.mnemonic' ? 'mnemonic' : field, rule };
}
