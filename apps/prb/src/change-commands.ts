import type { Command } from 'commander';
import { poolEntry, workerEntry } from './difference.js';
import { UsageError } from './errors.js';
import type { Runner } from './program.js';
import { stateJson, type Show } from './show.js';
import { toJson, type Terminal } from './terminal.js';
import { changePools, changeWorkers, exportFleet, importFleet } from './transfer.js';
import { parsePha } from './units.js';

interface PoolOptions {
  name?: string;
  mnemonicFile?: string;
  proxied?: string;
  enabled?: string;
  syncOnly?: string;
}

interface WorkerOptions {
  name?: string;
  pid?: string;
  endpoint?: string;
  stake?: string;
  enabled?: string;
  syncOnly?: string;
}

/** Commands that change something at a manager. */
export function addChangeCommands(program: Command, terminal: Terminal, runner: Runner): void {
  const actions = [
    ['restart', 'RestartWorker', 'restart workers'],
    ['refresh-ra', 'RefreshRaAndRestartWorker', 'renew remote attestations and restart workers'],
    ['kick', 'KickWorker', 'have workers leave, until they are restarted'],
  ] as const;
  for (const [name, method, description] of actions) {
    program
      .command(name)
      .description(description)
      .argument('<workers...>', 'names or uuids')
      .action((names: string[]) =>
        runner.withManager(async (manager, show) => {
          const ids = (await manager.workersNamed(names)).map(({ uuid }) => uuid);
          const { workerStates } = await manager.client.call(method, { ids }, manager.options);
          done(show, `${name}: ${names.join(', ')}`, workerStates.map(stateJson));
        }),
      );
  }

  const create = program.command('create').description('add a pool or a worker');
  poolOptions(create.command('pool').argument('<pid>', 'id of the stake pool'))
    .requiredOption('--name <name>', 'what to call it')
    .requiredOption('--mnemonic-file <path>', "file of the operator's phrase; - is standard input")
    .action((pid: string, options: PoolOptions) =>
      runner.withManager(async (manager, show) => {
        const entry = {
          pid: wholeNumber(pid),
          name: options.name!,
          enabled: flag(options.enabled, true),
          syncOnly: flag(options.syncOnly, false),
          proxiedAccount: options.proxied ?? '',
          mnemonic: (await terminal.readFile(options.mnemonicFile!)).trim(),
        };
        await changePools(manager, [{ kind: 'create', entry, uuid: undefined, details: [] }]);
        done(show, `Pool ${pid} added`, { pid });
      }),
    );
  workerOptions(create.command('worker').argument('<name>', 'what to call it'))
    .requiredOption('--pid <pid>', 'id of its stake pool')
    .requiredOption('--endpoint <url>', 'where its pRuntime is')
    .requiredOption('--stake <pha>', 'stake in PHA, for example 1500.5')
    .action((name: string, options: WorkerOptions) =>
      runner.withManager(async (manager, show) => {
        const entry = {
          name,
          pid: wholeNumber(options.pid!),
          endpoint: options.endpoint!,
          enabled: flag(options.enabled, true),
          syncOnly: flag(options.syncOnly, false),
          stake: parsePha(options.stake!).toString(),
        };
        await changeWorkers(manager, [{ kind: 'create', entry, uuid: undefined, details: [] }]);
        done(show, `Worker ${name} added`, { name });
      }),
    );

  const update = program.command('update').description('change a pool or a worker');
  poolOptions(update.command('pool').argument('<pool>', 'pid, name or uuid'))
    .option('--name <name>', 'what to call it')
    .option('--mnemonic-file <path>', "file of the new operator's phrase; - is standard input")
    .action((id: string, options: PoolOptions) =>
      runner.withManager(async (manager, show) => {
        const [pool] = await manager.poolsNamed([id]);
        const old = poolEntry(pool!);
        const { mnemonicFile } = options;
        const entry = {
          ...old,
          name: options.name ?? old.name,
          enabled: flag(options.enabled, old.enabled),
          syncOnly: flag(options.syncOnly, old.syncOnly),
          proxiedAccount: options.proxied ?? old.proxiedAccount,
          ...(mnemonicFile === undefined
            ? {}
            : { mnemonic: (await terminal.readFile(mnemonicFile)).trim() }),
        };
        await changePools(manager, [{ kind: 'update', entry, uuid: pool!.uuid, details: [] }]);
        done(show, `Pool ${id} changed`, { pid: old.pid });
      }),
    );
  workerOptions(update.command('worker').argument('<worker>', 'name or uuid'))
    .option('--name <name>', 'what to call it')
    .option('--pid <pid>', 'id of its stake pool')
    .option('--endpoint <url>', 'where its pRuntime is')
    .option('--stake <pha>', 'stake in PHA')
    .action((id: string, options: WorkerOptions) =>
      runner.withManager(async (manager, show) => {
        const [worker] = await manager.workersNamed([id]);
        const old = workerEntry(worker!);
        const entry = {
          name: options.name ?? old.name,
          pid: options.pid === undefined ? old.pid : wholeNumber(options.pid),
          endpoint: options.endpoint ?? old.endpoint,
          enabled: flag(options.enabled, old.enabled),
          syncOnly: flag(options.syncOnly, old.syncOnly),
          stake: options.stake === undefined ? old.stake : parsePha(options.stake).toString(),
        };
        await changeWorkers(manager, [{ kind: 'update', entry, uuid: worker!.uuid, details: [] }]);
        done(show, `Worker ${id} changed`, { name: entry.name });
      }),
    );

  const remove = program.command('delete').description('remove pools or workers');
  remove
    .command('pool')
    .argument('<pools...>', 'pids, names or uuids')
    .requiredOption('--yes', 'really')
    .action((ids: string[]) =>
      runner.withManager(async (manager, show) => {
        const pools = await manager.poolsNamed(ids);
        await changePools(
          manager,
          pools.map((pool) => ({
            kind: 'delete',
            entry: poolEntry(pool),
            uuid: pool.uuid,
            details: [],
          })),
        );
        done(show, `Pools removed: ${ids.join(', ')}`, { removed: ids });
      }),
    );
  remove
    .command('worker')
    .argument('<workers...>', 'names or uuids')
    .requiredOption('--yes', 'really')
    .action((ids: string[]) =>
      runner.withManager(async (manager, show) => {
        const workers = await manager.workersNamed(ids);
        await changeWorkers(
          manager,
          workers.map((worker) => ({
            kind: 'delete',
            entry: workerEntry(worker),
            uuid: worker.uuid,
            details: [],
          })),
        );
        done(show, `Workers removed: ${ids.join(', ')}`, { removed: ids });
      }),
    );

  program
    .command('export')
    .description('write pools and workers as JSON, without keys')
    .argument('[file]', 'standard output if not given')
    .action((file: string | undefined) =>
      runner.withManager(async (manager) => {
        const text = toJson(await exportFleet(manager));
        if (file === undefined) terminal.out(text);
        else await terminal.writeFile(file, `${text}\n`);
      }),
    );
  program
    .command('import')
    .description('make pools and workers as a file of prb export says, showing what differs')
    .argument('<file>', '- is standard input')
    .option('--dry-run', 'only show it', false)
    .option('--prune', 'also remove what is not in the file', false)
    .action((file: string, options: { dryRun: boolean; prune: boolean }) =>
      runner.withManager(async (manager, show) =>
        importFleet(show, manager, await terminal.readFile(file), options),
      ),
    );
}

function poolOptions(command: Command): Command {
  return command
    .option('--proxied <ss58>', 'account that the operator is a proxy of; empty for none')
    .option('--enabled <yes|no>', 'whether its workers are driven')
    .option('--sync-only <yes|no>', 'whether nothing is sent on chain');
}

function workerOptions(command: Command): Command {
  return command
    .option('--enabled <yes|no>', 'whether it is driven')
    .option('--sync-only <yes|no>', 'whether nothing is sent on chain');
}

function done({ terminal, json }: Show, text: string, value: unknown): void {
  terminal.out(json ? toJson(value) : text);
}

function flag(text: string | undefined, absent: boolean): boolean {
  if (text === undefined) return absent;
  if (/^(yes|true|on)$/i.test(text)) return true;
  if (/^(no|false|off)$/i.test(text)) return false;
  throw new UsageError(`'${text}' is neither yes nor no`);
}

function wholeNumber(text: string): string {
  if (/^\d{1,20}$/.test(text)) return text;
  throw new UsageError(`'${text}' is no pool id`);
}
