import { Command, CommanderError, Option } from 'commander';
import { messageOf, sleep } from '@runtime-bridge/base';
import { SharedSecret } from '@runtime-bridge/walkie-protocol';
import { addAlertCommands } from './alert-commands.js';
import { addChangeCommands } from './change-commands.js';
import { completionScript } from './completion.js';
import { ExitCode, exitCodeOf } from './errors.js';
import { addInventoryCommands } from './inventory-commands.js';
import { addOrderCommands } from './order-commands.js';
import { showEvents, showTransactions, type PastOptions } from './past.js';
import { Session, type Connect, type Manager } from './session.js';
import { showInfo, showPeers, showPools, showStatus, showWorkers, type Show } from './show.js';
import { painter } from './table.js';
import { toJson, type Terminal } from './terminal.js';
import { version } from './version.js';

export type { Terminal } from './terminal.js';

interface GlobalOptions {
  boot: string[];
  mdns: boolean;
  peer?: string;
  bridge?: string;
  pskFile?: string;
  json: boolean;
  color: boolean;
  timeout: string;
}

/** Runs commands on a connected node, and makes sure that it stops. */
export interface Runner {
  withSession(work: (session: Session, show: Show) => Promise<void>): Promise<void>;
  withManager(work: (manager: Manager, show: Show) => Promise<void>): Promise<void>;
}

