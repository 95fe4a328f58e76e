import { sleep, type Logger } from '@runtime-bridge/base';
import { TxQueueError, TxQueueErrorCode } from '../errors.js';
import type { LeaseConnection } from './lease-connection.js';
import { LOOK } from './lease-scripts.js';

/** How a gate works. */
export interface JobGateOptions {
  /** Longest between two looks while something has to settle. @default 500 */
  lookEveryMs?: number;
  /** How long a job of a holder of whom Redis knows nothing is kept, for the holder to show itself. @default 30000 */
  patienceMs?: number;
}

interface Seen {
  exists: boolean;
  epoch: number;
  settlesInMs: number;
  endsInMs: number;
}

/**
 * Lets jobs in by the epoch that they carry: only those of the manager that holds the lease now, or held it last. Jobs
 * without an epoch (of a 2022 lifecycle) come in where no manager of ours is at work.
 */
export class JobGate {
  readonly #connection: LeaseConnection;
  readonly #logger: Logger;
  readonly #lookEveryMs: number;
  readonly #patienceMs: number;
  #looking: Promise<Seen> | undefined;
  #settling = false;

  constructor(
    options: JobGateOptions,
    collaborators: { connection: LeaseConnection; logger: Logger },
  ) {
    this.#connection = collaborators.connection;
    this.#logger = collaborators.logger;
    this.#lookEveryMs = options.lookEveryMs ?? 500;
    this.#patienceMs = options.patienceMs ?? 30_000;
  }

  /**
   * Waits until it is clear who may ask, then resolves for a job that may come in.
   * @throws TxQueueError STALE_EPOCH; BridgeError ABORTED
   */
  async admit(job: string, epoch: number | undefined, signal: AbortSignal): Promise<void> {
    for (let waitedMs = 0; ;) {
      const seen = await this.#look();
      if (seen.settlesInMs > 0) {
        this.#tellSettling(seen);
        await sleep(Math.min(seen.settlesInMs, this.#lookEveryMs), signal);
        continue;
      }
      this.#settling = false;
      if (epoch === undefined) {
        if (!seen.exists || seen.endsInMs === 0) return;
        throw stale(job, epoch, seen.epoch);
      }
      if (seen.exists) {
        if (seen.epoch === epoch) return;
        throw stale(job, epoch, seen.epoch);
      }
      if (waitedMs >= this.#patienceMs) throw stale(job, epoch, 0);
      waitedMs += this.#lookEveryMs;
      await sleep(this.#lookEveryMs, signal);
    }
  }

  /** Looks once for all who ask at the same time. */
  #look(): Promise<Seen> {
    this.#looking ??= this.#lookNow().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #lookNow(): Promise<Seen> {
    const key = this.#connection.leaseKey('manager');
    const answer = (await this.#connection.run(LOOK, [key], [''])) as number[];
    const [exists = 0, epoch = 0, settlesInMs = 0, endsInMs = 0] = answer;
    return { exists: exists === 1, epoch, settlesInMs, endsInMs };
  }

  #tellSettling({ epoch, settlesInMs }: Seen): void {
    if (!this.#settling) {
      this.#logger.info('Redis has lost its memory: jobs wait until it is clear whose they are', {
        epoch,
        waitMs: settlesInMs,
      });
    }
    this.#settling = true;
  }
}

function stale(job: string, epoch: number | undefined, current: number): TxQueueError {
  return new TxQueueError(
    TxQueueErrorCode.STALE_EPOCH,
    epoch === undefined
      ? 'The job is of a lifecycle manager without a lease, while another one is at work'
      : 'The job is of a lifecycle manager that is not the one at work',
    {
      facts: { job, epoch, current },
      remedy: 'Nothing to do if another manager has taken over; else stop all but one.',
    },
  );
}
