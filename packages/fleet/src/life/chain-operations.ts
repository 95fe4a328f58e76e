import {
  AbortScope,
  Backoff,
  BridgeError,
  fromHex,
  toHex,
  Watched,
  type Clock,
  type Hex,
} from '@runtime-bridge/base';
import { encodeWorkerOrigin } from '@runtime-bridge/blob-codec';
import {
  isPRuntimeError,
  type PRuntimeClient,
  type PRuntimeInfo,
} from '@runtime-bridge/prpc-client';
import type { JobOutcome } from '@runtime-bridge/tx-queue';

import { FleetError, FleetErrorCode } from '../errors.js';
import type {
  EgressReport,
  RunnerChainFacts,
  RunnerSettings,
  WorkerChainFacts,
  WorkerJob,
  WorkerSpec,
} from '../runner/messages.js';
import type { HeadView } from '../sync/head.js';
import { planNext, type Plan } from './chain-plan.js';
import { egressReports } from './egress-reports.js';
import type { LifeMachine } from './life-state.js';
import { registrationJob } from './registration.js';
import { together } from './together.js';

/** How operations go. */
export interface ChainOperationsOptions {
  settings: RunnerSettings;
  egressIntervalMs: number;
  planIntervalMs: number;
}

/** What operations work with; all of one worker. */
export interface ChainOperationsCollaborators {
  spec: Watched<WorkerSpec>;
  machine: LifeMachine;
  client: Pick<PRuntimeClient, 'getEgressMessages' | 'getRuntimeInfo'>;
  head: Watched<HeadView>;
  facts: Watched<RunnerChainFacts | undefined>;
  clock: Clock;
  /** Last GetInfo. */
  info: () => PRuntimeInfo | undefined;
  submit: (publicKey: Hex, job: WorkerJob, signal: AbortSignal) => Promise<JobOutcome>;
  reportEgress: (reports: readonly EgressReport[]) => void;
  say: (text: string) => void;
  /** Told of what is being waited out. */
  onTrouble: (text: string) => void;
  /** Told when the chain is as wanted. */
  onDone: () => void;
}

/** Everything that a decision needs, at one moment. */
interface Moment {
  readonly publicKey: Hex;
  readonly info: PRuntimeInfo;
  readonly facts: RunnerChainFacts;
  readonly worker: WorkerChainFacts;
}

/** Nothing is sent while the best data provider is this many blocks behind the best known head. */
const MAX_PROVIDER_LAG_BLOCKS = 5;
/** How long old messages may keep a worker from going on. */
const QUEUE_SYNC_MS = 60_000;
/** Transactions of one worker that may fail in a row before the worker counts as failed. */
const MAX_TX_FAILURES = 3;
const TX_RETRY_MIN_MS = 6_000;
const TX_RETRY_MAX_MS = 60_000;
/** The egress list is fetched at least every so many looks, should pRuntime's counter be wrong. */
const LOOK_ANYWAY = 10;
/** Wishes of one worker that are remembered. */
const MAX_REMEMBERED = 200;
/** Failures in a row to read the egress list before the worker counts as failed. */
const MAX_EGRESS_FAILURES = 5;

/**
 * What is done on chain for a worker that stands at the head: its messages are handed in, and it is registered, added to
 * its pool, started, and kept so.
 */
export class ChainOperations {
  readonly #options: ChainOperationsOptions;
  readonly #collaborators: ChainOperationsCollaborators;
  readonly #txBackoff = new Backoff({ minMs: TX_RETRY_MIN_MS, maxMs: TX_RETRY_MAX_MS });
  /**
   * Outcomes by action and epoch. The same wish again is another job: what succeeded is answered from memory, and what
   * failed would be carried out once more, and paid, for everybody who still asks under its id.
   */
  readonly #attempts = new Map<string, number>();
  #refreshRa: number | undefined;
  /** What was last said of a worker that computes. */
  #notice: string | undefined;
  #lastRegistration: number | undefined;

  constructor(options: ChainOperationsOptions, collaborators: ChainOperationsCollaborators) {
    this.#options = options;
    this.#collaborators = collaborators;
  }

  /** Registers the worker with a new report as soon as it stands at the head. */
  refreshRa(): void {
    this.#refreshRa = this.#collaborators.clock.now();
  }

  /**
   * Operates until the signal is aborted.
   * @throws FleetError WORKER_IN_OTHER_POOL, TRANSACTION_FAILED, NO_ATTESTATION, REGISTRATION_UNSUPPORTED; PRuntimeError
   */
  async run(signal: AbortSignal): Promise<never> {
    const queueSynced = new Watched(false);
    return together(signal, [
      (inner) => this.#handInMessages(queueSynced, inner),
      (inner) => this.#keepAsWanted(queueSynced, inner),
    ]);
  }

