import { abortedError } from './errors.js';

/** A value that changes, and those who wait for it to change. */
export class Watched<T> {
  #value: T;
  readonly #listeners = new Set<(value: T) => void>();

  constructor(initial: T) {
    this.#value = initial;
  }

  /** What it is now. */
  get value(): T {
    return this.#value;
  }

  /** Sets it and tells everybody; setting what it already is tells nobody. */
  set(value: T): void {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const listener of [...this.#listeners]) listener(value);
  }

  /** Sets it to what a function makes of it. */
  update(change: (value: T) => T): void {
    this.set(change(this.#value));
  }

  /** Calls back at each change until the returned function is called. */
  subscribe(listener: (value: T) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /**
   * Waits until the value satisfies a predicate, which may be at once.
   * @throws BridgeError ABORTED with the signal
   */
  until<S extends T>(predicate: (value: T) => value is S, signal?: AbortSignal): Promise<S>;
  until(predicate: (value: T) => boolean, signal?: AbortSignal): Promise<T>;
  until(predicate: (value: T) => boolean, signal?: AbortSignal): Promise<T> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(abortedError(signal));
        return;
      }
      if (predicate(this.#value)) {
        resolve(this.#value);
        return;
      }
      const stop = this.subscribe((value) => {
        if (!predicate(value)) return;
        end();
        resolve(value);
      });
      const onAbort = () => {
        end();
        reject(abortedError(signal!));
      };
      const end = () => {
        stop();
        signal?.removeEventListener('abort', onAbort);
      };
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  /**
   * The current value and then each newest one; a slow reader skips those in between.
   * @throws BridgeError ABORTED with the signal
   */
  async *changes(signal?: AbortSignal): AsyncGenerator<T, never> {
    for (;;) {
      const value = this.#value;
      yield value;
      await this.until((next) => !Object.is(next, value), signal);
    }
  }
}
