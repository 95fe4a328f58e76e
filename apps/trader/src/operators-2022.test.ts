import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger as logger } from '@runtime-bridge/base';
import initSqlJs from 'sql.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Operators2022 } from './operators-2022.js';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'operators-'));
  path = join(folder, 'local.db');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A database of 2022 with pools: pid, proxied account, key. */
async function database(pools: [number, string | null, string][]): Promise<Uint8Array> {
  const made = new (await initSqlJs()).Database();
  made.run(
    'CREATE TABLE pools (id UUID PRIMARY KEY, pid INTEGER, name TEXT, proxiedAccountSs58 TEXT, encryptedOperator BLOB)',
  );
  for (const [pid, proxied, key] of pools) {
    made.run('INSERT INTO pools VALUES (?,?,?,?,?)', [
      ...[`id-${pid}`, pid, `pool ${pid}`, proxied, Buffer.from(key)],
    ]);
  }
  const bytes = made.export();
  made.close();
  return bytes;
}

const base64 = (text: string) => Buffer.from(text).toString('base64');

describe('operators out of a local.db of 2022', () => {
  it('are found by pool, with the account that they act for', async () => {
    await writeFile(
      path,
      await database([
        [1, null, 'one'],
        [7, ' 45R2pf ', 'seven'],
      ]),
    );
    const operators = new Operators2022({ path }, { logger });
    expect(await Promise.all(['1', '7', '8'].map((pool) => operators.of(pool)))).toEqual([
      { sealed: base64('one') },
      { sealed: base64('seven'), proxiedAccount: '45R2pf' },
      undefined,
    ]);
  });

  it('are looked up again when the lifecycle manager has changed them', async () => {
    await writeFile(path, await database([[1, null, 'one']]));
    const operators = new Operators2022({ path }, { logger });
    expect(await operators.of('2')).toBeUndefined();
    await writeFile(
      path,
      await database([
        [1, null, 'new'],
        [2, null, 'two'],
      ]),
    );
    await utimes(path, new Date(), new Date(Date.now() + 5_000));
    expect(await operators.of('2')).toEqual({ sealed: base64('two') });
    expect(await operators.of('1')).toEqual({ sealed: base64('new') });
  });

  it('are not there where there is no such file, or another one', async () => {
    const operators = new Operators2022({ path }, { logger });
    expect(await operators.of('1')).toBeUndefined();
    await writeFile(path, 'something else that is long enough');
    expect(await operators.of('1')).toBeUndefined();
    expect(await new Operators2022({ path: folder }, { logger }).of('1')).toBeUndefined();
  });

  it('wait for changes that are being written', async () => {
    await writeFile(path, await database([[1, null, 'one']]));
    await writeFile(`${path}-journal`, 'half a change');
    const asked = new Operators2022({ path }, { logger }).of('1');
    setTimeout(() => void rm(`${path}-journal`), 300);
    expect(await asked).toEqual({ sealed: base64('one') });
  });

  it('say so when the database cannot be read', async () => {
    await writeFile(path, 'SQLite format 3\0 and nothing that makes sense');
    await expect(new Operators2022({ path }, { logger }).of('1')).rejects.toMatchObject({
      code: 'BAD_LOCAL_DB',
      facts: { path, variable: 'PHALA_LOCAL_DB_PATH' },
    });
  });
});
