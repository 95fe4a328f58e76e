import * as executor from '@acala-network/chopsticks-executor';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  EMPTY_ROOT,
  ProofError,
  Trie,
  TrieDb,
  TrieNodeMissing,
  compareBytes,
  fromHex,
  readProof,
  startsWith,
  toHex,
  type StateVersion,
} from './index.js';

type Pairs = readonly (readonly [Uint8Array, Uint8Array])[];

// smoldot's trie is the oracle: it shares no code with ours.
const oracle = {
  root: (entries: Pairs, version: StateVersion) =>
    executor.calculate_state_root(hexPairs(entries), version) as Promise<string>,
  prove: (entries: Pairs) =>
    executor.create_proof([], hexPairs(entries)) as Promise<[root: string, nodes: string[]]>,
  read: (root: Uint8Array, nodes: Uint8Array[]) =>
    executor.decode_proof(toHex(root), nodes.map(toHex)) as Promise<[string, string][]>,
};

const hexPairs = (entries: Pairs) => entries.map(([k, v]) => [toHex(k), toHex(v)]);

// Few distinct bytes, so that keys share prefixes, are prefixes of each other and repeat.
const key = fc
  .array(fc.constantFrom(0x00, 0x01, 0x10, 0x11, 0xff), { minLength: 1, maxLength: 6 })
  .map((a) => Uint8Array.from(a));
const longKey = fc.uint8Array({ minLength: 1, maxLength: 90 });
const value = fc.oneof(
  fc.uint8Array({ maxLength: 4 }),
  fc.uint8Array({ minLength: 30, maxLength: 35 }),
  fc.uint8Array({ minLength: 100, maxLength: 200 }),
);
const pairs = fc.uniqueArray(fc.tuple(fc.oneof(key, longKey), value), {
  selector: ([k]) => toHex(k),
  maxLength: 60,
});
const versions = [0, 1] as const;

