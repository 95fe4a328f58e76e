import { silentLogger, silentMetrics } from '@runtime-bridge/base';
import { printSettings, readSettings } from '@runtime-bridge/service-kit';
import { describe, expect, it } from 'vitest';

import { createQueue } from './queue.js';
import { redisOf } from './redis.js';
import { lifecycleSettings, retiredVariables } from './settings.js';

const collaborators = {
  forkTrader: () => {
    throw new Error('not started in this test');
  },
  logger: silentLogger,
  metrics: silentMetrics,
};
const settings = (env: Record<string, string>) =>
  readSettings(
    lifecycleSettings,
    { PHALA_CHAIN_ENDPOINT: 'ws://127.0.0.1:9945', ...env },
    retiredVariables,
  );

describe('the queue of the lifecycle manager', () => {
  it('refuses settings with which nobody would send transactions', () => {
    expect(() => createQueue(settings({}).values, collaborators)).toThrow(
      expect.objectContaining({ code: 'BAD_SETTINGS' }),
    );
  });

  it.each([
    [
      'embedded, with a trader',
      { USE_BUILT_IN_TRADER: 'true' },
      ['embedded queue', 'trader', 'queue page'],
    ],
    [
      'embedded, without a page',
      { USE_BUILT_IN_TRADER: 'true', PHALA_QUEUE_PAGE_PORT: '0' },
      ['embedded queue', 'trader'],
    ],
    [
      'Redis',
      { PHALA_Q_REDIS_ENDPOINT: 'redis://127.0.0.1:6379' },
      ['Redis queue producer', 'window into the trader'],
    ],
    [
      'Redis, with a trader',
      { PHALA_Q_REDIS_ENDPOINT: 'redis://127.0.0.1:6379', USE_BUILT_IN_TRADER: 'true' },
      ['Redis queue producer', 'window into the trader', 'trader', 'queue page'],
    ],
  ])('is made as told: %s', async (_id, env, names) => {
    const { services } = createQueue(settings(env).values, collaborators);
    expect(services.map(({ name }) => name)).toEqual(names);
    for (const service of services) if (service.name.startsWith('window')) await service.stop();
  });
});

describe('settings', () => {
  it('keep the defaults of 2022, take 0 for them, and tell what has no effect', () => {
    const { values, warnings } = settings({
      PHALA_LRU_CACHE_SIZE: '0',
      USE_LEGACY_SYNC: 'true',
      PHALA_PARENT_CHAIN_ENDPOINT: 'ws://127.0.0.1:9944',
    });
    expect(values).toMatchObject({
      maxWorkersPerRunner: 150,
      cacheItems: 5_000,
      cacheMaxAgeMs: 1_800_000,
      minScore: 50,
      requestTimeoutMs: 8_000,
      blobTimeoutMs: 150_000,
      blobConcurrency: 36,
      keepAliveTimeoutMs: 5_000,
      storePath: '/var/data/local.db',
      bridgeIdentity: 'default',
    });
    expect(warnings).toHaveLength(3);
  });

  it('take a password and TLS for Redis, with a certificate of its own, and refuse what is no Redis', () => {
    const url = 'rediss://user:pass@redis-q:6380/1';
    const { values } = settings({ PHALA_Q_REDIS_ENDPOINT: url });
    expect(redisOf(values)).toEqual({ url });
    const missing = settings({
      PHALA_Q_REDIS_ENDPOINT: url,
      PHALA_Q_REDIS_CA_FILE: '/no/such.pem',
    });
    expect(() => redisOf(missing.values)).toThrow(/PHALA_Q_REDIS_CA_FILE/);
    expect(() => settings({ PHALA_Q_REDIS_ENDPOINT: 'http://redis-q' })).toThrow(
      /PHALA_Q_REDIS_ENDPOINT/,
    );
    expect(printSettings(lifecycleSettings, values)).not.toContain('pass@');
  });

  it('list every problem at once', () => {
    expect(() => settings({ PHALA_CHAIN_ENDPOINT: 'http://x', PHALA_SYNC_ONLY: 'yes' })).toThrow(
      /PHALA_CHAIN_ENDPOINT[\s\S]*PHALA_SYNC_ONLY/,
    );
  });
});
