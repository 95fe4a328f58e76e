import {
  fromHex,
  systemClock,
  TaskGroup,
  toHex,
  Watched,
  type Clock,
  type Hex,
  type Logger,
  type MetricsRegister,
  type Service,
} from '@runtime-bridge/base';
import { encodeWorkerOrigin } from '@runtime-bridge/blob-codec';
import type { ChainFacts, WorkerFacts } from '@runtime-bridge/chain-client/tx';
import type { JobProducer } from '@runtime-bridge/tx-queue';

import { EgressDesk } from '../egress/egress-desk.js';
import { FleetError, FleetErrorCode } from '../errors.js';
import type { WorkerHistory } from '../history/worker-history.js';
import type { Inventory } from '../inventory/inventory.js';
import type { InventorySnapshot, PoolRow } from '../inventory/rows.js';
import type { OrderBook } from '../orders/order-book.js';
import { accountOfSs58 } from '../inventory/ss58.js';
import type {
  ProviderView,
  RunnerChainFacts,
  RunnerSettings,
  ToManager,
  WorkerChainFacts,
  WorkerCommand,
  WorkerSnapshot,
  WorkerSpec,
} from '../runner/messages.js';
import type { ChainWatch } from './chain-watch.js';
import { JobDesk } from './job-desk.js';
import { place } from './placement.js';
import { RunnerHandle, type RunnerHandleOptions, type RunnerProcess } from './runner-handle.js';

/** How a fleet is run. */
export interface FleetManagerOptions {
  /** Workers per runner at most. */
  maxWorkersPerRunner: number;
  /** Nothing is sent on chain for any worker. */
  syncOnly: boolean;
  settings: RunnerSettings;
  runner?: Omit<RunnerHandleOptions, 'id'>;
}

/** What a manager works with. */
export interface FleetManagerCollaborators {
  inventory: Inventory;
  providers: Watched<readonly ProviderView[]>;
  chain: Pick<ChainWatch, 'facts' | 'setInterest'>;
  registerWorkerV2: () => boolean;
  /** Newest block of the best chain, finalised or not; -1 when not known. */
  bestBlock: () => number;
  producer: Pick<JobProducer, 'submit'>;
  /** Starts a runner process. */
  spawnRunner: (id: string) => RunnerProcess;
  /** Orders that stand: those halted are not to compute, and of the keys the chain is asked though nobody drives them. */
  orders?: Pick<OrderBook, 'orders' | 'isHalted'>;
  /** Keeps what workers say. */
  history?: Pick<WorkerHistory, 'record'>;
  logger: Logger;
  metrics: MetricsRegister;
  clock?: Clock;
}

/**
 * Runs every enabled worker of the inventory in some runner, tells the runners what chain and providers say, and has
 * their transactions made. Changes of the inventory take effect at once and touch nobody else.
 */
export class FleetManager implements Service {
  readonly name = 'fleet manager';
  readonly #options: FleetManagerOptions;
  readonly #collaborators: FleetManagerCollaborators;
  readonly #clock: Clock;
  readonly #tasks: TaskGroup;
  readonly #jobs: JobDesk;
  readonly #egress: EgressDesk;
  readonly #runners = new Map<string, RunnerHandle>();
  #specs = new Map<string, WorkerSpec>();
  #placement = new Map<string, string>();
  readonly #snapshots = new Map<string, WorkerSnapshot>();
  readonly #changes = new Watched(0);
  #nextRunner = 1;
  #stops: (() => void)[] = [];

