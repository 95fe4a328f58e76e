import type { ChildProcess } from 'node:child_process';
import { hostname } from 'node:os';

import {
  Backoff,
  messageOf,
  ServiceGroup,
  TaskGroup,
  type Clock,
  type Hex,
  type Logger,
  type MetricsRegister,
  type Service,
} from '@runtime-bridge/base';
import type { ParaApi } from '@runtime-bridge/chain-client/tx';
import { ChainFactsReader } from '@runtime-bridge/chain-client/tx';
import type { StateStore, Inventory, WorkerHistory } from '@runtime-bridge/fleet';
import {
  AlertDesk,
  ChainWatch,
  configMode,
  FleetManager,
  NoticeQueue,
  OrderBook,
  OrderDesk,
  serveOrders,
  waitingForChain,
  ProviderWatch,
  serveAlerts,
  serveHistory,
  serveLifecycle,
  serveTransfer,
  type AlertRecord,
  type InventorySnapshot,
  type RunnerSettings,
  type TransactionBook,
} from '@runtime-bridge/fleet';
import { type Identity } from '@runtime-bridge/keystore';
import type { Health } from '@runtime-bridge/service-kit';
import type { JobProducer, Tenure } from '@runtime-bridge/tx-queue';
import { ChainPreflight, PreflightProducer } from '@runtime-bridge/tx-sender';
import { createAccessPolicy, WalkieNode, WalkieRoles } from '@runtime-bridge/walkie-protocol';

import { runnerProcess } from './runner-process.js';
import type { LifecycleSettings } from './settings.js';

/** What a lifecycle manager works with. */
export interface LifecycleCollaborators {
  /** Starts one of this app's other processes; `name` appears in its log lines. */
  fork: (entry: 'runner' | 'trader', name: string) => ChildProcess;
  logger: Logger;
  metrics: MetricsRegister;
  health: Health;
  clock?: Clock;
  /** This manager's time as the one that works on its queue; undefined without Redis. */
  tenure?: Tenure | undefined;
}

const MIB = 1024 * 1024;
/** Pauses after something that is needed could not start. */
const RETRY_MS = { minMs: 1_000, maxMs: 30_000 };
/** Blocks by which the best provider may lag while the service counts as ready. */
const READY_LAG_BLOCKS = 5;
/** Where the hash of para block 1 is remembered. */
const CHAIN_KEY = 'chain';

/** What an operation works with. */
export interface OperationCollaborators extends LifecycleCollaborators {
  clock: Clock;
  identity: Identity;
  inventory: Inventory;
  history: WorkerHistory;
  state: StateStore;
  para: ParaApi;
  /** Undefined in config mode. */
  producer: JobProducer | undefined;
  /** Undefined in config mode. */
  transactions: TransactionBook | undefined;
}

/**
 * Walkie, which tells from the start what is waited for, and everything that needs the chain, in the background as soon as
 * that is there. Peers tell chains apart by para block 1, which is remembered.
 */
export class Operation implements Service {
  readonly name = 'operation';
  readonly #settings: LifecycleSettings;
  readonly #with: OperationCollaborators;
  readonly #tasks: TaskGroup;
  readonly #running: ServiceGroup;
  #node: WalkieNode | undefined;
  /** Undefined until the chain is there, and in config mode. */
  #driven:
    | { fleet: FleetManager; orders: OrderBook; providers: ProviderWatch; chain: ChainWatch }
    | undefined;

  constructor(settings: LifecycleSettings, collaborators: OperationCollaborators) {
    this.#settings = settings;
    this.#with = collaborators;
    this.#tasks = new TaskGroup({ name: this.name }, { logger: collaborators.logger });
    this.#running = new ServiceGroup('fleet', { logger: collaborators.logger });
  }

  get addresses(): string[] {
    return this.#node?.addresses ?? [];
  }

  start(): Promise<void> {
    this.#with.health.set('chain', { ready: false, detail: 'Waiting for a para node' });
    this.#tasks.spawn('come up', (signal) => this.#comeUp(signal));
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    await this.#tasks.stop();
    await this.#running.stop();
    await this.#with.para.stop();
  }

