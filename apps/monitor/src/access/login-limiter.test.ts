import { beforeEach, describe, expect, it } from 'vitest';
import { defaultLoginLimiterOptions, LoginLimiter } from './login-limiter.js';

let nowMs: number;
let limiter: LoginLimiter;
const wrong = (address: string, times: number) => {
  for (let i = 0; i < times; i += 1) limiter.wrong(address);
};

beforeEach(() => {
  nowMs = 5_000_000;
  limiter = new LoginLimiter(
    { ...defaultLoginLimiterOptions, maxAddresses: 100 },
    { clock: { now: () => nowMs, sleep: () => Promise.resolve() } },
  );
});

describe('an address', () => {
  it('may be wrong some times, then has to wait ever longer, up to a minute', () => {
    wrong('10.0.0.1', 4);
    expect(limiter.waitMs('10.0.0.1')).toBe(0);
    const waits = Array.from({ length: 10 }, () => {
      limiter.wrong('10.0.0.1');
      return limiter.waitMs('10.0.0.1');
    });
    expect(waits.slice(0, 4)).toEqual([1_000, 2_000, 4_000, 8_000]);
    expect(waits.at(-1)).toBe(60_000);
    nowMs += 60_000;
    expect(limiter.waitMs('10.0.0.1')).toBe(0);
  });

  it('is free again when it was right, and hinders no other', () => {
    wrong('10.0.0.1', 9);
    expect(limiter.waitMs('10.0.0.2')).toBe(0);
    limiter.right('10.0.0.1');
    expect(limiter.waitMs('10.0.0.1')).toBe(0);
  });

  it('of IPv6 counts with its network', () => {
    wrong('2001:db8:1:2::1', 9);
    expect(limiter.waitMs('2001:db8:1:2:3:4:5:6')).toBeGreaterThan(0);
    expect(limiter.waitMs('2001:db8:1:3::1')).toBe(0);
    wrong('::ffff:10.0.0.1', 9);
    expect(limiter.waitMs('::ffff:10.0.0.2')).toBe(0);
  });
});

it('has everybody wait when many addresses guess at once, for the rest of the minute', () => {
  for (let i = 0; i < 200; i += 1) limiter.wrong(`10.1.0.${i}`);
  expect(limiter.waitMs('10.9.9.9')).toBe(60_000);
  nowMs += 60_000;
  expect(limiter.waitMs('10.9.9.9')).toBe(0);
});

it('remembers so many addresses, those seen last', () => {
  wrong('10.0.0.1', 20);
  nowMs += 1;
  for (let i = 0; i < 100; i += 1) limiter.wrong(`10.2.0.${i}`);
  expect(limiter.waitMs('10.0.0.1')).toBe(0);
});
