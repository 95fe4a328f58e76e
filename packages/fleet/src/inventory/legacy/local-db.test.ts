import {
  constants,
  createCipheriv,
  createPublicKey,
  publicEncrypt,
  randomBytes,
} from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { silentLogger, toHex } from '@runtime-bridge/base';
import {
  Identity,
  openOperator,
  operatorFromMnemonic,
  sealOperator,
} from '@runtime-bridge/keystore';
import initSqlJs, { type Database } from 'sql.js';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { Inventory } from '../inventory.js';
import { importLocalDb, type ResealOperator } from './local-db.js';

const SCHEMA = `
  CREATE TABLE pools (id UUID PRIMARY KEY, pid INTEGER NOT NULL UNIQUE, name TEXT NOT NULL UNIQUE,
    proxiedAccountSs58 TEXT, encryptedOperator BLOB NOT NULL, enabled TINYINT(1) DEFAULT 1,
    syncOnly TINYINT(1) DEFAULT 0, createdAt DATETIME NOT NULL, updatedAt DATETIME NOT NULL);
  CREATE TABLE workers (id UUID PRIMARY KEY, name TEXT NOT NULL UNIQUE, endpoint TEXT NOT NULL,
    stake TEXT NOT NULL, enabled TINYINT(1) DEFAULT 1, syncOnly TINYINT(1) DEFAULT 0,
    poolId UUID REFERENCES pools (id), createdAt DATETIME NOT NULL, updatedAt DATETIME NOT NULL);`;
const AT = '2022-07-01 10:00:00.123 +00:00';
const PROXIED = '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY';

let identity: Identity;
let directory: string;
let path: string;
let inventory: Inventory;
let database: Database;

const open = () =>
  Inventory.open(
    { directory: `${path}.store` },
    {
      sealOperator: () => ({ publicKey: new Uint8Array(32), sealed: Uint8Array.of(1) }),
      logger: silentLogger,
    },
  );
const resealFor =
  (by: Identity): ResealOperator =>
  (envelope) => {
    const key = openOperator(by, envelope);
    return { publicKey: key.publicKey, sealed: sealOperator(by, key) };
  };
const run = (by = identity) =>
  importLocalDb({ path }, { inventory, reseal: resealFor(by), logger: silentLogger });

/** An operator key as 2022 kept it. */
function envelope(mnemonic: string): Uint8Array {
  const json = JSON.stringify(operatorFromMnemonic(mnemonic).pair.toJson());
  const [iv, key] = [randomBytes(16), randomBytes(32)];
  const cipher = createCipheriv('aes-256-cbc', key, iv);
  const wrapped = publicEncrypt(
    {
      key: createPublicKey(identity.rsaKey),
      padding: constants.RSA_PKCS1_OAEP_PADDING,
      oaepHash: 'sha1',
    },
    key,
  );
  const payload = Buffer.concat([cipher.update(json), cipher.final()]);
  return Buffer.concat(
    [iv, wrapped, payload].map((bytes, index) => {
      const { length } = bytes;
      const size = length < 128 ? [length] : [(length & 0x7f) | 0x80, length >> 7];
      return Buffer.concat([Buffer.from([((index + 1) << 3) | 2, ...size]), bytes]);
    }),
  );
}

function addPool(
  id: string,
  pid: number,
  name: string,
  over: { proxied?: string; enabled?: 0 } = {},
) {
  database.run('INSERT INTO pools VALUES (?,?,?,?,?,?,?,?,?)', [
    id,
    pid,
    name,
    over.proxied ?? null,
    envelope(`//${name}`),
    over.enabled ?? 1,
    0,
    AT,
    AT,
  ]);
}

function addWorker(
  name: string,
  poolId: string | null,
  over: { stake?: string; url?: string } = {},
) {
  const { stake = '1000000000000', url = `http://${name}:8000/` } = over;
  database.run('INSERT INTO workers VALUES (?,?,?,?,?,?,?,?,?)', [
    `id-${name}`,
    name,
    url,
    stake,
    1,
    1,
    poolId,
    AT,
    AT,
  ]);
}

const save = () => writeFile(path, database.export());

