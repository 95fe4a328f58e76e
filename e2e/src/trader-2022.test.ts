import {
  createCipheriv,
  createPublicKey,
  constants,
  publicEncrypt,
  randomBytes,
} from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@runtime-bridge/base';
import {
  loadOrCreateIdentity,
  operatorFromMnemonic,
  type Identity,
} from '@runtime-bridge/keystore';
import { Redis } from 'ioredis';
import initSqlJs from 'sql.js';
import { describe, expect, it } from 'vitest';
import { readRecord } from './trader/chain-record.js';
import { CHARLIE, hasRedis, KillRig, MNEMONIC } from './trader/kill-rig.js';
import { firstMessages } from './trader/messages.js';

/** An operator key as 2022 kept it (Phala-Network/runtime-bridge 80fde2c src/lifecycle/local_db/pool_model.ts). */
function envelope(identity: Identity, mnemonic: string): Uint8Array {
  const json = JSON.stringify(operatorFromMnemonic(mnemonic).pair.toJson());
  const [iv, key] = [randomBytes(16), randomBytes(32)];
  const cipher = createCipheriv('aes-256-cbc', key, iv);
  const padding = constants.RSA_PKCS1_OAEP_PADDING;
  const rsa = { key: createPublicKey(identity.rsaKey), padding, oaepHash: 'sha1' };
  const payload = Buffer.concat([cipher.update(json), cipher.final()]);
  return Buffer.concat(
    [iv, publicEncrypt(rsa, key), payload].map((bytes, index) => {
      const { length } = bytes;
      const size = length < 128 ? [length] : [(length & 0x7f) | 0x80, length >> 7];
      return Buffer.concat([Buffer.from([((index + 1) << 3) | 2, ...size]), bytes]);
    }),
  );
}

async function localDbOf2022(identity: Identity): Promise<Uint8Array> {
  const database = new (await initSqlJs()).Database();
  database.run(`CREATE TABLE pools (id UUID PRIMARY KEY, pid INTEGER NOT NULL UNIQUE,
    name TEXT NOT NULL UNIQUE, proxiedAccountSs58 TEXT, encryptedOperator BLOB NOT NULL,
    enabled TINYINT(1) DEFAULT 1, syncOnly TINYINT(1) DEFAULT 0, createdAt DATETIME NOT NULL,
    updatedAt DATETIME NOT NULL)`);
  const at = '2022-07-01 10:00:00.123 +00:00';
  database.run('INSERT INTO pools VALUES (?,?,?,?,?,?,?,?,?)', [
    ...['pool-1', 1, 'one', null, envelope(identity, MNEMONIC), 1, 0, at, at],
  ]);
  const bytes = database.export();
  database.close();
  return bytes;
}

describe.skipIf(!hasRedis())('the trader behind a lifecycle manager of 2022', () => {
  it('serves its jobs with operators out of its local.db, and answers as it expects', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'trader-2022-'));
    const rig = new KillRig({ folder, calls: 0, askForMs: 0 });
    const identity = await loadOrCreateIdentity(
      { directory: rig.keys, name: 'LIFECYCLE' },
      { logger: silentLogger },
    );
    await writeFile(rig.localDb, await localDbOf2022(identity));
    const messages = await firstMessages(2, 'old');
    let redis: Redis | undefined;
    try {
      await rig.start();
      redis = new Redis(rig.redisUrl, { maxRetriesPerRequest: null });
      const events = new Redis(rig.redisUrl, { maxRetriesPerRequest: null });
      const told = new Map<string, { event: string; data: unknown }>();
      events.on('message', (_channel, text: string) => {
        const { id, event, data } = JSON.parse(text) as {
          id: string;
          event: string;
          data: unknown;
        };
        if (event !== 'progress') told.set(id, { event, data });
      });
      await events.subscribe('bq:prbmq__main:events');
      // As bee-queue 1.4 puts a job down for the lifecycle manager of 2022.
      const put = async (id: string, pid: string, message: string) => {
        const job = {
          data: { action: 'BATCH_SYNC_MQ_MESSAGE', payload: { pid, messages: [message] } },
          options: { timestamp: Date.now(), stacktraces: [] },
          status: 'created',
        };
        await redis!
          .multi()
          .hset('bq:prbmq__main:jobs', id, JSON.stringify(job))
          .lpush('bq:prbmq__main:waiting', id)
          .exec();
      };
      await put('1', '1', messages[0]!.signed);
      await put('2', '99', messages[1]!.signed);
      const end = Date.now() + 90_000;
      while (told.size < 2 && Date.now() < end) {
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
      expect(told.get('1')).toMatchObject({ event: 'succeeded', data: { ok: true } });
      expect(told.get('2')?.event).toBe('failed');
      expect(told.get('2')?.data).toMatch(/no operator key, and none is known for pool 99/);
      events.disconnect();
      const { txHash } = told.get('1')!.data as { txHash: string };
      let record = await readRecord(rig.paraUrl, CHARLIE, [messages[0]!.origin]);
      while (record.nonces.length === 0 && Date.now() < end) {
        record = await readRecord(rig.paraUrl, CHARLIE, [messages[0]!.origin]);
      }
      expect([...record.hashes]).toEqual([txHash]);
      expect(record.ingress.get(messages[0]!.origin)).toBe(1n);
    } finally {
      redis?.disconnect();
      await rig.stop();
      await rm(folder, { recursive: true, force: true });
    }
  }, 180_000);
});
