import { join } from 'node:path';
import { SteppedClock } from '../chain/clock.js';
import { startChains } from '../chain/start.js';
import { lineLog, type Log } from '../log.js';
import { ControlServer } from '../control/control-server.js';
import { FaultBook } from '../faults/index.js';
import { startWorkers, workerTargets } from '../workers/index.js';
import { runChildren } from './children.js';
import { argumentsFor, type CliOptions } from './options.js';

/** What a command needs of its process. */
export interface CliContext {
  /** Ends the command. */
  signal: AbortSignal;
  /** Writes to standard output: only the one line that says that all is ready. */
  print(line: string): void;
  /** Writes to standard error. */
  printError(line: string): void;
  /** Command line that starts this program again, before its arguments. */
  self: readonly [command: string, ...args: string[]];
}

/** The parachain's id: Khala's. */
const PARA_ID = 2004;

/** Runs both chains until the signal. */
export async function chainsCommand(options: CliOptions, context: CliContext): Promise<void> {
  const log = logOf(context, 'chains');
  const chains = await startChains(
    {
      ...options,
      directory: join(options.data, 'chains'),
      paraId: PARA_ID,
      controlPort: options.chainsControlPort,
      faults: options.fault,
    },
    {
      log,
      ...(options.clock === 'stepped' && { newClock: (times) => new SteppedClock(times) }),
    },
  );
  const { relayUrls, paraUrls, controlUrl } = chains;
  ready(context, {
    relay: chains.relayUrl,
    para: chains.paraUrl,
    ...(options.nodes > 1 && { relayNodes: relayUrls, paraNodes: paraUrls }),
    ...(controlUrl !== undefined && { chainsControl: controlUrl }),
  });
  try {
    await Promise.race([chains.done, aborted(context.signal)]);
  } finally {
    await chains.stop();
    log('chains stopped');
  }
}

/** Runs the workers until the signal. */
export async function workersCommand(options: CliOptions, context: CliContext): Promise<void> {
  const log = logOf(context, 'workers');
  const workers = await startWorkers({
    count: options.workers,
    basePort: options.workerPort,
    host: options.host,
    dataDir: options.volatileWorkers ? undefined : join(options.data, 'workers'),
    pruntime: options.pruntime,
    seed: options.seed,
    checkpointBlocks: options.checkpointBlocks,
    light: options.lightWorkers,
    log,
  });
  const faults = new FaultBook(() => workerTargets(workers.workers));
  const control =
    options.workersControlPort === undefined
      ? undefined
      : new ControlServer(
          { host: options.host, port: options.workersControlPort },
          { faults, commands: {} },
        );
  try {
    for (const fault of options.fault) log('fault', { ...faults.add(fault) });
    await control?.start();
    ready(context, {
      workers: workers.urls,
      ...(control !== undefined && { workersControl: control.url }),
    });
    await aborted(context.signal);
  } finally {
    await control?.stop();
    await workers.stop();
  }
  log('workers stopped');
}

/**
 * Runs `chains` and `workers` as processes of their own.
 *
 * @throws Error naming the process when one ends by itself.
 */
export async function allCommand(options: CliOptions, context: CliContext): Promise<void> {
  const log = logOf(context, 'all');
  const start = (name: 'chains' | 'workers') => ({
    name,
    command: [...context.self, name, ...argumentsFor(name, options), '--stop-with-stdin'],
  });
  await runChildren([start('chains'), start('workers')], {
    signal: context.signal,
    log,
    printError: (line) => context.printError(line),
    onReady: (parts) => ready(context, parts),
  });
}

/** Prints the line that says that all is ready. */
export function ready(context: CliContext, facts: Readonly<Record<string, unknown>>): void {
  const { event: _event, ...rest } = facts;
  context.print(`${JSON.stringify({ event: 'ready', ...rest })}\n`);
}

/** Log lines on standard error. */
export function logOf(context: CliContext, name: string): Log {
  return lineLog((line) => context.printError(line), name);
}

/** Resolves at the signal. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
