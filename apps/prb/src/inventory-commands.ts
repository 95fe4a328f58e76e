import { extname } from 'node:path';
import { Option, type Command } from 'commander';
import {
  InventoryAction,
  InventoryFormat,
  InventoryKind,
  type ImportResult,
  type InventoryChange,
} from '@runtime-bridge/walkie-protocol';
import { FaultyEntriesError, UsageError } from './errors.js';
import { Prbv3Client, pushToPrbv3 } from './prbv3.js';
import type { Runner } from './program.js';
import type { Manager } from './session.js';
import { print, type Show } from './show.js';
import { toJson, type Terminal } from './terminal.js';

const formats: Readonly<Record<string, InventoryFormat>> = {
  yaml: InventoryFormat.F_YAML,
  json: InventoryFormat.F_JSON,
  csv: InventoryFormat.F_CSV,
  prbv3: InventoryFormat.F_PRBV3,
};
/** What `--format` may leave to the name of the file. */
const endings: Readonly<Record<string, string>> = {
  '.yaml': 'yaml',
  '.yml': 'yaml',
  '.json': 'json',
  '.csv': 'csv',
};
const SIGNS = {
  [InventoryAction.A_CREATE]: ['+', 'green', 'create'],
  [InventoryAction.A_CHANGE]: ['~', 'yellow', 'change'],
  [InventoryAction.A_DELETE]: ['-', 'red', 'delete'],
} as const;
/** What a request may hold (walkie-protocol's maxMessageBytes), keys included. */
const MAX_FILE_CHARACTERS = 3_900_000;

interface ImportOptions {
  format?: string;
  dryRun: boolean;
  prune: boolean;
  skipFaulty: boolean;
  mnemonicFile: string[];
  proxied: string[];
}

interface PushOptions {
  dryRun: boolean;
  mnemonicFile: string[];
}

/** `prb inventory`: all pools and workers in one document, checked and compared by the manager. */
export function addInventoryCommands(program: Command, terminal: Terminal, runner: Runner): void {
  const inventory = program
    .command('inventory')
    .description('write all pools and workers down, or make them as a file says');
  formatOption(inventory.command('export'), 'yaml')
    .description('write pools and workers, without keys')
    .argument('[file]', 'standard output if not given')
    .action((file: string | undefined, { format }: { format?: string }) =>
      runner.withManager(async (manager) => {
        const wanted = formatOf(format, file) ?? InventoryFormat.F_YAML;
        const { text } = await manager.client.call(
          'ExportInventory',
          { format: wanted },
          manager.options,
        );
        if (file === undefined) terminal.out(text.trimEnd());
        else await terminal.writeFile(file, text);
      }),
    );
  formatOption(inventory.command('import'), 'by the name of the file')
    .description('make pools and workers as a file says, showing what differs')
    .argument('<file>', '- is standard input')
    .option('--dry-run', 'only show it, and each faulty entry', false)
    .option('--prune', 'also remove what is not in the file', false)
    .option('--skip-faulty', 'take the entries that are right although others are not', false)
    .option(...mnemonicOption)
    .option('--proxied <pid=ss58>', 'account that a new pool has its operator act for', many, [])
    .action((file: string, options: ImportOptions) =>
      runner.withManager(async (manager, show) => {
        const format = formatOf(options.format, file);
        if (format === undefined) throw new UsageError('Say by --format what the file is');
        await importFile(terminal, manager, show, file, { ...options, format });
      }),
    );
  inventory
    .command('push-prbv3')
    .description('have a PRBv3 take pools and workers, by its configuration API')
    .argument('<url>', 'of its management interface, for example http://10.0.0.5:3001')
    .option('--dry-run', 'only show what would be sent', false)
    .option(...mnemonicOption)
    .action((url: string, options: PushOptions) =>
      runner.withManager(async (manager, show) => {
        const keys = await readMnemonics(terminal, options.mnemonicFile);
        const changes = await pushToPrbv3(
          { pools: await manager.pools(), workers: await manager.workers(), keys },
          new Prbv3Client(url, terminal.signal),
          options.dryRun,
        );
        print(show, { applied: !options.dryRun, changes }, () =>
          changes.length === 0 ? ['Nothing differs'] : changes.map((line) => `${line}`),
        );
      }),
    );
}

