import {
  Backoff,
  BridgeError,
  systemClock,
  TaskGroup,
  withTimeout,
  type Clock,
  type Logger,
} from '@runtime-bridge/base';

import { FleetError, FleetErrorCode } from '../errors.js';
import type { Line, ToManager, ToRunner, WorkerCommand } from '../runner/messages.js';

/** A runner process as the manager holds it. */
export interface RunnerProcess {
  readonly line: Line<ToRunner, ToManager>;
  /** Ends it at once. */
  kill(): void;
}

/** How runner processes are watched. */
export interface RunnerHandleOptions {
  id: string;
  /** A runner that is silent for so long is ended and started again. @default 60000 */
  silenceMs?: number;
  /** First wait before a runner that died is started again. @default 500 */
  restartMinMs?: number;
  /** Longest such wait. @default 30000 */
  restartMaxMs?: number;
}

/** What a handle works with. */
export interface RunnerHandleCollaborators {
  spawn: (id: string) => RunnerProcess;
  /** What a runner that has just come up must be told, in order. */
  greeting: () => readonly ToRunner[];
  onMessage: (message: ToManager) => void;
  onLost: () => void;
  logger: Logger;
  clock?: Clock;
}

const COMMAND_TIMEOUT_MS = 5_000;
const STOP_TIMEOUT_MS = 5_000;
/** A runner that lived so long had no trouble starting. */
const SETTLED_MS = 60_000;

/** Keeps one runner process going: starts it, starts it again when it dies or falls silent, talks to it. */
export class RunnerHandle {
  readonly id: string;
  readonly #options: Required<RunnerHandleOptions>;
  readonly #collaborators: RunnerHandleCollaborators;
  readonly #clock: Clock;
  readonly #tasks: TaskGroup;
  readonly #commands = new Map<number, (known: boolean) => void>();
  #nextRequest = 1;
  #process: RunnerProcess | undefined;
  #ready = false;
  #stopping = false;
  #heardAtMs = 0;
  #wake: AbortController = new AbortController();

  constructor(options: RunnerHandleOptions, collaborators: RunnerHandleCollaborators) {
    this.id = options.id;
    this.#options = {
      id: options.id,
      silenceMs: options.silenceMs ?? 60_000,
      restartMinMs: options.restartMinMs ?? 500,
      restartMaxMs: options.restartMaxMs ?? 30_000,
    };
    this.#collaborators = collaborators;
    this.#clock = collaborators.clock ?? systemClock;
    this.#tasks = new TaskGroup({ name: `runner ${options.id}` }, { logger: collaborators.logger });
  }

  start(): void {
    this.#tasks.spawn('keep', (signal) => this.#keep(signal));
  }

  /** Lets the runner end by itself, and ends it when that takes too long. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const process = this.#process;
    const gone = new Promise<void>((resolve) => {
      if (!process) resolve();
      else process.line.onClose(resolve);
    });
    process?.line.send({ kind: 'stop' });
    try {
      await withTimeout(STOP_TIMEOUT_MS, 'runner stop', () => gone);
    } catch {
      this.#collaborators.logger.warn('Runner did not stop by itself', { runner: this.id });
    }
    await this.#tasks.stop();
    process?.kill();
  }

  /** Tells the runner something; when it is not up, it will hear the newest in its greeting. */
  send(message: ToRunner): void {
    if (this.#ready) this.#process?.line.send(message);
  }

  /** @throws FleetError RUNNER_GONE when the runner does not take it */
  async command(uuid: string, command: WorkerCommand): Promise<void> {
    const request = this.#nextRequest++;
    try {
      if (!this.#ready) throw new Error('The runner is starting');
      const known = await withTimeout(
        COMMAND_TIMEOUT_MS,
        'command to a runner',
        () =>
          new Promise<boolean>((resolve) => {
            this.#commands.set(request, resolve);
            this.send({ kind: 'command', request, uuid, command });
          }),
      );
      if (!known) throw new Error('The runner does not have the worker yet');
    } catch (cause) {
      throw new FleetError(
        FleetErrorCode.RUNNER_GONE,
        `The worker's runner did not take the command: ${BridgeError.from(cause).message}`,
        {
          facts: { runner: this.id, worker: uuid, command },
          cause,
          remedy: 'Try again in a moment.',
        },
      );
    } finally {
      this.#commands.delete(request);
    }
  }

  async #keep(signal: AbortSignal): Promise<void> {
    const { logger, onLost } = this.#collaborators;
    const { restartMinMs: minMs, restartMaxMs: maxMs } = this.#options;
    const backoff = new Backoff({ minMs, maxMs });
    for (;;) {
      const startedAtMs = this.#clock.now();
      await this.#run(signal);
      this.#ready = false;
      this.#process = undefined;
      onLost();
      if (signal.aborted || this.#stopping) return;
      if (this.#clock.now() - startedAtMs > SETTLED_MS) backoff.reset();
      const delayMs = backoff.next();
      logger.warn('Runner is gone, starting it again', { runner: this.id, delayMs });
      await this.#clock.sleep(delayMs, signal);
    }
  }

  /** One process from start to end. */
  async #run(signal: AbortSignal): Promise<void> {
    const { spawn, logger } = this.#collaborators;
    const process = spawn(this.id);
    this.#process = process;
    this.#heardAtMs = this.#clock.now();
    this.#wake = new AbortController();
    const stops = [
      process.line.onMessage((message) => this.#receive(process, message)),
      process.line.onClose(() => this.#wake.abort()),
    ];
    try {
      const ended = AbortSignal.any([signal, this.#wake.signal]);
      while (!ended.aborted) {
        await this.#clock.sleep(this.#options.silenceMs / 4, ended).catch(() => undefined);
        if (this.#clock.now() - this.#heardAtMs <= this.#options.silenceMs) continue;
        logger.error('Runner does not answer, ending it', { runner: this.id });
        process.kill();
        return;
      }
    } finally {
      for (const stop of stops) stop();
    }
  }

  #receive(process: RunnerProcess, message: ToManager): void {
    this.#heardAtMs = this.#clock.now();
    switch (message.kind) {
      case 'ready':
        for (const greeting of this.#collaborators.greeting()) process.line.send(greeting);
        this.#ready = true;
        return;
      case 'commanded':
        this.#commands.get(message.request)?.(message.known);
        return;
      case 'beat':
      case 'stopped':
        return;
      case 'states':
      case 'job':
      case 'egress':
        this.#collaborators.onMessage(message);
    }
  }
}
