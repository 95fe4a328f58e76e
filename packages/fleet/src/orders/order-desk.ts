import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

import {
  Backoff,
  TaskGroup,
  type Clock,
  type Hex,
  type Logger,
  type Service,
  type Watched,
} from '@runtime-bridge/base';
import type { ChainFacts, WorkerFacts } from '@runtime-bridge/chain-client/tx';
import type { JobOutcome, TxJob } from '@runtime-bridge/tx-queue';

import { FleetError, FleetErrorCode } from '../errors.js';
import type { Inventory } from '../inventory/inventory.js';
import type { PoolRow, WorkerRow } from '../inventory/rows.js';
import type { WorkerSnapshot } from '../runner/messages.js';
import {
  computes,
  effectOf,
  type Order,
  type OrderAction,
  type OrderEffect,
  type OrderView,
} from './order.js';
import type { OrderBook } from './order-book.js';

/** How patiently orders are carried out. */
export interface OrderDeskOptions {
  /** Nothing is sent on chain for any worker. */
  syncOnly: boolean;
  /** Between two looks when nothing else happens. @default 3000 */
  intervalMs?: number;
  /** How long the last messages of a drained worker may keep it enabled. @default 1800000 */
  drainMs?: number;
  /** First wait after a transaction that failed. @default 6000 */
  retryMinMs?: number;
}

/** What a desk works with. */
export interface OrderDeskCollaborators {
  book: OrderBook;
  inventory: Inventory;
  facts: Watched<ChainFacts | undefined>;
  /** What is known of a worker that is driven. */
  snapshot: (uuid: string) => WorkerSnapshot | undefined;
  /** Has a transaction made; never rejects but with the signal. */
  submit: (
    pool: PoolRow,
    subject: string,
    epoch: string,
    job: TxJob,
    signal: AbortSignal,
  ) => Promise<JobOutcome>;
  logger: Logger;
  clock: Clock;
}

/** What a request for an order came to. */
export interface OrderAnswer {
  readonly accepted: boolean;
  /** Makes the same request happen; empty when it cannot, or has. */
  readonly confirmation: string;
  readonly effects: readonly OrderEffect[];
}

/** An attempt to carry an order out. */
interface Attempt {
  /** Known outcomes so far. */
  count: number;
  backoff: Backoff;
  /** Not before, ms since 1970. */
  notBeforeMs: number;
  /** Not before the facts are of this block. */
  notBeforeBlock: number;
  running: boolean;
  /** Why the last one failed. */
  failure: string | undefined;
}

/** How long a confirmation holds. */
const CONFIRM_MS = 300_000;
const RETRY_MAX_MS = 300_000;
/** Workers of one request. */
const MAX_WORKERS = 1_000;
/** Ours and the chain's clock may differ by so much. */
const CLOCK_MARGIN_MS = 12_000;

/**
 * Stops, drains and reclaims workers when an operator wants it. An order stands, also across restarts, and is compared with
 * what the chain says again and again: whatever happens in between, the chain ends up as ordered. It does not wait for data
 * providers: an order is about the chain alone, and a worker that can no longer be fed is one that has to be stopped.
 */
export class OrderDesk implements Service {
  readonly name = 'orders';
  readonly #options: Required<OrderDeskOptions>;
  readonly #collaborators: OrderDeskCollaborators;
  readonly #tasks: TaskGroup;
  readonly #secret = randomBytes(32);
  readonly #attempts = new Map<string, Attempt>();
  readonly #texts = new Map<string, string>();

