import { BridgeError, isAbortError, type Clock, type Logger } from '@runtime-bridge/base';
import {
  create,
  OrderKind,
  WalkieErrorCode,
  WorkerStateSchema,
  WorkerStatus,
  type Peer,
  type Pool,
  type Walkie,
  type Worker,
  type WorkerState as WireState,
} from '@runtime-bridge/walkie-protocol';
import type { ManagerFeature, OrderBrief, PoolRow, WorkerRow } from '../api/index.js';
import type { FleetStore } from './fleet-store.js';
import type { HeightHistories } from './height-history.js';
import type { PeerStatus } from './peer-status.js';
import { readQueue } from './queue-look.js';
import { readStateTimes } from './state-times.js';
import {
  clip,
  readBasics,
  readSessionFacts,
  twoDigits,
  type WorkerBasics,
} from './worker-facts.js';

/** Thousands of workers' states take a slow manager seconds. */
const TIMEOUT_MS = 30_000;
/** Pools, queue and orders change seldom. */
const SLOW_PERIOD_MS = 15_000;
/** What a manager does not offer is asked for again so often. */
const FEATURE_PERIOD_MS = 300_000;
/** The session's JSON is read so often; at once when the worker's state or message is another. */
const SESSION_PERIOD_MS = 30_000;
/** Nearer to the head a worker's speed says nothing. */
const BEHIND_BLOCKS = 5;
/** The state of a worker that its manager could not tell: none that anybody knows. */
const UNTOLD = -1 as WorkerStatus;
const NOWHERE = {
  parentHeaderSynchedTo: -1,
  paraHeaderSynchedTo: -1,
  paraBlockDispatchedTo: -1,
};
/** Workers asked for at once; some 3 KiB each. */
const BATCH = 50;
/** Workers shown of all managers together. */
export const MAX_WORKERS = 50_000;

/** What a look at a manager needs. */
export interface ManagerLookCollaborators {
  walkie: Walkie;
  clock: Clock;
  logger: Logger;
  store: FleetStore;
  status: PeerStatus;
  /** By the workers' numbers. */
  histories: HeightHistories<number>;
}

/** Looks at one lifecycle manager: its workers each time; pools, queue and standing orders now and then. */
export class ManagerLook {
  readonly #features = new Map<ManagerFeature, { isOffered: boolean; askedMs: number }>();
  /** When the session of each worker was read last, by uuid. */
  readonly #sessionMs = new Map<string, number>();
  /** Rows of a manager whose states may lack some: those of 2022 leave out what no runner has. */
  #listed: readonly Worker[] = [];
  /** Uuids of a manager that can be asked for some of its workers; those of 2022 are asked for all. */
  #ids: readonly string[] = [];
  #orders: ReadonlyMap<string, OrderBrief> = new Map();
  #stateTimes: ReadonlyMap<string, number> = new Map();
  #slowMs = -Infinity;
  #isFirst = true;

  constructor(private readonly collaborators: ManagerLookCollaborators) {}

  /** Has pools, queue and orders looked at next time, as after a change. */
  hurry(): void {
    this.#slowMs = -Infinity;
    this.#sessionMs.clear();
  }

  async look(peer: Peer, signal: AbortSignal): Promise<void> {
    const { status, clock } = this.collaborators;
    try {
      if (clock.now() - this.#slowMs >= SLOW_PERIOD_MS) {
        await this.#lookSlowly(peer, signal);
        this.#slowMs = clock.now();
      }
      await this.#lookAtWorkers(peer, signal);
      status.recovered(peer);
    } finally {
      if (!signal.aborted) this.show(peer, true);
    }
  }

  /** Shows what is known of the manager itself. */
  show(peer: Peer, isThere: boolean): void {
    const { store, status } = this.collaborators;
    const offered = [...this.#features].flatMap(([name, { isOffered }]) => (isOffered ? name : []));
    store.set('managers', {
      ...status.row(peer, isThere),
      features: this.#features.size === 0 ? null : offered.sort(),
    });
  }

  async #lookAtWorkers(peer: Peer, signal: AbortSignal): Promise<void> {
    const { walkie, clock, status } = this.collaborators;
    const startedMs = clock.now();
    const client = walkie.client(peer.peerId);
    const options = { signal, timeoutMs: TIMEOUT_MS };
    const seen = new Set<string>();
    try {
      for (const ids of this.#batches()) {
        const { workerStates } = await client.call('GetWorkerStatus', { ids }, options);
        if (seen.size === 0) status.answered(clock.now() - startedMs);
        this.#putWorkers(peer, workerStates, seen);
      }
      this.#putListed(peer, this.#listed, WorkerStatus.S_IDLE, seen);
      this.#isFirst = false;
    } catch (error) {
      // One of those that were listed is gone: all at once have no such trouble, and the list is made anew.
      if (BridgeError.from(error).code === WalkieErrorCode.NOT_FOUND && this.#ids.length > 0) {
        this.#ids = [];
        this.#slowMs = -Infinity;
        return this.#lookAtWorkers(peer, signal);
      }
      // A manager of 2022 fails with all of them when one is disabled. Its list still says who they are.
      if (BridgeError.from(error).code !== WalkieErrorCode.SERVER) throw error;
      const { workers } = await client.call('ListWorker', {}, options);
      this.#putListed(peer, workers, UNTOLD);
      throw error;
    }
  }

