import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { silentLogger, silentMetrics, sleep, systemClock, Watched } from '@runtime-bridge/base';

import { Inventory } from '../inventory/inventory.js';
import { FleetManager, type FleetManagerOptions } from '../manager/fleet-manager.js';
import type {
  ProviderView,
  RunnerSettings,
  ToManager,
  ToRunner,
  WorkerEvent,
  WorkerStatus,
} from '../runner/messages.js';
import { OrderBook } from '../orders/order-book.js';
import { OrderDesk } from '../orders/order-desk.js';
import { Runner } from '../runner/runner.js';
import { StateStore } from '../state/state-store.js';
import { FakeChain } from './fake-chain.test.support.js';
import { FakeProvider } from './fake-provider.test.support.js';
import { FakeWorker } from './fake-worker.test.support.js';
import { memoryLine } from './memory-line.test.support.js';
import { paraHeadAt } from './scripted-chains.test.support.js';

const PHA = 1_000_000_000_000n;

/** How runners of a rig work. */
export const rigSettings: RunnerSettings = {
  requestTimeoutMs: 1_000,
  blobTimeoutMs: 1_000,
  keepAlive: true,
  keepAliveTimeoutMs: 1_000,
  blobConcurrency: 16,
  cacheMaxItems: 1_000,
  cacheMaxBytes: 1_000_000,
  cacheMaxAgeMs: 60_000,
  skipRa: false,
  minScore: 50,
  enforceMinScore: false,
};

/** A whole fleet in one process: manager, runners in memory, scripted workers, providers and chain. */
export class FleetRig {
  readonly providers = [new FakeProvider('p1'), new FakeProvider('p2')];
  readonly views = new Watched<readonly ProviderView[]>([]);
  readonly workers = new Map<string, FakeWorker>();
  readonly chain = new FakeChain();
  /** What workers said. */
  readonly events: WorkerEvent[] = [];
  readonly runners: { id: string; kill: () => void }[] = [];
  readonly fleet: FleetManager;
  readonly orders: OrderDesk;
  /** Finalised para height that the chain knows and no provider has. */
  paraTarget: number | undefined;
  /** The chain has register_worker_v2. */
  supportsV2 = true;
  #ticking: NodeJS.Timeout | undefined;

  private constructor(
    readonly inventory: Inventory,
    private readonly state: StateStore,
    readonly book: OrderBook,
    private readonly directory: string,
    options: Partial<FleetManagerOptions>,
  ) {
    this.fleet = new FleetManager(
      {
        maxWorkersPerRunner: 10,
        syncOnly: false,
        runner: { restartMinMs: 5, restartMaxMs: 20 },
        settings: rigSettings,
        ...options,
      },
      {
        inventory,
        providers: this.views,
        chain: this.chain,
        registerWorkerV2: () => this.supportsV2,
        bestBlock: () => this.chain.block,
        producer: this.chain,
        orders: book,
        history: { record: (events) => void this.events.push(...events) },
        spawnRunner: (id) => this.#spawn(id),
        logger: silentLogger,
        metrics: silentMetrics,
      },
    );
    this.orders = this.orderDesk();
  }

  /** Another desk over the same orders, as after a restart. */
  orderDesk(): OrderDesk {
    return new OrderDesk(
      { syncOnly: false, intervalMs: 20, retryMinMs: 10, drainMs: 1_000 },
      {
        book: this.book,
        inventory: this.inventory,
        facts: this.chain.facts,
        snapshot: (uuid) => this.fleet.snapshot(uuid),
        submit: (...args) => this.fleet.submit(...args),
        logger: silentLogger,
        clock: systemClock,
      },
    );
  }

  /** Makes a rig with one pool (7) and so many enabled workers (w1, w2, …). */
  static async create(
    count: number,
    options: Partial<FleetManagerOptions> = {},
  ): Promise<FleetRig> {
    const directory = await mkdtemp(join(tmpdir(), 'fleet-rig-'));
    await mkdir(join(directory, 'inventory'));
    await mkdir(join(directory, 'state'));
    const inventory = await Inventory.open(
      { directory: join(directory, 'inventory') },
      {
        sealOperator: () => ({
          publicKey: new Uint8Array(32).fill(0xee),
          sealed: Uint8Array.of(9),
        }),
        logger: silentLogger,
      },
    );
    const state = await StateStore.open({ directory: join(directory, 'state') });
    const book = await OrderBook.open(state.section('orders'));
    const rig = new FleetRig(inventory, state, book, directory, options);
    await inventory.createPools([
      {
        poolId: 7n,
        name: 'pool',
        enabled: true,
        syncOnly: false,
        proxiedAccount: '',
        mnemonic: 'x',
      },
    ]);
    for (let index = 1; index <= count; index += 1) await rig.add(`w${index}`);
    rig.chain.advance(rig.head);
    rig.look();
    await rig.fleet.start();
    await rig.orders.start();
    return rig;
  }

