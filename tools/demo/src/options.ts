import { Command, InvalidArgumentError } from 'commander';
import { addNetworkOptions, networkArguments, type NetworkArguments } from './network-options.js';

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
  /** Nodes per chain, all of which the bridge is told of. @default 1 */
  nodes?: number;
  /** Faults of the dev network from the start, as `relay:latency,ms=200`. @default none */
  fault?: readonly string[];
  /** More arguments of the dev network's processes. @default none */
  networkArgs?: NetworkArguments;
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
    .option(
      '--nodes <n>',
      'nodes per chain, all of which the bridge is told of; the auditor asks the last one',
      positive,
      1,
    )
    .option(
      '--fault <fault>',
      'target:kind,name=value,… from the start, as relay:latency,ms=200 or worker2:hang; repeatable',
      (fault: string, all: readonly string[]) => [...all, fault],
      [],
    )
    .option('--port <port>', 'port of the dashboard', positive, 3000);
  addNetworkOptions(command).parse([...argv]);
  const values = command.opts<
    Omit<DemoOptions, 'timeoutSec' | 'holdBlocks' | 'networkArgs'> & {
      timeout: number;
      hold: number;
      nodes: number;
      fault: string[];
    }
  >();
  const { workers, redis, once, data, blockMs, relay, pruntime, nodes, fault, port } = values;
  return {
    ...{ workers, redis, once, data, blockMs, relay, pruntime, nodes, fault, port },
    timeoutSec: values.timeout,
    holdBlocks: values.hold,
    networkArgs: networkArguments(values),
  };
}

function positive(text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 1)
    throw new InvalidArgumentError('A whole number above 0 is needed.');
  return number;
}
