import { spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream, type WriteStream } from 'node:fs';
import { createInterface } from 'node:readline';

/** A process of the demo. */
export interface ProcessOptions {
  name: string;
  command: string;
  args: readonly string[];
  env: Readonly<Record<string, string>>;
  logFile: string;
}

/** What others want to know of it. */
export interface ProcessListeners {
  /** Each line on its standard output. */
  onLine?: (line: string) => void;
  /** It ended by itself and is started again. */
  onRestart: (name: string, how: string) => void;
  /** It ended by itself for the first time, and what it said of it. */
  onFirstEnd?: (how: string, said: string) => void;
}

const RESTART_DELAY_MS = 500;
const STOP_DEADLINE_MS = 12_000;

/** A process that is started again when it ends by itself, as a container with `restart: unless-stopped` is. */
export class SupervisedProcess {
  readonly name: string;
  readonly logFile: string;
  #child: ChildProcess | undefined;
  #stopping = false;
  #restart: NodeJS.Timeout | undefined;
  readonly #log: WriteStream;
  #said = '';
  #hasEnded = false;

  constructor(
    private readonly options: ProcessOptions,
    private readonly listeners: ProcessListeners,
  ) {
    this.name = options.name;
    this.logFile = options.logFile;
    this.#log = createWriteStream(options.logFile, { flags: 'a' });
  }

  /** Process id while it runs. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  start(): void {
    const { command, args, env, name } = this.options;
    const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) stream.pipe(this.#log, { end: false });
    createInterface({ input: child.stdout }).on('line', (line) => this.listeners.onLine?.(line));
    createInterface({ input: child.stderr }).on('line', (line) => this.#listen(line));
    child.once('error', (error) => this.#ended(child, error.message));
    child.once('exit', (code, signal) => this.#ended(child, signal ?? `exit code ${code}`));
    this.#log.write(`--- ${new Date().toISOString()} ${name} started\n`);
  }

  /** Sends a signal, by which it may end and be started again. */
  kill(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** From now on it is not started again. */
  retire(): void {
    this.#stopping = true;
    clearTimeout(this.#restart);
  }

  /** Ends it for good: SIGTERM, after a deadline SIGKILL. */
  async stop(): Promise<void> {
    this.retire();
    const child = this.#child;
    if (child) {
      const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_DEADLINE_MS);
      await ended;
      clearTimeout(timer);
    }
    await new Promise<void>((resolve) => this.#log.end(resolve));
  }

  /** Keeps the complaint about a command line, which the whole help follows, else the last line. */
  #listen(line: string): void {
    if (line.trim() !== '' && !this.#said.startsWith('error:')) this.#said = line;
  }

  #ended(child: ChildProcess, how: string): void {
    if (this.#child !== child) return;
    this.#child = undefined;
    if (!this.#hasEnded && this.listeners.onFirstEnd) {
      // What it said last may still be on its way.
      child.once('close', () => this.listeners.onFirstEnd?.(how, this.#said));
    }
    this.#hasEnded = true;
    if (this.#stopping) return;
    this.#log.write(`--- ${new Date().toISOString()} ${this.name} ended: ${how}\n`);
    this.listeners.onRestart(this.name, how);
    this.#restart = setTimeout(() => this.start(), RESTART_DELAY_MS);
  }
}
