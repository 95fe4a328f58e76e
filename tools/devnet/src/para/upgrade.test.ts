import { beforeEach, describe, expect, it } from 'vitest';

import { decodeHeader, readProof, toHex, Trie, TrieDb, utf8 } from '../primitives/index.js';
import { runtimeTypesOf, TestChain } from './chain.test.kit.js';
import { lastRuntimeUpgrade } from './pallets/system.js';
import { CODE_KEY, codeOf, releaseIn, releaseOf } from './release.js';

let chain: TestChain;
beforeEach(async () => {
  chain = await TestChain.create();
  chain.block();
});

const setCode = (code: Uint8Array, method = 'setCode') =>
  chain.sudo(chain.call('system', method, toHex(code)));
const remark = () => chain.call('system', 'remark', '0x01');

describe('a runtime upgrade', () => {
  it('is in force from the next block on, and announced in the digest', () => {
    const outcome = setCode(codeOf(releaseOf(1290)));
    expect(outcome.result).toBe('ok');
    expect(outcome.events).toContain('system.CodeUpdated');
    const { logs } = decodeHeader(chain.header);
    expect(logs.map(({ kind }) => kind)).toEqual(['preRuntime', 'runtimeEnvironmentUpdated']);
    expect(lastRuntimeUpgrade.get(chain.state)?.specVersion).toBe(1251);
    expect(releaseIn(chain.state)).toBe(releaseOf(1290));
    chain.block();
    expect(decodeHeader(chain.header).logs).toHaveLength(1);
    expect(lastRuntimeUpgrade.get(chain.state)?.specVersion).toBe(1290);
  });

  it('makes extrinsics of the old version bad, and takes those of the new', () => {
    const { Alice } = chain.pairs;
    setCode(codeOf(releaseOf(1260)));
    expect(chain.run(remark(), Alice).result).toBe('invalid BadProof');
    expect(chain.run(remark(), Alice, { specVersion: 1260 }).result).toBe('ok');
  });

  it('may change the form of extrinsics, told by new metadata', () => {
    const { Alice } = chain.pairs;
    setCode(codeOf(releaseOf(1290)));
    expect(chain.run(remark(), Alice, { specVersion: 1290 }).result).toMatch(/^invalid Bad/);
    const { metadata, version } = chain.runtime.at(chain.state);
    const { registry, tx } = runtimeTypesOf(metadata);
    expect(registry.signedExtensions).toContain('CheckMetadataHash');
    const { specVersion, transactionVersion } = version;
    const sign = (more: Record<string, unknown>) =>
      registry
        .createType('Extrinsic', tx['system']?.['remark']?.('0x01'), { version: 4 })
        .sign(Alice, {
          blockHash: chain.genesisHash,
          genesisHash: chain.genesisHash,
          nonce: chain.nonce(Alice.publicKey),
          era: '0x00' as never,
          tip: 0,
          runtimeVersion: { specVersion, transactionVersion } as never,
          signedExtensions: registry.signedExtensions,
          ...more,
        })
        .toU8a();
    const withHash = chain.block([sign({ mode: 1, metadataHash: new Uint8Array(32) })]);
    expect(withHash.dropped.map(({ reason }) => reason)).toEqual(['CannotLookup']);
    expect(chain.block([sign({})]).included).toHaveLength(1);
    expect(chain.outcome(2).result).toBe('ok');
  });

  it('is refused with the errors of Substrate', () => {
    expect(setCode(utf8('nonsense')).result).toBe('system.FailedToExtractRuntimeVersion');
    const named = (name: string) => utf8(`runtime-bridge devnet ${name}`);
    expect(setCode(named('phala-9999')).result).toBe('system.InvalidSpecName');
    expect(setCode(named('khala-1251')).result).toBe('system.SpecVersionNeedsToIncrease');
    expect(setCode(named('khala-1251'), 'setCodeWithoutChecks').result).toBe('ok');
    const { Bob } = chain.pairs;
    expect(chain.run(chain.call('system', 'setCode', '0x'), Bob).result).toBe('BadOrigin');
  });

  it('may bring state version 1: what is written from then on is hashed, the rest stays', () => {
    const key = utf8('long');
    const value = new Uint8Array(100).fill(7);
    const write = () => {
      const call = chain.call('system', 'setStorage', [[toHex(key), toHex(value)]]);
      return chain.block([
        chain.sign(chain.call('sudo', 'sudo', call), chain.pairs.Alice, {
          specVersion: releaseIn(chain.state).version.specVersion,
        }),
      ]);
    };
    write();
    const proofOf = () => chain.state.prove([key]);
    const isApart = () => proofOf().some((node) => Buffer.compare(node, value) === 0);
    expect(isApart()).toBe(false);
    setCode(codeOf(releaseOf(1260, 1)));
    expect(chain.state.version).toBe(0);
    // What a pRuntime computes, which knows version 0 only.
    const rootOfVersion0 = () => Trie.from(new TrieDb(), [...chain.state.entries()]).root();
    expect(rootOfVersion0()).toEqual(decodeHeader(chain.header).stateRoot);
    chain.block();
    expect(rootOfVersion0()).not.toEqual(decodeHeader(chain.header).stateRoot);
    expect(chain.state.version).toBe(1);
    expect(isApart()).toBe(false);
    const before = chain.state.root();
    write();
    expect(isApart()).toBe(true);
    expect(chain.state.root()).not.toEqual(before);
    expect(readProof(proofOf(), decodeHeader(chain.header).stateRoot, key)).toEqual(value);
    expect(chain.state.get(CODE_KEY)).toEqual(codeOf(releaseOf(1260, 1)));
  });
});
