import { abortedError, BaseErrorCode, BridgeError } from './errors.js';

/** How much a queue may hold. */
export interface BoundedQueueOptions<T> {
  maxItems: number;
  /** @default no bound beside maxItems */
  maxBytes?: number;
  /** Bytes of an item; needed with maxBytes. @default 0 */
  sizeOf?: (item: T) => number;
  /** Names the queue in errors. */
  name?: string;
}

interface Pusher<T> {
  item: T;
  admit: () => void;
  refuse: (error: BridgeError) => void;
}

/**
 * A first-in first-out queue with room for so many items and bytes. An item larger than maxBytes is let in when the
 * queue is empty, so that it cannot stop the flow for ever.
 */
export class BoundedQueue<T> implements AsyncIterable<T> {
  readonly #items: T[] = [];
  readonly #pushers = new Set<Pusher<T>>();
  readonly #takers = new Set<(item: IteratorResult<T, undefined>) => void>();
  #bytes = 0;
  #closed = false;
  #error: unknown;

  constructor(private readonly options: BoundedQueueOptions<T>) {}

  /** Items waiting. */
  get length(): number {
    return this.#items.length;
  }

  /** Bytes waiting. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Adds an item now, or says that there is no room. False also once closed. */
  tryPush(item: T): boolean {
    if (this.#closed || this.#pushers.size > 0 || !this.#fits(item)) return false;
    this.#add(item);
    return true;
  }

  /**
   * Adds an item, waiting for room.
   * @throws BridgeError CLOSED once the queue is closed, ABORTED with the signal
   */
  push(item: T, signal?: AbortSignal): Promise<void> {
    if (this.#closed) return Promise.reject(this.#closedError());
    if (signal?.aborted) return Promise.reject(abortedError(signal));
    if (this.tryPush(item)) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const end = () => {
        this.#pushers.delete(pusher);
        signal?.removeEventListener('abort', onAbort);
      };
      const onAbort = () => {
        end();
        reject(abortedError(signal!));
        // The one behind may be smaller than the one that left.
        this.#admit();
      };
      const pusher: Pusher<T> = {
        item,
        admit: () => {
          end();
          this.#add(item);
          resolve();
        },
        refuse: (error) => {
          end();
          reject(error);
        },
      };
      this.#pushers.add(pusher);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  /**
   * Takes the oldest item, waiting for one; undefined once the queue is closed and empty.
   * @throws the error that the queue was closed with, ABORTED with the signal
   */
  async shift(signal?: AbortSignal): Promise<T | undefined> {
    const result = await this.#take(signal);
    return result.done === true ? undefined : result.value;
  }

  /** Closes it: waiting and later pushes fail; what is in it can still be taken, then readers end, or fail with the error. */
  close(error?: unknown): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#error = error;
    for (const pusher of [...this.#pushers]) pusher.refuse(this.#closedError());
    for (const take of [...this.#takers]) take({ done: true, value: undefined });
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, undefined> {
    for (;;) {
      const result = await this.#take();
      if (result.done === true) return undefined;
      yield result.value;
    }
  }

  #take(signal?: AbortSignal): Promise<IteratorResult<T, undefined>> {
    if (signal?.aborted) return Promise.reject(abortedError(signal));
    if (this.#items.length > 0) {
      const value = this.#items.shift() as T;
      this.#bytes -= this.#sizeOf(value);
      this.#admit();
      return Promise.resolve({ done: false, value });
    }
    if (this.#closed) return this.#end();
    return new Promise((resolve, reject) => {
      const end = () => {
        this.#takers.delete(take);
        signal?.removeEventListener('abort', onAbort);
      };
      const onAbort = () => {
        end();
        reject(abortedError(signal!));
      };
      const take = (result: IteratorResult<T, undefined>) => {
        end();
        if (result.done === true) this.#end().then(resolve, reject);
        else resolve(result);
      };
      this.#takers.add(take);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  #end(): Promise<IteratorResult<T, undefined>> {
    return this.#error === undefined
      ? Promise.resolve({ done: true, value: undefined })
      : Promise.reject(BridgeError.from(this.#error));
  }

  #fits(item: T): boolean {
    if (this.#items.length === 0) return true;
    const { maxItems, maxBytes = Infinity } = this.options;
    return this.#items.length < maxItems && this.#bytes + this.#sizeOf(item) <= maxBytes;
  }

  #add(item: T): void {
    const [taker] = this.#takers;
    if (taker) {
      taker({ done: false, value: item });
      return;
    }
    this.#items.push(item);
    this.#bytes += this.#sizeOf(item);
  }

  #admit(): void {
    for (const pusher of [...this.#pushers]) {
      if (!this.#fits(pusher.item)) return;
      pusher.admit();
    }
  }

  #sizeOf(item: T): number {
    return this.options.sizeOf?.(item) ?? 0;
  }

  #closedError(): BridgeError {
    return new BridgeError(BaseErrorCode.CLOSED, `Queue is closed: ${this.options.name ?? ''}`, {
      facts: { queue: this.options.name },
      cause: this.#error,
    });
  }
}
