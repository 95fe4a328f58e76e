import { setMaxListeners } from 'node:events';
import {
  BridgeError,
  sleep,
  systemClock,
  TaskGroup,
  toHex,
  type Clock,
  type Hex,
  type Logger,
  type Service,
} from '@runtime-bridge/base';
import { lastHeightOf, Refusal } from '@runtime-bridge/chain-client/tx';
import {
  TxQueueErrorCode,
  type JobConsumer,
  type JobOutcome,
  type ReceivedJob,
} from '@runtime-bridge/tx-queue';
import { AccountWatch } from './account-watch.js';
import type { QueuedJob } from './batch.js';
import { BlockFollower } from './block-follower.js';
import type { FirstAnswer } from './courier.js';
import { TxSenderError, TxSenderErrorCode } from './errors.js';
import type { HistoryQuery, TxHistory, TxRecord } from './history.js';
import { balanceTooLow, gaveUp, refusedForGood, tooLarge } from './job-errors.js';
import { JobBook, type ActiveJob } from './job-book.js';
import { JobIntake } from './job-intake.js';
import type { JobEnd, Journal, JournalEntry } from './journal.js';
import { Lane } from './lane.js';
import { defaultTxSenderOptions, type TxSenderOptions } from './options.js';
import type { TxSenderCollaborators, TxSenderStatus } from './sender-parts.js';
import { createSenderMetrics, type SenderMetrics } from './sender-metrics.js';
import { Shipment } from './shipment.js';
import type { TxChain } from './tx-chain.js';
import { TxMaker } from './tx-maker.js';

/**
 * The trader: takes jobs, makes batches of them, signs and sends those, and answers each job with what became of it.
 *
 * No call takes effect twice: a transaction is written down before it is sent, its bytes are sent again as they are, and
 * its jobs go into another one only when no block can hold it any more. No job is lost: one that is unanswered stays in
 * the queue, and one that is in a written transaction is picked up again from there.
 */
export class TxSender implements Service {
  readonly name = 'transaction sender';
  readonly #options: TxSenderOptions;
  readonly #chain: TxChain;
  readonly #journal: Journal;
  readonly #consumer: JobConsumer;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #metrics: SenderMetrics;
  readonly #tasks: TaskGroup;
  readonly #book: JobBook;
  readonly #intake: JobIntake;
  readonly #maker: TxMaker;
  readonly #accounts: AccountWatch;
  readonly #follower: BlockFollower;
  readonly #operatorOf: TxSenderCollaborators['operatorOf'];
  readonly #lanes = new Map<Hex, Lane>();
  readonly #shipments = new Set<Shipment>();
  /** Those whose end is being written down. */
  readonly #ending = new Set<Shipment>();
  #nextEntry = 1;
  #started = false;