  /** Creates another worker. */
  async add(
    name: string,
    over: Partial<{ enabled: boolean; syncOnly: boolean; stake: string }> = {},
  ): Promise<FakeWorker> {
    const worker = new FakeWorker(this.workers.size + 1);
    this.workers.set(`http://${name}:8000`, worker);
    await this.inventory.createWorkers([this.input(name, over)]);
    return worker;
  }

  input(name: string, over: Partial<{ enabled: boolean; syncOnly: boolean; stake: string }> = {}) {
    return {
      poolId: 7n,
      name,
      endpoint: `http://${name}:8000`,
      stake: PHA.toString(),
      enabled: true,
      syncOnly: false,
      ...over,
    };
  }

  worker(name: string): FakeWorker {
    return this.workers.get(`http://${name}:8000`)!;
  }

  uuid(name: string): string {
    return [...this.inventory.snapshot.workers.values()].find((row) => row.name === name)!.uuid;
  }

  status(name: string): WorkerStatus | undefined {
    return this.fleet.snapshot(this.uuid(name))?.status;
  }

  message(name: string): string {
    return this.fleet.snapshot(this.uuid(name))?.lastMessage ?? '';
  }

  /** Lets the chains grow by so many relay blocks each interval. */
  run(intervalMs = 20, blocks = 1): void {
    this.#ticking = setInterval(() => this.grow(blocks), intervalMs);
  }

  halt(): void {
    clearInterval(this.#ticking);
  }

  /** One step of both chains, seen by all providers. */
  grow(blocks = 1): void {
    for (const provider of this.providers) provider.relayHeight += blocks;
    this.look();
    this.chain.advance(this.head);
  }

  look(): void {
    this.views.set(
      this.providers.filter(({ down }) => !down).map((provider) => provider.view(this.paraTarget)),
    );
  }

  /** Height of the para head that providers serve. */
  get head(): number {
    return Math.max(...this.providers.map(({ relayHeight }) => paraHeadAt(relayHeight)));
  }

  /** Waits for something to become true. */
  async until(what: string, holds: () => boolean, timeoutMs = 5_000): Promise<void> {
    const end = Date.now() + timeoutMs;
    while (!holds()) {
      if (Date.now() > end) {
        const states = [...this.inventory.snapshot.workers.values()]
          .map(({ name }) => `${name} ${this.status(name)} ${this.message(name)}`)
          .join('; ');
        throw new Error(`Did not happen: ${what}. ${states}`);
      }
      await sleep(5);
    }
  }

  async close(): Promise<void> {
    this.halt();
    await this.orders.stop();
    await this.fleet.stop();
    await this.inventory.close();
    await this.state.close();
    await rm(this.directory, { recursive: true, force: true });
  }

  #spawn(id: string) {
    const [managerEnd, runnerEnd, cut] = memoryLine<ToRunner, ToManager>();
    const runner = new Runner(
      {
        reportIntervalMs: 5,
        beatIntervalMs: 50,
        timing: {
          infoIntervalMs: 20,
          egressIntervalMs: 15,
          planIntervalMs: 100,
          stallMs: 400,
          errorMinMs: 20,
          errorMaxMs: 60,
          sync: { minDelayMs: 5, maxDelayMs: 20, blobPollMs: 5 },
        },
      },
      {
        line: runnerEnd,
        connect: (view) =>
          this.providers.find(({ peerId }) => peerId === view.peerId)!.connection(),
        client: (endpoint) => this.workers.get(endpoint)!,
        logger: silentLogger,
        metrics: silentMetrics,
      },
    );
    runnerEnd.onMessage((message) => {
      if (message.kind === 'stop') void runner.stop().then(cut);
    });
    const kill = () => {
      cut();
      void runner.stop();
    };
    this.runners.push({ id, kill });
    queueMicrotask(() => runner.start());
    return { line: managerEnd, kill };
  }
}
