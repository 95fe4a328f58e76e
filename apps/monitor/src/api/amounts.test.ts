import fc from 'fast-check';
import { expect, it } from 'vitest';
import { formatPha, parsePha } from './amounts.js';

it.each([
  ['1', '1000000000000'],
  ['1.5', '1500000000000'],
  ['1,000.5 PHA', '1000500000000000'],
  [' 0.000000000001 pha', '1'],
  ['0.0000000000001', undefined],
  ['1,00', undefined],
  ['-1', undefined],
  ['1e3', undefined],
  ['', undefined],
])('reads %j', (text, amount) => {
  expect(parsePha(text)).toBe(amount);
});

it('reads what it writes', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 1n << 100n }), (amount) => {
      expect(parsePha(formatPha(amount))).toBe(amount.toString());
    }),
  );
});

it('cuts off what is finer, and leaves alone what is no amount', () => {
  expect(formatPha('1999999999999', 2)).toBe('1.99');
  expect(formatPha('1999999999999', 0)).toBe('1');
  expect(formatPha('1.5')).toBe('1.5');
});
