import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../../../apps/data-provider/dist/main.js', import.meta.url));

/** How a command of the data provider ended. */
export interface CommandResult {
  code: number | null;
  out: string;
  err: string;
}

/** Runs a command of the built data provider on a store, as an operator does. */
export async function storeCommand(
  storePath: string,
  args: readonly string[],
  options: { env?: Readonly<Record<string, string>>; killAfterMs?: number } = {},
): Promise<CommandResult> {
  const child = spawn(process.execPath, ['--enable-source-maps', PROGRAM, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], PHALA_LOCAL_DB_PATH: storePath, ...options.env },
  });
  const result: CommandResult = { code: null, out: '', err: '' };
  child.stdout.on('data', (data: Buffer) => (result.out += data.toString('utf8')));
  child.stderr.on('data', (data: Buffer) => (result.err += data.toString('utf8')));
  const timer =
    options.killAfterMs === undefined
      ? undefined
      : setTimeout(() => child.kill('SIGKILL'), options.killAfterMs);
  result.code = await new Promise((resolve) => child.once('close', resolve));
  clearTimeout(timer);
  return result;
}

/** What `inspect` tells of a store's heights; undefined while it has no genesis. */
export async function inspectHeights(
  storePath: string,
): Promise<{ relay: number; para: number } | undefined> {
  const { code, out, err } = await storeCommand(storePath, ['inspect']);
  if (code !== 0) throw new Error(`inspect of ${storePath} ended with ${code}: ${out}${err}`);
  const { heights } = JSON.parse(out) as { heights?: { relay: number; para: number } };
  return heights;
}

/** Has `verify` prove a whole store. Throws with what it said when it is not content. */
export async function verifyStore(storePath: string): Promise<{ paraBlocks: number }> {
  const { code, out, err } = await storeCommand(storePath, ['verify']);
  if (code !== 0) throw new Error(`verify of ${storePath} ended with ${code}: ${out}${err}`);
  return JSON.parse(out) as { paraBlocks: number };
}