beforeAll(async () => {
  identity = await Identity.generate();
}, 30_000);
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'local-db-'));
  path = join(directory, 'local.db');
  database = new (await initSqlJs()).Database();
  database.run(SCHEMA);
  inventory = await open();
});
afterEach(async () => {
  database.close();
  await inventory.close();
  await rm(directory, { recursive: true, force: true });
});

describe('a database of 2022', () => {
  it('is taken over with its keys and uuids, and left as it is', async () => {
    addPool('pool-a', 0, 'Alice');
    addPool('pool-b', 7, 'Bob', { proxied: PROXIED, enabled: 0 });
    addWorker('w1', 'pool-a', { stake: '340282366920938463463374607431768211455' });
    addWorker('w2', 'pool-b');
    await save();
    const before = await readFile(path);
    expect(await run()).toEqual({ pools: 2, workers: 2, leftOut: [] });
    expect(await readFile(path)).toEqual(before);
    const { pools, workers } = inventory.snapshot;
    const createdAtMs = Date.parse('2022-07-01T10:00:00.123Z');
    expect(pools.get('pool-b')).toMatchObject({
      poolId: 7n,
      name: 'Bob',
      enabled: false,
      syncOnly: false,
      proxiedAccount: PROXIED,
      operatorPublicKey: toHex(operatorFromMnemonic('//Bob').publicKey),
      createdAtMs,
    });
    expect(pools.get('pool-a')).toMatchObject({ poolId: 0n, enabled: true, proxiedAccount: '' });
    const { sealedOperator } = pools.get('pool-a')!;
    expect(openOperator(identity, sealedOperator).ss58(30)).toBe(
      operatorFromMnemonic('//Alice').ss58(30),
    );
    expect(workers.get('id-w1')).toEqual({
      uuid: 'id-w1',
      poolUuid: 'pool-a',
      name: 'w1',
      endpoint: 'http://w1:8000',
      stake: (1n << 128n) - 1n,
      enabled: true,
      syncOnly: true,
      createdAtMs,
      updatedAtMs: createdAtMs,
    });
  });

  it('is taken over once, also when everything was deleted since, and never into an inventory with rows', async () => {
    addPool('pool-a', 1, 'Alice');
    await save();
    await run();
    await inventory.updatePools([{ id: { kind: 'poolId', poolId: 1n }, deleted: true }]);
    await inventory.close();
    inventory = await open();
    expect(await run()).toBeUndefined();
    expect(inventory.snapshot.pools.size).toBe(0);
  });

  it('leaves out the rows that break a rule, and says which', async () => {
    addPool('pool-a', 1, 'Alice');
    addPool('pool-b', 2, 'Bob', { proxied: 'nonsense' });
    addWorker('good', 'pool-a');
    addWorker('poor', 'pool-a', { stake: '1' });
    addWorker('lost', null);
    addWorker('wrong', 'pool-a', { url: 'w:8000' });
    addWorker('orphan', 'pool-b');
    await save();
    const result = await run();
    expect(result).toMatchObject({ pools: 1, workers: 1 });
    expect(result?.leftOut.map((line) => line.split(':')[0]).sort()).toEqual([
      'pool Bob',
      'worker lost',
      'worker orphan',
      'worker poor',
      'worker wrong',
    ]);
  });

  it('is not taken over at all while its key file is missing, and is as soon as that is there', async () => {
    addPool('pool-a', 1, 'Alice');
    await save();
    const stranger = await Identity.generate();
    await expect(run(stranger)).rejects.toMatchObject({ code: 'BAD_LOCAL_DB' });
    expect(inventory.snapshot.pools.size).toBe(0);
    expect(await run()).toMatchObject({ pools: 1 });
  }, 30_000);

  it('is refused when it is damaged or in use', async () => {
    await writeFile(path, 'SQLite format 3\0 and then nothing');
    await expect(run()).rejects.toMatchObject({ code: 'BAD_LOCAL_DB' });
    await save();
    await writeFile(`${path}-wal`, 'changes');
    await expect(run()).rejects.toMatchObject({ code: 'BAD_LOCAL_DB' });
  });

  it('is nothing where there is no file, a folder, or another file', async () => {
    expect(await run()).toBeUndefined();
    await writeFile(path, 'hello');
    expect(await run()).toBeUndefined();
    path = directory;
    expect(await run()).toBeUndefined();
  });
});
