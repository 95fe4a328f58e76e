import { setMaxListeners } from 'node:events';

/**
 * A signal for a piece of work that ends with its parents' signals or when the work is over. Unlike `AbortSignal.any` it
 * leaves nothing behind at its parents, which live as long as the process, and many may listen to it.
 */
export class AbortScope {
  readonly #controller = new AbortController();
  readonly #parents: AbortSignal[];
  readonly #onAbort: (event: Event) => void;

  constructor(...parents: readonly (AbortSignal | undefined)[]) {
    this.#parents = parents.filter((parent) => parent !== undefined);
    this.#onAbort = (event) => this.end((event.target as AbortSignal).reason);
    setMaxListeners(0, this.#controller.signal);
    for (const parent of this.#parents) {
      if (parent.aborted) {
        this.end(parent.reason);
        return;
      }
      parent.addEventListener('abort', this.#onAbort, { once: true });
    }
  }

  /** For the work. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Ends the work, or just the scope when the work is over. Harmless when repeated. */
  end(reason?: unknown): void {
    for (const parent of this.#parents) parent.removeEventListener('abort', this.#onAbort);
    this.#controller.abort(reason);
  }
}