  /** Ids to ask for, one list after the other: an answer of thousands takes much memory at once, and long to read. */
  #batches(): string[][] {
    if (this.#ids.length <= BATCH) return [[]];
    const batches: string[][] = [];
    for (let at = 0; at < this.#ids.length; at += BATCH) {
      batches.push(this.#ids.slice(at, at + BATCH));
    }
    return batches;
  }

  #putWorkers(peer: Peer, states: readonly WireState[], seen: Set<string>): void {
    const { store, histories, clock } = this.collaborators;
    const nowMs = clock.now();
    const paraHead = store.rows('chains').get(peer.chainIdentity)?.para ?? null;
    const numbers = store.numbersOf(peer.peerId);
    for (const state of states) {
      const basics = readBasics(state);
      if (basics === undefined || seen.has(basics.uuid)) continue;
      const old = store.worker(peer.peerId, basics.uuid);
      if (old === undefined && store.workers.size >= MAX_WORKERS) {
        throw new BridgeError(
          'TOO_MANY_WORKERS',
          `Only ${MAX_WORKERS} workers are shown, of all managers together`,
        );
      }
      seen.add(basics.uuid);
      const isBehind = isFarBehind(paraHead, basics.paraBlock);
      const n = numbers.get(basics.uuid);
      const rate = isBehind && n !== undefined ? histories.perMinute(n, nowMs) : undefined;
      const update = {
        manager: peer.peerId,
        ...basics,
        sinceMs: this.#sinceOf(old, basics, nowMs),
        perMinute: rate === undefined ? null : twoDigits(rate),
        order: this.#orders.get(basics.uuid) ?? null,
        ...this.#session(old, basics, state, nowMs),
      };
      const number = store.setWorker(update, () => ({ session: null, runtime: null, ...update }));
      histories.add(number, nowMs, basics);
    }
  }

