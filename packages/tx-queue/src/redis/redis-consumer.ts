import { BridgeError, type Logger } from '@runtime-bridge/base';
import type BeeQueue from 'bee-queue';
import { noHandler } from '../embedded-consumer.js';
import type { JobOutcome, ReceivedJob } from '../job.js';
import type { JobGate } from '../lease/job-gate.js';
import { manyListeners, runHandler } from '../handler-runner.js';
import { DEFAULT_CONCURRENCY, type JobConsumer, type JobHandler } from '../queue.js';
import { connectBee, type BeeConnection, type RedisConnectionOptions } from './bee-connection.js';
import { failureProgress, RP } from './wire.js';

/** How a consumer works. */
export interface RedisConsumerOptions extends RedisConnectionOptions {
  /** Jobs worked on at once. @default DEFAULT_CONCURRENCY */
  concurrency?: number;
  /** How long a consumer may be silent before its jobs go to another; twice that at most passes. @default 5000 */
  stallIntervalMs?: number;
}

/** The working end of the queue in Redis. */
export class RedisConsumer implements JobConsumer {
  readonly name = 'Redis queue consumer';
  #handler: JobHandler | undefined;
  #connection: BeeConnection | undefined;
  readonly #stopping = manyListeners(new AbortController());

  constructor(
    private readonly options: RedisConsumerOptions,
    private readonly collaborators: {
      logger: Logger;
      /** Says which jobs are let in. @default all */
      gate?: JobGate;
    },
  ) {}

  /** Whether there is a connection now. */
  get isConnected(): boolean {
    return this.#connection?.client.status === 'ready';
  }

  handle(handler: JobHandler): void {
    this.#handler = handler;
  }

  async start(signal?: AbortSignal): Promise<void> {
    if (!this.#handler) throw noHandler();
    if (this.#connection) return;
    const stallInterval = this.options.stallIntervalMs ?? 5_000;
    const either = signal
      ? AbortSignal.any([signal, this.#stopping.signal])
      : this.#stopping.signal;
    this.#connection = await connectBee(
      this.options,
      { isWorker: true, getEvents: false, stallInterval },
      { logger: this.collaborators.logger, signal: either },
    );
    const { bee } = this.#connection;
    bee.on('stalled', (id) => {
      this.collaborators.logger.warn('Job taken back from a consumer that is gone', { job: id });
    });
    // Takes over the jobs of a consumer that died, its predecessor included.
    bee.checkStalledJobs(stallInterval).catch((error: unknown) => {
      this.collaborators.logger.warn('Check for stalled jobs ended', {}, error);
    });
    bee.process(this.options.concurrency ?? DEFAULT_CONCURRENCY, (job: BeeQueue.Job<unknown>) =>
      this.#work(job),
    );
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#connection?.close();
  }

  async #work(job: BeeQueue.Job<unknown>): Promise<unknown> {
    void this.#report(job, RP.working);
    const outcome = await runHandler(
      job.id,
      job.data,
      (received, stop) => this.#admit(received, stop),
      {
        signal: this.#stopping.signal,
        logger: this.collaborators.logger,
      },
    );
    // Without an answer the promise stays open on purpose: settling it would finish the job.
    if (!outcome) return new Promise(() => {});
    if (outcome.ok) return outcome;
    await this.#report(job, failureProgress(outcome.error));
    throw new Error(outcome.error.message);
  }

  async #admit(job: ReceivedJob, signal: AbortSignal): Promise<JobOutcome> {
    await this.collaborators.gate?.admit(job.id, job.epoch, signal);
    return await this.#handler!(job, signal);
  }

  async #report(job: BeeQueue.Job<unknown>, progress: unknown): Promise<void> {
    try {
      await (job.reportProgress(progress) as unknown as Promise<unknown>);
    } catch (error) {
      this.collaborators.logger.debug(
        'Progress of a job was not reported',
        { job: job.id },
        BridgeError.from(error),
      );
    }
  }
}
