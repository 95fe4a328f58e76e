import { InvalidArgumentError, Option } from 'commander';
import { formatFault, parseFault, type FaultRequest } from '../faults/index.js';
import type { StateVersion } from '../primitives/trie.js';
import type { RelayEra } from '../relay/state.js';
import { PRUNTIME_VERSIONS, type PruntimeVersion } from '../workers/index.js';

/** Options of the command line, after checking. */
export interface CliOptions {
  data: string;
  host: string;
  relayPort: number;
  paraPort: number;
  workers: number;
  workerPort: number;
  blockMs: number;
  sessionBlocks: number;
  authorities: number;
  finalityLag: number;
  justificationPeriod: number;
  relay: RelayEra;
  relayStateVersion: StateVersion | undefined;
  paraStateVersion: StateVersion;
  pruntime: PruntimeVersion[];
  seed: string;
  checkpointBlocks: number;
  volatileWorkers: boolean;
  lightWorkers: boolean;
  relayBlocksPerParaBlock: number;
  paraBlocksPerHead: number;
  voteAncestries: boolean;
  historyBlocks: number;
  ballastBytes: number;
  nodes: number;
  chainsControlPort: number | undefined;
  workersControlPort: number | undefined;
  fault: FaultRequest[];
  clock: 'real' | 'stepped';
  stopWithStdin: boolean;
}

/** Which command an option belongs to; `all` takes every one. */
type Scope = 'both' | 'chains' | 'workers';

/** Parses a whole number within limits. */
export const integer =
  (min: number, max: number) =>
  (text: string): number => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max) {
      throw new InvalidArgumentError(`a whole number from ${min} to ${max} is expected.`);
    }
    return value;
  };

const port = integer(0, 65535);

function pruntimeList(text: string): PruntimeVersion[] {
  return text.split(',').map((part) => {
    const version = PRUNTIME_VERSIONS.find((known) => known === part.trim());
    if (version === undefined) {
      throw new InvalidArgumentError(`allowed are ${PRUNTIME_VERSIONS.join(', ')}.`);
    }
    return version;
  });
}

function fault(text: string): FaultRequest {
  try {
    return parseFault(text);
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
  }
}

function option(flags: string, description: string, parse?: (text: string) => unknown): Option {
  const made = new Option(flags, description);
  return parse === undefined ? made : made.argParser(parse);
}

