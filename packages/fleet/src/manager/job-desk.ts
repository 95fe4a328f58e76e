import { BridgeError, systemClock, type Clock, type Hex, type Logger } from '@runtime-bridge/base';
import {
  formatJobId,
  type JobOutcome,
  type JobProducer,
  type TxJob,
} from '@runtime-bridge/tx-queue';

import { FleetError, FleetErrorCode } from '../errors.js';
import type { PoolRow } from '../inventory/rows.js';
import type { WorkerJob } from '../runner/messages.js';

/** What a desk works with. */
export interface JobDeskCollaborators {
  producer: Pick<JobProducer, 'submit'>;
  /** Newest finalised block that is known. */
  block: () => number;
  logger: Logger;
  clock?: Clock;
}

/** Outcomes that are kept at most, successes and failures apart. */
const MAX_SETTLED = 10_000;
/** How long a failure is remembered: longer than whoever asked may need to ask again after a restart. */
const FAILURE_KEPT_MS = 600_000;

/**
 * Makes jobs of what workers' lives ask for, in the name of their pool. An outcome is remembered until the finalised
 * chain shows it, so that one who asks again before that (a runner that was restarted) is told, not served twice. A
 * failure is remembered for a while too, since a trader carries out what failed when it is asked under the same id: who
 * wants another attempt asks under another epoch.
 */
export class JobDesk {
  readonly #collaborators: JobDeskCollaborators;
  readonly #settled = new Map<string, JobOutcome & { ok: true }>();
  /** In order of time. */
  readonly #failed = new Map<string, { outcome: JobOutcome; atMs: number }>();
  /** When those were asked for that have no outcome yet, ms since 1970, in order of time. */
  readonly #pending = new Map<symbol, number>();
  #settledCount = 0;
  readonly #clock: Clock;

  constructor(collaborators: JobDeskCollaborators) {
    this.#collaborators = collaborators;
    this.#clock = collaborators.clock ?? systemClock;
  }

  /** Since when the oldest job waits for its outcome, ms since 1970. */
  get oldestPendingMs(): number | undefined {
    return this.#pending.values().next().value;
  }

  /** Jobs that had an outcome. */
  get settledCount(): number {
    return this.#settledCount;
  }

  /** Asks for a worker's transaction. Never rejects but with the signal. */
  worker(pool: PoolRow, publicKey: Hex, job: WorkerJob, signal: AbortSignal): Promise<JobOutcome> {
    return this.submit(pool, publicKey, job.epoch, toTxJob(pool, publicKey, job), signal);
  }

  /** Asks for a transaction. Never rejects but with the signal: what goes wrong is an outcome. */
  async submit(
    pool: PoolRow,
    subject: string,
    epoch: string,
    job: TxJob,
    signal: AbortSignal,
  ): Promise<JobOutcome> {
    const { producer, logger } = this.#collaborators;
    const id = formatJobId(job.action, subject, epoch);
    this.#forget();
    const settled = this.#settled.get(id) ?? this.#failed.get(id)?.outcome;
    if (settled) return settled;
    logger.info('Asking for a transaction', { job: id, pool: pool.poolId });
    const pending = Symbol(id);
    this.#pending.set(pending, this.#clock.now());
    try {
      const outcome = await producer.submit(
        {
          id,
          job,
          operator: {
            sealed: Buffer.from(pool.sealedOperator).toString('base64'),
            ...(pool.proxiedAccount === '' ? {} : { proxiedAccount: pool.proxiedAccount }),
          },
        },
        signal,
      );
      this.#settledCount += 1;
      if (outcome.ok) {
        if (this.#settled.size < MAX_SETTLED) this.#settled.set(id, outcome);
        logger.info('Transaction is in a block', { job: id, block: outcome.blockNumber });
      } else {
        if (this.#failed.size < MAX_SETTLED)
          this.#failed.set(id, { outcome, atMs: this.#clock.now() });
        logger.warn('Transaction failed', {
          job: id,
          code: outcome.error.code,
          reason: outcome.error.message,
        });
      }
      return outcome;
    } catch (error) {
      if (signal.aborted) throw error;
      const cause = BridgeError.from(error);
      const failure = new FleetError(
        FleetErrorCode.QUEUE_UNAVAILABLE,
        `The transaction queue does not take the job: ${cause.message}`,
        { facts: { job: id, code: cause.code }, cause, remedy: cause.remedy },
      );
      logger.warn('Job could not be handed in', { job: id }, error);
      return { ok: false, error: failure.toObject() };
    } finally {
      this.#pending.delete(pending);
    }
  }

  #forget(): void {
    const oldestMs = this.#clock.now() - FAILURE_KEPT_MS;
    for (const [id, { atMs }] of this.#failed) {
      if (atMs > oldestMs) break;
      this.#failed.delete(id);
    }
    const block = this.#collaborators.block();
    for (const [id, outcome] of this.#settled) {
      if (outcome.blockNumber <= block) this.#settled.delete(id);
    }
  }
}

function toTxJob(pool: PoolRow, publicKey: Hex, job: WorkerJob): TxJob {
  const pid = pool.poolId.toString();
  switch (job.action) {
    case 'REGISTER_WORKER': {
      const { runtimeInfo, attestation, version } = job;
      return { action: job.action, payload: { pid, runtimeInfo, attestation, version } };
    }
    case 'ADD_WORKER':
      return { action: job.action, payload: { pid, publicKey } };
    case 'START_COMPUTING':
    case 'RESTART_COMPUTING':
      return { action: job.action, payload: { pid, publicKey, stake: job.stake.toString() } };
  }
}
