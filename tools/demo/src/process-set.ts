import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { SupervisedProcess } from './supervised-process.js';

/** Where the demo's processes live on disk. */
export interface ProcessSetOptions {
  /** Root of the project, where the built apps are. */
  root: string;
  /** Data and logs. */
  folder: string;
}

/** The environment that every process gets: nothing of ours but what is told. */
const INHERITED = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'TZ', 'NODE_OPTIONS'] as const;

/** All processes of a demo, by name. */
export class ProcessSet {
  readonly #processes = new Map<string, SupervisedProcess>();

  constructor(
    private readonly options: ProcessSetOptions,
    private readonly tell: (line: string) => void,
  ) {}

  /** Names and log files of all. */
  get logFiles(): string[] {
    return [...this.#processes.values()].map((process) => process.logFile);
  }

  get(name: string): SupervisedProcess {
    const process = this.#processes.get(name);
    if (!process) throw new Error(`No process of that name: ${name}`);
    return process;
  }

  /** A folder of a process's own. */
  folderOf(name: string): string {
    return join(this.options.folder, name);
  }

  /** Starts a compiled program of the project. */
  async startNode(
    name: string,
    program: string,
    settings: {
      args?: readonly string[];
      env?: Record<string, string>;
      onLine?: (line: string) => void;
      onFirstEnd?: (how: string, said: string) => void;
    },
  ): Promise<SupervisedProcess> {
    return this.startProgram(name, process.execPath, {
      ...settings,
      args: ['--enable-source-maps', join(this.options.root, program), ...(settings.args ?? [])],
    });
  }

  /** Starts any program. */
  async startProgram(
    name: string,
    command: string,
    settings: {
      args?: readonly string[];
      env?: Record<string, string>;
      onLine?: (line: string) => void;
      onFirstEnd?: (how: string, said: string) => void;
    },
  ): Promise<SupervisedProcess> {
    const logs = join(this.options.folder, 'logs');
    await mkdir(logs, { recursive: true });
    await mkdir(this.folderOf(name), { recursive: true });
    const inherited = Object.fromEntries(
      INHERITED.flatMap((key) => (process.env[key] === undefined ? [] : [[key, process.env[key]]])),
    );
    const supervised = new SupervisedProcess(
      {
        name,
        command,
        args: settings.args ?? [],
        env: { ...inherited, ...settings.env },
        logFile: join(logs, `${name}.log`),
      },
      {
        ...(settings.onLine ? { onLine: settings.onLine } : {}),
        ...(settings.onFirstEnd ? { onFirstEnd: settings.onFirstEnd } : {}),
        onRestart: (who, how) => this.tell(`${who} ended (${how}) and is started again`),
      },
    );
    this.#processes.set(name, supervised);
    supervised.start();
    return supervised;
  }

  /** Ends all, the last started first. */
  async stop(): Promise<void> {
    const lastFirst = [...this.#processes.values()].reverse();
    // A terminal's Ctrl-C reaches them all at once, and those that heed it must not be started again.
    for (const process of lastFirst) process.retire();
    for (const process of lastFirst) await process.stop();
    this.#processes.clear();
  }
}
