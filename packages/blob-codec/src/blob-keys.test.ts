import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BlobKey, formatBlobKey, parseBlobKey } from './blob-keys.js';

const height = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const range = fc.tuple(height, height, height, height, fc.boolean()).map(([a, b, c, d, none]) => ({
  relayStart: Math.min(a, b),
  relayEnd: Math.max(a, b),
  paraStart: none ? -1 : Math.min(c, d),
  paraEnd: none ? -1 : Math.max(c, d),
}));
const key: fc.Arbitrary<BlobKey> = fc.oneof(
  height.map((paraId): BlobKey => ({ kind: 'genesis', paraId })),
  height.map((relayHeight): BlobKey => ({ kind: 'rangeByParentBlock', relayHeight })),
  range.map((r): BlobKey => ({ kind: 'drySyncHeader', ...r })),
  range.map((r): BlobKey => ({ kind: 'blobRange', ...r })),
  fc
    .tuple(
      fc.constantFrom(
        'dryParaBlock',
        'rangeParaBlockKey',
        'rangeParaBlockBuffer',
        'para',
        'parent',
      ),
      height,
    )
    .map(([kind, number]): BlobKey => ({ kind, number })),
);

describe('blob keys', () => {
  it.each([
    ['genesis:2004:pb', { kind: 'genesis', paraId: 2004 }],
    ['rangeByParentBlock:100:pb', { kind: 'rangeByParentBlock', relayHeight: 100 }],
    [
      'drySyncHeader:1:2:3:4',
      { kind: 'drySyncHeader', relayStart: 1, relayEnd: 2, paraStart: 3, paraEnd: 4 },
    ],
    [
      'drySyncHeader:1:2:-1:-1',
      { kind: 'drySyncHeader', relayStart: 1, relayEnd: 2, paraStart: -1, paraEnd: -1 },
    ],
    [
      'blobRange:1:2:3:4:SyncHeaderReq',
      { kind: 'blobRange', relayStart: 1, relayEnd: 2, paraStart: 3, paraEnd: 4 },
    ],
    ['dryParaBlock:7', { kind: 'dryParaBlock', number: 7 }],
    ['rangeParaBlock:key:7', { kind: 'rangeParaBlockKey', number: 7 }],
    ['rangeParaBlock:buffer:16', { kind: 'rangeParaBlockBuffer', number: 16 }],
    ['para:0:pb', { kind: 'para', number: 0 }],
    ['parent:4294967295:pb', { kind: 'parent', number: 4294967295 }],
  ])('%s is read and written', (text, parsed) => {
    expect(parseBlobKey(text)).toEqual(parsed);
    expect(parseBlobKey(` ${text}\n`)).toEqual(parsed);
    expect(formatBlobKey(parsed as BlobKey)).toBe(text);
  });

  it('come back as they were', () => {
    fc.assert(
      fc.property(key, (value) => {
        expect(parseBlobKey(formatBlobKey(value))).toEqual(value);
      }),
    );
  });

  it.each([
    '',
    'genesis:2004:written',
    'genesis:02004:pb',
    'genesis:-1:pb',
    'genesis:4294967296:pb',
    'genesis:1.5:pb',
    'genesis:1e3:pb',
    'window:0:pb',
    'para:1:written',
    'parent:1:written',
    'LAST_COMMITTED_PARA_BLOCK',
    'rangeWritten:1:2:3:4',
    'drySyncHeader:2:1:3:4',
    'drySyncHeader:1:2:4:3',
    'drySyncHeader:1:2:-1:3',
    'drySyncHeader:1:2:3:-1',
    'drySyncHeader:1:2:3',
    'blobRange:1:2:3:4',
    'xgenesis:2004:pb',
    'genesis:2004:pbx',
    `para:${'1'.repeat(1000)}:pb`,
  ])('%s is none of ours', (text) => {
    expect(parseBlobKey(text)).toBeUndefined();
  });

  it('takes no longer for hostile texts', () => {
    const started = performance.now();
    parseBlobKey('drySyncHeader:'.repeat(100_000));
    expect(performance.now() - started).toBeLessThan(20);
  });
});