describe.each(versions)('trie of state version %i', (version) => {
  it('has the root that smoldot computes', async () => {
    await fc.assert(
      fc.asyncProperty(pairs, async (entries) => {
        const trie = Trie.from(new TrieDb(), entries, version);
        expect(toHex(trie.root())).toBe(await oracle.root(entries, version));
      }),
      { numRuns: 200 },
    );
  });

  it('is canonical: any order of writing and deleting ends in the same root', () => {
    fc.assert(
      fc.property(pairs, pairs, (keep, drop) => {
        const db = new TrieDb();
        const kept = new Set(keep.map(([k]) => toHex(k)));
        let trie = Trie.from(db, drop, version);
        trie.root();
        trie = trie.with(keep);
        trie = trie.with(drop.filter(([k]) => !kept.has(toHex(k))).map(([k]) => [k, undefined]));
        const expected = Trie.from(new TrieDb(), [...keep].reverse(), version);
        expect(toHex(trie.root())).toBe(toHex(expected.root()));
      }),
      { numRuns: 200 },
    );
  });

  it('reads back what was written, also from the database alone, and leaves the old trie as it was', () => {
    fc.assert(
      fc.property(pairs, pairs, (first, second) => {
        const db = new TrieDb();
        const one = Trie.from(db, first, version);
        const rootOne = one.root();
        const two = one.with(second);
        const again = Trie.at(db, two.root(), version);
        const expected = new Map([...first, ...second].map(([k, v]) => [toHex(k), v]));
        for (const [k, v] of first) expect(Trie.at(db, rootOne, version).get(k)).toEqual(v);
        for (const [k, v] of [...first, ...second]) {
          expect(toHex(again.get(k) ?? v)).toBe(toHex(expected.get(toHex(k)) ?? v));
          expect(again.has(k)).toBe(true);
        }
        const sorted = [...expected.keys()].sort();
        expect([...again.entries()].map(([k]) => toHex(k))).toEqual(sorted);
      }),
      { numRuns: 100 },
    );
  });

  it('walks a prefix from a key on', () => {
    fc.assert(
      fc.property(pairs, key, fc.oneof(key, fc.constant(undefined)), (entries, prefix, after) => {
        const trie = Trie.from(new TrieDb(), entries, version);
        const expected = entries
          .map(([k]) => k)
          .filter((k) => startsWith(k, prefix.subarray(0, 1)))
          .filter((k) => after === undefined || compareBytes(k, after) > 0)
          .sort(compareBytes);
        expect([...trie.keys(prefix.subarray(0, 1), after)]).toEqual(expected);
      }),
      { numRuns: 200 },
    );
  });

  it('proves presence and absence', () => {
    fc.assert(
      fc.property(pairs, fc.array(key, { maxLength: 4 }), (entries, extra) => {
        const trie = Trie.from(new TrieDb(), entries, version);
        const wanted = [...entries.slice(0, 5).map(([k]) => k), ...extra];
        const proof = trie.prove(wanted);
        for (const k of wanted) {
          expect(readProof(proof, trie.root(), k)).toEqual(trie.get(k) ?? null);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('makes proofs that smoldot reads', async () => {
    await fc.assert(
      fc.asyncProperty(pairs, async (entries) => {
        const trie = Trie.from(new TrieDb(), entries, version);
        const asked = entries.slice(0, 5);
        const proof = trie.prove(asked.map(([k]) => k));
        const decoded = new Map(await oracle.read(trie.root(), proof));
        for (const [k, v] of asked) expect(decoded.get(toHex(k))).toBe(toHex(v));
      }),
      { numRuns: 100 },
    );
  });

  it('refuses a proof without one of its nodes, and a changed one', () => {
    const entries = Array.from({ length: 200 }, (_, i): [Uint8Array, Uint8Array] => [
      Uint8Array.of(i, 255 - i, 7),
      new Uint8Array(60).fill(i),
    ]);
    const trie = Trie.from(new TrieDb(), entries, version);
    const wanted = entries[77]?.[0] ?? new Uint8Array();
    const proof = trie.prove([wanted]);
    expect(proof.length).toBeGreaterThan(1);
    for (let i = 0; i < proof.length; i++) {
      const without = proof.filter((_, j) => j !== i);
      expect(() => readProof(without, trie.root(), wanted)).toThrow(ProofError);
      const changed = proof.map((node, j) =>
        j === i ? node.map((b, at) => (at === 5 ? b ^ 1 : b)) : node,
      );
      expect(() => readProof(changed, trie.root(), wanted)).toThrow(ProofError);
    }
  });
});

// Lengths around the limits of the node header's 4, 5 and 6 bits, and of each further length byte.
const nibbleCounts = [
  13, 14, 15, 16, 29, 30, 31, 32, 61, 62, 63, 64, 65, 269, 270, 271, 285, 286, 317, 318, 319, 573,
];

describe.each(versions)('partial keys of any length, state version %i', (version) => {
  it.each(nibbleCounts)('%i nibbles', async (count) => {
    // Two keys that part after `count` nibbles: a branch with that partial key, then short leaves.
    const length = Math.ceil((count + 1) / 2);
    const one = new Uint8Array(length).fill(0x11);
    const two = one.slice();
    two[length - 1] = count % 2 === 0 ? 0x21 : 0x12;
    for (const size of [1, 40]) {
      const bytes = new Uint8Array(size).fill(7);
      const branch: Pairs = [
        [one, bytes],
        [two, bytes],
      ];
      const withValue: Pairs = [...branch, [one.subarray(0, count >> 1), bytes]];
      const leaf: Pairs = [[new Uint8Array(Math.ceil(count / 2)).fill(0x33), bytes]];
      for (const entries of [branch, withValue, leaf]) {
        const trie = Trie.from(new TrieDb(), entries, version);
        expect(toHex(trie.root())).toBe(await oracle.root(entries, version));
        const again = Trie.at(trie.db, trie.root(), version);
        for (const [k, v] of entries) expect(again.get(k)).toEqual(v);
      }
    }
  });
});

it('reads proofs that smoldot makes', async () => {
  await fc.assert(
    fc.asyncProperty(pairs, async (entries) => {
      fc.pre(entries.length > 0);
      const [root, nodes] = await oracle.prove(entries);
      for (const [k, v] of entries) {
        expect(readProof(nodes.map(fromHex), fromHex(root), k)).toEqual(v);
      }
    }),
    { numRuns: 50 },
  );
});

it('knows the empty trie', () => {
  const trie = Trie.empty(new TrieDb());
  expect(toHex(trie.root())).toBe(
    '0x03170a2e7597b7b7e3d84c05391d139a62b157e78786d8c082f29dcf4c111314',
  );
  expect(Trie.at(new TrieDb(), EMPTY_ROOT).get(Uint8Array.of(1))).toBeUndefined();
  expect(readProof(trie.prove([Uint8Array.of(1)]), EMPTY_ROOT, Uint8Array.of(1))).toBeNull();
});

it('says when a state is not there', () => {
  expect(() => Trie.at(new TrieDb(), new Uint8Array(32).fill(9))).toThrow(TrieNodeMissing);
});

it('values of 33 bytes and more are hashed in version 1 only', () => {
  const entry = (size: number): [Uint8Array, Uint8Array][] => [
    [Uint8Array.of(1), new Uint8Array(size)],
  ];
  const root = (size: number, version: StateVersion) =>
    toHex(Trie.from(new TrieDb(), entry(size), version).root());
  expect(root(32, 0)).toBe(root(32, 1));
  expect(root(33, 0)).not.toBe(root(33, 1));
});

it('keeps nodes that are not saved and fetches saved ones', () => {
  const disk = new Map<string, Uint8Array>();
  const load = (hash: Uint8Array) => disk.get(toHex(hash));
  const db = new TrieDb({ load, maxCacheBytes: 100 });
  const trie = Trie.from(db, [
    [Uint8Array.of(1), new Uint8Array(80).fill(1)],
    [Uint8Array.of(2), new Uint8Array(80).fill(2)],
  ]);
  const root = trie.root();
  const nodes = db.unsavedNodes();
  for (const [hash, bytes] of nodes) disk.set(toHex(hash), bytes);
  db.saved(nodes);
  expect(db.unsavedNodes()).toEqual([]);
  expect(Trie.at(db, root).get(Uint8Array.of(2))).toEqual(new Uint8Array(80).fill(2));
});
