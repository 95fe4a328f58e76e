import { abortedError, BaseErrorCode, BridgeError } from './errors.js';

/** How much a limiter lets through. */
export interface LimiterOptions {
  concurrency: number;
  /** Waiting runs beyond this are refused at once. @default 10000 */
  maxQueued?: number;
  /** Names it in errors. */
  name?: string;
}

/** How one run is treated. */
export interface RunOptions {
  /** Larger goes first; equals in order of arrival. @default 0 */
  priority?: number;
  /** Ends the wait for a turn; the work itself must look at it on its own. */
  signal?: AbortSignal | undefined;
}

interface Waiting {
  priority: number;
  begin: () => void;
}

/** Lets only so many runs go on at once; the others wait by priority, then by arrival. */
export class Limiter {
  readonly #waiting: Waiting[] = [];
  #active = 0;

  constructor(private readonly options: LimiterOptions) {}

  /** Runs going on. */
  get active(): number {
    return this.#active;
  }

  /** Runs waiting for a turn. */
  get queued(): number {
    return this.#waiting.length;
  }

  /**
   * Runs something in its turn.
   * @throws BridgeError QUEUE_FULL when too many wait, ABORTED with the signal, and whatever the work throws
   */
  async run<T>(work: () => Promise<T>, options: RunOptions = {}): Promise<T> {
    await this.#turn(options);
    try {
      return await work();
    } finally {
      this.#active -= 1;
      this.#waiting.shift()?.begin();
    }
  }

  #turn({ priority = 0, signal }: RunOptions): Promise<void> {
    if (signal?.aborted) return Promise.reject(abortedError(signal));
    if (this.#active < this.options.concurrency) {
      this.#active += 1;
      return Promise.resolve();
    }
    const { maxQueued = 10_000, name } = this.options;
    if (this.#waiting.length >= maxQueued) {
      return Promise.reject(
        new BridgeError(BaseErrorCode.QUEUE_FULL, `Too many wait for a turn: ${name ?? ''}`, {
          facts: { limiter: name, maxQueued },
        }),
      );
    }
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#waiting.splice(this.#waiting.indexOf(entry), 1);
        reject(abortedError(signal!));
      };
      const entry: Waiting = {
        priority,
        begin: () => {
          signal?.removeEventListener('abort', onAbort);
          this.#active += 1;
          resolve();
        },
      };
      const behind = this.#waiting.findIndex((other) => other.priority < priority);
      this.#waiting.splice(behind < 0 ? this.#waiting.length : behind, 0, entry);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }
}
