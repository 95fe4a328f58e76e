import { describe, expect, it } from 'vitest';

import { isoWithOffset, MessageLog } from './message-log.js';

describe('MessageLog', () => {
  it('writes time with offset before the text', () => {
    expect(isoWithOffset(1_640_995_200_000, 0)).toBe('2022-01-01T00:00:00+00:00');
    expect(isoWithOffset(1_640_995_200_000, 330)).toBe('2022-01-01T05:30:00+05:30');
    expect(isoWithOffset(1_640_995_200_000, -210)).toBe('2021-12-31T20:30:00-03:30');
    const log = new MessageLog();
    log.add('hello', 0);
    expect(log.last).toMatch(/^\[1970-01-01T\d\d:\d\d:00[+-]\d\d:\d\d\] hello$/);
  });

  it('does not repeat itself and is bounded in number and length', () => {
    const log = new MessageLog();
    expect(log.add('a', 0)).toBe('a');
    expect(log.add('a', 1)).toBeUndefined();
    for (let index = 0; index < 500; index += 1) log.add(`text ${index}`, index);
    expect(log.all).toHaveLength(100);
    log.add('x'.repeat(10_000), 0);
    expect(log.last.length).toBeLessThan(1_100);
  });
});
