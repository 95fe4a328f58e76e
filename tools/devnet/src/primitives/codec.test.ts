import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  Engine,
  RelayKey,
  ScaleError,
  ScaleReader,
  blake2b128Concat,
  compareBytes,
  concatBytes,
  decodeHeader,
  encodeHeader,
  fromHex,
  headerHash,
  orderedTrieRoot,
  scale,
  scheduledChange,
  scheduledChangeItem,
  startsWith,
  storageMapKey,
  toHex,
  twox64Concat,
  utf8,
} from './index.js';

const fill = (byte: number) => new Uint8Array(32).fill(byte);

describe('scale', () => {
  it.each([
    [0, '0x00'],
    [63, '0xfc'],
    [64, '0x0101'],
    [16383, '0xfdff'],
    [16384, '0x02000100'],
    [70000, '0xc2450400'],
    [1073741823, '0xfeffffff'],
    [1073741824, '0x0300000040'],
    [100000000000000n, '0x0b00407a10f35a'],
  ])('writes compact %s as %s', (value, hex) => {
    expect(toHex(scale.compact(value))).toBe(hex);
    expect(new ScaleReader(fromHex(hex)).compactBig()).toBe(BigInt(value));
  });

  it('reads what it writes', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, (1n << 130n) - 1n), fc.uint8Array(), (value, bytes) => {
        const encoded = concatBytes(scale.compact(value), scale.bytes(bytes));
        const reader = new ScaleReader(encoded);
        expect(reader.compactBig()).toBe(value);
        expect(reader.bytes()).toEqual(bytes);
        reader.end();
      }),
    );
  });

  it('refuses what is cut off, padded or announced too long', () => {
    const reader = (hex: string) => new ScaleReader(fromHex(hex));
    expect(() => reader('0x0201').compactBig()).toThrow(ScaleError);
    expect(() => reader('0x0100').compactBig()).toThrow(ScaleError);
    expect(() => reader('0x03ffffff3f').compactBig()).toThrow(ScaleError);
    expect(() => reader('0xfeffffff00').vec((r) => r.u8())).toThrow(ScaleError);
    expect(() => reader('0x10aabb').bytes()).toThrow(ScaleError);
    expect(() => reader('0x02').option((r) => r.u8())).toThrow(ScaleError);
    expect(() => reader('0x02').bool()).toThrow(ScaleError);
    expect(() => reader('0x00').end()).toThrow(ScaleError);
    expect(() => scale.u8(256)).toThrow(RangeError);
    expect(() => fromHex('0x123')).toThrow(RangeError);
  });
});

describe('keys', () => {
  it('are those of the chains', () => {
    expect(toHex(RelayKey.parasHeads(2004))).toBe(
      '0xcd710b30bd2eab0352ddcc26417aa1941b3c252fcb29d88eff4f3de5de4476c39f434b9dae0bfb8ed4070000',
    );
    expect(toHex(RelayKey.parasHeads(2035))).toBe(
      '0xcd710b30bd2eab0352ddcc26417aa1941b3c252fcb29d88eff4f3de5de4476c3160394315fe95b98f3070000',
    );
    expect(toHex(RelayKey.grandpaCurrentSetId)).toBe(
      '0x5f9cc45b7a00c5899361e1c6099678dc8a2d09463effcc78a22d75b9cb87dffc',
    );
    expect(toHex(RelayKey.grandpaAuthorities)).toBe(
      '0x5f9cc45b7a00c5899361e1c6099678dc5e0621c4869aa60c02be9adcc98a0d1d',
    );
    expect(toHex(RelayKey.grandpaAuthoritiesOld)).toBe(
      '0x3a6772616e6470615f617574686f726974696573',
    );
    expect(toHex(twox64Concat(fill(0xaa))).slice(0, 18)).toBe('0xd293ba795509cbdb');
    const alice = fromHex('d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d');
    expect(toHex(storageMapKey('System', 'Account', blake2b128Concat(alice)))).toBe(
      `0x26aa394eea5630e07c48ae0c9558cef7b99d880ec681799c0cf30e8886371da9de1e86a9a8c739864cf3cc5ec2bea59f${toHex(alice).slice(2)}`,
    );
  });

  it('are ordered and matched by bytes', () => {
    expect(compareBytes(fromHex('01ff'), fromHex('02'))).toBeLessThan(0);
    expect(startsWith(fromHex('0102'), fromHex('01'))).toBe(true);
    expect(startsWith(fromHex('01'), fromHex('0102'))).toBe(false);
  });
});