  constructor(options: OrderDeskOptions, collaborators: OrderDeskCollaborators) {
    this.#options = {
      syncOnly: options.syncOnly,
      intervalMs: options.intervalMs ?? 3_000,
      drainMs: options.drainMs ?? 1_800_000,
      retryMinMs: options.retryMinMs ?? 6_000,
    };
    this.#collaborators = collaborators;
    this.#tasks = new TaskGroup({ name: this.name }, { logger: collaborators.logger });
  }

  start(): Promise<void> {
    this.#tasks.spawn('carry out', (signal) => this.#follow(signal));
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    await this.#tasks.stop();
  }

  /**
   * Tells what an action would do; with the confirmation of such an answer, does it.
   * @throws FleetError NOT_FOUND, INVALID_FIELD
   */
  async request(
    action: OrderAction,
    ids: readonly string[],
    confirmation: string,
  ): Promise<OrderAnswer> {
    if (ids.length === 0 || ids.length > MAX_WORKERS) {
      throw new FleetError(
        FleetErrorCode.INVALID_FIELD,
        `ids: must name between 1 and ${MAX_WORKERS} workers`,
        { facts: { field: 'ids', count: ids.length } },
      );
    }
    const rows = [...new Set(ids)].map((uuid) => this.#row(uuid));
    const effects = rows.map((row) => this.#effect(action, row));
    if (effects.some(({ possible }) => !possible)) {
      return { accepted: false, confirmation: '', effects };
    }
    if (confirmation === '' || !this.#confirms(confirmation, action, effects)) {
      return { accepted: false, confirmation: this.#confirm(action, effects), effects };
    }
    await this.#take(action, rows);
    return { accepted: true, confirmation: '', effects };
  }

  /** Orders that stand, oldest first. */
  list(): OrderView[] {
    return [...this.#collaborators.book.orders.value.values()]
      .map((order) => ({
        ...order,
        text: this.#texts.get(keyOf(order)) ?? 'Was taken.',
        cooledDownMs: this.#cooledDownMs(this.#factsOf(order.publicKey)),
      }))
      .sort((a, b) => a.sinceMs - b.sinceMs);
  }

  async #take(action: OrderAction, rows: readonly WorkerRow[]): Promise<void> {
    const { book, clock, logger } = this.#collaborators;
    if (action === 'resume') {
      await book.remove(rows.flatMap(({ uuid }) => book.of(uuid)));
    } else {
      const sinceMs = clock.now();
      await book.put(
        rows.map(({ uuid }) => ({
          uuid,
          kind: action,
          sinceMs,
          publicKey: this.#keyOf(uuid)!,
          done: false,
        })),
      );
    }
    for (const { uuid, name } of rows) logger.info('Order taken', { action, worker: uuid, name });
    this.#look();
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { clock, facts, inventory, book } = this.#collaborators;
    const stops = [
      facts.subscribe(() => this.#look()),
      book.orders.subscribe(() => this.#look()),
      inventory.subscribe(() => this.#look()),
    ];
    try {
      for (;;) {
        this.#look();
        await clock.sleep(this.#options.intervalMs, signal);
      }
    } finally {
      for (const stop of stops) stop();
    }
  }

  /** Begins what can be done now. */
  #look(): void {
    const { book } = this.#collaborators;
    const { value: orders } = book.orders;
    const known = new Set([...orders.values()].map(keyOf));
    for (const key of this.#attempts.keys()) if (!known.has(key)) this.#attempts.delete(key);
    for (const key of this.#texts.keys()) if (!known.has(key)) this.#texts.delete(key);
    for (const order of orders.values()) {
      const attempt = this.#attemptOf(order);
      if (attempt.running) continue;
      attempt.running = true;
      this.#tasks.spawn('order', async (signal) => {
        try {
          await this.#carryOut(order, attempt, signal);
        } finally {
          attempt.running = false;
        }
      });
    }
  }

  async #carryOut(order: Order, attempt: Attempt, signal: AbortSignal): Promise<void> {
    const { book, inventory, clock } = this.#collaborators;
    const row = inventory.snapshot.workers.get(order.uuid);
    const pool = row && inventory.snapshot.pools.get(row.poolUuid);
    // One that was enabled again after it was drained is wanted again.
    if (!row || !pool || (order.kind === 'drain' && order.done && row.enabled)) {
      await book.remove([order]);
      return;
    }
    const facts = this.#collaborators.facts.value;
    const worker = facts?.workers.get(order.publicKey);
    if (!facts || !worker || facts.block < attempt.notBeforeBlock) {
      if (!facts || !worker) this.#say(order, 'Waiting for the chain...');
      return;
    }
    const state = worker.session?.state;
    if (order.kind === 'reclaim') {
      await this.#reclaim(order, attempt, pool, worker, signal);
      return;
    }
    if (computes(state)) {
      if (this.#isSyncOnly(row, pool)) {
        this.#say(order, 'Waits: sync only, nothing is sent on chain.');
        return;
      }
      this.#say(order, attempt.failure ?? 'Stopping on chain...');
      await this.#transact(order, attempt, pool, 'STOP_COMPUTING', signal);
      return;
    }
    attempt.backoff.reset();
    attempt.failure = undefined;
    const cooling = state === 'WorkerCoolingDown' ? 'cooling down' : 'not computing';
    if (order.stoppedAt === undefined) {
      const stopped = { stoppedAt: facts.block, stoppedMs: clock.now() };
      await book.put([{ ...order, ...stopped, done: order.kind === 'stop' }]);
      this.#say(order, `Stopped, ${cooling}.`);
      return;
    }
    if (order.kind === 'stop' || order.done) {
      this.#say(order, `${order.kind === 'stop' ? 'Stopped' : 'Drained'}, ${cooling}.`);
      return;
    }
    await this.#finishDrain(order, row, pool);
  }

  async #finishDrain(order: Order, row: WorkerRow, pool: PoolRow): Promise<void> {
    const { book, inventory, snapshot, clock, logger } = this.#collaborators;
    const isOver = clock.now() - (order.stoppedMs ?? 0) >= this.#options.drainMs;
    if (row.enabled && !isOver && !hasSaidAll(snapshot(row.uuid), order.stoppedAt ?? 0)) {
      this.#say(order, 'Stopped; its last messages are not on chain yet.');
      return;
    }
    if (row.enabled) {
      if (isOver) logger.warn('Drained a worker that kept messages', { worker: row.uuid });
      const { name, endpoint, syncOnly } = row;
      const stake = row.stake.toString();
      const input = { poolId: pool.poolId, name, endpoint, stake, syncOnly, enabled: false };
      await inventory.updateWorkers([{ id: { kind: 'uuid', uuid: row.uuid }, input }]);
    }
    await book.put([{ ...order, done: true }]);
    this.#say(order, 'Drained and disabled.');
    logger.info('Worker drained', { worker: row.uuid });
  }

  async #reclaim(
    order: Order,
    attempt: Attempt,
    pool: PoolRow,
    worker: WorkerFacts,
    signal: AbortSignal,
  ): Promise<void> {
    const { book, clock, logger, inventory } = this.#collaborators;
    if (worker.session?.state !== 'WorkerCoolingDown') {
      await book.remove([order]);
      logger.info('Stake of a worker is no longer locked', { worker: order.uuid });
      return;
    }
    const readyMs = (this.#cooledDownMs(worker) ?? 0) + CLOCK_MARGIN_MS * Number(attempt.count > 0);
    if (clock.now() < readyMs) {
      this.#say(order, `Cools down until ${new Date(readyMs).toISOString()}.`);
      return;
    }
    const row = inventory.snapshot.workers.get(order.uuid);
    if (!row || this.#isSyncOnly(row, pool)) {
      this.#say(order, 'Waits: sync only, nothing is sent on chain.');
      return;
    }
    this.#say(order, attempt.failure ?? 'Reclaiming on chain...');
    await this.#transact(order, attempt, pool, 'RECLAIM_WORKER', signal);
  }

  async #transact(
    order: Order,
    attempt: Attempt,
    pool: PoolRow,
    action: 'STOP_COMPUTING' | 'RECLAIM_WORKER',
    signal: AbortSignal,
  ): Promise<void> {
    const { submit, clock } = this.#collaborators;
    if (clock.now() < attempt.notBeforeMs) return;
    const { publicKey } = order;
    // The same until its outcome is known, so that asking again after a restart is asking once.
    const epoch = `order-${order.sinceMs}-${attempt.count}`;
    const payload = { pid: pool.poolId.toString(), publicKey };
    const outcome = await submit(pool, publicKey, epoch, { action, payload }, signal);
    if (outcome.ok) {
      attempt.count += 1;
      attempt.failure = undefined;
      attempt.backoff.reset();
      attempt.notBeforeBlock = outcome.blockNumber;
      return;
    }
    if (outcome.error.code !== FleetErrorCode.QUEUE_UNAVAILABLE) attempt.count += 1;
    attempt.failure = `Tx failed: ${outcome.error.message}`;
    attempt.notBeforeMs = clock.now() + attempt.backoff.next();
    this.#say(order, attempt.failure);
  }

  #attemptOf(order: Order): Attempt {
    const key = keyOf(order);
    const known = this.#attempts.get(key);
    if (known) return known;
    const made: Attempt = {
      count: 0,
      backoff: new Backoff({ minMs: this.#options.retryMinMs, maxMs: RETRY_MAX_MS }),
      notBeforeMs: 0,
      notBeforeBlock: 0,
      running: false,
      failure: undefined,
    };
    this.#attempts.set(key, made);
    return made;
  }

  #effect(action: OrderAction, row: WorkerRow): OrderEffect {
    const { book, inventory, facts } = this.#collaborators;
    const pool = inventory.snapshot.pools.get(row.poolUuid);
    const publicKey = this.#keyOf(row.uuid);
    const worker = publicKey && this.#factsOf(publicKey);
    return effectOf(action, {
      uuid: row.uuid,
      name: row.name,
      poolId: pool?.poolId ?? 0n,
      publicKey,
      syncOnly: !pool || this.#isSyncOnly(row, pool),
      enabled: row.enabled,
      poolIdOnChain: worker?.poolId,
      sessionState: worker?.session?.state,
      stake: worker?.stake,
      cooledDownMs: this.#cooledDownMs(worker),
      isKnown: facts.value !== undefined && worker !== undefined,
      standing: book.of(row.uuid),
    });
  }

  #isSyncOnly(row: WorkerRow, pool: PoolRow): boolean {
    return this.#options.syncOnly || row.syncOnly || pool.syncOnly;
  }

  #row(uuid: string): WorkerRow {
    const row = this.#collaborators.inventory.snapshot.workers.get(uuid);
    if (row) return row;
    throw new FleetError(FleetErrorCode.NOT_FOUND, `Worker ${uuid} not found!`, {
      facts: { worker: uuid },
    });
  }

  #keyOf(uuid: string): Hex | undefined {
    const { snapshot, book } = this.#collaborators;
    return snapshot(uuid)?.publicKey ?? book.of(uuid)[0]?.publicKey;
  }

  #factsOf(publicKey: Hex): WorkerFacts | undefined {
    return this.#collaborators.facts.value?.workers.get(publicKey);
  }

  #cooledDownMs(worker: WorkerFacts | undefined): number | undefined {
    const { value: facts } = this.#collaborators.facts;
    if (!facts || worker?.session?.state !== 'WorkerCoolingDown') return undefined;
    return (Number(worker.session.coolDownStart) + facts.coolDownPeriodSec) * 1_000;
  }

  #say(order: Order, text: string): void {
    this.#texts.set(keyOf(order), text);
  }

  #confirm(action: OrderAction, effects: readonly OrderEffect[]): string {
    const untilMs = this.#collaborators.clock.now() + CONFIRM_MS;
    return `${untilMs}.${this.#seal(untilMs, action, effects)}`;
  }

  #confirms(confirmation: string, action: OrderAction, effects: readonly OrderEffect[]): boolean {
    const [until = '', seal = ''] = confirmation.split('.', 2);
    const untilMs = Number(until);
    if (!(untilMs > this.#collaborators.clock.now())) return false;
    const right = Buffer.from(this.#seal(untilMs, action, effects));
    const given = Buffer.from(seal);
    return right.length === given.length && timingSafeEqual(right, given);
  }

  /** Stands for what would happen to whom. */
  #seal(untilMs: number, action: OrderAction, effects: readonly OrderEffect[]): string {
    const told = effects.map(({ uuid, text }) => [uuid, text]);
    return createHmac('sha256', this.#secret)
      .update(JSON.stringify([untilMs, action, told]))
      .digest('hex');
  }
}

/** Whether a worker has executed a block and has nothing left to say. */
function hasSaidAll(snapshot: WorkerSnapshot | undefined, block: number): boolean {
  const info = snapshot?.runtimeInfo;
  return Number(info?.['blocknum'] ?? 0) > block && Number(info?.['pendingMessages'] ?? 1) === 0;
}

function keyOf({ uuid, kind, sinceMs }: Order): string {
  return `${uuid}:${kind}:${sinceMs}`;
}
