import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger, silentMetrics } from '@runtime-bridge/base';
import { RedisConsumer, RedisProducer } from '@runtime-bridge/tx-queue';
import { expect, it } from 'vitest';
import { startJob } from '../rig.test.kit.js';
import { arenaPage } from './arena-page.js';
import { PageServer } from './page-server.js';

const hasRedis = spawnSync('redis-server', ['--version']).error === undefined;
if (!hasRedis) {
  if (process.env['CI'] === 'true') throw new Error('redis-server is not installed');
  console.warn('SKIPPED: no redis-server in PATH (apt-get install redis-server)');
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

it.skipIf(!hasRedis)(
  'shows the queue in Redis with bull-arena, keys hidden, nothing from elsewhere',
  async () => {
    const logger = silentLogger;
    const port = await freePort();
    const url = `redis://127.0.0.1:${port}`;
    const folder = await mkdtemp(join(tmpdir(), 'arena-'));
    const page = new PageServer(
      { port: 0, token: 't', tokenFile: '' },
      { open: () => arenaPage({ url }, { logger }), logger },
    );
    await page.start();
    const get = async (path: string) => {
      const response = await fetch(`http://127.0.0.1:${page.port}${path}`, {
        headers: { authorization: 'Bearer t' },
      });
      return { status: response.status, text: await response.text() };
    };
    // Before Redis is there.
    expect((await get('/')).status).toBe(503);
    const redis = spawn('redis-server', ['--port', `${port}`, '--save', '', '--dir', folder]);
    const producer = new RedisProducer({ url }, { logger, metrics: silentMetrics });
    const consumer = new RedisConsumer({ url, concurrency: 1 }, { logger });
    try {
      await producer.start();
      consumer.handle(() => new Promise(() => {}));
      await consumer.start();
      for (const index of [1, 2]) producer.submit(startJob(index)).catch(() => {});
      await expect.poll(async () => await producer.counts()).toEqual({ waiting: 1, active: 1 });
      await expect.poll(async () => (await get('/')).status, { timeout: 10_000 }).toBe(200);
      const queue = await get('/transactions/prbmq__main');
      expect(queue.status).toBe(200);
      expect(queue.text.replace(/\s+/g, ' ')).toMatch(/waiting.*>\s*1\b/i);
      const waiting = await get('/transactions/prbmq__main/waiting');
      expect(waiting.text).toContain(startJob(2).id);
      const job = await get(`/transactions/prbmq__main/${encodeURIComponent(startJob(2).id)}`);
      expect(job.status).toBe(200);
      expect(job.text).toContain('START_COMPUTING');
      const data = await get('/transactions/prbmq__main/waiting.json');
      for (const { text } of [queue, waiting, job, data]) {
        expect(text).not.toContain(startJob(2).operator.sealed);
        expect(text).not.toMatch(/(src|href)="(https?:)?\/\//);
      }
    } finally {
      await page.stop();
      await consumer.stop();
      await producer.stop();
      redis.kill('SIGKILL');
      await rm(folder, { recursive: true, force: true });
    }
  },
  30_000,
);
