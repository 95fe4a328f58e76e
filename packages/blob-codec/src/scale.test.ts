import { fromHex, toHex } from '@runtime-bridge/base';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeAll, ScaleReader } from './scale-reader.js';
import { compactLength, ScaleWriter, u128Bytes, u64Bytes } from './scale-writer.js';

const code = (expected: string): unknown => expect.objectContaining({ code: expected });
const reader = (hex: string): ScaleReader => new ScaleReader(fromHex(hex), 'test');

describe('compact numbers', () => {
  it.each([
    [0, '0x00'],
    [1, '0x04'],
    [63, '0xfc'],
    [64, '0x0101'],
    [16383, '0xfdff'],
    [16384, '0x02000100'],
    [70000, '0xc2450400'],
    [2 ** 30 - 1, '0xfeffffff'],
    [2 ** 30, '0x0300000040'],
    [2 ** 32 - 1, '0x03ffffffff'],
  ])('%i is %s', (value, hex) => {
    expect(toHex(compactLength(value))).toBe(hex);
    expect(reader(hex).compact()).toBe(value);
  });

  it('come back as they were', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (value) => {
        expect(new ScaleReader(compactLength(value), 'test').compact()).toBe(value);
      }),
    );
  });

  it.each(['0x0100', '0xfd00', '0x02000000', '0xfeff0000', '0x03ffffff3f', '0x0300000000'])(
    'refuses the long form %s',
    (hex) => {
      expect(() => reader(hex).compact()).toThrow(code('BAD_VALUE'));
    },
  );

  it('refuses more than 32 bits', () => {
    expect(() => reader('0x070000000001').compact()).toThrow(code('TOO_LARGE'));
    expect(() => compactLength(2 ** 32)).toThrow(code('TOO_LARGE'));
    expect(() => compactLength(-1)).toThrow(code('TOO_LARGE'));
    expect(() => compactLength(0.5)).toThrow(code('TOO_LARGE'));
  });
});

describe('fixed numbers', () => {
  it('are little-endian', () => {
    const all = reader('0x0102000300000004000000000000000500000000000000060000000000000001');
    expect(all.u8()).toBe(1);
    expect(all.u16()).toBe(2);
    expect(all.u32()).toBe(3);
    expect(all.u64()).toBe(4n);
    expect(all.u128()).toBe((6n << 64n) | 5n);
    expect(all.bool()).toBe(true);
    all.end();
  });

  it('come back as they were, and are refused when too large', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), (value) => {
        expect(new ScaleReader(u64Bytes(value), 'test').u64()).toBe(value);
        const wide = value * value;
        expect(new ScaleReader(u128Bytes(wide), 'test').u128()).toBe(wide);
      }),
    );
    expect(() => u64Bytes(1n << 64n)).toThrow(code('TOO_LARGE'));
    expect(() => u64Bytes(-1n)).toThrow(code('TOO_LARGE'));
  });
});

describe('ScaleReader', () => {
  it('refuses what is cut, left over or not allowed', () => {
    expect(() => reader('0x0102').u32()).toThrow(code('TRUNCATED'));
    expect(() => reader('0x').u8()).toThrow(code('TRUNCATED'));
    expect(() => reader('0x0c0102').bytes()).toThrow(code('TRUNCATED'));
    expect(() => reader('0x02').bool()).toThrow(code('BAD_VALUE'));
    expect(() => reader('0x02').option('x', () => 1)).toThrow(code('BAD_VALUE'));
    expect(() => decodeAll(fromHex('0x0100'), 'x', (r) => r.u8())).toThrow(code('TRAILING_BYTES'));
  });

  it('names what, where and the limit', () => {
    expect(() => reader('0x040a').bytes('key')).not.toThrow();
    expect(() => reader('0x080a').bytes('key')).toThrow(
      expect.objectContaining({
        facts: { what: 'test', field: 'key', position: 1, needed: 2, remaining: 1 },
      }),
    );
    const limited = new ScaleReader(fromHex('0x0c010203'), 'test', { maxBytes: 2 });
    expect(() => limited.bytes('key')).toThrow(
      expect.objectContaining({
        code: 'TOO_LARGE',
        facts: expect.objectContaining({ value: 3, limit: 2 }),
      }),
    );
    const items = new ScaleReader(fromHex('0x0c010203'), 'test', { maxItems: 2 });
    expect(() => items.vec(1, 'list', () => items.u8())).toThrow(code('TOO_LARGE'));
  });

  it('does not begin a vector that cannot follow', () => {
    let calls = 0;
    const hostile = reader('0x03ffffffff0000');
    expect(() =>
      hostile.vec(1, 'list', () => {
        calls += 1;
        return hostile.u8();
      }),
    ).toThrow(code('TRUNCATED'));
    expect(calls).toBe(0);
    expect(() => reader('0x10000000').count(2)).toThrow(code('TRUNCATED'));
    expect(reader('0x10000000000000000000').count(2)).toBe(4);
  });

  it('gives views, not copies', () => {
    const input = fromHex('0x08aabb');
    const view = new ScaleReader(input, 'test').bytes();
    input[1] = 0;
    expect(toHex(view)).toBe('0x00bb');
  });
});

describe('ScaleWriter', () => {
  it('writes what the reader reads', () => {
    const bytes = fc.uint8Array({ maxLength: 100 });
    fc.assert(
      fc.property(
        fc.array(bytes),
        bytes,
        fc.option(bytes, { nil: undefined }),
        (list, raw, opt) => {
          const writer = new ScaleWriter()
            .byteStrings(list)
            .bytes(raw)
            .option(opt && concatOne(opt));
          const out = writer.finish();
          expect(out).toHaveLength(writer.length);
          const back = new ScaleReader(out, 'test');
          expect(back.vec(1, 'list', () => toHex(back.bytes()))).toEqual(list.map(toHex));
          expect(toHex(back.bytes())).toBe(toHex(raw));
          const optional = back.option('opt', () => toHex(back.bytes()));
          expect(optional).toBe(opt && toHex(opt));
          back.end();
        },
      ),
    );
  });
});

function concatOne(bytes: Uint8Array): Uint8Array {
  return new ScaleWriter().bytes(bytes).finish();
}
