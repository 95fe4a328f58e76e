import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { concatBytes, fromHex } from '@runtime-bridge/base';
import {
  compactLength,
  decodeAuthorityList,
  encodeAuthorityList,
  type Authority,
} from '@runtime-bridge/blob-codec';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { needsAuthorityProof } from '../life/pruntime-version.js';
import { relayEraOf } from './relay-era.js';

const authorities = fc.array(
  fc.record({
    id: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    weight: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
  }),
  { minLength: 1, maxLength: 8 },
);

describe('the era of a relay chain', () => {
  it('is told by the value in the proof, whatever is around it', () => {
    fc.assert(
      fc.property(
        authorities,
        fc.boolean(),
        fc.boolean(),
        fc.uint8Array({ maxLength: 40 }),
        fc.array(fc.uint8Array({ maxLength: 80 }), { maxLength: 3 }),
        (list, old, hashed, before, others) => {
          const encoded = encodeAuthorityList(list);
          const value = old ? concatBytes([Uint8Array.of(1), encoded]) : encoded;
          const node = hashed ? value : concatBytes([before, compactLength(value.length), value]);
          const proof = [...others, node];
          expect(relayEraOf(genesis(list, proof))).toBe(old ? 'old' : 'new');
          expect(relayEraOf(genesis(list, others))).toBe('unknown');
        },
      ),
      { numRuns: 200 },
    );
  });

  const folder = process.env['RB_CHAIN_FIXTURES'];
  if (folder === undefined && process.env['CI'] === 'true') {
    throw new Error('RB_CHAIN_FIXTURES is not set');
  }
  if (folder === undefined) console.warn('RB_CHAIN_FIXTURES is not set: no recorded proofs');
  it.skipIf(folder === undefined).each(['kusama', 'polkadot', 'westend', 'rococo'])(
    'is read from the genesis proof of %s',
    (chain) => {
      const recorded = JSON.parse(
        readFileSync(join(folder!, 'read-proofs', `generated-genesis-${chain}.json`), 'utf8'),
      ) as { proof: string[]; items: { key: string; value: string | null }[] };
      const { value } = recorded.items.find(({ key }) => key === OLD_KEY)!;
      const list = decodeAuthorityList(fromHex(value!).subarray(1));
      expect(list.length).toBeGreaterThan(0);
      expect(relayEraOf(genesis(list, recorded.proof.map(fromHex)))).toBe('old');
    },
  );
});

it.each([
  ['0.1.9', true],
  ['0.2.0', true],
  ['0.2.6', true],
  ['v0.2.6-dev', true],
  ['0.2.7', false],
  ['0.2.10', false],
  ['0.3.0', false],
  ['2.0.1', false],
  ['', false],
  ['light', false],
])('pRuntime %s needs a proof of the old key: %s', (version, needs) => {
  expect(needsAuthorityProof(version)).toBe(needs);
});

/** `:grandpa_authorities` */
const OLD_KEY = '0x3a6772616e6470615f617574686f726974696573';

function genesis(list: Authority[], proof: Uint8Array[]) {
  return { header: new Uint8Array(), authoritySet: { authorities: list, setId: 0n }, proof };
}
