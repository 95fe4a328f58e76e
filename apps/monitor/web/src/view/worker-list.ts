import { workerStates, type ChainHeads, type WorkerRow } from '../../../src/api/contract.js';
import type { FleetModel } from '../../../src/api/fleet-model.js';
import { disagreementOf } from './tones.js';
import type { ColumnId } from './worker-columns.js';
import type { WorkerQuery } from './worker-query.js';

/** Para blocks behind the head from which an otherwise healthy worker counts as behind. */
export const BEHIND_BLOCKS = 10;

/** What a worker is measured against. */
export interface FleetFrame {
  /** Heads by peer id of the manager. */
  readonly heads: ReadonlyMap<string, ChainHeads>;
  /** Names of managers by peer id. */
  readonly managerNames: ReadonlyMap<string, string>;
}

/** The frame of a model. */
export function frameOf(model: FleetModel): FleetFrame {
  const heads = new Map<string, ChainHeads>();
  const managerNames = new Map<string, string>();
  for (const [peerId, manager] of model.managers) {
    const chain = model.chains.get(manager.chainIdentity);
    if (chain !== undefined) heads.set(peerId, chain);
    managerNames.set(peerId, nameOfPeer(manager, model.managers.values()));
  }
  return { heads, managerNames };
}

/** The host name of a peer, with the end of its id where another one has the same. */
export function nameOfPeer(
  peer: { peerId: string; hostname: string },
  all: Iterable<{ peerId: string; hostname: string }>,
): string {
  const name = peer.hostname === '' ? peer.peerId.slice(-6) : peer.hostname;
  for (const other of all) {
    if (other.peerId !== peer.peerId && other.hostname === peer.hostname) {
      return `${name} …${peer.peerId.slice(-4)}`;
    }
  }
  return name;
}

/** Para blocks behind the head; undefined while either is not known. */
export function lagOf(worker: WorkerRow, frame: FleetFrame): number | undefined {
  const head = frame.heads.get(worker.manager)?.para;
  if (head === null || head === undefined || worker.paraBlock === null) return undefined;
  return Math.max(0, head - worker.paraBlock);
}

/** Seconds until the head at the present rate; undefined at the head, or when nothing moves. */
export function etaOf(worker: WorkerRow, frame: FleetFrame): number | undefined {
  const lag = lagOf(worker, frame);
  if (lag === undefined || lag <= 3 || worker.perMinute === null || worker.perMinute <= 0) {
    return undefined;
  }
  return (lag / worker.perMinute) * 60;
}

/** The key of a worker in selections and addresses. */
export function keyOf(worker: { manager: string; uuid: string }): string {
  return `${worker.manager}/${worker.uuid}`;
}

/** Whether it belongs to what is asked for. */
export function matcherOf(query: WorkerQuery, frame: FleetFrame): (worker: WorkerRow) => boolean {
  const words = query.text.toLowerCase().split(/\s+/).filter(Boolean);
  const states = new Set<string>(query.states);
  const sessions = new Set(query.sessions);
  const pools = new Set(query.pools);
  const managers = new Set(query.managers);
  return (worker) => {
    if (states.size > 0 && !states.has(worker.state)) return false;
    if (sessions.size > 0 && !sessions.has(worker.session?.state ?? 'none')) return false;
    if (pools.size > 0 && !pools.has(worker.pid)) return false;
    if (managers.size > 0 && !managers.has(worker.manager)) return false;
    for (const flag of query.flags) {
      switch (flag) {
        case 'behind':
          if ((lagOf(worker, frame) ?? 0) < BEHIND_BLOCKS) return false;
          break;
        case 'disagree':
          if (disagreementOf(worker) === undefined) return false;
          break;
        case 'disabled':
          if (worker.enabled) return false;
          break;
        case 'syncOnly':
          if (!worker.syncOnly) return false;
          break;
      }
    }
    return words.every((word) => contains(worker, word));
  };
}

function contains(worker: WorkerRow, word: string): boolean {
  return (
    worker.name.toLowerCase().includes(word) ||
    worker.endpoint.toLowerCase().includes(word) ||
    worker.message.toLowerCase().includes(word) ||
    worker.publicKey.includes(word) ||
    worker.uuid.startsWith(word) ||
    (worker.session?.account ?? '').toLowerCase().includes(word)
  );
}

