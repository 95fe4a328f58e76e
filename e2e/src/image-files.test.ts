import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from './lying-node/provider-process.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

// Run inside the files of an image, where nothing else is found.
const PROBE = `
import { silentLogger as logger, silentMetrics as metrics } from '@runtime-bridge/base';
import { RedisConsumer, RedisProducer } from '@runtime-bridge/tx-queue';
import initSqlJs from 'sql.js';

const { Database } = await initSqlJs();
const rows = new Database().exec('select 6 * 7');
const key = '0x' + '1a'.repeat(32);
const hash = '0x' + '0b'.repeat(32);
const [url] = process.argv.slice(2);
const consumer = new RedisConsumer({ url }, { logger });
consumer.handle(() => Promise.resolve({ ok: true, blockNumber: rows[0].values[0][0], blockHash: hash, txHash: hash }));
await consumer.start();
const producer = new RedisProducer({ url }, { logger, metrics });
await producer.start();
const outcome = await producer.submit({
  id: 'START_COMPUTING:' + key + ':1',
  job: { action: 'START_COMPUTING', payload: { pid: '7', publicKey: key, stake: '5' } },
  operator: { sealed: 'c2VhbGVk' },
});
console.log(JSON.stringify(outcome));
await producer.stop();
await consumer.stop();
`;

/** What tracing cannot follow: scripts and WebAssembly that libraries read by name. */
describe.each(['lifecycle', 'trader'])('the files of the image %s', (target) => {
  let folder = '';
  let redis: ChildProcess;
  let url = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'image-files-'));
    const port = await freePort();
    url = `redis://127.0.0.1:${port}/`;
    redis = spawn('redis-server', ['--port', String(port), '--save', '', '--dir', folder], {
      stdio: 'ignore',
    });
    const collected = spawnSync(
      process.execPath,
      [join(root, 'tools/images/collect.mjs'), target, join(folder, 'app')],
      { encoding: 'utf8' },
    );
    expect(collected.status, collected.stderr).toBe(0);
    await writeFile(join(folder, 'app/probe.mjs'), PROBE);
  });
  afterAll(async () => {
    redis.kill('SIGKILL');
    await once(redis, 'exit');
    await rm(folder, { recursive: true, force: true });
  });

  it('carry jobs over an empty Redis and read databases of 2022', () => {
    const probe = spawnSync(process.execPath, ['probe.mjs', url], {
      cwd: join(folder, 'app'),
      encoding: 'utf8',
      timeout: 60_000,
    });
    expect(probe.stderr).toBe('');
    expect(JSON.parse(probe.stdout)).toMatchObject({ ok: true, blockNumber: 42 });
  });
});
