import { describe, expect, it } from 'vitest';
import {
  countOf,
  formatAddress,
  formatAgo,
  formatCount,
  formatDecimal,
  formatMib,
  formatRate,
  formatSpan,
  percentOf,
  shortId,
  UNKNOWN,
  withoutStamp,
} from './format.js';

describe('figures as people read them', () => {
  it.each([
    [0, '0 s'],
    [59_999, '59 s'],
    [60_000, '1 min'],
    [3_599_000, '59 min'],
    [3_600_000, '1 h'],
    [7_500_000, '2 h 5 min'],
    [86_400_000, '1 d'],
    [90_000_000 + 86_400_000, '2 d 1 h'],
    [-5, '0 s'],
  ])('a span of %i ms is %s', (ms, text) => expect(formatSpan(ms)).toBe(text));

  it('says what is not known', () => {
    expect([formatSpan(null), formatCount(undefined), formatRate(null), formatMib(null)]).toEqual(
      Array(4).fill(UNKNOWN),
    );
    expect(formatDecimal(null)).toBe(UNKNOWN);
    expect(formatAgo(null, 0)).toBe(UNKNOWN);
  });

  it('counts, cuts and shortens', () => {
    expect(formatCount(1_234_567)).toBe('1,234,567');
    expect([countOf(1, 'worker'), countOf(2, 'entry', 'entries')]).toEqual([
      '1 worker',
      '2 entries',
    ]);
    expect([formatRate(3.14), formatRate(1_234.5)]).toEqual(['3.1', '1,235']);
    expect(formatDecimal('1234567.98765')).toBe('1,234,567.98');
    expect(formatDecimal('3000.00')).toBe('3,000');
    expect(formatDecimal('n/a')).toBe('n/a');
    expect([formatMib(512), formatMib(1_536)]).toEqual(['512 MiB', '1.5 GiB']);
    expect(shortId('abcdefghijklmnop')).toBe('abcdef…mnop');
    expect(shortId('short')).toBe('short');
    expect(formatAgo(1_000, 3_000)).toBe('just now');
    expect(formatAgo(1_000, 61_000)).toBe('1 min ago');
  });

  it('rounds percents down, so that 100 is all', () => {
    expect(percentOf(999, 1_000)).toBe(99);
    expect(percentOf(1_001, 1_000)).toBe(100);
    expect(percentOf(null, 10)).toBeUndefined();
    expect(percentOf(1, 0)).toBeUndefined();
  });

  it('has addresses as host and port', () => {
    expect(formatAddress('/ip4/10.0.0.7/tcp/40001/p2p/Qm')).toBe('10.0.0.7:40001');
    expect(formatAddress('/ip6/::1/tcp/1')).toBe('[::1]:1');
    expect(formatAddress('/memory/x/p2p/Qm')).toBe('/memory/x');
  });

  it('takes the stamp of a manager off, and nothing else', () => {
    expect(withoutStamp('[2022-01-01T00:00:00+00:00] Synching [x]')).toBe('Synching [x]');
    expect(withoutStamp('[odd] text')).toBe('[odd] text');
  });
});