  /** Puts rows without states beside those that were seen. */
  #putListed(
    peer: Peer,
    workers: readonly Worker[],
    status: WorkerStatus,
    seen = new Set<string>(),
  ): void {
    const { store } = this.collaborators;
    for (const worker of workers) {
      const basics = readBasics(create(WorkerStateSchema, { ...NOWHERE, status, worker }));
      if (basics === undefined || seen.has(basics.uuid) || store.workers.size >= MAX_WORKERS) {
        continue;
      }
      seen.add(basics.uuid);
      const update = { manager: peer.peerId, ...basics };
      const rest = { sinceMs: null, perMinute: null, session: null, runtime: null, order: null };
      store.setWorker(update, () => ({ ...update, ...rest }));
    }
    this.#keep(peer, seen);
  }

  #keep(peer: Peer, seen: ReadonlySet<string>): void {
    const { store, histories } = this.collaborators;
    for (const n of store.keepWorkers(peer.peerId, seen)) histories.forget(n);
    for (const uuid of this.#sessionMs.keys()) if (!seen.has(uuid)) this.#sessionMs.delete(uuid);
  }

  #sinceOf(
    old: WorkerRow | undefined,
    { uuid, state }: WorkerBasics,
    nowMs: number,
  ): number | null {
    if (old !== undefined) return old.state === state ? old.sinceMs : nowMs;
    // One that appears later has just been made.
    return this.#stateTimes.get(uuid) ?? (this.#isFirst ? null : nowMs);
  }

  /** Reading the JSON of thousands of workers each time would be most of the work. */
  #session(
    old: WorkerRow | undefined,
    basics: WorkerBasics,
    state: WireState,
    nowMs: number,
  ): Partial<Pick<WorkerRow, 'session' | 'runtime'>> {
    const readMs = this.#sessionMs.get(basics.uuid) ?? -Infinity;
    const isNew = old?.state !== basics.state || old.message !== basics.message;
    if (!isNew && nowMs - readMs < SESSION_PERIOD_MS) return {};
    this.#sessionMs.set(basics.uuid, nowMs);
    return readSessionFacts(state.sessionInfoJson, clip(state.workerAccountId, 100));
  }

  async #lookSlowly(peer: Peer, signal: AbortSignal): Promise<void> {
    const { walkie, store, logger } = this.collaborators;
    const client = walkie.client(peer.peerId);
    const options = { signal, timeoutMs: TIMEOUT_MS };
    const { pools } = await client.call('ListPool', {}, options);
    const rows = pools.filter(({ uuid }) => uuid !== '').map((pool) => poolRow(peer.peerId, pool));
    store.replace('pools', ({ manager }) => manager === peer.peerId, rows);
    store.replace('operators', ({ manager }) => manager === peer.peerId, operatorsOf(peer, rows));
    const isFirst = this.#isFirst;
    const optional: [ManagerFeature, () => Promise<void>][] = [
      [
        'events',
        async () => {
          if (isFirst) this.#stateTimes = await readStateTimes(client, options);
          else await client.call('ListWorkerEvents', { limit: 1 }, options);
        },
      ],
      [
        'transactions',
        async () => store.set('queues', await readQueue(client, peer.peerId, this.#now(), options)),
      ],
      [
        'orders',
        async () => {
          const { orders } = await client.call('ListStandingOrders', {}, options);
          this.#orders = new Map(
            orders.map((order) => [
              order.workerUuid,
              {
                kind: orderKind(order.kind),
                sinceMs: Number(order.sinceMs),
                text: clip(order.text, 500),
                isDone: order.done,
                cooledDownMs: order.cooledDownMs === 0n ? null : Number(order.cooledDownMs),
              },
            ]),
          );
        },
      ],
      ['alerts', async () => void (await client.call('ListAlerts', { limit: 1 }, options))],
    ];
    for (const [name, ask] of optional) {
      if (!this.#isDue(name)) continue;
      try {
        await ask();
        this.#note(name, true);
      } catch (error) {
        if (isAbortError(error)) throw error;
        const { code } = BridgeError.from(error);
        if (code === WalkieErrorCode.NOT_FOUND) this.#note(name, false);
        else logger.debug('A manager did not tell all', { peer: peer.peerId, what: name }, error);
      }
    }
    const isOld = this.#features.get('events')?.isOffered !== true;
    const { workers } = await client.call('ListWorker', {}, options);
    this.#listed = isOld ? workers : [];
    this.#ids = isOld ? [] : workers.map(({ uuid }) => uuid);
    // Import and export came with the orders; asking for the text itself only to know would be much.
    this.#note('inventory', this.#features.get('orders')?.isOffered === true);
    if (this.#features.get('transactions')?.isOffered === false)
      store.delete('queues', peer.peerId);
  }

  #isDue(name: ManagerFeature): boolean {
    const known = this.#features.get(name);
    if (known === undefined) return true;
    // What it offers and nothing is read of needs no asking again; what it does not offer seldom.
    if (known.isOffered && name !== 'events' && name !== 'alerts') return true;
    return this.#now() - known.askedMs >= FEATURE_PERIOD_MS;
  }

  #note(name: ManagerFeature, isOffered: boolean): void {
    this.#features.set(name, { isOffered, askedMs: this.#now() });
  }

  #now(): number {
    return this.collaborators.clock.now();
  }
}

function isFarBehind(head: number | null, height: number | null): boolean {
  return head !== null && height !== null && head - height > BEHIND_BLOCKS;
}

/** A pool of a manager as a row. */
export function poolRow(manager: string, pool: Pool): PoolRow {
  return {
    manager,
    uuid: pool.uuid,
    pid: pool.pid.toString(),
    name: clip(pool.name, 200),
    enabled: pool.enabled,
    syncOnly: pool.syncOnly,
    operator: clip(pool.owner?.ss58Phala ?? '', 100),
    proxiedAccount: clip(pool.realPhalaSs58, 100),
  };
}

function operatorsOf(peer: Peer, pools: readonly PoolRow[]) {
  const pids = new Map<string, string[]>();
  for (const { operator, pid } of pools) {
    if (operator === '') continue;
    pids.set(operator, [...(pids.get(operator) ?? []), pid]);
  }
  return [...pids].map(([account, list]) => ({
    manager: peer.peerId,
    account,
    pids: list,
    free: null,
    atMs: null,
  }));
}

function orderKind(kind: OrderKind): OrderBrief['kind'] {
  if (kind === OrderKind.OK_DRAIN) return 'drain';
  return kind === OrderKind.OK_RECLAIM ? 'reclaim' : 'stop';
}
