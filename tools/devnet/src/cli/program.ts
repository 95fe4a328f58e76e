import { Command } from 'commander';
import { allCommand, chainsCommand, workersCommand, type CliContext } from './commands.js';
import { optionsOf, type CliOptions } from './options.js';

/** The command line: `all`, `chains`, `workers`. */
export function createProgram(context: CliContext): Command {
  const program = new Command('runtime-bridge-devnet')
    .description(
      'A relay chain, a parachain and pRuntime workers on this machine, for rehearsal and tests',
    )
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
  return program;
}
