import { Identity } from '@runtime-bridge/keystore';
import {
  DataProviderStatus,
  TransactionStatus,
  WalkieNode,
  WalkieRoles,
  WorkerStatus,
} from '@runtime-bridge/walkie-protocol';

const CHAIN = `0x${'ab'.repeat(32)}`;
const BRIDGE = 'played';
const PHA = 10n ** 12n;
const HEAD = { relay: 15_294_837, para: 2_871_004 };
const BLOCK_MS = 2_000;

/** A worker as its played manager knows it. */
export interface PlayedWorker {
  uuid: string;
  name: string;
  pid: bigint;
  endpoint: string;
  enabled: boolean;
  status: WorkerStatus;
  message: string;
  /** Para blocks that it is behind; 0 moves with the head. */
  lag: number;
  session: string;
}

/** A lifecycle manager that is played: it tells of workers and does what it is told. */
export interface PlayedManager {
  readonly peerId: string;
  readonly address: string;
  readonly workers: PlayedWorker[];
  /** Ids of workers that it was told to restart, in the order in which they came. */
  readonly restarted: string[];
}

/**
 * Lifecycle managers with many workers each, and a data provider whose head moves, on the wire as real ones are; with no chain
 * and no pRuntime behind them, so that thousands fit into a test.
 */
export class PlayedFleet {
  readonly managers: PlayedManager[] = [];
  #head = { ...HEAD };
  readonly #nodes: WalkieNode[] = [];
  #timer: NodeJS.Timeout | undefined;
  #providerAddress = '';

  static async start(options: {
    managers: number;
    workersEach: number;
    /** Names of managers, workers and states by their places. */
    workerAt: (manager: number, index: number) => Partial<PlayedWorker>;
  }): Promise<PlayedFleet> {
    const fleet = new PlayedFleet();
    for (let m = 0; m < options.managers; m += 1) {
      const workers = Array.from({ length: options.workersEach }, (_, index) => ({
        ...plainWorker(m, index),
        ...options.workerAt(m, index),
      }));
      await fleet.#addManager(`lm-${m + 1}`, workers);
    }
    await fleet.#addProvider();
    fleet.#timer = setInterval(() => fleet.#nextBlock(), BLOCK_MS);
    return fleet;
  }

  /** What a monitor takes as PTP_BOOT_NODES. */
  get bootNodes(): string {
    return [this.#providerAddress, ...this.managers.map(({ address }) => address)].join(',');
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#nodes.map((node) => node.stop()));
  }

  #nextBlock(): void {
    this.#head = { relay: this.#head.relay + 2, para: this.#head.para + 1 };
  }

