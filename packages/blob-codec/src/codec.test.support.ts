import { fromHex } from '@runtime-bridge/base';
import fc from 'fast-check';
import { expect } from 'vitest';
import { type DigestItem, type Header, type StorageChanges } from './index.js';

export const code = (expected: string): unknown =>
  expect.objectContaining({ code: expected }) as unknown;
export const hex = (text: string): Uint8Array =>
  new Uint8Array(fromHex(text.replaceAll(/\s/g, '')));
export const repeat = (byte: string, count: number): string => byte.repeat(count);
export const compact = (text: string): string => text.replaceAll(/\s/g, '');

/** The header of the golden bytes. */
export const goldenHeader: Header = {
  parentHash: hex(repeat('11', 32)),
  number: 1,
  stateRoot: hex(repeat('22', 32)),
  extrinsicsRoot: hex(repeat('33', 32)),
  logs: [
    { kind: 'preRuntime', engine: 'aura', data: hex('0102') },
    { kind: 'seal', engine: 'aura', data: hex('aabb') },
  ],
};
export const goldenHeaderHex = compact(
  `${repeat('11', 32)} 04 ${repeat('22', 32)} ${repeat('33', 32)}
   08 06 61757261 08 0102 05 61757261 08 aabb`,
);

export const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
export const data = fc.uint8Array({ maxLength: 80 });
export const engine = fc.constantFrom('aura', 'BABE', 'FRNK', 'BEEF', '\u00ff\u0000ab');
export const log: fc.Arbitrary<DigestItem> = fc.oneof(
  fc.record({ kind: fc.constant('other' as const), data }),
  fc.record({ kind: fc.constantFrom('consensus', 'seal', 'preRuntime'), engine, data }),
  fc.constant({ kind: 'runtimeEnvironmentUpdated' as const }),
);
export const header: fc.Arbitrary<Header> = fc.record({
  parentHash: hash,
  number: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  stateRoot: hash,
  extrinsicsRoot: hash,
  logs: fc.array(log, { maxLength: 4 }),
});
export const collection = fc.array(fc.tuple(data, fc.option(data)), { maxLength: 6 });
export const storageChanges: fc.Arbitrary<StorageChanges> = fc.record({
  main: collection,
  children: fc.array(fc.tuple(data, collection), { maxLength: 3 }),
});
export const signed = fc.record({
  targetHash: hash,
  targetNumber: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  signature: fc.uint8Array({ minLength: 64, maxLength: 64 }),
  authorityId: hash,
});

/** Every cut of some bytes is refused at once with a code. */
export function refusesEveryCut(bytes: Uint8Array, decode: (cut: Uint8Array) => unknown): void {
  for (let length = 0; length < bytes.length; length++) {
    expect(() => decode(bytes.subarray(0, length)), `cut at ${length}`).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/TRUNCATED|BAD_VALUE/) }),
    );
  }
  expect(() => decode(new Uint8Array([...bytes, 0]))).toThrow(code('TRAILING_BYTES'));
}
