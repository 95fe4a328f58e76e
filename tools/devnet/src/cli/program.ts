import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { allCommand, chainsCommand, workersCommand, type CliContext } from './commands.js';
import { integer, optionsOf, type CliOptions } from './options.js';
import {
  recordCommand,
  replayCommand,
  type RecordCommandOptions,
  type ReplayCommandOptions,
} from './replay-commands.js';

/** The command line: `all`, `chains`, `workers`. */
export function createProgram(context: CliContext): Command {
  const program = new Command('runtime-bridge-devnet')
    .description(
      'A relay chain, a parachain and pRuntime workers on this machine, for rehearsal and tests',
    )
    .version(ownVersion())
    .configureOutput({
      writeOut: (text) => context.print(text),
      writeErr: (text) => context.printError(text),
    });
  const add = (
    name: 'all' | 'chains' | 'workers',
    description: string,
    run: (options: CliOptions, context: CliContext) => Promise<void>,
  ) => {
    const command = program.command(name).description(description).showHelpAfterError();
    optionsOf(name).forEach((option) => command.addOption(option));
    command.action(async (options: CliOptions) => run(options, context));
  };
  add('all', 'chains and workers, each a process of its own', allCommand);
  add('chains', 'relay chain and parachain', chainsCommand);
  add('workers', 'simulated pRuntime workers', workersCommand);
  program
    .command('record')
    .description('write what a bridge needs of two chains to a directory, which `replay` serves')
    .requiredOption('--relay <url>', 'WebSocket of a relay node')
    .requiredOption('--para <url>', 'WebSocket of a parachain node')
    .requiredOption('--out <dir>', 'directory to write')
    .option('--para-id <n>', 'id of the parachain', integer(0, 0xffffffff), 2004)
    .option(
      '--from <n>',
      'first relay block; where a bridge starts when not given',
      integer(0, 0xffffffff),
    )
    .option('--count <n>', 'relay blocks', integer(1, 10_000_000), 1000)
    .action((options: RecordCommandOptions) => recordCommand(options, context));
  program
    .command('replay')
    .description('serve a recording from memory, both chains in this process')
    .requiredOption('--from <dir>', 'directory that `record` has written')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--relay-port <n>', 'relay RPC; 0: any', integer(0, 65_535), 9944)
    .option('--para-port <n>', 'parachain RPC; 0: any', integer(0, 65_535), 9945)
    .option('--stop-with-stdin', 'stop when standard input ends', false)
    .action((options: ReplayCommandOptions) => replayCommand(options, context));
  return program;
}

/** Of this package's manifest, which is two folders up from source and build alike. */
function ownVersion(): string {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
