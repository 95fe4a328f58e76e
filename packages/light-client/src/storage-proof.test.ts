import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { env } from 'node:process';
import { fromHex, toHex } from '@runtime-bridge/base';
import {
  blake2b256,
  headerStateRoot,
  ScaleReader,
  skipHeader,
  type StoragePair,
} from '@runtime-bridge/blob-codec';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type LightClientError } from './errors.js';
import { readParaHead, verifyParaHead } from './para-head.js';
import { describeRecorded, recordedBytes, recordedJson } from './recorded-chains.test.support.js';
import { readProof, StorageProofReader } from './storage-proof.js';
import { StateTrie } from './trie/state-trie.js';
import { EMPTY_TRIE_ROOT } from './trie/tree.js';

const code = (expected: string): unknown => expect.objectContaining({ code: expected });

describe('readProof', () => {
  it('reads every key of a trie, and nothing that is not there', () => {
    const key = fc.uint8Array({ maxLength: 5 });
    const pairs = fc.uniqueArray(fc.tuple(key, fc.uint8Array({ maxLength: 50 })), {
      selector: ([k]) => toHex(k),
      maxLength: 30,
    });
    fc.assert(
      fc.property(pairs, key, (state: StoragePair[], other) => {
        const trie = StateTrie.fromPairs(state);
        const proof = trie.takeWrites().puts.map(([, node]) => node);
        const reader = new StorageProofReader(proof, trie.root());
        for (const [k, v] of state) expect(toHex(reader.get(k)!)).toBe(toHex(v));
        if (!state.some(([k]) => toHex(k) === toHex(other))) expect(reader.get(other)).toBeNull();
      }),
    );
    expect(readProof([], EMPTY_TRIE_ROOT, Uint8Array.of(1))).toBeNull();
  });

  it('refuses bytes that hash right but are no node', () => {
    const hostile = [
      [0x01], // reserved header
      [0x80, 0, 0], // branch without children
      [0x41, 0xf1, 0], // odd partial key with a first half
      [0x40, 0xfe, 0xff, 0xff, 0xff], // value of a gigabyte
      [0x7f, 255, 255, 255], // endless partial key
      [0x40, 4, 1, 9], // something behind
      [0xc0, 1, 0, 4, 1, 0x84], // child longer than a hash
    ];
    for (const bytes of hostile) {
      const node = Uint8Array.from(bytes);
      expect(() => readProof([node], blake2b256(node), Uint8Array.of(0))).toThrow(
        code('BAD_TRIE_NODE'),
      );
    }
  });
});

interface RecordedProof {
  stateRoot: string;
  stateVersion: number;
  items: { key: string; value: string | null }[];
  proof: string[];
  header: string | null;
  blockNumber: number;
  paraHead?: { number: number; hash: string };
  paraHeaders?: string[];
}

describeRecorded('recorded storage proofs', () => {
  const names = (): string[] =>
    readdirSync(join(env['RB_CHAIN_FIXTURES'] ?? '', 'read-proofs')).map(
      (name) => `read-proofs/${name}`,
    );

  it('give every recorded value, in state versions 0 and 1', () => {
    const versions = new Map<number, number>();
    for (const name of names()) {
      const { proof, stateRoot, items, stateVersion } = recordedJson<RecordedProof>(name);
      // in any order, with nodes that do not belong there
      const nodes = [Uint8Array.of(1, 2, 3), ...proof.map((node) => fromHex(node)).reverse()];
      const reader = new StorageProofReader(nodes, fromHex(stateRoot));
      for (const { key, value } of items) {
        const read = reader.get(fromHex(key));
        expect(read && toHex(read), name).toBe(value);
      }
      versions.set(stateVersion, (versions.get(stateVersion) ?? 0) + 1);
    }
    expect(versions.get(0)).toBeGreaterThan(20);
    expect(versions.get(1)).toBe(2);
  });

  it('give nothing else with a byte changed or a node taken away', () => {
    const recordings = names().map((name) => recordedJson<RecordedProof>(name));
    fc.assert(
      fc.property(
        fc.constantFrom(...recordings),
        fc.nat(),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        fc.boolean(),
        ({ proof, stateRoot, items }, node, at, mask, drops) => {
          const nodes = proof.map((hex) => fromHex(hex));
          const index = node % nodes.length;
          const changed = new Uint8Array(nodes[index]!);
          const byte = at % changed.length;
          changed[byte] = changed[byte]! ^ mask;
          if (drops) nodes.splice(index, 1);
          else nodes[index] = changed;
          const reader = new StorageProofReader(nodes, fromHex(stateRoot));
          for (const { key, value } of items) {
            try {
              const read = reader.get(fromHex(key));
              expect(read && toHex(read)).toBe(value); // it did not need the node
            } catch (error) {
              expect((error as LightClientError).code).toBe('PROOF_NODE_MISSING');
            }
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('lead from a finalised relay header to para headers', () => {
    const recordings = names()
      .filter((name) => name.includes('paras-heads-rococo'))
      .map((name) => ({ name, ...recordedJson<RecordedProof>(name) }));
    expect(recordings).toHaveLength(10);
    const finalised = new Set(
      recordedJson<{ number: number }[]>('grandpa/rococo/index.json').flatMap(({ number }) => {
        const bytes = recordedBytes(`grandpa/rococo/${number}/headers.scale`);
        const reader = new ScaleReader(bytes, 'headers');
        return reader.vec(98, 'headers', () => toHex(skipHeader(reader).raw));
      }),
    );
    for (const { name, header, proof, paraHead, paraHeaders } of recordings) {
      expect(finalised.has(header as `0x${string}`), name).toBe(true);
      const claim = {
        paraId: Number(/para(\d+)/.exec(name)?.[1]),
        stateRoot: headerStateRoot(fromHex(header!)),
        proof: proof.map((node) => fromHex(node)),
      };
      const headers = paraHeaders!.map((raw) => fromHex(raw));
      const tip = verifyParaHead({ ...claim, headers });
      expect({ number: tip.number, hash: toHex(tip.hash) }).toEqual(paraHead);
      expect(readParaHead(claim)).toMatchObject({ number: paraHead!.number });

      expect(() => verifyParaHead({ ...claim, headers: headers.slice(0, -1) })).toThrow(
        code(headers.length > 1 ? 'PARA_HEAD_MISMATCH' : 'NO_HEADERS'),
      );
      const last = headers.at(-1)!;
      for (let at = 0; at < last.length; at += 11) {
        const changed = last.map((byte, i) => (i === at ? byte ^ 4 : byte));
        expect(() =>
          verifyParaHead({ ...claim, headers: [...headers.slice(0, -1), changed] }),
        ).toThrow();
      }
      expect(() => verifyParaHead({ ...claim, headers, paraId: 7 })).toThrow();
      expect(() => verifyParaHead({ ...claim, headers, proof: claim.proof.slice(1) })).toThrow(
        code('PROOF_NODE_MISSING'),
      );
    }
  });
});
