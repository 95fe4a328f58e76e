import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  fromBalance,
  fromDecimal,
  fromInt,
  mul,
  ONE,
  PHA,
  sqrt,
  toBalance,
} from './fixed-point.js';
import { DEFAULT_TOKENOMICS, initialValue, minimalStake } from './pallets/tokenomics.js';

describe('fixed point', () => {
  it('roots are the largest whose square is not more', () => {
    expect(sqrt(fromInt(4))).toBe(fromInt(2));
    expect(sqrt(0n)).toBe(0n);
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }), (bits) => {
        const root = sqrt(bits);
        expect(root * root).toBeLessThanOrEqual(bits << 64n);
        expect((root + 1n) * (root + 1n)).toBeGreaterThan(bits << 64n);
      }),
    );
  });

  it('decimals are rounded to nearest', () => {
    expect(fromDecimal('1')).toBe(ONE);
    expect(fromDecimal('0.5')).toBe(ONE / 2n);
    // 0.3 and 1.3 as Rust has them.
    expect(fromDecimal('0.3')).toBe(5534023222112865485n);
    expect(fromDecimal('1.3')).toBe(ONE + fromDecimal('0.3'));
    expect(mul(fromDecimal('2.5'), fromInt(4))).toBe(fromInt(10));
  });

  it('balances survive the way there and back up to the last unit', () => {
    expect(fromBalance(5000n * PHA)).toBe(fromInt(5000));
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 21n }), (balance) => {
        const back = toBalance(fromBalance(balance));
        expect(balance - back).toBeGreaterThanOrEqual(0n);
        expect(balance - back).toBeLessThanOrEqual(1n);
      }),
    );
  });
});

describe('tokenomics', () => {
  const value = (confidenceLevel: number): number =>
    Number(
      initialValue(DEFAULT_TOKENOMICS, { stake: 5000n * PHA, score: 1200, confidenceLevel }) >> 32n,
    ) /
    2 ** 32;

  it.each([
    [1, 1.3],
    [2, 1.3],
    [3, 1.3],
    [4, 1.24],
    [5, 1.21],
    [128, 1.3],
  ])('a worker of confidence %i begins with %f times stake and rig', (level, factor) => {
    expect(value(level)).toBeCloseTo(factor * (5000 + 0.3 * 1200), 4);
  });

  it('the least stake is 100 PHA times the root of the score', () => {
    expect(minimalStake(DEFAULT_TOKENOMICS, 400)).toBe(2000n * PHA);
    expect(minimalStake(DEFAULT_TOKENOMICS, 50)).toBe(707106781186547n);
  });
});
