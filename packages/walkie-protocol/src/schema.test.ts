import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

/** `proto-2022` holds the messages of 2022: names, numbers and JSON of those are not ours to change. */

const home = fileURLToPath(new URL('..', import.meta.url));
const bufMain = fileURLToPath(
  new URL('../../../node_modules/@bufbuild/buf/bin/buf', import.meta.url),
);
let copy: string;

beforeEach(async () => {
  copy = await mkdtemp(join(tmpdir(), 'schema-'));
  for (const part of ['proto', 'proto-2022', 'buf.yaml']) {
    await cp(join(home, part), join(copy, part), { recursive: true });
  }
});
afterEach(() => rm(copy, { recursive: true }));

const buf = (...words: string[]) =>
  promisify(execFile)(process.execPath, [bufMain, ...words], { cwd: copy });
const breaking = () => buf('breaking', '--against', 'proto-2022');

async function change(file: string, from: string, to: string): Promise<void> {
  const path = join(copy, 'proto/prb', file);
  const text = await readFile(path, 'utf8');
  expect(text).toContain(from);
  await writeFile(path, text.replace(from, to));
}

describe('the schema', () => {
  it('is free of lint, and breaks nothing of 2022', async () => {
    await buf('lint');
    await breaking();
  }, 30_000);

  it.each([
    ['a number', 'message.proto', 'string method = 4;', 'string method = 5;'],
    [
      'a type',
      'worker.proto',
      'int32 para_header_synched_to = 3;',
      'string para_header_synched_to = 3;',
    ],
    ['a name', 'worker.proto', 'session_info_json = 10', 'worker_info_json = 10'],
    ['an enum value', 'data-provider.proto', 'S_SYHCHING = 1', 'S_SYNCHING = 1'],
    ['a presence', 'db.proto', 'string name = 3;', 'repeated string name = 3;'],
  ])(
    'would not get away with another %s',
    async (_what, file, from, to) => {
      await change(file, from, to);
      await expect(breaking()).rejects.toMatchObject({ code: 100 });
    },
    30_000,
  );
});