describe('headers', () => {
  const header = {
    parentHash: fill(0x11),
    number: 1,
    stateRoot: fill(0x22),
    extrinsicsRoot: fill(0x33),
    logs: [
      { kind: 'preRuntime' as const, engine: Engine.aura, data: fromHex('0102') },
      { kind: 'seal' as const, engine: Engine.aura, data: fromHex('aabb') },
    ],
  };

  it('have the bytes and the hash of the golden vector', () => {
    const encoded = encodeHeader(header);
    expect(toHex(encoded).slice(2 + 64)).toBe(
      `04${'22'.repeat(32)}${'33'.repeat(32)}080661757261080102056175726108aabb`,
    );
    expect(toHex(headerHash(encoded))).toBe(
      '0x313b40ec2372adc04338417ed8b31063bec529181afb926f8c77c892e58e71bb',
    );
    expect(decodeHeader(encoded)).toEqual(header);
    expect(() => decodeHeader(concatBytes(encoded, Uint8Array.of(0)))).toThrow(ScaleError);
  });

  it('announce a set change', () => {
    const authorities = [{ id: fill(0x55), weight: 1n }];
    const logs = [
      { kind: 'runtimeEnvironmentUpdated' as const },
      { kind: 'other' as const, data: fromHex('07') },
      { kind: 'consensus' as const, engine: Engine.babe, data: fromHex('0100') },
      scheduledChangeItem(authorities, 3),
    ];
    const read = decodeHeader(encodeHeader({ ...header, logs }));
    expect(read.logs).toEqual(logs);
    expect(scheduledChange(read)).toEqual({ authorities, delay: 3 });
    expect(scheduledChange(header)).toBeUndefined();
  });

  it('of an empty block have the well-known extrinsics root', () => {
    expect(toHex(orderedTrieRoot([]))).toBe(
      '0x03170a2e7597b7b7e3d84c05391d139a62b157e78786d8c082f29dcf4c111314',
    );
  });
});

describe('recorded headers', () => {
  const folder = process.env['RB_CHAIN_FIXTURES'];
  const file = folder === undefined ? '' : join(folder, 'headers/headers.json');
  const available = existsSync(file);
  if (!available) {
    if (process.env['CI'] === 'true') throw new Error('RB_CHAIN_FIXTURES is not set');
    console.warn('SKIPPED: recorded headers; set RB_CHAIN_FIXTURES');
  }

  it.skipIf(!available)('are decoded, encoded and hashed to the same', () => {
    const list = JSON.parse(readFileSync(file, 'utf8')) as { scale: string; hash: string }[];
    expect(list.length).toBeGreaterThan(20);
    let changes = 0;
    for (const { scale: hex, hash } of list) {
      const encoded = fromHex(hex);
      const header = decodeHeader(encoded);
      expect(toHex(encodeHeader(header))).toBe(hex);
      expect(toHex(headerHash(encoded))).toBe(hash);
      if (scheduledChange(header) !== undefined) changes += 1;
    }
    expect(changes).toBeGreaterThan(2);
  });
});

it('texts are UTF-8 with a length', () => {
  expect(toHex(scale.text('é'))).toBe('0x08c3a9');
  expect(utf8('é')).toHaveLength(2);
});
