import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger, silentMetrics, toHex, type Hex } from '@runtime-bridge/base';
import { operatorFromMnemonic, type OperatorKey } from '@runtime-bridge/keystore';
import {
  EmbeddedConsumer,
  EmbeddedQueue,
  formatJobId,
  type JobOutcome,
  type JobRequest,
} from '@runtime-bridge/tx-queue';
import { FakeChain } from './fake-chain.test.kit.js';
import { LevelJournal } from './level-journal.js';
import type { TxSenderOptions } from './options.js';
import { TxSender } from './tx-sender.js';

/** Operators by what stands for their sealed keys. */
export const operators: Readonly<Record<string, OperatorKey>> = {
  alice: operatorFromMnemonic('//Alice'),
  bob: operatorFromMnemonic('//Bob'),
};

export const sealedOf = (name: string) => Buffer.from(name).toString('base64');

export function openForTest(sealed: Uint8Array): OperatorKey {
  const key = operators[Buffer.from(sealed).toString()];
  if (!key) throw new Error('unknown key');
  return key;
}

export const aliceAccount: Hex = toHex(operators['alice']!.publicKey);

/** Waits so short that tests need not. */
export const quick: Partial<TxSenderOptions> = {
  batchWaitMs: 60,
  resendMinMs: 5,
  resendMaxMs: 20,
  acceptTimeoutMs: 100,
  // Enough that a slow machine does not outlive it: the tests' blocks do not wait for the sender.
  eraBlocks: 64,
};

export const workerKey = (index: number): Hex => `0x${index.toString(16).padStart(64, '0')}`;

/** A job that starts a worker; its stake tells calls apart. */
export function startJob(index: number, options: Partial<JobRequest['operator']> = {}): JobRequest {
  return {
    id: formatJobId('START_COMPUTING', workerKey(index), '1'),
    job: {
      action: 'START_COMPUTING',
      payload: { pid: '1', publicKey: workerKey(index), stake: String(index) },
    },
    operator: { sealed: sealedOf('alice'), ...options },
  };
}

/** A sender on a fake chain, with a real journal and the embedded queue. */
export class Rig {
  readonly queue = new EmbeddedQueue({}, { logger: silentLogger, metrics: silentMetrics });
  sender!: TxSender;

  private constructor(
    readonly chain: FakeChain,
    readonly path: string,
    readonly options: Partial<TxSenderOptions>,
  ) {}

  static async create(options: Partial<TxSenderOptions> = {}): Promise<Rig> {
    const path = await mkdtemp(join(tmpdir(), 'tx-sender-'));
    const rig = new Rig(new FakeChain(), path, { ...quick, ...options });
    await rig.startSender();
    return rig;
  }

  async startSender(): Promise<void> {
    this.sender = new TxSender(this.options, {
      consumer: new EmbeddedConsumer({}, { queue: this.queue, logger: silentLogger }),
      chain: this.chain,
      journal: new LevelJournal(
        { path: join(this.path, 'journal'), maxRemembered: 100, maxHistory: 100 },
        { logger: silentLogger },
      ),
      openOperator: openForTest,
      logger: silentLogger,
      metrics: silentMetrics,
    });
    await this.sender.start();
  }

  submit(request: JobRequest): Promise<JobOutcome> {
    return this.queue.submit(request);
  }

  /** Makes blocks, finalising each but the newest, until something is so. */
  async untilSo(isSo: () => boolean, options: { blocks?: boolean; limitMs?: number } = {}) {
    const end = Date.now() + (options.limitMs ?? 5_000);
    while (!isSo()) {
      if (Date.now() > end) throw new Error('it never came to that');
      if (options.blocks ?? true) {
        this.chain.author();
        this.chain.finalize(1);
      }
      await new Promise((resolve) => setTimeout(resolve, 4));
    }
  }

  /** Makes blocks until a promise is settled. */
  async settle<T>(promise: Promise<T>, limitMs?: number): Promise<T> {
    let settled = false;
    const noted = promise.finally(() => {
      settled = true;
    });
    noted.catch(() => {});
    await this.untilSo(() => settled, limitMs === undefined ? {} : { limitMs });
    return await noted;
  }

  async close(): Promise<void> {
    await this.sender.stop();
    await this.queue.stop();
    await rm(this.path, { recursive: true, force: true });
  }
}