  async #handInMessages(queueSynced: Watched<boolean>, signal: AbortSignal): Promise<never> {
    const { client, clock, reportEgress, onTrouble } = this.#collaborators;
    let failures = 0;
    for (let look = 0; ; look += 1) {
      const moment = this.#isOpen() ? this.#moment() : undefined;
      const wanted = look % LOOK_ANYWAY === 0 || (moment?.info.pendingMessages ?? 0n) > 0n;
      if (moment && wanted) {
        try {
          const encoded = await client.getEgressMessages({ signal });
          failures = 0;
          const { ingress } = (this.#moment() ?? moment).facts;
          const reports = egressReports(encoded, (origin) => ingress.get(origin));
          if (reports.length > 0) reportEgress(reports);
          const own = toHex(encodeWorkerOrigin(fromHex(moment.publicKey)));
          if (!reports.some(({ origin }) => origin === own)) queueSynced.set(true);
        } catch (error) {
          if (signal.aborted) throw error;
          failures += 1;
          if (failures > MAX_EGRESS_FAILURES && isPRuntimeError(error)) throw error;
          onTrouble(`Error while synching mq egress: ${BridgeError.from(error).message}`);
        }
      } else if (moment) {
        queueSynced.set(true);
      }
      await clock.sleep(this.#options.egressIntervalMs, signal);
    }
  }

  async #keepAsWanted(queueSynced: Watched<boolean>, signal: AbortSignal): Promise<never> {
    const { clock, machine, say, onTrouble, head } = this.#collaborators;
    const beganMs = clock.now();
    let failures = 0;
    for (;;) {
      const moment = this.#moment();
      if (!moment) {
        say('Waiting for the chain...');
      } else if (this.#isSyncOnly()) {
        this.#hold('Sync only mode enabled, skipping on-chain operations.');
      } else if (!this.#isOpen()) {
        onTrouble(
          head.value.paraId === undefined
            ? 'Waiting for a data provider...'
            : 'Waiting for the data provider, which is behind the head...',
        );
      } else if (!queueSynced.value && clock.now() - beganMs < QUEUE_SYNC_MS) {
        if (machine.state.kind === 'synced') say('Synching message queue...');
      } else {
        try {
          const acted = await this.#carryOut(this.#plan(moment), moment, signal);
          failures = 0;
          // The facts are those of the new block already.
          if (acted) continue;
        } catch (error) {
          if (!isTransactionFailure(error)) throw error;
          failures += 1;
          if (failures >= MAX_TX_FAILURES) throw error;
          onTrouble(error.message);
          await clock.sleep(this.#txBackoff.next(), signal);
          continue;
        }
      }
      await this.#change(queueSynced, signal);
    }
  }

  #plan(moment: Moment): Plan {
    const { value: spec } = this.#collaborators.spec;
    const { facts, worker, info } = moment;
    if (worker.registered) this.#lastRegistration ??= facts.block;
    return planNext({
      spec,
      settings: this.#options.settings,
      facts: worker,
      block: facts.block,
      freeStake: facts.freeStake.get(spec.poolId),
      registeredAtWorker: info.registered,
      workerBlock: info.nextBlock - 1,
      refreshRa: this.#refreshRa,
      lastRegistration: this.#lastRegistration,
    });
  }

