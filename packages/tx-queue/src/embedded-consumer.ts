import { type Logger } from '@runtime-bridge/base';
import type { EmbeddedDelivery, EmbeddedQueue, EmbeddedSink } from './embedded-queue.js';
import { TxQueueError, TxQueueErrorCode } from './errors.js';
import { manyListeners, runHandler } from './handler-runner.js';
import { DEFAULT_CONCURRENCY, type JobConsumer, type JobHandler } from './queue.js';

/** The working end of an embedded queue in the same process. */
export class EmbeddedConsumer implements JobConsumer, EmbeddedSink {
  readonly name = 'embedded consumer';
  #handler: JobHandler | undefined;
  #detach: (() => void) | undefined;
  readonly #held = new Set<EmbeddedDelivery>();
  readonly #stopping = manyListeners(new AbortController());

  constructor(
    private readonly options: { /** @default DEFAULT_CONCURRENCY */ concurrency?: number },
    private readonly collaborators: { queue: EmbeddedQueue; logger: Logger },
  ) {}

  handle(handler: JobHandler): void {
    this.#handler = handler;
  }

  get hasRoom(): boolean {
    return this.#held.size < (this.options.concurrency ?? DEFAULT_CONCURRENCY);
  }

  deliver(delivery: EmbeddedDelivery): void {
    this.#held.add(delivery);
    void this.#work(delivery);
  }

  start(): Promise<void> {
    if (!this.#handler) throw noHandler();
    this.#detach ??= this.collaborators.queue.attach(this);
    return Promise.resolve();
  }

  /** What is unanswered goes back to the queue, in its order. */
  stop(): Promise<void> {
    this.#stopping.abort();
    this.#detach?.();
    for (const delivery of [...this.#held].reverse()) delivery.giveBack();
    this.#held.clear();
    return Promise.resolve();
  }

  async #work(delivery: EmbeddedDelivery): Promise<void> {
    const outcome = await runHandler(delivery.id, delivery.data, this.#handler!, {
      signal: this.#stopping.signal,
      logger: this.collaborators.logger,
    });
    if (!outcome) return;
    this.#held.delete(delivery);
    delivery.answer(outcome);
    this.collaborators.queue.roomMade();
  }
}

/** A consumer was started before anybody said who works. */
export function noHandler(): TxQueueError {
  return new TxQueueError(TxQueueErrorCode.CLOSED, 'The consumer has no handler');
}