/** The whole command line, on any terminal and network. */
export function createProgram(terminal: Terminal, connect: Connect): Command {
  const program = new Command('prb');
  program
    .description('Looks at a Phala runtime bridge and changes it, over Walkie')
    .version(version)
    .option(
      '--boot <multiaddr>',
      'peer to begin with, may be repeated',
      (value: string, all: string[]) => [...all, value],
      list(terminal.environment['PHALA_WALKIE_BOOT_NODES']),
    )
    .option('--no-mdns', 'do not look for peers in the local network')
    .option('--peer <id>', 'peer id, or the beginning of a host name, of the peer meant')
    .option('--bridge <identity>', 'only peers of this bridge')
    .option('--psk-file <path>', 'file of the shared secret (or PHALA_WALKIE_PSK[_FILE])')
    .option('--json', 'JSON instead of tables; amounts exact, in the smallest unit', false)
    .option('--no-color', 'no colours')
    .addOption(new Option('--timeout <seconds>', 'how long to look for peers').default('10'))
    .configureOutput({
      writeOut: (text) => terminal.out(text.trimEnd()),
      writeErr: (text) => terminal.err(text.trimEnd()),
    })
    .exitOverride()
    .addHelpText(
      'after',
      `
Exit codes: 0 done, 1 failed, 2 wrong use, 3 not found, 4 refused.

Examples:
  prb discover
  prb status --state error
  prb status --watch
  prb events worker-1
  prb transactions --state failed
  prb restart worker-1 worker-2
  prb create worker worker-3 --pid 2 --endpoint http://10.0.0.3:8000 --stake 1500
  prb inventory export fleet.yaml
  prb inventory import fleet.yaml --dry-run`,
    );

  const options = () => program.opts<GlobalOptions>();
  const timeoutMs = () => Math.max(1, Number(options().timeout) || 10) * 1000;
  const runner: Runner = {
    async withSession(work) {
      const { boot, mdns, peer, bridge, json, color } = options();
      const walkie = await connect({ boot, mdns, psk: await readSecret(terminal, options()) });
      const isColoured = color && terminal.isTty && terminal.environment['NO_COLOR'] === undefined;
      const session = new Session(walkie, { peer, bridge, timeoutMs: timeoutMs() });
      try {
        await walkie.start(terminal.signal);
        await work(session, { terminal, json, paint: painter(isColoured) });
      } finally {
        await walkie.stop();
      }
    },
    withManager: (work) =>
      runner.withSession(async (session, show) => work(await session.manager(), show)),
  };

  program
    .command('discover')
    .description('list the peers that are there')
    .action(() => runner.withSession((session, show) => showPeers(show, session)));
  program
    .command('info')
    .description('show how far the data providers are')
    .action(() => runner.withSession((session, show) => showInfo(show, session, timeoutMs())));
  program
    .command('pools')
    .description('list the pools')
    .action(() => runner.withManager((manager, show) => showPools(show, manager)));
  program
    .command('workers')
    .description('list the workers')
    .option('--pool <pid>', 'only of this pool')
    .action((filter: { pool?: string }) =>
      runner.withManager((manager, show) => showWorkers(show, manager, filter)),
    );
  program
    .command('status')
    .description('show the states of workers, what is wrong first')
    .argument('[workers...]', 'names or uuids; none means all')
    .option('--pool <pid>', 'only of this pool')
    .option('--state <state>', 'only in this state, for example error')
    .option('--watch [seconds]', 'again and again')
    .action(
      (names: string[], filter: { pool?: string; state?: string; watch?: string | boolean }) =>
        runner.withManager(async (manager, show) => {
          for (;;) {
            if (filter.watch !== undefined && terminal.isTty) terminal.out('\u001b[2J\u001b[H');
            await showStatus(show, manager, { ...filter, names });
            if (filter.watch === undefined || terminal.signal.aborted) return;
            await sleep((Number(filter.watch) || 2) * 1000, terminal.signal).catch(() => {});
            if (terminal.signal.aborted) return;
          }
        }),
    );
  const past = (command: Command) =>
    command
      .option('--limit <rows>', 'at most so many')
      .option('--before <time>', 'only what was before it');
  past(program.command('events'))
    .description('show what workers went through, newest first')
    .argument('[workers...]', 'names or uuids; none means all')
    .action((names: string[], page: PastOptions) =>
      runner.withManager((manager, show) => showEvents(show, manager, { ...page, names })),
    );
  past(program.command('transactions'))
    .description('show transactions and jobs that wait for one, newest first')
    .option('--worker <worker>', 'only of this one, a name or uuid')
    .option('--state <state>', 'only queued, running, done or failed ones')
    .action((filter: PastOptions & { worker?: string; state?: string }) =>
      runner.withManager((manager, show) => showTransactions(show, manager, filter)),
    );
  addChangeCommands(program, terminal, runner);
  addInventoryCommands(program, terminal, runner);
  addOrderCommands(program, runner);
  addAlertCommands(program, runner);
  program
    .command('secret')
    .description('make a shared secret for PHALA_WALKIE_PSK')
    .action(() => {
      const secret = SharedSecret.generate().toText();
      terminal.out(options().json ? toJson({ secret }) : secret);
    });
  program
    .command('completion')
    .description('print a completion script: eval "$(prb completion bash)"')
    .argument('<shell>', 'bash, zsh or fish')
    .action((shell: string) => terminal.out(completionScript(program, shell)));
  return program;
}

/** Runs a command line (without `node` and script) and gives the exit code. */
export async function run(
  words: readonly string[],
  terminal: Terminal,
  connect: Connect,
): Promise<number> {
  try {
    await createProgram(terminal, connect).parseAsync([...words], { from: 'user' });
    return ExitCode.OK;
  } catch (error) {
    if (error instanceof CommanderError) {
      return error.exitCode === 0 ? ExitCode.OK : ExitCode.USAGE;
    }
    if (terminal.signal.aborted) return ExitCode.FAILED;
    terminal.err(`prb: ${messageOf(error)}`);
    return exitCodeOf(error);
  }
}

async function readSecret(terminal: Terminal, { pskFile }: GlobalOptions) {
  const { PHALA_WALKIE_PSK: text, PHALA_WALKIE_PSK_FILE: file } = terminal.environment;
  if (pskFile !== undefined) return terminal.readFile(pskFile);
  return text || (file ? terminal.readFile(file) : undefined);
}

function list(text: string | undefined): string[] {
  return (text ?? '').split(',').filter((item) => item.trim() !== '');
}