type SortValue = number | string | bigint | undefined;

const troubleRank = new Map<string, number>(workerStates.map((state, index) => [state, index]));

/** What a column sorts by; undefined stands last whichever way. */
export function sortValueOf(worker: WorkerRow, by: ColumnId, frame: FleetFrame): SortValue {
  switch (by) {
    case 'name':
      return worker.name;
    case 'state':
      return troubleRank.get(worker.state) ?? workerStates.length;
    case 'since':
      // The longest in its state first when descending.
      return worker.sinceMs === null ? undefined : -worker.sinceMs;
    case 'lag':
      return lagOf(worker, frame);
    case 'session':
      return worker.session?.state;
    case 'message':
      return worker.message;
    case 'pool':
      return Number(worker.pid);
    case 'manager':
      return frame.managerNames.get(worker.manager) ?? worker.manager;
    case 'paraBlock':
    case 'paraHeader':
    case 'relayHeader':
      return worker[by] ?? undefined;
    case 'speed':
      return worker.perMinute ?? undefined;
    case 'eta':
      return etaOf(worker, frame);
    case 'v':
    case 've': {
      const text = worker.session?.[by];
      return text === null || text === undefined ? undefined : Number(text);
    }
    case 'pInit':
    case 'pInstant':
      return worker.session?.[by] ?? undefined;
    case 'reward':
      return numberOf(worker.session?.reward);
    case 'stake':
      return numberOf(worker.stake);
    case 'version':
      return worker.runtime?.version ?? undefined;
    case 'memory':
      return worker.runtime?.memoryMib ?? undefined;
    case 'endpoint':
      return worker.endpoint;
    case 'publicKey':
    case 'account':
      return undefined;
  }
}

function numberOf(amount: string | null | undefined): number | undefined {
  return amount === null || amount === undefined || amount === '' ? undefined : Number(amount);
}

const collator = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });

/** Sorts by a column, workers without a value last, those that are equal by name. Every value is computed once. */
export function sortWorkers(
  workers: readonly WorkerRow[],
  sort: WorkerQuery['sort'],
  frame: FleetFrame,
  names: NameRanks,
): WorkerRow[] {
  const { by, descending } = sort;
  const ranks = names.of(workers);
  const keyed = workers.map((worker) => {
    const rank = ranks.get(worker.name)!;
    return { worker, rank, value: by === 'name' ? rank : sortValueOf(worker, by, frame) };
  });
  const direction = descending ? -1 : 1;
  keyed.sort((a, b) => {
    if (a.value === undefined || b.value === undefined) {
      if (a.value !== b.value) return a.value === undefined ? 1 : -1;
    } else if (a.value !== b.value) {
      return a.value < b.value ? -direction : direction;
    }
    return a.rank - b.rank;
  });
  return keyed.map(({ worker }) => worker);
}

/**
 * Places of names in the alphabet, by number parts: `worker-2` before `worker-10`. Comparing names the human way is slow, and
 * names seldom change: the last ranks are kept.
 */
export class NameRanks {
  #ranks: ReadonlyMap<string, number> = new Map();

  of(workers: readonly WorkerRow[]): ReadonlyMap<string, number> {
    if (workers.every(({ name }) => this.#ranks.has(name))) return this.#ranks;
    const names = [...new Set(workers.map(({ name }) => name))].sort((a, b) =>
      collator.compare(a, b),
    );
    this.#ranks = new Map(names.map((name, index) => [name, index]));
    return this.#ranks;
  }
}

/** How many workers of a list are in each state. */
export function countStates(workers: Iterable<WorkerRow>): Map<WorkerRow['state'], number> {
  const counts = new Map<WorkerRow['state'], number>();
  for (const { state } of workers) counts.set(state, (counts.get(state) ?? 0) + 1);
  return counts;
}

/** Workers by peer id of their manager. */
export function byManagerOf(workers: Iterable<WorkerRow>): Map<string, WorkerRow[]> {
  const groups = new Map<string, WorkerRow[]>();
  for (const worker of workers) {
    const group = groups.get(worker.manager);
    if (group === undefined) groups.set(worker.manager, [worker]);
    else group.push(worker);
  }
  return groups;
}
