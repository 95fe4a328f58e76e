import { BridgeError, type Logger, type Service } from '@runtime-bridge/base';
import { tagged, untagged, type QueueChannel, type QueueMessage } from './channel.js';
import { noHandler } from './embedded-consumer.js';
import type { EmbeddedDelivery, EmbeddedQueue, EmbeddedSink } from './embedded-queue.js';
import { TxQueueErrorCode } from './errors.js';
import { manyListeners, runHandler } from './handler-runner.js';
import { parseJobOutcome } from './job.js';
import { DEFAULT_CONCURRENCY, type JobConsumer, type JobHandler } from './queue.js';

/**
 * The end of an embedded queue that serves one other process. What that process leaves unanswered goes back to the queue
 * when it says that it leaves, when it goes away, and when this host is stopped.
 */
export class EmbeddedQueueHost implements Service, EmbeddedSink {
  readonly name = 'embedded queue host';
  readonly #held = new Map<number, EmbeddedDelivery>();
  #nextDelivery = 1;
  #capacity = 0;
  #detach: (() => void) | undefined;
  readonly #unsubscribe: (() => void)[] = [];

  constructor(
    _options: Record<string, never>,
    private readonly collaborators: { queue: EmbeddedQueue; channel: QueueChannel; logger: Logger },
  ) {}

  get hasRoom(): boolean {
    return this.#held.size < this.#capacity;
  }

  start(): Promise<void> {
    const { channel } = this.collaborators;
    this.#unsubscribe.push(
      channel.onMessage((message) => this.#receive(untagged(message))),
      channel.onClose(() => this.#release()),
    );
    return Promise.resolve();
  }

  stop(): Promise<void> {
    for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe();
    this.#release();
    return Promise.resolve();
  }

  deliver(delivery: EmbeddedDelivery): void {
    const number = this.#nextDelivery++;
    this.#held.set(number, delivery);
    this.#send({ kind: 'job', delivery: number, id: delivery.id, data: delivery.data });
  }

  #receive(message: QueueMessage | undefined): void {
    switch (message?.kind) {
      case 'ready':
        // A consumer that introduces itself again begins anew and has nothing of before.
        this.#release();
        this.#capacity = Math.max(1, Math.trunc(message.capacity) || 1);
        this.#detach = this.collaborators.queue.attach(this);
        return;
      case 'outcome': {
        const delivery = this.#held.get(message.delivery);
        if (!delivery) return;
        this.#held.delete(message.delivery);
        delivery.answer(
          parseJobOutcome(message.outcome) ?? {
            ok: false,
            error: {
              code: TxQueueErrorCode.JOB_FAILED,
              message: 'The consumer answered with something that is no outcome',
            },
          },
        );
        this.collaborators.queue.roomMade();
        return;
      }
      case 'leaving':
        this.#release();
        return;
      case 'job':
      case undefined:
        return;
    }
  }

  #release(): void {
    this.#detach?.();
    this.#detach = undefined;
    this.#capacity = 0;
    const held = [...this.#held.values()];
    this.#held.clear();
    for (const delivery of held.reverse()) delivery.giveBack();
  }

  #send(message: QueueMessage): void {
    try {
      this.collaborators.channel.send(tagged(message));
    } catch (error) {
      this.collaborators.logger.warn('Queue channel is gone', {}, BridgeError.from(error));
      this.#release();
    }
  }
}

/** The working end of an embedded queue that lives in the parent process. */
export class EmbeddedQueueClient implements JobConsumer {
  readonly name = 'embedded queue client';
  #handler: JobHandler | undefined;
  readonly #stopping = manyListeners(new AbortController());
  #unsubscribe: (() => void) | undefined;

  constructor(
    private readonly options: { /** @default DEFAULT_CONCURRENCY */ concurrency?: number },
    private readonly collaborators: { channel: QueueChannel; logger: Logger },
  ) {}

  handle(handler: JobHandler): void {
    this.#handler = handler;
  }

  start(): Promise<void> {
    if (!this.#handler) throw noHandler();
    if (this.#unsubscribe) return Promise.resolve();
    this.#unsubscribe = this.collaborators.channel.onMessage((value) => {
      const message = untagged(value);
      if (message?.kind === 'job') void this.#work(message);
    });
    this.#send({ kind: 'ready', capacity: this.options.concurrency ?? DEFAULT_CONCURRENCY });
    return Promise.resolve();
  }

  stop(): Promise<void> {
    if (this.#stopping.signal.aborted) return Promise.resolve();
    this.#stopping.abort();
    this.#unsubscribe?.();
    this.#send({ kind: 'leaving' });
    return Promise.resolve();
  }

  async #work(message: QueueMessage & { kind: 'job' }): Promise<void> {
    const outcome = await runHandler(message.id, message.data, this.#handler!, {
      signal: this.#stopping.signal,
      logger: this.collaborators.logger,
    });
    if (outcome) this.#send({ kind: 'outcome', delivery: message.delivery, outcome });
  }

  #send(message: QueueMessage): void {
    try {
      this.collaborators.channel.send(tagged(message));
    } catch (error) {
      // Nothing to do here: the parent takes back what this process holds.
      this.collaborators.logger.debug('Queue channel is gone', {}, BridgeError.from(error));
    }
  }
}
