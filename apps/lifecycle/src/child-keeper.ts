import type { ChildProcess } from 'node:child_process';

import { Backoff, TaskGroup, withTimeout, type Logger, type Service } from '@runtime-bridge/base';

/** How a child process is kept. */
export interface ChildKeeperOptions {
  name: string;
  /** First wait before a child that died is started again. @default 500 */
  restartMinMs?: number;
  /** Longest such wait. @default 30000 */
  restartMaxMs?: number;
}

/** What a keeper works with. */
export interface ChildKeeperCollaborators {
  fork: () => ChildProcess;
  /** Told of each child; the returned function is called when it is gone. */
  attach: (child: ChildProcess) => Promise<() => Promise<void>>;
  logger: Logger;
}

const STOP_TIMEOUT_MS = 6_000;
/** A child that lived so long had no trouble starting. */
const SETTLED_MS = 60_000;

/** Keeps one child process going; a child ends by itself when its line to us is cut. */
export class ChildKeeper implements Service {
  readonly name: string;
  readonly #options: Required<ChildKeeperOptions>;
  readonly #collaborators: ChildKeeperCollaborators;
  readonly #tasks: TaskGroup;

  constructor(options: ChildKeeperOptions, collaborators: ChildKeeperCollaborators) {
    this.name = options.name;
    this.#options = { restartMinMs: 500, restartMaxMs: 30_000, ...options };
    this.#collaborators = collaborators;
    this.#tasks = new TaskGroup({ name: options.name }, { logger: collaborators.logger });
  }

  start(): Promise<void> {
    this.#tasks.spawn('keep', (signal) => this.#keep(signal));
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    await this.#tasks.stop();
  }

  async #keep(signal: AbortSignal): Promise<void> {
    const { logger } = this.#collaborators;
    const { restartMinMs: minMs, restartMaxMs: maxMs } = this.#options;
    const backoff = new Backoff({ minMs, maxMs });
    for (;;) {
      const startedAtMs = Date.now();
      await this.#run(signal);
      if (signal.aborted) return;
      if (Date.now() - startedAtMs > SETTLED_MS) backoff.reset();
      const delayMs = backoff.next();
      logger.warn('Child process is gone, starting it again', { child: this.name, delayMs });
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, delayMs);
        signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
      });
      if (signal.aborted) return;
    }
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { fork, attach, logger } = this.#collaborators;
    const child = fork();
    const gone = new Promise<void>((resolve) => {
      child.once('exit', () => resolve());
      child.once('error', (error) => {
        logger.error('Child process could not be started', { child: this.name }, error);
        resolve();
      });
    });
    const detach = await attach(child);
    const stopped = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
    await Promise.race([gone, stopped]);
    await detach();
    if (!signal.aborted) return;
    if (child.connected) child.disconnect();
    try {
      await withTimeout(STOP_TIMEOUT_MS, `${this.name} stops`, () => gone);
    } catch {
      logger.warn('Child process did not stop by itself', { child: this.name });
      child.kill('SIGKILL');
      await gone;
    }
  }
}
