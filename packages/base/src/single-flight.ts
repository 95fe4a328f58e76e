import { abortedError } from './errors.js';

interface Flight<V> {
  result: Promise<V>;
  controller: AbortController;
  waiters: number;
}

/** Runs the same work once for all who ask for it at the same time. */
export class SingleFlight<K, V> {
  readonly #flights = new Map<K, Flight<V>>();

  /** Works going on. */
  get size(): number {
    return this.#flights.size;
  }

  /**
   * The result of the work under way for a key, or of new work. The work's own signal is aborted when everybody who
   * asked has given up.
   * @throws what the work throws; ABORTED with the caller's own signal, which does not touch the other callers
   */
  async do(key: K, run: (signal: AbortSignal) => Promise<V>, signal?: AbortSignal): Promise<V> {
    if (signal?.aborted) throw abortedError(signal);
    const flight = this.#flights.get(key) ?? this.#begin(key, run);
    flight.waiters += 1;
    let onAbort: (() => void) | undefined;
    try {
      if (!signal) return await flight.result;
      const gaveUp = new Promise<never>((_resolve, reject) => {
        onAbort = () => reject(abortedError(signal));
        signal.addEventListener('abort', onAbort, { once: true });
      });
      return await Promise.race([flight.result, gaveUp]);
    } finally {
      if (onAbort) signal?.removeEventListener('abort', onAbort);
      flight.waiters -= 1;
      if (flight.waiters === 0) {
        // Nobody wants it any more: a later caller must not join work that is being given up.
        if (this.#flights.get(key) === flight) this.#flights.delete(key);
        flight.controller.abort();
      }
    }
  }

  #begin(key: K, run: (signal: AbortSignal) => Promise<V>): Flight<V> {
    const controller = new AbortController();
    const result = (async () => run(controller.signal))();
    const flight: Flight<V> = { result, controller, waiters: 0 };
    this.#flights.set(key, flight);
    const forget = () => {
      if (this.#flights.get(key) === flight) this.#flights.delete(key);
    };
    // Also keeps a failure that comes after everybody gave up from being an unhandled rejection.
    result.then(forget, forget);
    return flight;
  }
}
