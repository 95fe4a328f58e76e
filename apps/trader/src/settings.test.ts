import { printSettings, readSettings } from '@runtime-bridge/service-kit';
import { describe, expect, it } from 'vitest';
import { retiredVariables, traderSettings } from './settings.js';

const least = {
  PHALA_CHAIN_ENDPOINT: 'ws://127.0.0.1:9944',
  PHALA_Q_REDIS_ENDPOINT: 'redis://redis-q/',
};
const read = (env: Record<string, string>) => readSettings(traderSettings, env, retiredVariables);

describe('settings of the trader', () => {
  it('need no more than those of 2022', () => {
    expect(read(least).values).toMatchObject({
      paraEndpoints: ['ws://127.0.0.1:9944'],
      redisEndpoint: 'redis://redis-q/',
      journalPath: '/var/data/trade',
      identityDirectory: '/var/data/keys/id',
      tip: 0n,
      minBalance: 2_000_000_000_000n,
      queuePagePort: 4_567,
    });
  });

  it('take a password and TLS for Redis', () => {
    const url = 'rediss://user:pass@redis-q:6380/1';
    expect(read({ ...least, PHALA_Q_REDIS_ENDPOINT: url }).values.redisEndpoint).toBe(url);
  });

  it('can be printed, without the password', () => {
    const { values } = read({ ...least, PHALA_Q_REDIS_ENDPOINT: 'redis://:pass@redis-q/' });
    const text = printSettings(traderSettings, values);
    expect(text).toContain('PHALA_TRADER_MIN_BALANCE=2000000000000');
    expect(text).not.toContain('pass@');
  });

  it('tell all problems at once', () => {
    expect(() =>
      read({ PHALA_Q_REDIS_ENDPOINT: 'http://redis-q', PHALA_TRADER_TIP: '-1' }),
    ).toThrow(
      expect.objectContaining({
        code: 'BAD_SETTINGS',
        message: expect.stringMatching(
          /(?=[^]*PHALA_CHAIN_ENDPOINT)(?=[^]*PHALA_Q_REDIS_ENDPOINT)(?=[^]*PHALA_TRADER_TIP)/,
        ),
      }),
    );
  });

  it('say what has no effect any more', () => {
    const { warnings } = read({ ...least, PHALA_HOLD_ON_SUBPROCESS_EXIT: 'true' });
    expect(warnings.join()).toContain('PHALA_HOLD_ON_SUBPROCESS_EXIT');
  });
});
