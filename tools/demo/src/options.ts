import { Command, InvalidArgumentError } from 'commander';

/** What the demo is asked to do. */
export interface DemoOptions {
  workers: number;
  /** A trader of its own over a real Redis instead of the embedded queue. */
  redis: boolean;
  /** Stop as soon as the auditor is content. */
  once: boolean;
  timeoutSec: number;
  /** Parachain blocks for which everything must stay right with `once`. */
  holdBlocks: number;
  /** Where all data goes; a folder of its own that is removed at the end when undefined. */
  data: string | undefined;
  /** Time between relay blocks; parachain blocks take twice that. */
  blockMs: number;
  relay: string;
  pruntime: string;
  port: number;
}

/** Reads the command line; --help and mistakes end the process as commander does. */
export function readOptions(argv: readonly string[]): DemoOptions {
  const command = new Command('npm start --')
    .description(
      'Runs the whole bridge on the dev network: chains, workers, data provider, lifecycle, trader, monitor.',
    )
    .option('--workers <count>', 'workers to run', positive, 3)
    .option('--redis', 'a trader of its own over a real Redis instead of the embedded queue', false)
    .option('--once', 'stop with exit code 0 as soon as the auditor is content', false)
    .option('--timeout <seconds>', 'give up after this time (with --once)', positive, 240)
    .option(
      '--hold <blocks>',
      'parachain blocks for which everything must stay right (with --once)',
      positive,
      20,
    )
    .option(
      '--data <folder>',
      'keep all data and logs here (default: a folder that is removed at the end)',
    )
    .option('--block-ms <ms>', 'time between relay blocks', positive, 600)
    .option('--relay <era>', 'era of the relay chain', 'old')
    .option('--pruntime <versions>', 'versions of the workers, comma separated', '0.2.6')
    .option('--port <port>', 'port of the dashboard', positive, 3000);
  command.parse([...argv]);
  const values = command.opts<
    Omit<DemoOptions, 'timeoutSec' | 'holdBlocks'> & { timeout: number; hold: number }
  >();
  const { timeout, hold, ...rest } = values;
  return { ...rest, data: values.data, timeoutSec: timeout, holdBlocks: hold };
}

function positive(text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 1)
    throw new InvalidArgumentError('A whole number above 0 is needed.');
  return number;
}