  async #node(role: WalkieRoles, hostname: string): Promise<WalkieNode> {
    const identity = await Identity.generate();
    const node = new WalkieNode({
      role,
      privateKey: identity.privateKey,
      chainIdentity: CHAIN,
      bridgeIdentity: BRIDGE,
      hostname,
      listenAddresses: ['/ip4/127.0.0.1/tcp/0'],
      bootNodes: [],
      mdns: false,
    });
    this.#nodes.push(node);
    return node;
  }

  async #addProvider(): Promise<void> {
    const node = await this.#node(WalkieRoles.WR_DATA_PROVIDER_INT, 'dp-frankfurt');
    node.handle('GetDataProviderInfo', async () => ({
      status: DataProviderStatus.S_IDLE,
      paraId: 2004,
      parentTarget: this.#head.relay,
      parentFetchedHeight: this.#head.relay,
      parentProcessedHeight: this.#head.relay,
      parentCommittedHeight: this.#head.relay,
      paraTarget: this.#head.para,
      paraFetchedHeight: this.#head.para,
      paraProcessedHeight: this.#head.para,
      paraCommittedHeight: this.#head.para,
    }));
    await node.start();
    this.#providerAddress = node.addresses[0]!;
  }

  async #addManager(hostname: string, workers: PlayedWorker[]): Promise<void> {
    const node = await this.#node(WalkieRoles.WR_LIFECYCLE_MANAGER, hostname);
    const restarted: string[] = [];
    const row = (worker: PlayedWorker) => ({
      uuid: worker.uuid,
      pid: worker.pid,
      name: worker.name,
      endpoint: worker.endpoint,
      enabled: worker.enabled,
      stake: (2_500n * PHA).toString(),
    });
    const pids = [...new Set(workers.map(({ pid }) => pid))];
    node.handle('ListPool', async () => ({
      pools: pids.map((pid) => ({
        uuid: `00000000-0000-4000-8000-${pid.toString().padStart(12, '0')}`,
        pid,
        name: `pool-${pid}`,
        enabled: true,
        owner: { ss58Phala: '45R2pfjQUW2s9PQRHU48HQKLKHVMaDja7N3wpBtmF28UYDs2' },
      })),
    }));
    node.handle('ListWorker', async () => ({ workers: workers.map(row) }));
    const stateOf = (worker: PlayedWorker) => ({
      worker: row(worker),
      status: worker.status,
      initialized: true,
      parentHeaderSynchedTo: this.#head.relay - worker.lag * 2,
      paraHeaderSynchedTo: this.#head.para - worker.lag,
      paraBlockDispatchedTo: this.#head.para - worker.lag,
      publicKey: worker.uuid.replaceAll('-', '').padEnd(64, '0'),
      lastMessage: `[2026-11-22T13:00:00+00:00] ${worker.message}`,
      sessionInfoJson: worker.session,
      workerAccountId: '43qsYbZGLn2xzNuurY6BY4QNDSUU7gLEcXuckpm6B3DEmEx9',
    });
    node.handle('GetWorkerStatus', async ({ ids }) => ({
      workerStates: workers
        .filter(({ uuid }) => ids.length === 0 || ids.includes(uuid))
        .map(stateOf),
    }));
    node.handle('RestartWorker', async ({ ids }) => {
      restarted.push(...ids);
      const meant = workers.filter(({ uuid }) => ids.includes(uuid));
      for (const worker of meant) {
        Object.assign(worker, {
          status: WorkerStatus.S_ACTIVE,
          message: 'Now the worker should be active.',
          lag: 0,
        });
      }
      return { workerStates: meant.map(stateOf) };
    });
    node.handle('ListWorkerEvents', async () => ({ events: [], hasMore: false }));
    node.handle('ListTransactions', async ({ statuses }) => {
      const transactions = transactionsOf(workers).filter(
        ({ status }) => statuses.length === 0 || statuses.includes(status),
      );
      return { transactions, hasMore: false };
    });
    await node.start();
    this.managers.push({
      peerId: node.peerId,
      address: node.addresses[0]!,
      workers,
      restarted,
    });
  }
}

function plainWorker(manager: number, index: number): PlayedWorker {
  return {
    uuid: `6f1c2f0e-55a5-4b0e-9a0${manager}-${index.toString().padStart(12, '0')}`,
    name: `rack${manager + 1}-node-${index + 1}`,
    pid: BigInt(1 + (index % 3)),
    endpoint: `http://10.0.${manager + 1}.${index % 250}:${8000 + Math.floor(index / 250)}`,
    enabled: true,
    status: WorkerStatus.S_ACTIVE,
    message: 'Now the worker should be active.',
    lag: 0,
    session: sessionJson('WorkerIdle', index),
  };
}

/** A session as managers tell it. */
export function sessionJson(state: string, index: number): string {
  const v = `${3_000 + index}.12345678`;
  return JSON.stringify({
    state,
    v,
    ve: v,
    benchmark: { pInit: '1,200', pInstant: '1,180' },
    stats: { totalReward: '12.5000 PHA' },
    raw: {
      state,
      benchmark: { pInit: 1_200, pInstant: 1_180 },
      stats: { totalReward: 12_500_000_000_000 },
    },
    runtimeInfo: {
      version: '0.2.6',
      gitRevision: 'abcdef0123456789',
      memoryUsage: { rustUsed: 536_870_912, rustPeakUsed: 1_073_741_824, totalPeakUsed: 2e9 },
    },
  });
}

function transactionsOf(workers: readonly PlayedWorker[]) {
  const now = Date.now();
  return workers.slice(0, 8).map((worker, index) => {
    const isFailed = index % 4 === 1;
    const queuedMs = BigInt(now - (index + 1) * 61_000);
    return {
      jobId: `START_COMPUTING:${worker.uuid}:${index}`,
      action: ['START_COMPUTING', 'BATCH_SYNC_MQ_MESSAGE', 'REGISTER_WORKER'][index % 3]!,
      status: isFailed ? TransactionStatus.TS_FAILED : TransactionStatus.TS_DONE,
      pid: worker.pid,
      workerUuid: worker.uuid,
      queuedMs,
      endedMs: queuedMs + 24_000n,
      txHash: `0x${'3f'.repeat(32)}`,
      blockNumber: HEAD.para - index,
      errorCode: isFailed ? 'CALL_FAILED' : '',
      errorMessage: isFailed
        ? 'phalaStakePoolv2.InsufficientFreeStake: The pool has not enough free stake'
        : '',
    };
  });
}
