import { Metadata, TypeRegistry } from '@polkadot/types';
import { blake2AsU8a } from '@polkadot/util-crypto';
import { beforeAll, describe, expect, it } from 'vitest';

import { concatBytes, scale, toHex } from '../primitives/index.js';
import { TestChain } from './chain.test.kit.js';

let chain: TestChain;
beforeAll(async () => {
  chain = await TestChain.create();
  chain.block();
});
const call = (method: string, args: Uint8Array = new Uint8Array()) =>
  chain.runtime.call(method, args, chain.state);

describe('runtime API', () => {
  it('tells the version that is in the metadata', () => {
    const version = chain.registry.createType('RuntimeVersion', call('Core_version'));
    expect(version.toJSON()).toMatchObject({
      specName: 'khala',
      specVersion: 1251,
      transactionVersion: 6,
      stateVersion: 0,
    });
    const shown = chain.runtime.version.apis.map(([id, v]) => [id, v]);
    expect((version.toJSON() as { apis: unknown }).apis).toEqual(shown);
  });

  it('tells the metadata, by version as well', () => {
    const registry = new TypeRegistry();
    const opaque = registry.createType('Bytes', call('Metadata_metadata'));
    expect(toHex(opaque.toU8a(true))).toBe(toHex(chain.runtime.metadata));
    expect(new Metadata(registry, opaque.toHex()).version).toBe(14);
    const at = (version: number) => call('Metadata_metadata_at_version', scale.u32(version));
    expect(at(14)[0]).toBe(1);
    expect([...at(15)]).toEqual([0]);
    expect([...call('Metadata_metadata_versions')]).toEqual([4, 14, 0, 0, 0]);
  });

  it('tells fees', () => {
    const extrinsic = chain.sign(chain.call('system', 'remark', '0x00'), chain.pairs.Alice, {
      tip: 5n,
    });
    const args = concatBytes(extrinsic, scale.u32(extrinsic.length));
    const details = call('TransactionPaymentApi_query_fee_details', args);
    const reader = new scale.ScaleReader(details);
    const parts = reader.option((r) => [r.u128(), r.u128(), r.u128()]) ?? [];
    expect(reader.u128()).toBe(5n);
    const info = new scale.ScaleReader(call('TransactionPaymentApi_query_info', args));
    info.compactBig();
    info.compactBig();
    expect(info.u8()).toBe(0);
    expect(info.u128()).toBe(parts.reduce((a, b) => a + b, 0n));
    const [base = 0n, length = 0n] = parts;
    // A base extrinsic's weight costs a hundredth of a cent; a byte a thousandth of a cent.
    expect(Number(base)).toBeCloseTo(1e8, -3);
    expect(length).toBe(BigInt(extrinsic.length) * 10_000_000n);
    const perLength = call('TransactionPaymentApi_query_length_to_fee', scale.u32(100));
    expect(new scale.ScaleReader(perLength).u128()).toBe(1_000_000_000n);
    const weight = concatBytes(scale.compact(113_638_000), scale.compact(0));
    const perWeight = call('TransactionPaymentApi_query_weight_to_fee', weight);
    expect(new scale.ScaleReader(perWeight).u128()).toBe(base);
  });

  it('validates transactions', () => {
    const validate = (extrinsic: Uint8Array) =>
      call(
        'TaggedTransactionQueue_validate_transaction',
        concatBytes(scale.u8(2), extrinsic, chain.hash),
      );
    const remark = chain.call('system', 'remark', '0x00');
    const good = validate(chain.sign(remark, chain.pairs.Alice, { nonce: 1, periodBlocks: 64 }));
    const reader = new scale.ScaleReader(good);
    expect(reader.u8()).toBe(0);
    expect(reader.u64()).toBeGreaterThan(0n);
    const tag = (nonce: number) => concatBytes(chain.pairs.Alice.publicKey, scale.u32(nonce));
    expect(reader.vec((r) => toHex(r.bytes()))).toEqual([toHex(tag(0))]);
    expect(reader.vec((r) => toHex(r.bytes()))).toEqual([toHex(tag(1))]);
    expect(reader.u64()).toBe(63n);
    expect(reader.bool()).toBe(true);
    const wrongChain = chain.sign(remark, chain.pairs.Alice, { genesisHash: new Uint8Array(32) });
    expect([...validate(wrongChain)]).toEqual([1, 0, 4]);
    const bare = chain.registry.createType('Extrinsic', remark, { version: 4 }).toU8a();
    expect([...validate(bare)]).toEqual([1, 1, 1]);
  });

  it('has no other methods', () => {
    expect(() => call('AuraApi_slot_duration')).toThrow(/not found/);
    for (const [id] of chain.runtime.version.apis) {
      const names = ['Core', 'Metadata', 'TaggedTransactionQueue', 'AccountNonceApi'];
      const known = [...names, 'TransactionPaymentApi'].map((name) => toHex(blake2AsU8a(name, 64)));
      expect(known).toContain(id);
    }
  });
});
