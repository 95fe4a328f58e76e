import { TypeRegistry } from '@polkadot/types';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { ScaleError, toHex } from '../primitives/index.js';
import { paraCodecs } from '../para/types.js';
import { runtimeCodecs } from '../para/runtime-types.js';
import { Codecs, camelCase } from './codec.js';
import { alias, enumeration, parseType, struct, TypeTable } from './type-lang.js';

const registry = new TypeRegistry();
const u128 = fc.bigInt({ min: 0n, max: (1n << 128n) - 1n });

/** Does our codec write and read values as polkadot.js does? */
function agree<T>(
  type: string,
  theirs: string,
  values: fc.Arbitrary<T>,
  show = (v: T): unknown => v,
) {
  fc.assert(
    fc.property(values, (value) => {
      const bytes = paraCodecs.encode(type, value);
      expect(toHex(bytes)).toBe(toHex(registry.createType(theirs, show(value)).toU8a()));
      expect(paraCodecs.decode(type, bytes)).toEqual(value);
    }),
  );
}

describe('codecs', () => {
  it('agree with polkadot.js', () => {
    agree('u32', 'u32', fc.nat());
    agree('u64', 'u64', fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }));
    agree('u128', 'u128', u128);
    agree('bool', 'bool', fc.boolean());
    agree('str', 'Text', fc.string({ unit: 'grapheme' }));
    agree('Compact<u32>', 'Compact<u32>', fc.nat());
    agree('Compact<u128>', 'Compact<u128>', u128);
    const bytes = fc.uint8Array({ maxLength: 300 });
    agree('Bytes', 'Bytes', bytes, (v) => toHex(v));
    agree('Vec<u32>', 'Vec<u32>', fc.array(fc.nat()));
    agree('(u8, u64)', '(u8, u64)', fc.tuple(fc.nat(255), fc.bigInt({ min: 0n, max: 9n })));
    agree('Option<u32>', 'Option<u32>', fc.option(fc.nat(), { nil: undefined }), (v) => v ?? null);
    agree('BTreeMap<ParaId, Vec<u8>>', 'Vec<(u32, Bytes)>', fc.constant([]));
  });

  it('of sessions take 97 bytes', () => {
    const session = {
      state: { type: 'WorkerIdle' },
      ve: 1n,
      v: 2n,
      vUpdatedAt: 3n,
      benchmark: {
        pInit: 4,
        pInstant: 5,
        iterations: 6n,
        workingStartTime: 7n,
        challengeTimeLast: 8n,
      },
      coolDownStart: 9n,
      stats: { totalReward: 10n },
    };
    const bytes = paraCodecs.encode('SessionInfo', session);
    expect(bytes).toHaveLength(97);
    expect(paraCodecs.decode('SessionInfo', bytes)).toEqual(session);
  });

  it('refuse what does not fit', () => {
    expect(() => paraCodecs.encode('u8', 256)).toThrow(RangeError);
    expect(() => paraCodecs.encode('u64', 1n << 64n)).toThrow(RangeError);
    expect(() => paraCodecs.encode('AccountId', new Uint8Array(31))).toThrow(RangeError);
    expect(() => paraCodecs.encode('WorkerState', { type: 'Gone' })).toThrow(TypeError);
  });

  it.each([
    ['u32', [1, 2, 3]],
    ['u32', [1, 2, 3, 4, 5]],
    ['Bytes', [0xfe, 0xff, 0xff, 0xff]],
    ['Vec<AccountId>', [0xfe, 0xff, 0xff, 0xff]],
    ['WorkerState', [7]],
    ['bool', [2]],
    ['Option<u8>', [3, 1]],
    ['str', [4, 0xff]],
    ['Compact<u32>', [0x03, 0, 0, 0, 0]],
  ])('refuse malformed %s', (type, bytes) => {
    expect(() => paraCodecs.decode(type, Uint8Array.from(bytes))).toThrow(ScaleError);
  });

  it('refuse a length that the input cannot hold before they loop over it', () => {
    const empty = new Codecs(new TypeTable({ Nothing: struct('', {}) }));
    const count16383 = Uint8Array.of(0xfd, 0xff);
    expect(() => empty.decode('Vec<Nothing>', count16383)).toThrow(ScaleError);
  });

  it('refuse calls nested without end', () => {
    const nested = (depth: number) => {
      // sudo(sudo(… remark))
      const bytes = new Uint8Array(depth * 2 + 3);
      for (let i = 0; i < depth; i++) bytes.set([99, 0], i * 2);
      return bytes;
    };
    expect(runtimeCodecs.decode('RuntimeCall', nested(20))).toMatchObject({ type: 'Sudo' });
    expect(() => runtimeCodecs.decode('RuntimeCall', nested(50_000))).toThrow(ScaleError);
    expect(runtimeCodecs.decode('RuntimeCall', nested(20))).toMatchObject({ type: 'Sudo' });
  });

  it('never throw anything but ScaleError at garbage', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          runtimeCodecs.decode('RuntimeCall', bytes);
        } catch (e) {
          expect(e).toBeInstanceOf(ScaleError);
        }
      }),
    );
  });

  it('give values that do not change with the input', () => {
    const bytes = paraCodecs.encode('Bytes', Uint8Array.of(1, 2, 3));
    const value = paraCodecs.decode<Uint8Array>('Bytes', bytes);
    bytes.fill(0);
    expect(value).toEqual(Uint8Array.of(1, 2, 3));
  });
});

describe('the type language', () => {
  it('reads what Rust writes', () => {
    expect(parseType('Vec<(AccountId, [u8; 4])>')).toEqual({
      kind: 'vec',
      of: {
        kind: 'tuple',
        items: [
          { kind: 'named', name: 'AccountId' },
          { kind: 'array', of: { kind: 'primitive', name: 'u8' }, length: 4 },
        ],
      },
    });
    for (const bad of ['Vec<', 'Vec<u8>>', '[u8]', 'Box<u8>', '']) {
      expect(() => parseType(bad), bad).toThrow(SyntaxError);
    }
  });

  it('knows each name once', () => {
    const table = new TypeTable({ A: alias('Vec<B>'), B: struct('', { some_field: 'u8' }) });
    expect(() => table.extend({ A: alias('u8') })).toThrow(/twice/);
    expect(() => table.node('C')).toThrow(/not declared/);
    const codecs = new Codecs(table);
    expect(codecs.decode('A', Uint8Array.of(4, 9))).toEqual([{ someField: 9 }]);
    expect(camelCase('_Unused')).toBe('_Unused');
  });

  it('gives enums their indices', () => {
    const table = new TypeTable({
      E: enumeration('', { A: null, B: ['u8', 'u8'], C: { x_y: 'u8' } }, { indices: { A: 9 } }),
    });
    const codecs = new Codecs(table);
    expect([...codecs.encode('E', { type: 'A' })]).toEqual([9]);
    expect(codecs.decode('E', Uint8Array.of(1, 2, 3))).toEqual({ type: 'B', values: [2, 3] });
    expect(codecs.decode('E', Uint8Array.of(2, 5))).toEqual({ type: 'C', xY: 5 });
  });
});
