import { access, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runService } from '@runtime-bridge/service-kit';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { commands } from './commands.js';
import { dataProviderSettings } from './settings.js';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rb-commands-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

async function run(...args: string[]) {
  const said = { out: '', err: '', code: undefined as unknown };
  const handle = {
    argv: ['node', 'main.js', ...args],
    version: 'v20',
    env: { PHALA_LOCAL_DB_PATH: join(folder, 'store') },
    stdout: { write: (text: string) => (said.out += text) },
    stderr: { write: (text: string) => (said.err += text) },
    exitCode: undefined as number | undefined,
    exit: () => undefined as never,
    on: () => undefined,
  };
  await runService(handle, {
    name: 'data-provider',
    version: '0',
    description: '',
    settings: dataProviderSettings,
    commands,
    build: () => Promise.reject(new Error('must not start')),
  });
  return { ...said, code: handle.exitCode };
}

it.each(['inspect', 'verify', 'compact', 'export'])('%s makes no store', async (name) => {
  const said = await run(name, ...(name === 'export' ? [join(folder, 'file')] : []));
  expect(said.code).toBe(1);
  expect(said.err).toContain('PHALA_LOCAL_DB_PATH');
});

it.each([
  ['export'],
  ['import'],
  ['import', '--all'],
  ['export', 'a', 'b'],
  ['verify', '--header'],
  ['verify', 'all'],
  ['inspect', 'all'],
  ['compact', '--headers'],
])('%s refuses what it does not know: %s', async (...args) => {
  expect((await run(...args)).code).toBe(78);
});

it.each(['a file that is not there', 'another file'])(
  'import makes no store of %s',
  async (what) => {
    const file = join(folder, 'file');
    if (what === 'another file') await writeFile(file, 'no store at all');
    expect((await run('import', file)).code).toBe(1);
    await expect(access(join(folder, 'store'))).rejects.toThrow('ENOENT');
  },
);
