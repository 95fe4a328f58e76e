import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger as logger, silentMetrics as metrics, sleep } from '@runtime-bridge/base';
import type { JobOutcome } from '@runtime-bridge/tx-queue';
import { FencedStore, RedisLease, RedisProducer } from '@runtime-bridge/tx-queue';
import { LevelJournal, ReplicatedJournal, type JournalEntry } from '@runtime-bridge/tx-sender';
import { Health, readSettings } from '@runtime-bridge/service-kit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createQueue } from './queue.js';
import { lifecycleSettings, retiredVariables } from './settings.js';
import { RedisForTest, redisServerIn } from './redis-server.test.support.js';
import { createManager } from './standby.js';

const binary = await redisServerIn(process.env['PATH'] ?? '');
if (binary === undefined) {
  if (process.env['CI'] === 'true') throw new Error('redis-server is not installed');
  console.warn('SKIPPED: no redis-server in PATH (apt-get install redis-server)');
}

const forkNothing = () => {
  throw new Error('nothing is forked in this test');
};

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + 20_000;
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error('it never came to that');
    await sleep(20);
  }
}

describe.skipIf(!binary)('a lifecycle manager over Redis', () => {
  const server = new RedisForTest(binary!);
  const stops: (() => Promise<unknown>)[] = [];
  let folder = '';
  beforeAll(() => server.start());
  afterAll(() => server.stop());
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'standby-'));
  });
  afterEach(async () => {
    for (const stop of stops.splice(0).reverse()) await stop();
    await rm(folder, { recursive: true, force: true });
  });

  function settingsOf(store: string) {
    const { values } = readSettings(
      lifecycleSettings,
      {
        // Nobody listens there: a manager waits for its node.
        PHALA_CHAIN_ENDPOINT: 'ws://127.0.0.1:9',
        PHALA_Q_REDIS_ENDPOINT: server.url,
        PHALA_PEER_ID_PREFIX: join(folder, 'keys'),
        PHALA_LOCAL_DB_PATH: join(folder, store),
        PHALA_TRADER_DB_PATH: join(folder, 'trade'),
        PHALA_LEASE_TIME: '1000',
      },
      retiredVariables,
    );
    return values;
  }

  async function manager(store: string) {
    const health = new Health();
    const service = await createManager(settingsOf(store), {
      ...{ fork: forkNothing, logger, metrics, health },
    });
    await service.start();
    stops.push(() => service.stop());
    return { service, health, lease: () => health.parts['lease'] };
  }

  it.each([
    ['with a store of its own', 'other.db'],
    ['on the same volume', 'local.db'],
  ])('stands by while another one works, and follows it: %s', async (_id, store) => {
    const first = await manager('local.db');
    await until(() => first.lease()?.ready === true);
    const second = await manager(store);
    await until(() => second.lease()?.detail.startsWith('standby') === true);
    expect(second.health.ready).toBe(false);
    // It has touched nothing: not even said that it waits for a node.
    expect(second.health.parts['chain']).toBeUndefined();
    await first.service.stop();
    await until(() => second.lease()?.ready === true);
    await until(() => second.health.parts['chain'] !== undefined);
  });

  it('shows the jobs in Redis and the transactions of whichever trader sends them', async () => {
    const { transactions, services } = createQueue(settingsOf('local.db'), {
      ...{ forkTrader: forkNothing, logger, metrics },
    });
    for (const service of services) await service.start();
    stops.push(...services.map((service) => () => service.stop()));
    const asker = new RedisProducer({ url: server.url }, { logger, metrics });
    await asker.start();
    stops.push(() => asker.stop());
    const key = `0x${'ab'.repeat(32)}` as const;
    const request = (epoch: string) => ({
      id: `ADD_WORKER:${key}:${epoch}`,
      job: { action: 'ADD_WORKER' as const, payload: { pid: '7', publicKey: key } },
      operator: { sealed: 'c2VhbGVk' },
    });
    void asker.submit(request('waiting')).catch(() => undefined);
    await until(async () => (await asker.counts()).waiting === 1);

    // As a trader on another host.
    const lease = new RedisLease(
      { url: server.url, role: 'trader', identity: 'me', leaseMs: 300 },
      { logger },
    );
    await lease.start();
    stops.push(() => lease.stop());
    const tenure = await lease.acquire();
    const journal = new ReplicatedJournal(
      {},
      {
        local: new LevelJournal(
          { path: join(folder, 'journal'), maxRemembered: 10, maxHistory: 10 },
          { logger },
        ),
        store: new FencedStore({ tenure }, { lease, logger }),
        logger,
      },
    );
    await journal.open('0x00');
    stops.push(() => journal.close());
    const entry = (id: number): JournalEntry => ({
      ...{ id, account: key, nonce: id, era: { birth: 1, period: 8 }, bytes: '0x00' },
      hash: `0x${String(id).padStart(64, '0')}`,
      jobs: [{ ...request(String(id)), retries: 0, calls: 1 }],
      ...{ writtenAtMs: 1_000 * id, state: 'open' },
    });
    const outcome: JobOutcome = { ok: true, blockHash: '0x0b', blockNumber: 5, txHash: '0x0c' };
    await journal.add(entry(1));
    await journal.remove(entry(1), [{ id: request('1').id, asks: [], outcome }], {
      ...{ hash: entry(1).hash, account: key, nonce: 1, calls: 1, state: 'finalized' },
      ...{ sentAtMs: 1_000, endedAtMs: 2_000, lastBlock: 9, block: 5, fee: 7n },
      jobs: [{ id: request('1').id, action: 'ADD_WORKER', pool: '7', calls: 1, outcome: 'done' }],
    });
    await journal.add(entry(2));

    const page = await transactions.list(
      { isWanted: () => true, limit: 10 },
      AbortSignal.timeout(5_000),
    );
    expect(page.rows).toEqual([
      expect.objectContaining({ jobId: request('waiting').id, status: 'queued', pool: '7' }),
      expect.objectContaining({ jobId: request('2').id, status: 'running', queuedMs: 2_000 }),
      expect.objectContaining({ jobId: request('1').id, status: 'done', block: 5, endedMs: 2_000 }),
    ]);
  });
});