  constructor(options: Partial<TxSenderOptions>, collaborators: TxSenderCollaborators) {
    this.#options = { ...defaultTxSenderOptions, ...options };
    const { chain, logger, openOperator } = collaborators;
    this.#chain = chain;
    this.#journal = collaborators.journal;
    this.#consumer = collaborators.consumer;
    this.#operatorOf = collaborators.operatorOf;
    this.#logger = logger;
    this.#clock = collaborators.clock ?? systemClock;
    this.#metrics = createSenderMetrics(collaborators.metrics, () => this.status);
    this.#tasks = new TaskGroup({ name: this.name }, { logger });
    // Every lane asks the node under it.
    setMaxListeners(0, this.#tasks.signal);
    this.#book = new JobBook({ maxRemembered: this.#options.maxRemembered });
    this.#intake = new JobIntake({}, { chain, openOperator, logger });
    this.#maker = new TxMaker(this.#options, { chain, logger });
    const { minBalance, balanceEveryMs } = this.#options;
    this.#accounts = new AccountWatch(
      { minBalance, everyMs: balanceEveryMs },
      { chain, logger, metrics: collaborators.metrics, clock: this.#clock },
    );
    this.#follower = new BlockFollower({}, { chain, logger });
  }

  /** How much there is to do. */
  get status(): TxSenderStatus {
    const lanes = [...this.#lanes.values()];
    return {
      jobs: this.#book.size,
      waiting: lanes.reduce((sum, lane) => sum + lane.waiting, 0),
      inFlight: lanes.reduce((sum, lane) => sum + lane.inFlight, 0),
      open: this.#shipments.size,
      accounts: this.#accounts.accounts,
    };
  }

  /**
   * Transactions, newest first: those that are not over (left out when `before` is given) and a page of those that are.
   * @throws TxSenderError JOURNAL
   */
  async history(query: HistoryQuery = {}): Promise<TxHistory> {
    const { account, before } = query;
    const open = [...this.#shipments]
      .filter(({ entry }) => account === undefined || entry.account === account)
      .sort((a, b) => b.entry.id - a.entry.id)
      .map((shipment) => shipment.record());
    return {
      open: before === undefined ? open : [],
      ...(await this.#journal.history(query)),
    };
  }

  /**
   * Picks up what the journal holds, then begins to take jobs. The chain's API has to be started before.
   * @throws TxSenderError JOURNAL
   */
  async start(signal?: AbortSignal): Promise<void> {
    if (this.#started) return;
    this.#started = true;
    const content = await this.#journal.open(this.#chain.genesisHash);
    for (const end of content.ends) this.#book.remember(end);
    this.#accounts.restore(content.fees);
    this.#tasks.spawn('watch balances', (stop) => this.#accounts.run(stop));
    this.#follower.start();
    for (const entry of content.entries) this.#pickUp(entry);
    if (content.entries.length > 0) {
      this.#logger.info('Picked up transactions of before', {
        open: this.#shipments.size,
        dead: content.entries.length - this.#shipments.size,
      });
    }
    this.#consumer.handle((job, stop) => this.#handle(job, stop));
    await this.#consumer.start(signal);
  }

  async stop(): Promise<void> {
    await this.#consumer.stop();
    await this.#tasks.stop();
    await this.#follower.stop();
    await Promise.all([...this.#shipments].map((shipment) => shipment.stop()));
    await this.#journal.close();
  }

  async #handle(received: ReceivedJob, signal: AbortSignal): Promise<JobOutcome> {
    const { id, job, ask } = received;
    const operator = received.operator ?? (await this.#operatorOf?.(job.payload.pid));
    const known = this.#book.attach(id, ask);
    if (known) return await known;
    if (!operator) {
      throw new TxSenderError(
        TxSenderErrorCode.NO_OPERATOR,
        `The job carries no operator key, and none is known for pool ${job.payload.pid}`,
        {
          facts: { job: id, pool: job.payload.pid },
          remedy:
            'Point PHALA_LOCAL_DB_PATH of the trader at the local.db of the 2022 lifecycle manager, or use one of the same generation as this trader.',
        },
      );
    }
    const active = this.#book.open({
      id,
      job,
      operator,
      asks: ask === undefined ? [] : [ask],
      retries: 0,
    });
    const outcome = this.#book.attach(id, ask)!;
    await this.#enqueue(active, signal);
    return await outcome;
  }

  /** Puts a job into its lane, or ends it with why that cannot be. */
  async #enqueue(active: ActiveJob, signal: AbortSignal): Promise<void> {
    try {
      const job = await this.#intake.prepare(active, signal);
      this.#laneOf(toHex(job.key.publicKey)).push(job);
    } catch (error) {
      if (signal.aborted) throw error;
      this.#fail(active, BridgeError.from(error));
    }
  }

  #laneOf(account: Hex): Lane {
    const known = this.#lanes.get(account);
    if (known) return known;
    const { batchWaitMs, maxInFlight } = this.#options;
    const lane: Lane = new Lane(
      { account, batchWaitMs, maxInFlight },
      {
        clock: this.#clock,
        work: {
          limits: () => this.#maker.limits(),
          nextNonce: (signal) => this.#maker.nextNonce(account, signal),
          send: (jobs, nonce, signal) => this.#send(lane, jobs, nonce, signal),
        },
      },
    );
    this.#lanes.set(account, lane);
    this.#accounts.watch(account);
    this.#tasks.spawn(`lane ${account}`, (signal) => lane.run(signal));
    return lane;
  }

  async #send(lane: Lane, taken: QueuedJob[], nonce: number, signal: AbortSignal): Promise<void> {
    const queued = this.#rebuilt(taken);
    if (queued.length === 0) return;
    let shipment: Shipment;
    try {
      shipment = await this.#write(lane, queued, nonce, signal);
    } catch (error) {
      if (signal.aborted) throw error;
      // Another trader works now, and gets these jobs: nothing of them is ours to answer.
      if (BridgeError.from(error).code === TxQueueErrorCode.LEASE_LOST) return;
      // Nothing was sent. What cannot be written down must not be.
      this.#logger.error('Transaction cannot be made', { account: lane.account, nonce }, error);
      for (const { active } of queued) this.#fail(active, BridgeError.from(error));
      return;
    }
    shipment.start();
    const answer = await this.#firstAnswer(shipment, signal);
    if (answer.kind === 'accepted') lane.bucketOf(queued[0]!.real).regrow();
    if (answer.kind !== 'refused') return;
    try {
      await this.#refused(shipment, queued, answer);
    } catch (error) {
      this.#logger.error(
        'Refused transaction cannot be written down',
        { tx: shipment.hash },
        error,
      );
      for (const { active } of queued) this.#fail(active, BridgeError.from(error));
    }
  }

  /** The jobs with calls for the runtime in force now; a job that has none there fails. */
  #rebuilt(taken: readonly QueuedJob[]): QueuedJob[] {
    return taken.flatMap((job) => {
      try {
        return [this.#intake.rebuild(job)];
      } catch (error) {
        this.#fail(job.active, BridgeError.from(error));
        return [];
      }
    });
  }

  /** Signs and writes down. */
  async #write(
    lane: Lane,
    queued: readonly QueuedJob[],
    nonce: number,
    signal: AbortSignal,
  ): Promise<Shipment> {
    const entry: JournalEntry = {
      ...(await this.#maker.sign(queued, nonce, signal)),
      id: this.#nextEntry++,
      account: lane.account,
      state: 'open',
      writtenAtMs: this.#clock.now(),
      jobs: queued.map(({ active, calls }) => ({
        id: active.id,
        job: active.job,
        operator: active.operator,
        asks: [...active.asks],
        retries: active.retries,
        calls: calls.length,
      })),
    };
    await this.#journal.add(entry);
    this.#metrics.transactions.inc({ event: 'sent' });
    this.#logger.info('Sending transaction', {
      tx: entry.hash,
      account: lane.account,
      nonce,
      jobs: queued.length,
      calls: queued.reduce((sum, job) => sum + job.calls.length, 0),
      lastBlock: lastHeightOf(entry.era),
    });
    const jobs = queued.map(({ active }) => active);
    return this.#track(entry, lane, jobs, true);
  }

  #track(entry: JournalEntry, lane: Lane, jobs: readonly ActiveJob[], isNew: boolean): Shipment {
    const { resendMinMs, resendMaxMs, maxRetries } = this.#options;
    const shipment = new Shipment(
      { isNew, resendMinMs, resendMaxMs, maxRetries },
      {
        entry,
        jobs,
        lane,
        chain: this.#chain,
        book: this.#book,
        metrics: this.#metrics,
        logger: this.#logger,
        onFinalized: (done) => this.#finalized(done),
        onExpired: (dead) => this.#endOnce(dead, () => this.#expired(dead)),
      },
    );
    lane.opened(entry.nonce);
    this.#shipments.add(shipment);
    this.#follower.watch(shipment);
    return shipment;
  }

  /** An entry of before a restart: it may have been sent, or not, or be in a block already. */
  #pickUp(entry: JournalEntry): void {
    this.#nextEntry = Math.max(this.#nextEntry, entry.id + 1);
    const jobs = entry.jobs.map(({ id, job, operator, asks = [], retries }) =>
      this.#book.open({ id, job, operator, asks, retries }),
    );
    if (entry.state === 'open') {
      this.#track(entry, this.#laneOf(entry.account), jobs, false).start();
      return;
    }
    this.#tasks.spawn('pick up jobs', async (signal) => {
      for (const job of jobs) await this.#enqueue(job, signal);
    });
  }

  async #firstAnswer(shipment: Shipment, signal: AbortSignal): Promise<FirstAnswer> {
    const timer = new AbortController();
    const either = AbortSignal.any([signal, timer.signal]);
    const late = sleep(this.#options.acceptTimeoutMs, either).then(
      (): FirstAnswer => ({ kind: 'doubt' }),
      (): FirstAnswer => ({ kind: 'doubt' }),
    );
    try {
      return await Promise.race([shipment.firstAnswer, late]);
    } finally {
      timer.abort();
    }
  }

  /** The node has refused it at first sight, so nobody has it. */
  async #refused(
    shipment: Shipment,
    queued: readonly QueuedJob[],
    { refusal, error }: FirstAnswer & { kind: 'refused' },
  ): Promise<void> {
    // Its era may have ended before it was even sent: then its jobs are in other hands already.
    if (this.#ending.has(shipment) || !this.#shipments.has(shipment)) return;
    const { entry, lane } = shipment;
    this.#logger.warn('Node refuses the transaction', { tx: entry.hash, refusal }, error);
    this.#metrics.transactions.inc({ event: 'refused' });
    this.#follower.unwatch(shipment.hash);
    this.#shipments.delete(shipment);
    lane.dropped(entry.nonce);
    switch (refusal) {
      case Refusal.PAYMENT:
        return await this.#failAll(shipment, queued, balanceTooLow(lane.account, error));
      case Refusal.EXHAUSTS_RESOURCES:
        if (queued.length === 1) return await this.#failAll(shipment, queued, tooLarge(error));
        lane.bucketOf(queued[0]!.real).shrink(Math.floor(queued.length / 2));
        await this.#journal.markDead(entry, this.#refusedRecord(shipment, error, shipment.jobs));
        lane.putBack(queued);
        return;
      case Refusal.STALE:
      case Refusal.PRIORITY_TOO_LOW:
      case Refusal.BAD_PROOF:
      case Refusal.ANCIENT_BIRTH_BLOCK:
        // Somebody else took the nonce, or the runtime or the chain changed meanwhile: another signature will do.
        await this.#again(shipment, queued, error);
        return;
      default:
        return await this.#failAll(shipment, queued, refusedForGood(refusal, error));
    }
  }

  async #finalized(shipment: Shipment): Promise<void> {
    const { entry, jobs, lane } = shipment;
    const verdicts = shipment.verdicts ?? [];
    const ends = jobs.flatMap(({ id, asks, answer }): JobEnd[] =>
      answer ? [{ id, asks: [...asks], outcome: answer }] : [],
    );
    const record = shipment.record({ state: 'finalized', endedAtMs: this.#clock.now() });
    await this.#journal.remove(entry, ends, record);
    this.#shipments.delete(shipment);
    if (record.fee !== undefined) {
      this.#accounts.paid(entry.account, record.fee);
      this.#metrics.fees.inc({ account: entry.account }, Number(record.fee));
    }
    lane.finalized(entry.nonce);
    for (const [index, job] of jobs.entries()) {
      if (job.answer) {
        this.#metrics.jobs.inc({ outcome: job.answer.ok ? 'done' : 'failed' });
        this.#book.finish(job, job.answer);
        continue;
      }
      const verdict = verdicts[index];
      const reason = verdict && verdict.kind !== 'done' ? verdict.error.message : undefined;
      this.#logger.info('Trying a job again', { job: job.id, retries: job.retries + 1, reason });
      this.#retry(job);
    }
  }

  /** While its end is being written down, nothing else may end a shipment. */
  async #endOnce(shipment: Shipment, end: () => Promise<void>): Promise<void> {
    this.#ending.add(shipment);
    try {
      await end();
    } finally {
      this.#ending.delete(shipment);
    }
  }

  async #expired(shipment: Shipment): Promise<void> {
    const { entry, jobs, lane } = shipment;
    this.#logger.warn('Transaction expired', {
      tx: entry.hash,
      account: entry.account,
      nonce: entry.nonce,
      lastBlock: shipment.lastHeight,
    });
    const { again, over } = this.#sorted(jobs);
    const record = shipment.record({
      state: 'expired',
      endedAtMs: this.#clock.now(),
      failure: gaveUp(this.#options.maxRetries),
      again,
    });
    await this.#leave(entry, again, record);
    this.#shipments.delete(shipment);
    lane.dropped(entry.nonce);
    for (const job of over) this.#fail(job, gaveUp(job.retries));
    for (const job of again) this.#retry(job);
  }

  /** Jobs of a refused transaction go before all others, as often as they may. */
  async #again(
    shipment: Shipment,
    queued: readonly QueuedJob[],
    cause: BridgeError,
  ): Promise<void> {
    const { entry, lane } = shipment;
    const { again, over } = this.#sorted(queued.map(({ active }) => active));
    await this.#leave(entry, again, this.#refusedRecord(shipment, cause, again));
    for (const job of over) this.#fail(job, gaveUp(job.retries, cause));
    for (const job of again) {
      job.retries += 1;
      this.#metrics.jobs.inc({ outcome: 'retried' });
    }
    lane.putBack(queued.filter(({ active }) => again.includes(active)));
  }

  #sorted(jobs: readonly ActiveJob[]): { again: ActiveJob[]; over: ActiveJob[] } {
    const mayRetry = (job: ActiveJob) => job.retries < this.#options.maxRetries;
    return { again: jobs.filter(mayRetry), over: jobs.filter((job) => !mayRetry(job)) };
  }

  /** Keeps of a transaction that is over what has to be picked up after a crash. */
  async #leave(entry: JournalEntry, again: readonly ActiveJob[], record: TxRecord): Promise<void> {
    if (again.length === 0) return await this.#journal.remove(entry, [], record);
    const byId = new Map(again.map((job) => [job.id, job]));
    const jobs = entry.jobs.flatMap((job) => {
      const active = byId.get(job.id);
      return active ? [{ ...job, asks: [...active.asks], retries: active.retries + 1 }] : [];
    });
    await this.#journal.markDead({ ...entry, jobs }, record);
  }

  #refusedRecord(
    shipment: Shipment,
    failure: BridgeError,
    again: readonly ActiveJob[] = [],
  ): TxRecord {
    return shipment.record({ state: 'refused', endedAtMs: this.#clock.now(), failure, again });
  }

  #retry(job: ActiveJob): void {
    job.retries += 1;
    this.#metrics.jobs.inc({ outcome: 'retried' });
    this.#tasks.spawn('try again', (signal) => this.#enqueue(job, signal));
  }

  async #failAll(
    shipment: Shipment,
    queued: readonly QueuedJob[],
    error: BridgeError,
  ): Promise<void> {
    await this.#journal.remove(shipment.entry, [], this.#refusedRecord(shipment, error));
    for (const { active } of queued) this.#fail(active, error);
  }

  #fail(job: ActiveJob, error: BridgeError): void {
    this.#metrics.jobs.inc({ outcome: 'failed' });
    this.#logger.debug('Job failed', { job: job.id, code: error.code });
    this.#book.close(job, { ok: false, error: error.toObject() });
    this.#tasks.spawn('release', () => this.#journal.release(job.id));
  }
}
