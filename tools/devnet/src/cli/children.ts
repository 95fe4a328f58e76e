import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Log } from '../log.js';

/** A process to run: its name and command line. */
export interface ChildSpec {
  name: string;
  command: readonly string[];
}

/** Time that a child has to stop before it is killed. */
const STOP_TIMEOUT_MS = 1500;

/**
 * Runs processes side by side until the signal, then stops them. They get a standard input that ends when
 * this process dies, however it dies.
 *
 * @throws Error naming the process when one ends before the signal.
 */
export async function runChildren(
  specs: readonly ChildSpec[],
  deps: {
    signal: AbortSignal;
    log: Log;
    printError: (line: string) => void;
    /** Called once, with the facts of all ready lines. */
    onReady: (facts: Record<string, unknown>) => void;
  },
): Promise<void> {
  const facts: Record<string, unknown> = {};
  let notReady = specs.length;
  const children = specs.map((spec) =>
    startChild(spec, deps.printError, (line) => {
      Object.assign(facts, line);
      notReady -= 1;
      if (notReady === 0) deps.onReady(facts);
    }),
  );
  let stopping = false;
  const endings = children.map(async ({ name, process: child }) => {
    const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
    if (!stopping) throw new Error(`process ${name} ended (${signal ?? `exit code ${code}`})`);
  });
  const stopped = new Promise<void>((resolve) => {
    if (deps.signal.aborted) resolve();
    else deps.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  try {
    await Promise.race([stopped, ...endings]);
  } finally {
    stopping = true;
    await Promise.all(children.map(({ process: child }) => stopChild(child)));
    await Promise.allSettled(endings);
    deps.log('all processes stopped');
  }
}

function startChild(
  { name, command }: ChildSpec,
  printError: (line: string) => void,
  onReady: (facts: object) => void,
): { name: string; process: ChildProcess } {
  const [program = '', ...args] = command;
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  // A child that is gone cannot take input; its end is seen by `exit`.
  child.stdin.on('error', () => undefined);
  child.on('error', (error) => printError(`${name}: ${error.message}\n`));
  child.stderr.on('data', (chunk: Buffer) => printError(chunk.toString('utf8')));
  createInterface({ input: child.stdout }).on('line', (line) => {
    const facts = parseReady(line);
    if (facts === undefined) printError(`${name}: ${line}\n`);
    else onReady(facts);
  });
  return { name, process: child };
}

function parseReady(line: string): object | undefined {
  try {
    const value: unknown = JSON.parse(line);
    const isReady =
      typeof value === 'object' && value !== null && 'event' in value && value.event === 'ready';
    return isReady ? value : undefined;
  } catch {
    return undefined;
  }
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
  await gone;
  clearTimeout(timer);
}
