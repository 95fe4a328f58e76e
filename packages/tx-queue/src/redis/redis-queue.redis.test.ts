import { execFileSync, spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger, silentMetrics } from '@runtime-bridge/base';
import BeeQueue from 'bee-queue';
import { Redis as IoRedis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { done, queueSuite, request, until, type QueueUnderTest } from '../compliance.test.suite.js';
import { RedisConsumer } from './redis-consumer.js';
import { RedisProducer } from './redis-producer.js';
import { freePort, password, findRedisServer, RedisServer } from './redis-server.test.support.js';

const logger = silentLogger;
const binary = await findRedisServer(process.env['PATH'] ?? '');
if (binary === undefined) {
  if (process.env['CI'] === 'true') throw new Error('redis-server is not installed');
  console.warn('SKIPPED: no redis-server in PATH (apt-get install redis-server)');
}
describe.skipIf(!binary)('Redis', () => {
  const server = new RedisServer(binary!);
  let prefix = 0;
  beforeAll(() => server.start());
  afterAll(async () => {
    await server.stop();
    await rm(server.folder, { recursive: true, force: true });
  });

  const settings = () => ({ url: server.url, prefix: `t${prefix}` });

  queueSuite(
    'bee-queue over Redis',
    async ({ maxJobs }) => {
      prefix += 1;
      const producer = new RedisProducer(
        { ...settings(), maxJobs, checkIntervalMs: 200 },
        { logger, metrics: silentMetrics },
      );
      await producer.start();
      return {
        producer,
        consumer: ({ concurrency }) =>
          new RedisConsumer({ ...settings(), concurrency, stallIntervalMs: 300 }, { logger }),
        kill: (consumer) => consumer.stop(),
        close: () => producer.stop(),
      } satisfies QueueUnderTest;
    },
    { redeliveryMs: 10_000 },
  );

  describe('beside that', () => {
    const stops: (() => Promise<unknown>)[] = [];
    afterEach(async () => {
      for (const stop of stops.splice(0).reverse()) await stop();
    });

    async function ends() {
      prefix += 1;
      const producer = new RedisProducer(
        { ...settings(), checkIntervalMs: 200 },
        { logger, metrics: silentMetrics },
      );
      const consumer = new RedisConsumer({ ...settings(), stallIntervalMs: 300 }, { logger });
      stops.push(
        () => producer.stop(),
        () => consumer.stop(),
      );
      await producer.start();
      return { producer, consumer };
    }

    it('leaves nothing of a finished job behind', async () => {
      const { producer, consumer } = await ends();
      consumer.handle((job) =>
        Promise.resolve(
          job.id.endsWith('1') ? done(1) : { ok: false, error: { code: 'X', message: 'x' } },
        ),
      );
      await consumer.start();
      await Promise.all(['1', '2'].map((epoch) => producer.submit(request(epoch))));
      const client = new IoRedis(server.url);
      stops.push(() => client.quit());
      await until(async () => (await client.hlen(`t${prefix}:prbmq__main:jobs`)) === 0);
      expect(await client.scard(`t${prefix}:prbmq__main:failed`)).toBe(0);
      expect(await client.scard(`t${prefix}:prbmq__main:succeeded`)).toBe(0);
      expect(await client.llen(`t${prefix}:prbmq__main:active`)).toBe(0);
    });

    it('tells a 2022 asker success and failure as bee-queue does', async () => {
      const { consumer } = await ends();
      consumer.handle((job) =>
        Promise.resolve(
          job.id === '1' ? done(3) : { ok: false, error: { code: 'X', message: 'Tx failed: y' } },
        ),
      );
      await consumer.start();
      // As the 2022 lifecycle does it: bee-queue's own client, ids from its counter, no operator.
      const queue = new BeeQueue('prbmq__main', {
        prefix: `t${prefix}`,
        redis: { host: '127.0.0.1', port: server.port, password },
        isWorker: false,
      });
      stops.push(() => queue.close());
      const ask = async () => {
        const { action, payload } = request('1').job;
        const job = await queue.createJob({ action, payload }).save();
        return await new Promise<unknown>((resolve) => {
          job.on('succeeded', (result) => resolve(result));
          job.on('failed', (error) => resolve(error.message));
        });
      };
      expect(await ask()).toEqual(done(3));
      expect(await ask()).toBe('Tx failed: y');
    });

    it('asks again when Redis was emptied under way', async () => {
      const { producer, consumer } = await ends();
      let handled = 0;
      let release: (() => void) | undefined;
      consumer.handle(async () => {
        handled += 1;
        if (handled === 1) await new Promise<void>((resolve) => (release = resolve));
        return done(handled);
      });
      await consumer.start();
      const asked = producer.submit(request('1'));
      await until(() => release !== undefined);
      const client = new IoRedis(server.url);
      await client.flushall();
      await client.quit();
      expect(await asked).toEqual(done(2));
      release!();
    });

    it('survives a restart of Redis that forgets all jobs and scripts', async () => {
      const { producer, consumer } = await ends();
      consumer.handle(() => Promise.resolve(done(1)));
      await consumer.start();
      await producer.submit(request('1'));
      const waiting = (async () => {
        await server.stop();
        const asked = producer.submit(request('2'));
        await new Promise((resolve) => setTimeout(resolve, 300));
        await server.start();
        return await asked;
      })();
      expect(await waiting).toEqual(done(1));
      expect(await producer.submit(request('3'))).toEqual(done(1));
    }, 20_000);

    it('gets over scripts that Redis is made to forget between jobs', async () => {
      const { producer, consumer } = await ends();
      consumer.handle(() => Promise.resolve(done(1)));
      await consumer.start();
      const client = new IoRedis(server.url);
      stops.push(() => client.quit());
      for (const epoch of ['1', '2', '3']) {
        await client.script('FLUSH');
        expect(await producer.submit(request(epoch))).toEqual(done(1));
      }
    });

    it.each([
      ['scripts may not be run when it starts', ['-eval', '-evalsha'], 'before'],
      ['scripts may not be loaded when it starts', ['-script'], 'before'],
      ['scripts may not be run for a while', ['-eval', '-evalsha'], 'after'],
    ] as const)('takes jobs although %s', async (_what, refused, when) => {
      const { producer, consumer } = await ends();
      consumer.handle(() => Promise.resolve(done(1)));
      const client = new IoRedis(server.url);
      stops.push(() => client.quit());
      const refusals = () => rejectedCalls(client);
      if (when === 'after') await consumer.start();
      await client.call('ACL', 'SETUSER', 'default', ...refused);
      const before = await refusals();
      try {
        const started = when === 'before' ? consumer.start() : undefined;
        // Long enough that somebody was refused more than once.
        await until(async () => (await refusals()) > before + 2);
        await client.call('ACL', 'SETUSER', 'default', '+@all');
        await started;
      } finally {
        await client.call('ACL', 'SETUSER', 'default', '+@all');
      }
      expect(await producer.submit(request('1'))).toEqual(done(1));
    });

    it('says so when the library came without its scripts', async () => {
      const { shas } = createRequire(import.meta.url)('bee-queue/lib/lua') as {
        shas: Record<string, string>;
      };
      const { consumer } = await ends();
      consumer.handle(() => Promise.resolve(done(1)));
      const sha = shas['checkStalledJobs']!;
      delete shas['checkStalledJobs'];
      try {
        await expect(consumer.start()).rejects.toMatchObject({ code: 'MISSING_FILES' });
      } finally {
        shas['checkStalledJobs'] = sha;
      }
    });

    it('stops while Redis is away', async () => {
      const { producer, consumer } = await ends();
      consumer.handle(() => Promise.resolve(done(1)));
      await consumer.start();
      await producer.submit(request('1'));
      await server.stop();
      try {
        await Promise.all([producer.stop(), consumer.stop()]);
      } finally {
        await server.start();
      }
    });

    it('waits for a Redis that is not there yet', async () => {
      await server.stop();
      prefix += 1;
      const consumer = new RedisConsumer(settings(), { logger });
      consumer.handle(() => Promise.resolve(done(1)));
      stops.push(() => consumer.stop());
      const started = consumer.start();
      await new Promise((resolve) => setTimeout(resolve, 300));
      await server.start();
      await started;
    });

    it('gives up waiting by the signal', async () => {
      const producer = new RedisProducer(
        { url: 'redis://127.0.0.1:1' },
        { logger, metrics: silentMetrics },
      );
      stops.push(() => producer.stop());
      await expect(producer.start(AbortSignal.timeout(300))).rejects.toMatchObject({
        code: 'ABORTED',
      });
    });

    it('speaks TLS to rediss:// and checks the certificate', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'redis-tls-'));
      const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
      execFileSync(
        'openssl',
        [
          ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1'],
          ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'],
          ...['-keyout', keyFile, '-out', certFile],
        ],
        { stdio: 'ignore' },
      );
      const port = await freePort();
      const secure = spawn(
        binary!,
        [
          ...['--port', '0', '--tls-port', String(port), '--bind', '127.0.0.1', '--save', ''],
          ...['--tls-cert-file', certFile, '--tls-key-file', keyFile, '--dir', folder],
          ...['--tls-ca-cert-file', certFile, '--tls-auth-clients', 'no'],
          ...['--requirepass', password],
        ],
        { stdio: 'ignore' },
      );
      stops.push(async () => {
        secure.kill('SIGKILL');
        await rm(folder, { recursive: true, force: true });
      });
      const url = `rediss://:${encodeURIComponent(password)}@127.0.0.1:${port}`;
      const ca = await readFile(certFile, 'utf8');
      const producer = new RedisProducer({ url, tls: { ca } }, { logger, metrics: silentMetrics });
      stops.push(() => producer.stop());
      await producer.start();
      expect(await producer.counts()).toEqual({ waiting: 0, active: 0 });
      const stranger = new RedisProducer({ url }, { logger, metrics: silentMetrics });
      stops.push(() => stranger.stop());
      await expect(stranger.start(AbortSignal.timeout(500))).rejects.toMatchObject({
        code: 'ABORTED',
      });
    });

    it.each(['http://127.0.0.1', 'nonsense'])('refuses the URL %s', async (url) => {
      const producer = new RedisProducer({ url }, { logger, metrics: silentMetrics });
      await expect(producer.start()).rejects.toMatchObject({ code: 'BAD_REDIS_URL' });
    });
  });
});

/** How many calls Redis has refused so far. */
async function rejectedCalls(client: IoRedis): Promise<number> {
  const stats = await client.info('commandstats');
  return [...stats.matchAll(/rejected_calls=(\d+)/g)].reduce((sum, [, n]) => sum + Number(n), 0);
}