  constructor(options: FleetManagerOptions, collaborators: FleetManagerCollaborators) {
    this.#options = options;
    this.#collaborators = collaborators;
    this.#clock = collaborators.clock ?? systemClock;
    const { logger, metrics, chain, producer } = collaborators;
    this.#tasks = new TaskGroup({ name: this.name }, { logger });
    const block = () => chain.facts.value?.block ?? -1;
    this.#jobs = new JobDesk({ producer, block, logger, clock: this.#clock });
    this.#egress = new EgressDesk(
      {},
      {
        ingressOf: (origin) => {
          const { value: facts } = chain.facts;
          const sequence = facts?.ingress.get(origin);
          return facts && sequence !== undefined ? { sequence, block: facts.block } : undefined;
        },
        newestBlock: () => Math.max(block(), collaborators.bestBlock()),
        submit: (uuid, job, signal) => this.#submitEgress(uuid, job, signal),
        notice: (uuid, text) => this.#runnerOf(uuid)?.send({ kind: 'notice', uuid, text }),
        logger,
        metrics,
      },
    );
    this.#createMetrics(metrics);
  }

  /** Grows whenever a worker's snapshot is a new one. */
  get changes(): Watched<number> {
    return this.#changes;
  }

  start(): Promise<void> {
    const { inventory, providers, chain, orders } = this.#collaborators;
    this.#stops = [
      inventory.subscribe((snapshot) => this.#apply(snapshot)),
      providers.subscribe((views) => {
        for (const runner of this.#runners.values()) {
          runner.send({ kind: 'providers', providers: views });
        }
      }),
      chain.facts.subscribe((facts) => this.#tellFacts(facts)),
      ...(orders ? [orders.orders.subscribe(() => this.#apply(inventory.snapshot))] : []),
    ];
    this.#apply(inventory.snapshot);
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    for (const stop of this.#stops.splice(0)) stop();
    await this.#egress.stop();
    const runners = [...this.#runners.values()];
    this.#runners.clear();
    await Promise.all(runners.map((runner) => runner.stop()));
    await this.#tasks.stop();
  }

  /** What a worker's runner last said of it; undefined for one that no runner has. */
  snapshot(uuid: string): WorkerSnapshot | undefined {
    return this.#specs.has(uuid) ? this.#snapshots.get(uuid) : undefined;
  }

  /** What the chain says of a worker's key. */
  workerFacts(publicKey: Hex): WorkerFacts | undefined {
    return this.#collaborators.chain.facts.value?.workers.get(publicKey);
  }

  /**
   * Does what an operator asks of a worker, and waits a moment for the worker to show it.
   * @throws FleetError WORKER_DISABLED, RUNNER_GONE
   */
  async command(uuid: string, command: WorkerCommand): Promise<void> {
    const runner = this.#runnerOf(uuid);
    if (!runner) {
      throw new FleetError(FleetErrorCode.WORKER_DISABLED, 'The worker or its pool is disabled', {
        facts: { worker: uuid, command },
        remedy: 'Enable both first.',
      });
    }
    const before = this.#snapshots.get(uuid);
    await runner.command(uuid, command);
    const shown = AbortSignal.timeout(COMMAND_SHOWN_MS);
    await this.#changes
      .until(() => this.#snapshots.get(uuid) !== before, shown)
      .catch(() => undefined);
  }

  /** Has a transaction made in the name of a pool. Never rejects but with the signal. */
  submit(...args: Parameters<JobDesk['submit']>): ReturnType<JobDesk['submit']> {
    return this.#jobs.submit(...args);
  }

  /** Transactions that were asked for: since when the oldest waits for its outcome, and whether any had one. */
  get jobs(): { oldestMs: number | undefined; hasSettled: boolean } {
    return { oldestMs: this.#jobs.oldestPendingMs, hasSettled: this.#jobs.settledCount > 0 };
  }

  #apply({ pools, workers }: InventorySnapshot): void {
    const specs = new Map<string, WorkerSpec>();
    for (const worker of workers.values()) {
      const pool = pools.get(worker.poolUuid);
      if (!worker.enabled || !pool?.enabled) continue;
      const spec: WorkerSpec = {
        uuid: worker.uuid,
        name: worker.name,
        endpoint: worker.endpoint,
        poolId: pool.poolId,
        stake: worker.stake,
        syncOnly: worker.syncOnly || pool.syncOnly || this.#options.syncOnly,
        halted: this.#collaborators.orders?.isHalted(worker.uuid) ?? false,
        operatorAccount: operatorAccountOf(pool),
      };
      const known = this.#specs.get(worker.uuid);
      specs.set(worker.uuid, known && sameSpec(known, spec) ? known : spec);
    }
    const old = { specs: this.#specs, placement: this.#placement };
    this.#specs = specs;
    this.#placement = place(
      this.#placement,
      [...specs.keys()],
      this.#options.maxWorkersPerRunner,
      () => `runner-${this.#nextRunner++}`,
    );
    for (const uuid of this.#snapshots.keys()) {
      if (!specs.has(uuid)) this.#snapshots.delete(uuid);
    }
    if (specs.size === 0) this.#collaborators.logger.info('There is no enabled worker');
    this.#updateInterest();
    this.#updateRunners(old);
  }

  /** Tells each runner its list if that has changed; begins and ends runners. */
  #updateRunners(old: { specs: Map<string, WorkerSpec>; placement: Map<string, string> }): void {
    const lists = groupByRunner(this.#specs, this.#placement);
    const oldLists = groupByRunner(old.specs, old.placement);
    for (const [id, runner] of this.#runners) {
      if (lists.has(id)) continue;
      this.#runners.delete(id);
      this.#tasks.spawn('stop runner', () => runner.stop());
    }
    for (const [id, list] of lists) {
      const runner = this.#runners.get(id);
      if (!runner) {
        this.#startRunner(id);
        continue;
      }
      const before = oldLists.get(id) ?? [];
      const same =
        list.length === before.length && list.every((spec, index) => spec === before[index]);
      if (!same) runner.send({ kind: 'workers', workers: list });
    }
  }

  #startRunner(id: string): void {
    const { spawnRunner, logger, providers, chain } = this.#collaborators;
    const runner = new RunnerHandle(
      { ...this.#options.runner, id },
      {
        spawn: spawnRunner,
        greeting: () => {
          const { value: facts } = chain.facts;
          const workers = groupByRunner(this.#specs, this.#placement).get(id) ?? [];
          return [
            { kind: 'configure', settings: this.#options.settings },
            { kind: 'providers', providers: providers.value },
            ...(facts ? [{ kind: 'facts' as const, facts: this.#factsFor(id, facts) }] : []),
            { kind: 'workers', workers },
          ];
        },
        onMessage: (message) => this.#receive(runner, message),
        onLost: () => undefined,
        logger,
        clock: this.#clock,
      },
    );
    this.#runners.set(id, runner);
    logger.info('Starting a runner', { runner: id });
    runner.start();
  }

  #receive(runner: RunnerHandle, message: ToManager): void {
    switch (message.kind) {
      case 'states': {
        let keys = false;
        for (const snapshot of message.states) {
          if (this.#placement.get(snapshot.uuid) !== runner.id) continue;
          keys ||= this.#snapshots.get(snapshot.uuid)?.publicKey !== snapshot.publicKey;
          this.#snapshots.set(snapshot.uuid, snapshot);
        }
        this.#collaborators.history?.record(
          message.events.filter(({ uuid }) => this.#specs.has(uuid)),
        );
        if (keys) this.#updateInterest();
        this.#changes.update((count) => count + 1);
        return;
      }
      case 'job':
        this.#tasks.spawn('job', async (signal) => {
          const pool = this.#poolOf(message.uuid);
          const outcome = pool
            ? await this.#jobs.worker(pool, message.publicKey, message.job, signal)
            : noPool(message.uuid);
          runner.send({ kind: 'outcome', request: message.request, outcome });
        });
        return;
      case 'egress': {
        const known = this.#egress.origins.length;
        this.#egress.report(message.uuid, message.reports);
        // The sequence of a sender that is new has to be asked first; its worker will report again.
        if (this.#egress.origins.length !== known) this.#updateInterest();
        return;
      }
      case 'ready':
      case 'beat':
      case 'commanded':
      case 'stopped':
    }
  }

  #submitEgress(
    uuid: string,
    job: { subject: string; epoch: string; messages: readonly Hex[] },
    signal: AbortSignal,
  ) {
    const pool = this.#poolOf(uuid);
    if (!pool) return Promise.resolve(noPool(uuid));
    return this.#jobs.submit(
      pool,
      job.subject,
      job.epoch,
      {
        action: 'BATCH_SYNC_MQ_MESSAGE',
        payload: { pid: pool.poolId.toString(), messages: [...job.messages] },
      },
      signal,
    );
  }

  #updateInterest(): void {
    const keys = this.#publicKeys();
    const origins = new Set([...keys.map(originOf), ...this.#egress.origins]);
    const pools = new Set([...this.#specs.values()].map(({ poolId }) => poolId));
    const operators = [...this.#collaborators.inventory.snapshot.pools.values()]
      .filter(({ enabled }) => enabled)
      .map(({ operatorPublicKey }) => operatorPublicKey);
    const ordered = [...(this.#collaborators.orders?.orders.value.values() ?? [])];
    this.#collaborators.chain.setInterest({
      workers: [...new Set([...keys, ...ordered.map(({ publicKey }) => publicKey)])],
      origins: [...origins],
      pools: [...pools],
      accounts: [...new Set(operators)],
    });
  }

  #publicKeys(): Hex[] {
    return [...this.#snapshots.values()].flatMap(({ publicKey }) => (publicKey ? [publicKey] : []));
  }

  #tellFacts(facts: ChainFacts | undefined): void {
    if (!facts) return;
    for (const [id, runner] of this.#runners) {
      runner.send({ kind: 'facts', facts: this.#factsFor(id, facts) });
    }
  }

  /** What a runner has to know: its own workers, and the senders that they speak for. */
  #factsFor(id: string, facts: ChainFacts): RunnerChainFacts {
    const workers = new Map<Hex, WorkerChainFacts>();
    const ingress = new Map<Hex, bigint>();
    for (const snapshot of this.#snapshots.values()) {
      const { publicKey, uuid } = snapshot;
      if (publicKey === undefined || this.#placement.get(uuid) !== id) continue;
      const worker = facts.workers.get(publicKey);
      const origin = originOf(publicKey);
      const sequence = facts.ingress.get(origin);
      if (!worker || sequence === undefined) continue;
      workers.set(publicKey, {
        publicKey,
        registered: worker.registered,
        operator: worker.operator,
        initialScore: worker.initialScore,
        poolId: worker.poolId,
        sessionState: worker.session?.state,
        stake: worker.stake,
      });
      ingress.set(origin, sequence);
    }
    for (const [origin, sequence] of facts.ingress) {
      if (!origin.startsWith(WORKER_ORIGIN)) ingress.set(origin, sequence);
    }
    return {
      block: facts.block,
      registerWorkerV2: this.#collaborators.registerWorkerV2(),
      workers,
      ingress,
      freeStake: new Map([...facts.pools].map(([poolId, pool]) => [poolId, pool.freeStake])),
    };
  }

  #runnerOf(uuid: string): RunnerHandle | undefined {
    const id = this.#placement.get(uuid);
    return id === undefined ? undefined : this.#runners.get(id);
  }

  #poolOf(uuid: string): PoolRow | undefined {
    const { workers, pools } = this.#collaborators.inventory.snapshot;
    const worker = workers.get(uuid);
    return worker && pools.get(worker.poolUuid);
  }

  #createMetrics(metrics: MetricsRegister): void {
    metrics.gauge({
      name: 'runtime_bridge_fleet_workers_count',
      help: 'Workers by state',
      labels: ['status'],
      collect: (gauge) => {
        const counts = new Map<string, number>(STATUSES.map((status) => [status, 0]));
        for (const { status } of this.#snapshots.values()) {
          counts.set(status, (counts.get(status) ?? 0) + 1);
        }
        for (const [status, count] of counts) gauge.set(count, { status });
      },
    });
    metrics.gauge({
      name: 'runtime_bridge_fleet_runners_count',
      help: 'Runner processes',
      collect: (gauge) => gauge.set(this.#runners.size),
    });
  }
}

/** How long an answer to a command waits for the worker to show its effect. */
const COMMAND_SHOWN_MS = 2_000;
/** A worker's SCALE MessageOrigin begins with this. */
const WORKER_ORIGIN = '0x02';
const STATUSES = [
  'S_IDLE',
  'S_STARTING',
  'S_SYNCHING',
  'S_SYNCHED',
  'S_PRE_ACTIVE',
  'S_ACTIVE',
  'S_KICKED',
  'S_ERROR',
] as const;

function originOf(publicKey: Hex): Hex {
  return toHex(encodeWorkerOrigin(fromHex(publicKey)));
}

function operatorAccountOf(pool: PoolRow): Hex {
  return accountOfSs58(pool.proxiedAccount) ?? pool.operatorPublicKey;
}

function sameSpec(a: WorkerSpec, b: WorkerSpec): boolean {
  return (Object.keys(a) as (keyof WorkerSpec)[]).every((field) => a[field] === b[field]);
}

function groupByRunner(
  specs: ReadonlyMap<string, WorkerSpec>,
  placement: ReadonlyMap<string, string>,
): Map<string, WorkerSpec[]> {
  const lists = new Map<string, WorkerSpec[]>();
  for (const [uuid, id] of placement) {
    const spec = specs.get(uuid);
    if (!spec) continue;
    const list = lists.get(id);
    if (list) list.push(spec);
    else lists.set(id, [spec]);
  }
  return lists;
}

function noPool(uuid: string): { ok: false; error: ReturnType<FleetError['toObject']> } {
  const error = new FleetError(
    FleetErrorCode.NOT_FOUND,
    'The worker is no longer in the inventory',
    {
      facts: { worker: uuid },
    },
  );
  return { ok: false, error: error.toObject() };
}
