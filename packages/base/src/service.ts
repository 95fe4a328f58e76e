import { abortedError, BaseErrorCode, BridgeError, isAbortError } from './errors.js';
import type { Logger } from './observability.js';

/** Something that runs: started once, stopped once, both harmless when repeated. */
export interface Service {
  readonly name: string;
  /** Resolves when it works; rejects with ABORTED when the signal is aborted before that. */
  start(signal?: AbortSignal): Promise<void>;
  /** Resolves when nothing of it is left running. */
  stop(): Promise<void>;
}

/** Several services as one: started in order, stopped in reverse order, also after a start that failed half-way. */
export class ServiceGroup implements Service {
  readonly #services: Service[] = [];
  readonly #started: Service[] = [];
  #stopping: Promise<void> | undefined;
  readonly #logger: Logger;

  constructor(
    readonly name: string,
    collaborators: { logger: Logger },
  ) {
    this.#logger = collaborators.logger;
  }

  /** Adds one behind those already there and returns it. */
  add<S extends Service>(service: S): S {
    this.#services.push(service);
    return service;
  }

  async start(signal?: AbortSignal): Promise<void> {
    for (const service of this.#services) {
      if (this.#started.includes(service)) continue;
      if (signal?.aborted) throw abortedError(signal);
      // Counted as started before it is, so that one that fails half-way is stopped too.
      this.#started.push(service);
      await service.start(signal);
      this.#logger.debug('Service started', { service: service.name });
    }
  }

  /** @throws BridgeError STOP_FAILED naming those that failed, after all were tried */
  stop(): Promise<void> {
    this.#stopping ??= this.#stopAll();
    return this.#stopping;
  }

  async #stopAll(): Promise<void> {
    const failed: string[] = [];
    let firstError: unknown;
    for (const service of this.#started.splice(0).reverse()) {
      try {
        await service.stop();
        this.#logger.debug('Service stopped', { service: service.name });
      } catch (error) {
        failed.push(service.name);
        firstError ??= error;
      }
    }
    if (failed.length > 0) {
      throw new BridgeError(BaseErrorCode.STOP_FAILED, 'Some services failed to stop', {
        facts: { services: failed.join(', ') },
        cause: firstError,
      });
    }
  }
}

/** Work in the background that has an owner: its errors are told, and it ends when the owner stops. */
export class TaskGroup {
  readonly #running = new Set<Promise<void>>();
  readonly #controller = new AbortController();
  readonly #name: string;
  readonly #logger: Logger;

  constructor(options: { name: string }, collaborators: { logger: Logger }) {
    this.#name = options.name;
    this.#logger = collaborators.logger;
  }

  /** Aborted when the group stops. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Tasks going on. */
  get size(): number {
    return this.#running.size;
  }

  /** Begins a task; an error that it ends with is logged once, unless the group is stopping. */
  spawn(task: string, run: (signal: AbortSignal) => Promise<void>): void {
    if (this.signal.aborted) return;
    const running = (async () => {
      try {
        await run(this.signal);
      } catch (error) {
        if (this.signal.aborted && isAbortError(error)) return;
        this.#logger.error('Background task failed', { group: this.#name, task }, error);
      }
    })();
    this.#running.add(running);
    void running.then(() => this.#running.delete(running));
  }

  /** Aborts all and waits until all have ended. */
  async stop(): Promise<void> {
    this.#controller.abort();
    while (this.#running.size > 0) await Promise.all(this.#running);
  }
}