  /** @returns whether something was done on chain */
  async #carryOut(plan: Plan, moment: Moment, signal: AbortSignal): Promise<boolean> {
    const { machine, say, spec, onDone } = this.#collaborators;
    const { stake } = spec.value;
    switch (plan.kind) {
      case 'otherPool':
        throw new FleetError(
          FleetErrorCode.WORKER_IN_OTHER_POOL,
          'Worker is assigned to other pool!',
          {
            facts: { poolId: spec.value.poolId, poolIdOnChain: plan.poolId },
            remedy: `On chain it belongs to pool ${plan.poolId.toString()}: move it there here, or remove it there.`,
          },
        );
      case 'hold':
        this.#hold(plan.message);
        return false;
      case 'wait':
        this.#prepare();
        say(plan.message);
        return false;
      case 'register':
        this.#prepare();
        await this.#register(plan, moment, signal);
        return true;
      case 'addToPool':
        this.#prepare();
        say('Adding worker on chain...');
        await this.#transact(moment, { action: 'ADD_WORKER', epoch: plan.epoch }, signal);
        return true;
      case 'start':
        this.#prepare();
        say('Starting computing on chain...');
        await this.#transact(
          moment,
          { action: 'START_COMPUTING', epoch: plan.epoch, stake },
          signal,
        );
        return true;
      case 'restart':
        this.#prepare();
        say('Updating stake on chain...');
        await this.#transact(
          moment,
          { action: 'RESTART_COMPUTING', epoch: plan.epoch, stake },
          signal,
        );
        return true;
      case 'done':
        if (machine.state.kind !== 'active') {
          this.#prepare();
          machine.activate();
          say('Now the worker should be active.');
          onDone();
        }
        if (plan.notice !== undefined) say(plan.notice);
        // What was noticed is over.
        else if (this.#notice !== undefined) say('Now the worker should be active.');
        this.#notice = plan.notice;
        return false;
    }
  }

  async #register(
    plan: Plan & { kind: 'register' },
    moment: Moment,
    signal: AbortSignal,
  ): Promise<void> {
    const { client, say, spec } = this.#collaborators;
    const refresh = this.#refreshRa;
    if (refresh !== undefined) say('forceRa detected.');
    say('Getting RA report...');
    const info = await client.getRuntimeInfo(
      { forceRefreshRa: plan.forceRefresh, encodedOperator: fromHex(spec.value.operatorAccount) },
      { signal },
    );
    const job = registrationJob(info, plan.epoch, moment.facts);
    say('Registering worker on chain...');
    await this.#transact(moment, job, signal);
    this.#lastRegistration = this.#collaborators.facts.value?.block ?? moment.facts.block;
    if (this.#refreshRa !== refresh) return;
    this.#refreshRa = undefined;
    if (refresh !== undefined) say('Re-register done.');
  }

  /** Has a transaction made, and waits until the facts are of its block or a later one. */
  async #transact(moment: Moment, job: WorkerJob, signal: AbortSignal): Promise<void> {
    const { submit, facts } = this.#collaborators;
    const wish = `${job.action} ${job.epoch}`;
    const before = this.#attempts.get(wish) ?? 0;
    const epoch = before === 0 ? job.epoch : `${job.epoch}-again${before}`;
    const outcome = await submit(moment.publicKey, { ...job, epoch }, signal);
    const known = outcome.ok || outcome.error.code !== FleetErrorCode.QUEUE_UNAVAILABLE;
    if (known) this.#remember(wish, before + 1);
    if (!outcome.ok) {
      const cause = BridgeError.fromObject(outcome.error);
      throw new FleetError(FleetErrorCode.TRANSACTION_FAILED, `Tx failed: ${cause.message}`, {
        facts: { action: job.action, code: cause.code },
        cause,
        remedy: cause.remedy,
      });
    }
    this.#txBackoff.reset();
    await facts.until((value) => value !== undefined && value.block >= outcome.blockNumber, signal);
  }

  #remember(wish: string, attempts: number): void {
    this.#attempts.delete(wish);
    this.#attempts.set(wish, attempts);
    const [oldest] = this.#attempts.keys();
    if (this.#attempts.size > MAX_REMEMBERED) this.#attempts.delete(oldest!);
  }

  #hold(text: string): void {
    const { machine, say } = this.#collaborators;
    if (machine.state.kind !== 'synced') machine.reachHead();
    say(text);
  }

  #prepare(): void {
    const { machine } = this.#collaborators;
    if (machine.state.kind !== 'preActive') machine.prepare();
  }

  /** Whether anything may be sent on chain: the operator wants it, and we do not look at an old head. */
  #isOpen(): boolean {
    return (
      !this.#isSyncOnly() && this.#collaborators.head.value.providerLag <= MAX_PROVIDER_LAG_BLOCKS
    );
  }

  #isSyncOnly(): boolean {
    return this.#collaborators.spec.value.syncOnly && this.#refreshRa === undefined;
  }

  #moment(): Moment | undefined {
    const info = this.#collaborators.info();
    const { value: facts } = this.#collaborators.facts;
    if (!facts || info?.publicKey === undefined) return undefined;
    const publicKey: Hex = `0x${info.publicKey}`;
    const worker = facts.workers.get(publicKey);
    return worker && { publicKey, info, facts, worker };
  }

  /** Waits for anything that a decision depends on. */
  async #change(queueSynced: Watched<boolean>, signal: AbortSignal): Promise<void> {
    const { facts, spec, clock } = this.#collaborators;
    const wake = new AbortScope(signal);
    const stops = [facts, spec, queueSynced].map((watched) => watched.subscribe(() => wake.end()));
    try {
      await clock.sleep(this.#options.planIntervalMs, wake.signal);
    } catch (error) {
      if (signal.aborted || !wake.signal.aborted) throw error;
    } finally {
      for (const stop of stops) stop();
      wake.end();
    }
  }
}

function isTransactionFailure(error: unknown): error is FleetError {
  return error instanceof FleetError && error.code === FleetErrorCode.TRANSACTION_FAILED;
}