  async #comeUp(signal: AbortSignal): Promise<void> {
    const { para, inventory, history, state, health, producer, logger } = this.#with;
    const remembered = state.section<string>('identity');
    const lastIdentity = await remembered.get(CHAIN_KEY);
    const walkie = await this.#untilDone('Walkie cannot come up', signal, () =>
      this.#startWalkie(lastIdentity ?? '', signal),
    );
    const webhook = this.#running.add(await this.#openWebhook());
    const absence = producer ? waitingForChain : configMode;
    serveLifecycle(walkie, { inventory, fleet: undefined, absence });
    serveTransfer(walkie, { inventory });
    serveOrders(walkie, { desk: undefined, absence });
    serveHistory(walkie, { inventory, history });
    if (producer) {
      const alerts = this.#running.add(await this.#openAlerts(webhook));
      serveAlerts(walkie, { desk: alerts, webhook });
    } else {
      serveAlerts(walkie, { desk: undefined, webhook });
    }
    await this.#running.start(signal);
    health.set('chain', { ready: false, detail: 'Waiting for a para node' });
    await para.start(signal);
    const chainIdentity = await this.#untilDone('Waiting for para block 1', signal, () =>
      para.blockHash(1, { signal }),
    );
    if (lastIdentity !== undefined && lastIdentity !== chainIdentity) {
      logger.warn('The parachain is another than before', { before: lastIdentity, chainIdentity });
    }
    await remembered.write([[CHAIN_KEY, chainIdentity]]);
    walkie.setChainIdentity(chainIdentity);
    health.set('chain', { ready: true, detail: chainIdentity });
    if (!producer) {
      health.set('fleet', { ready: true, detail: 'Config mode, workers are not driven' });
      return;
    }
    await this.#startFleet(walkie, webhook, chainIdentity, producer, signal);
  }

  async #startWalkie(chainIdentity: string, signal: AbortSignal): Promise<WalkieNode> {
    const { identity, logger, metrics, clock } = this.#with;
    const settings = this.#settings;
    if (settings.allowUnauthenticated) {
      logger.warn('Everybody may change pools and workers (PHALA_WALKIE_ALLOW_UNAUTHENTICATED)');
    }
    const node = new WalkieNode(
      {
        role: WalkieRoles.WR_LIFECYCLE_MANAGER,
        privateKey: identity.privateKey,
        chainIdentity,
        bridgeIdentity: settings.bridgeIdentity,
        hostname: hostname(),
        listenAddresses: settings.listenAddresses,
        bootNodes: settings.bootNodes,
        mdns: !settings.disableMdns,
        secret: settings.sharedSecret,
        access: createAccessPolicy({
          allowedPeers: settings.allowedPeers,
          allowUnauthenticated: settings.allowUnauthenticated,
        }),
      },
      { logger, metrics, clock },
    );
    try {
      await node.start(signal);
    } catch (error) {
      await node.stop();
      throw error;
    }
    this.#node = node;
    this.#running.add({
      name: 'walkie',
      start: async () => undefined,
      stop: () => node.stop(),
    });
    await this.#running.start(signal);
    return node;
  }

  async #startFleet(
    walkie: WalkieNode,
    webhook: NoticeQueue,
    chainIdentity: string,
    producer: JobProducer,
    signal: AbortSignal,
  ): Promise<void> {
    const { inventory, history, state, para, fork, logger, metrics, clock } = this.#with;
    const settings = this.#settings;
    const providers = this.#running.add(
      new ProviderWatch(
        {
          chainIdentity,
          bridgeIdentity: settings.bridgeIdentity,
          ignoreBridgeIdentity: settings.ignoreBridgeIdentity,
        },
        { walkie, logger, clock },
      ),
    );
    const reader = new ChainFactsReader({}, { api: para, logger });
    const chain = this.#running.add(
      new ChainWatch({
        source: {
          finalizedHead: para.finalizedHead,
          read: (query, readSignal) => reader.read(query, readSignal),
          supportsRegisterWorkerV2: () => para.supportsRegisterWorkerV2(),
        },
        logger,
      }),
    );
    const orders = await OrderBook.open(state.section('orders'));
    const fleet = this.#running.add(
      new FleetManager(
        {
          maxWorkersPerRunner: settings.maxWorkersPerRunner,
          syncOnly: settings.syncOnly,
          settings: runnerSettings(settings),
        },
        {
          inventory,
          providers: providers.providers,
          chain,
          registerWorkerV2: () => para.supportsRegisterWorkerV2(),
          bestBlock: () => para.bestHead.value?.number ?? -1,
          producer: new PreflightProducer({
            producer,
            source: new ChainPreflight({}, { para, logger }),
            operatorOf: (pool) => operatorOf(inventory.snapshot, pool),
            logger,
            metrics,
          }),
          orders,
          history: {
            record: (events) => {
              history.record(events);
              webhook.noteEvents(events);
            },
          },
          spawnRunner: (id) => runnerProcess(fork('runner', id)),
          logger,
          metrics,
          clock,
        },
      ),
    );
    const desk = this.#running.add(
      new OrderDesk(
        { syncOnly: settings.syncOnly },
        {
          book: orders,
          inventory,
          facts: chain.facts,
          snapshot: (uuid) => fleet.snapshot(uuid),
          submit: (...args) => fleet.submit(...args),
          logger,
          clock,
        },
      ),
    );
    serveOrders(walkie, { desk });
    this.#driven = { fleet, orders, providers, chain };
    serveLifecycle(walkie, { inventory, fleet, clock });
    serveTransfer(walkie, { inventory });
    serveHistory(walkie, { inventory, history, fleet, transactions: this.#with.transactions });
    this.#watchReadiness(providers, chain);
    await this.#running.start(signal);
  }

  #openAlerts(webhook: NoticeQueue): Promise<AlertDesk> {
    const { inventory, state, logger, metrics, clock } = this.#with;
    const { minBalance, syncOnly } = this.#settings;
    return AlertDesk.open(
      { minBalance },
      {
        section: state.section<AlertRecord>('alerts'),
        notices: webhook,
        look: () => {
          const { fleet, orders, providers, chain } = this.#driven ?? {};
          return {
            inventory: inventory.snapshot,
            snapshot: (uuid) => fleet?.snapshot(uuid),
            isHalted: (uuid) => orders?.isHalted(uuid) ?? false,
            syncOnly,
            providers: providers?.providers.value,
            facts: chain?.facts.value,
            oldestJobMs: fleet?.jobs.oldestMs,
            hasSettledJobs: fleet?.jobs.hasSettled ?? false,
          };
        },
        logger,
        metrics,
        clock,
      },
    );
  }

  #openWebhook(): Promise<NoticeQueue> {
    const { inventory, state, logger, metrics, clock } = this.#with;
    const { webhookUrl: url, webhookSecret: secret = '', webhookEvents: events } = this.#settings;
    return NoticeQueue.open(url === undefined ? undefined : { url, secret, events }, {
      section: state.section<AlertRecord>('alerts'),
      nameOf: (uuid) => inventory.snapshot.workers.get(uuid)?.name,
      logger,
      metrics,
      clock,
    });
  }

  #watchReadiness(providers: ProviderWatch, chain: ChainWatch): void {
    const { health } = this.#with;
    const look = () => {
      const block = chain.facts.value?.block ?? -1;
      const heights = providers.providers.value.map((provider) => provider.paraHeight);
      const best = Math.max(-1, ...heights);
      if (heights.length === 0) {
        health.set('data provider', { ready: false, detail: 'Waiting for a data provider' });
      } else {
        const lag = Math.max(0, block - best);
        const detail = `para block ${best}, ${lag} behind the finalised head`;
        health.set('data provider', { ready: lag <= READY_LAG_BLOCKS, detail });
      }
      const facts = block < 0 ? 'Chain facts were not read yet' : `as of block ${block}`;
      health.set('chain facts', { ready: block >= 0, detail: facts });
    };
    providers.providers.subscribe(look);
    chain.facts.subscribe(look);
    look();
  }

  /** Tries until it works, telling what it waits for. */
  async #untilDone<T>(waiting: string, signal: AbortSignal, run: () => Promise<T>): Promise<T> {
    const { health, logger, clock } = this.#with;
    const backoff = new Backoff(RETRY_MS);
    for (;;) {
      try {
        return await run();
      } catch (error) {
        if (signal.aborted) throw error;
        health.set('chain', { ready: false, detail: `${waiting}: ${messageOf(error)}` });
        logger.info(waiting, { reason: messageOf(error) });
        await clock.sleep(backoff.next(), signal);
      }
    }
  }
}

function runnerSettings(settings: LifecycleSettings): RunnerSettings {
  return {
    requestTimeoutMs: settings.requestTimeoutMs,
    blobTimeoutMs: settings.blobTimeoutMs,
    keepAlive: settings.keepAlive,
    keepAliveTimeoutMs: settings.keepAliveTimeoutMs,
    blobConcurrency: settings.blobConcurrency,
    cacheMaxItems: settings.cacheItems,
    cacheMaxBytes: settings.disableCache ? 0 : settings.cacheMiB * MIB,
    cacheMaxAgeMs: settings.cacheMaxAgeMs,
    skipRa: settings.skipRa,
    minScore: settings.minScore,
    enforceMinScore: settings.enforceMinScore,
  };
}

/** Account of the operator of a pool, by the pool's id on chain. */
function operatorOf({ pools }: InventorySnapshot, poolId: string): Hex | undefined {
  for (const pool of pools.values()) {
    if (pool.poolId.toString() === poolId) return pool.operatorPublicKey;
  }
  return undefined;
}