const OPTIONS: [scope: Scope, option: () => Option][] = [
  [
    'both',
    () =>
      option('--data <dir>', 'directory of chain data and workers’ sealed state').default(
        '.runtime-bridge/devnet',
      ),
  ],
  ['both', () => option('--host <address>', 'address to listen on').default('127.0.0.1')],
  [
    'both',
    () =>
      option('--seed <text>', 'makes keys and everything else that is chosen').default('devnet'),
  ],
  ['chains', () => option('--relay-port <n>', 'relay RPC; 0: any', port).default(9944)],
  ['chains', () => option('--para-port <n>', 'parachain RPC; 0: any', port).default(9945)],
  [
    'chains',
    () =>
      option(
        '--block-ms <ms>',
        'relay block time (parachain: twice)',
        integer(20, 600_000),
      ).default(600),
  ],
  [
    'chains',
    () =>
      option(
        '--session-blocks <n>',
        'relay blocks per session; the GRANDPA keys change in the last one',
        integer(1, 1_000_000),
      ).default(10),
  ],
  ['chains', () => option('--authorities <n>', 'GRANDPA voters', integer(1, 1000)).default(4)],
  [
    'chains',
    () =>
      option(
        '--finality-lag <n>',
        'relay blocks between the best and the finalised one',
        integer(0, 100_000),
      ).default(2),
  ],
  [
    'chains',
    () =>
      option(
        '--justification-period <n>',
        'the relay node keeps a justification every n blocks, besides set changes; 0: never',
        integer(0, 1_000_000),
      ).default(8),
  ],
  [
    'chains',
    () =>
      new Option(
        '--relay <era>',
        'relay runtime: old has :grandpa_authorities, new has Grandpa.Authorities only',
      )
        .choices(['old', 'new'])
        .default('old'),
  ],
  [
    'chains',
    () =>
      option(
        '--relay-state-version <n>',
        '1: values above 32 bytes are hashed in trie nodes; as Kusama’s when not given: old 0, new 1',
        integer(0, 1),
      ),
  ],
  [
    'chains',
    () =>
      option(
        '--para-state-version <n>',
        'the same of the parachain; no pRuntime follows one of version 1',
        integer(0, 1),
      ).default(0),
  ],
  [
    'chains',
    () =>
      option(
        '--relay-blocks-per-para-block <n>',
        'relay blocks between two parachain blocks',
        integer(1, 1000),
      ).default(2),
  ],
  [
    'chains',
    () =>
      option(
        '--para-blocks-per-head <n>',
        'parachain blocks that one included head stands for; above 1 heads skip blocks',
        integer(1, 1000),
      ).default(1),
  ],
  [
    'chains',
    () =>
      option(
        '--history-blocks <n>',
        'make relay blocks up to this height first, as fast as it goes',
        integer(0, 10_000_000),
      ).default(0),
  ],
  [
    'chains',
    () =>
      option(
        '--ballast-bytes <n>',
        'what every parachain block carries and changes besides the rest',
        integer(0, 2_000_000),
      ).default(0),
  ],
  [
    'chains',
    () =>
      option(
        '--vote-ancestries',
        'some voters vote above the target, so that justifications have ancestries',
      ).default(false),
  ],
  [
    'chains',
    () =>
      option(
        '--nodes <n>',
        'nodes per chain, their ports two apart; targets of faults are relay, relay2, … and para, para2, …',
        integer(1, 16),
      ).default(1),
  ],
  [
    'chains',
    () =>
      option(
        '--chains-control-port <n>',
        'control port of the chains; 0: any; off when not given',
        port,
      ),
  ],
  [
    'chains',
    () =>
      new Option('--clock <kind>', 'stepped: blocks only by the control port')
        .choices(['real', 'stepped'])
        .default('real'),
  ],
  [
    'both',
    () =>
      new Option(
        '--fault <fault>',
        'target:kind,name=value,… from the start, as relay:latency,ms=200 or worker2:hang; repeatable',
      )
        .argParser((text: string, all: FaultRequest[] | undefined) => [...(all ?? []), fault(text)])
        .default([], 'none'),
  ],
  [
    'workers',
    () =>
      option(
        '--workers-control-port <n>',
        'control port of the workers; 0: any; off when not given',
        port,
      ),
  ],
  ['workers', () => option('--workers <n>', 'number of workers', integer(0, 10_000)).default(3)],
  [
    'workers',
    () =>
      option('--worker-port <n>', 'first worker’s port, the others follow; 0: any', port).default(
        8100,
      ),
  ],
  [
    'workers',
    () =>
      option(
        '--pruntime <list>',
        `pRuntime versions, dealt out in turn (${PRUNTIME_VERSIONS.join(', ')})`,
        pruntimeList,
      ).default(['0.2.6'], '0.2.6'),
  ],
  [
    'workers',
    () =>
      option(
        '--checkpoint-blocks <n>',
        'blocks between checkpoints',
        integer(1, 1_000_000),
      ).default(10),
  ],
  [
    'workers',
    () =>
      option(
        '--light-workers',
        'workers believe signatures and proofs, for fleets of thousands; GetInfo says +light',
      ).default(false),
  ],
  ['workers', () => option('--volatile-workers', 'keep no state on disk').default(false)],
  [
    'both',
    () =>
      option(
        '--stop-with-stdin',
        'stop when standard input ends (a parent process that died)',
      ).default(false),
  ],
];

/** The options of a command. */
export function optionsOf(command: 'all' | 'chains' | 'workers'): Option[] {
  return OPTIONS.filter(
    ([scope]) => command === 'all' || scope === 'both' || scope === command,
  ).map(([, make]) => make());
}

/** The arguments that give a child the same options. */
export function argumentsFor(command: 'chains' | 'workers', options: CliOptions): string[] {
  const values = options as unknown as Record<string, unknown>;
  return optionsOf(command).flatMap((one) => {
    const value = values[one.attributeName()];
    if (one.long === undefined || one.long === '--stop-with-stdin' || value === undefined)
      return [];
    if (one.long === '--fault') {
      return (value as FaultRequest[])
        .filter(({ target }) => target.startsWith('worker') === (command === 'workers'))
        .flatMap((request) => ['--fault', formatFault(request)]);
    }
    if (typeof value === 'boolean') return value ? [one.long] : [];
    return [one.long, Array.isArray(value) ? value.join(',') : `${value as string | number}`];
  });
}
