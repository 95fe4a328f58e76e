import { BridgeError, TaskGroup, type Logger } from '@runtime-bridge/base';
import type { BatchOutcome } from '@runtime-bridge/chain-client/tx';
import type { JobOutcome } from '@runtime-bridge/tx-queue';
import { isConnectionError, type Follower, type Inclusion } from './block-follower.js';
import { Courier, type FirstAnswer } from './courier.js';
import { TxSenderError, TxSenderErrorCode } from './errors.js';
import type { ActiveJob, JobBook } from './job-book.js';
import { recordOf, type InBlock, type TxEnd, type TxRecord } from './history.js';
import type { JournalEntry } from './journal.js';
import type { Lane } from './lane.js';
import type { SenderMetrics } from './sender-metrics.js';
import type { TxChain } from './tx-chain.js';
import { verdictsOf, type JobVerdict } from './verdict.js';

/** What a shipment works with. */
export interface ShipmentCollaborators {
  entry: JournalEntry;
  /** The jobs of the entry, in its order. */
  jobs: readonly ActiveJob[];
  lane: Lane;
  chain: TxChain;
  book: JobBook;
  metrics: SenderMetrics;
  logger: Logger;
  /** It is in a finalised block. Rejects when that could not be written down. */
  onFinalized(shipment: Shipment): Promise<void>;
  /** It never gets into a block any more. Rejects when that could not be written down. */
  onExpired(shipment: Shipment): Promise<void>;
}

/** One transaction from being written down to its end: carried by a courier, looked for in blocks, its jobs answered. */
export class Shipment implements Follower {
  readonly #with: ShipmentCollaborators;
  readonly #logger: Logger;
  readonly #courier: Courier;
  readonly #tasks: TaskGroup;
  /** What became of it, as long as it is in a block. */
  #inBlock: InBlock | undefined;

  constructor(
    options: {
      /** False when it may have been sent before. */
      isNew: boolean;
      resendMinMs: number;
      resendMaxMs: number;
      maxRetries: number;
    },
    collaborators: ShipmentCollaborators,
  ) {
    this.#with = collaborators;
    this.maxRetries = options.maxRetries;
    const { entry, chain, logger } = collaborators;
    this.#logger = logger.child({ tx: entry.hash, account: entry.account, nonce: entry.nonce });
    this.#tasks = new TaskGroup({ name: 'courier' }, { logger: this.#logger });
    this.#courier = new Courier(options, {
      parcel: { bytes: entry.bytes, hash: entry.hash, isNew: options.isNew },
      chain,
      logger: this.#logger,
    });
  }

  readonly maxRetries: number;

  get entry(): JournalEntry {
    return this.#with.entry;
  }

  get jobs(): readonly ActiveJob[] {
    return this.#with.jobs;
  }

  get lane(): Lane {
    return this.#with.lane;
  }

  get hash() {
    return this.entry.hash;
  }

  get birth() {
    return this.entry.era.birth;
  }

  get lastHeight() {
    return this.entry.era.birth + this.entry.era.period - 1;
  }

  /** What became of each job; undefined while it is in no block. */
  get verdicts(): readonly JobVerdict[] | undefined {
    return this.#inBlock?.verdicts;
  }

  /** What it cost, where the runtime tells; undefined while it is in no block. */
  get fee(): bigint | undefined {
    return this.#inBlock?.fee;
  }

  /** What the history tells of it now, or of its end. */
  record(end?: TxEnd): TxRecord {
    return recordOf(this.entry, this.jobs, { inBlock: this.#inBlock, end });
  }

  /** How the node took it the first time. */
  get firstAnswer(): Promise<FirstAnswer> {
    return this.#courier.firstAnswer;
  }

  /** Begins to send it. */
  start(): void {
    this.#tasks.spawn('carry', (signal) => this.#courier.run(signal));
  }

  /** Stops sending it; it stays wherever it is. */
  async stop(): Promise<void> {
    await this.#tasks.stop();
  }

  async included(where: Inclusion, signal: AbortSignal): Promise<void> {
    const { entry, chain, lane, metrics } = this.#with;
    const calls = entry.jobs.map((job) => job.calls);
    let outcome: BatchOutcome | undefined;
    let unreadable: unknown;
    try {
      const total = calls.reduce((sum, count) => sum + count, 0);
      outcome = await chain.outcome(where.hash, where.index, total, { signal });
    } catch (error) {
      if (signal.aborted || isConnectionError(error)) throw error;
      unreadable = error;
    }
    const at = { txHash: entry.hash, blockHash: where.hash, blockNumber: where.number };
    const verdicts: readonly JobVerdict[] = outcome
      ? verdictsOf(outcome, calls, at)
      : calls.map(() => ({ kind: 'failed', error: unreadableError(at, unreadable).toObject() }));
    this.#inBlock = {
      block: where.number,
      blockHash: where.hash,
      fee: outcome?.fee,
      verdicts,
    };
    this.#courier.included();
    lane.included(entry.nonce);
    metrics.transactions.inc({ event: 'included' });
    const failed = verdicts.filter(({ kind }) => kind !== 'done').length;
    this.#logger.info('Transaction in block', {
      block: where.number,
      blockHash: where.hash,
      jobs: entry.jobs.length,
      failed,
      fee: outcome?.fee,
    });
    if (unreadable !== undefined) {
      this.#logger.error(
        'Outcome of a transaction cannot be read',
        { block: where.number },
        unreadable,
      );
    }
    for (const [index, job] of this.jobs.entries()) {
      const answer = this.#answerOf(job, verdicts[index]!, at);
      if (answer) this.#with.book.answer(job, answer);
    }
  }

  retracted(): Promise<void> {
    this.#inBlock = undefined;
    this.#courier.retracted();
    this.#with.lane.retracted(this.entry.nonce);
    this.#with.metrics.transactions.inc({ event: 'retracted' });
    this.#logger.warn('Block of the transaction is no longer of the best chain');
    for (const job of this.jobs) this.#with.book.unanswer(job);
    return Promise.resolve();
  }

  async finalized(where: Inclusion): Promise<void> {
    await this.#with.onFinalized(this);
    this.#with.metrics.transactions.inc({ event: 'finalized' });
    this.#logger.debug('Transaction finalised', { block: where.number });
    await this.stop();
  }

  async expired(): Promise<void> {
    await this.#with.onExpired(this);
    this.#with.metrics.transactions.inc({ event: 'expired' });
    await this.stop();
  }

  /** The answer that a verdict is; undefined while it may become another one by trying again. */
  #answerOf(
    job: ActiveJob,
    verdict: JobVerdict,
    at: { txHash: `0x${string}`; blockHash: `0x${string}`; blockNumber: number },
  ): JobOutcome | undefined {
    if (verdict.kind === 'done') return { ok: true, ...at };
    if (verdict.kind === 'again' && job.retries < this.maxRetries) return undefined;
    return { ok: false, error: verdict.error };
  }
}

function unreadableError(
  at: { txHash: string; blockNumber: number },
  cause: unknown,
): TxSenderError {
  return new TxSenderError(
    TxSenderErrorCode.OUTCOME_UNREADABLE,
    'The transaction is in a block, but what became of its calls cannot be read',
    {
      facts: { tx: at.txHash, block: at.blockNumber },
      cause: BridgeError.from(cause),
      remedy: 'Look the transaction up in a block explorer before doing it again.',
    },
  );
}