const many = (value: string, all: string[]) => [...all, value];
const mnemonicOption = [
  '--mnemonic-file <pid=path>',
  "file of a pool's operator phrase, may be repeated",
  many,
  [] as string[],
] as const;

function formatOption(command: Command, absent: string): Command {
  return command.addOption(
    new Option('--format <format>', `form of the file (default: ${absent})`).choices(
      Object.keys(formats),
    ),
  );
}

function formatOf(format: string | undefined, file: string | undefined) {
  const name = format ?? endings[extname(file ?? '').toLowerCase()];
  return name === undefined ? undefined : formats[name];
}

async function importFile(
  terminal: Terminal,
  manager: Manager,
  show: Show,
  file: string,
  options: Omit<ImportOptions, 'format'> & { format: InventoryFormat },
): Promise<void> {
  const text = await terminal.readFile(file);
  if (text.length > MAX_FILE_CHARACTERS) {
    throw new UsageError(
      `The file has ${text.length} characters, more than one import can take (${MAX_FILE_CHARACTERS}): divide it`,
    );
  }
  const keys = await readMnemonics(terminal, options.mnemonicFile);
  const proxied = new Map(options.proxied.map((pair) => numbered(pair, '--proxied')));
  const request = {
    format: options.format,
    text,
    prune: options.prune,
    skipFaulty: options.skipFaulty,
    owners: [...new Set([...keys.keys(), ...proxied.keys()])].map((pid) => ({
      pid: BigInt(pid),
      mnemonic: keys.get(pid) ?? '',
      realPhalaSs58: proxied.get(pid) ?? '',
    })),
  };
  const call = (dryRun: boolean, planId: string) =>
    manager.client.call('ImportInventory', { ...request, dryRun, planId }, manager.options);
  const shown = await call(true, '');
  const willApply =
    !options.dryRun &&
    shown.changes.length > 0 &&
    (shown.faults.length === 0 || options.skipFaulty);
  // Just what was shown is done, or nothing.
  const result = willApply ? await call(false, shown.planId) : shown;
  tellImport(show, result);
  if (result.faults.length > 0 && !options.skipFaulty) {
    throw new FaultyEntriesError(result.faults.length, result.applied);
  }
}

function tellImport({ terminal, json, paint }: Show, result: ImportResult): void {
  const { applied, changes, faults, unchanged, planId } = result;
  if (json) {
    terminal.out(
      toJson({
        applied,
        planId,
        unchanged,
        changes: changes.map((change) => ({
          kind: kindOf(change),
          action: SIGNS[change.action][2],
          name: change.name,
          pid: change.pid,
          fields: change.fields.map(({ field, before, after }) => ({ field, before, after })),
        })),
        faults: faults.map(({ place, field, rule }) => ({ place, field, rule })),
      }),
    );
    return;
  }
  for (const change of changes) {
    const [sign, colour] = SIGNS[change.action];
    terminal.out(paint(`${sign} ${kindOf(change)} ${change.name} (pool ${change.pid})`, colour));
    for (const { field, before, after } of change.fields) {
      terminal.out(`    ${field}: ${before} → ${after}`);
    }
  }
  for (const { place, field, rule } of faults) {
    terminal.out(paint(`! ${[place, field].filter(Boolean).join(' ')} ${rule}`, 'red'));
  }
  const count = `${changes.length} changes${applied ? ' made' : ', none made'}`;
  terminal.out(changes.length === 0 ? 'Nothing differs' : `${count}; ${unchanged} unchanged`);
}

const kindOf = ({ kind }: InventoryChange) => (kind === InventoryKind.K_POOL ? 'pool' : 'worker');

async function readMnemonics(
  terminal: Terminal,
  pairs: readonly string[],
): Promise<Map<string, string>> {
  const keys = new Map<string, string>();
  for (const pair of pairs) {
    const [pid, path] = numbered(pair, '--mnemonic-file');
    keys.set(pid, (await terminal.readFile(path)).trim());
  }
  return keys;
}

function numbered(pair: string, option: string): [pid: string, value: string] {
  const [, pid, value] = /^(\d{1,20})=(.+)$/.exec(pair) ?? [];
  if (pid === undefined || value === undefined) {
    throw new UsageError(`${option} takes the number of a pool, = and a value, not '${pair}'`);
  }
  return [pid, value];
}
