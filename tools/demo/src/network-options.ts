import { Option, type Command } from 'commander';

/** What is handed on to the dev network as it is; it checks the values and says what is allowed. */
interface Passed {
  to: 'chains' | 'workers';
  flags: string;
  description: string;
}

const PASSED: readonly Passed[] = [
  { to: 'chains', flags: '--session-blocks <n>', description: 'relay blocks per GRANDPA session' },
  { to: 'chains', flags: '--authorities <n>', description: 'GRANDPA voters' },
  {
    to: 'chains',
    flags: '--finality-lag <n>',
    description: 'relay blocks between the best and the finalised one',
  },
  {
    to: 'chains',
    flags: '--justification-period <n>',
    description: 'relay nodes keep a justification every n blocks; 0: at set changes only',
  },
  {
    to: 'chains',
    flags: '--vote-ancestries',
    description: 'some voters vote above the target of a justification',
  },
  {
    to: 'chains',
    flags: '--relay-blocks-per-para-block <n>',
    description: 'relay blocks between two parachain blocks',
  },
  {
    to: 'chains',
    flags: '--para-blocks-per-head <n>',
    description: 'parachain blocks that one included head stands for',
  },
  {
    to: 'chains',
    flags: '--history-blocks <n>',
    description: 'relay blocks that are there when the bridge starts',
  },
  {
    to: 'chains',
    flags: '--ballast-bytes <n>',
    description: 'what every parachain block carries and changes besides the rest',
  },
  {
    to: 'workers',
    flags: '--checkpoint-blocks <n>',
    description: 'blocks between checkpoints of a worker',
  },
  {
    to: 'workers',
    flags: '--light-workers',
    description: 'workers believe signatures and proofs, for fleets of thousands',
  },
];

/** Arguments of the dev network's two processes. */
export interface NetworkArguments {
  chains: string[];
  workers: string[];
}

/** Adds the options that are handed on. */
export function addNetworkOptions(command: Command): Command {
  for (const { flags, description } of PASSED) command.addOption(new Option(flags, description));
  return command;
}

/** What was given of them. */
export function networkArguments(values: Readonly<Record<string, unknown>>): NetworkArguments {
  const given: NetworkArguments = { chains: [], workers: [] };
  for (const { to, flags } of PASSED) {
    const option = new Option(flags);
    const value = values[option.attributeName()];
    if (value === undefined || value === false) continue;
    given[to].push(option.long!, ...(value === true ? [] : [value as string]));
  }
  return given;
}

/** The faults that a process is told of: those of its own targets. */
export function faultArguments(faults: readonly string[], to: keyof NetworkArguments): string[] {
  return faults
    .filter((fault) => fault.startsWith('worker') === (to === 'workers'))
    .flatMap((fault) => ['--fault', fault]);
}
