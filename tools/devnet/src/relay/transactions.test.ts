import { Keyring } from '@polkadot/keyring';
import type { KeyringPair } from '@polkadot/keyring/types';
import { expandMetadata, Metadata, TypeRegistry } from '@polkadot/types';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testPair } from '../chain/pair.test.kit.js';
import { relayMetadata } from '../metadata/index.js';
import { BadExtrinsic, InvalidTransaction } from '../para/errors.js';
import { toHex } from '../primitives/index.js';
import { RelayAuthor } from './author.js';
import { RelayRuntime } from './runtime.js';
import { relayNonce, RelayTransactions } from './transactions.js';

let pair: Awaited<ReturnType<typeof testPair>>;
let bob: KeyringPair;
let dave: KeyringPair;
const registry = new TypeRegistry();
const runtime = new RelayRuntime({ era: 'old', metadata: relayMetadata('old'), stateVersion: 0 });
const transactions = new RelayTransactions(runtime.version);
const metadata = new Metadata(registry, toHex(runtime.metadata));
registry.setMetadata(metadata);
const { tx } = expandMetadata(registry, metadata);

beforeAll(async () => {
  pair = await testPair();
  await pair.steps(6);
  bob = new Keyring({ type: 'sr25519' }).addFromUri('//Bob');
  dave = new Keyring({ type: 'ed25519' }).addFromUri('//Dave');
});
afterAll(() => pair.dispose());

interface Signing {
  nonce: number;
  specVersion?: number;
  periodBlocks?: number;
  method?: string;
}

function sign(signer: KeyringPair, options: Signing): Uint8Array {
  const { best, genesis } = pair.relay;
  const { periodBlocks } = options;
  const call = tx['system']?.[options.method ?? 'remark']?.('0x0102');
  const era: unknown =
    periodBlocks === undefined
      ? '0x00'
      : registry.createType('ExtrinsicEra', { current: best.number, period: periodBlocks });
  return registry
    .createType('Extrinsic', call, { version: 4 })
    .sign(signer, {
      blockHash: periodBlocks === undefined ? genesis.hash : best.hash,
      genesisHash: genesis.hash,
      nonce: options.nonce,
      era: era as never,
      tip: 0,
      runtimeVersion: {
        specVersion: options.specVersion ?? runtime.version.specVersion,
        transactionVersion: runtime.version.transactionVersion,
      } as never,
      signedExtensions: registry.signedExtensions,
    })
    .toU8a();
}

const validate = (extrinsic: Uint8Array) => {
  const { best } = pair.relay;
  return transactions.validate(extrinsic, pair.relay.state(best.hash), best);
};

describe('a transaction of the relay chain', () => {
  it('is taken for its nonce, whichever way it is signed', () => {
    for (const signer of [bob, dave]) {
      expect(validate(sign(signer, { nonce: 0 }))).toMatchObject({
        requires: [],
        longevity: Infinity,
      });
      expect(validate(sign(signer, { nonce: 3 })).requires).toHaveLength(1);
    }
    expect(validate(sign(bob, { nonce: 0, periodBlocks: 64 })).longevity).toBeLessThan(65);
  });

  it('is refused when anything in it is changed', () => {
    const good = sign(bob, { nonce: 0 });
    for (let at = 0; at < good.length; at++) {
      const changed = good.slice();
      changed[at] = (changed[at] ?? 0) ^ 1;
      const run = () => validate(changed);
      expect(run, `byte ${at}`).toThrow();
      try {
        run();
      } catch (error) {
        const isKnown = error instanceof InvalidTransaction || error instanceof BadExtrinsic;
        expect(isKnown, `byte ${at}: ${String(error)}`).toBe(true);
      }
    }
    expect(() => validate(sign(bob, { nonce: 0, specVersion: 1 }))).toThrow('BadProof');
  });

  it('is in a block in order of nonces, once, and what does not fit is left out', async () => {
    const author = new RelayAuthor(
      { era: 'old', paraId: 2004, sessionBlocks: 10, slotMs: 600, seed: 'test' },
      { chain: pair.relay, keys: pair.keys, transactions },
    );
    const parent = pair.relay.best;
    const first = sign(bob, { nonce: 0, method: 'remarkWithEvent' });
    const second = sign(bob, { nonce: 1 });
    const gap = sign(bob, { nonce: 3 });
    const other = sign(dave, { nonce: 0 });
    const block = author.build({
      parent,
      timestampMs: 1_800_000_000_000,
      extrinsics: [first, first, gap, second, other, Uint8Array.of(4, 0)],
    });
    expect(block.extrinsics.slice(1)).toEqual([first, second, other]);
    await pair.relay.append(block, { best: true });
    const state = pair.relay.state(block.hash);
    expect(relayNonce(state, bob.publicKey)).toBe(2);
    expect(relayNonce(state, dave.publicKey)).toBe(1);
    expect(() => validate(first)).toThrow('Stale');
    expect(validate(sign(bob, { nonce: 2 })).requires).toEqual([]);
  });
});
