import { bytesEqual, concatBytes, fromHex, toHex } from '@runtime-bridge/base';
import {
  decodeStorageChanges,
  storageChangesFromJson,
  storageKeys,
  type StorageChange,
  type StorageChanges,
  type StoragePair,
} from '@runtime-bridge/blob-codec';
import { calculate_state_root } from '@acala-network/chopsticks-executor';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeRecorded, recordedBytes, recordedJson } from '../recorded-chains.test.support.js';
import { MemoryNodeStore } from './node-store.js';
import { StateTrie } from './state-trie.js';

const EMPTY_ROOT = '0x03170a2e7597b7b7e3d84c05391d139a62b157e78786d8c082f29dcf4c111314';

const none: StorageChanges = { main: [], children: [] };
const main = (changes: StorageChange[]): StorageChanges => ({ main: changes, children: [] });
const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

/** The root by an implementation that is not ours (smoldot's). */
async function oracleRoot(pairs: Iterable<StoragePair>): Promise<string> {
  const entries = [...pairs].map(([k, v]): [string, string] => [toHex(k), toHex(v)]);
  return calculate_state_root(entries, 0) as Promise<string>;
}

/** Keys that share prefixes, end inside each other, or share nothing. */
const key = fc.oneof(
  fc.uint8Array({ minLength: 0, maxLength: 4 }).map((k) => k.map((b) => b & 0x13)),
  fc.uint8Array({ minLength: 30, maxLength: 70 }).map((k) => k.fill(0xab, 0, 29)),
);
const value = fc.oneof(
  fc.uint8Array({ maxLength: 3 }),
  fc.uint8Array({ minLength: 30, maxLength: 34 }),
  fc.uint8Array({ minLength: 60, maxLength: 80 }),
);
const change = fc.tuple(key, fc.option(value, { nil: null, freq: 3 }));
const blocks = fc.array(fc.array(change, { maxLength: 12 }), { minLength: 1, maxLength: 8 });

/** A state as a plain map, by hex of its keys. */
function applyToMap(state: Map<string, Uint8Array>, changes: readonly StorageChange[]): void {
  for (const [k, v] of changes) {
    if (v === null) state.delete(toHex(k));
    else state.set(toHex(k), v);
  }
}
const pairsOf = (state: Map<string, Uint8Array>): StoragePair[] =>
  [...state].map(([k, v]) => [fromHex(k), v]);

describe('StateTrie', () => {
  it('knows the empty root', () => {
    expect(toHex(StateTrie.empty().root())).toBe(EMPTY_ROOT);
    const trie = StateTrie.fromPairs([[bytes(1), bytes(2)]]);
    trie.apply(main([[bytes(1), null]]));
    expect(toHex(trie.root())).toBe(EMPTY_ROOT);
  });

  it('gives the same root as an independent implementation, after every block', async () => {
    await fc.assert(
      fc.asyncProperty(blocks, async (history) => {
        const trie = StateTrie.empty();
        const state = new Map<string, Uint8Array>();
        for (const changes of history) {
          trie.apply(main(changes));
          applyToMap(state, changes);
          expect(toHex(trie.root())).toBe(await oracleRoot(pairsOf(state)));
        }
      }),
      { numRuns: 60 },
    );
  });

  it('goes on from a store that holds just the present nodes, however little stays in memory', async () => {
    await fc.assert(
      fc.asyncProperty(blocks, fc.boolean(), async (history, reopens) => {
        const store = new MemoryNodeStore();
        let trie = StateTrie.empty(store, { maxBytes: 1 });
        const plain = StateTrie.empty();
        const state = new Map<string, Uint8Array>();
        for (const changes of history) {
          await trie.load(main(changes));
          trie.apply(main(changes));
          plain.apply(main(changes));
          applyToMap(state, changes);
          const writes = trie.takeWrites();
          const put = new Set(writes.puts.map(([k]) => toHex(k)));
          // so that a batch may hold them in any order
          expect(writes.deletes.filter((k) => put.has(toHex(k)))).toEqual([]);
          store.write(writes);
          expect(toHex(trie.root())).toBe(toHex(plain.root()));
          if (reopens) trie = StateTrie.open(trie.root(), store, { maxBytes: 1 });
          // Nothing superseded stays behind: a trie written at once has as many nodes.
          const fresh = new MemoryNodeStore();
          fresh.write(StateTrie.fromPairs(pairsOf(state)).takeWrites());
          expect(store.size).toBe(fresh.size);
        }
        for (const [k, v] of state) expect(toHex((await trie.get(fromHex(k)))!)).toBe(toHex(v));
      }),
      { numRuns: 150 },
    );
  });

  it('goes back to a checkpoint, and writes nothing of what was given up', async () => {
    await fc.assert(
      fc.asyncProperty(blocks, fc.array(change), async (history, wrong) => {
        const store = new MemoryNodeStore();
        const trie = StateTrie.empty(store, { maxBytes: 1 });
        for (const changes of history) {
          await trie.load(main(changes));
          trie.apply(main(changes));
          if (changes.length % 2 === 0) store.write(trie.takeWrites());
          const before = toHex(trie.root());
          const checkpoint = trie.checkpoint();
          await trie.load(main(wrong));
          trie.apply(main(wrong));
          trie.root();
          trie.rollback(checkpoint);
          expect(toHex(trie.root())).toBe(before);
        }
        store.write(trie.takeWrites());
        const reopened = StateTrie.open(trie.root(), store);
        const all = main(history.flat().map(([k]) => [k, null]));
        await reopened.load(all);
        reopened.apply(all);
        expect(toHex(reopened.root())).toBe(EMPTY_ROOT);
        store.write(reopened.takeWrites());
        expect(store.size).toBe(0);
      }),
      { numRuns: 100 },
    );
  });

  it('refuses changes that give another root, and stays where it was', async () => {
    const trie = StateTrie.fromPairs([[bytes(1), bytes(1)]]);
    const right = StateTrie.fromPairs([
      [bytes(1), bytes(1)],
      [bytes(2), bytes()],
    ]).root();
    const before = trie.root();
    // An empty value is not a deletion.
    for (const wrong of [
      [bytes(2), null],
      [bytes(1), bytes(9)],
    ] satisfies StorageChange[]) {
      await expect(trie.advance(main([wrong]), right, 7)).rejects.toMatchObject({
        code: 'STATE_ROOT_MISMATCH',
        facts: { block: 7 },
      });
      expect(bytesEqual(trie.root(), before)).toBe(true);
    }
    await trie.advance(main([[bytes(2), bytes()]]), right, 7);
    expect(bytesEqual(trie.root(), right)).toBe(true);
  });

  it('puts the roots of child tries into the main trie, and takes empty ones out', async () => {
    const childKey = bytes(9, 9);
    const rootKey = concatBytes([storageKeys.childStoragePrefix, childKey]);
    const store = new MemoryNodeStore();
    let trie = StateTrie.fromPairs([[bytes(1), bytes(1)]], store, { maxBytes: 1 });
    store.write(trie.takeWrites());
    const childPairs: StoragePair[] = [
      [bytes(1, 2), new Uint8Array(40).fill(3)],
      [bytes(1, 3), new Uint8Array(40).fill(4)],
    ];
    const first = { main: [], children: [[childKey, childPairs]] } satisfies StorageChanges;
    await trie.load(first);
    trie.apply(first);
    const childRoot = await oracleRoot(childPairs);
    const expected: StoragePair[] = [
      [bytes(1), bytes(1)],
      [rootKey, fromHex(childRoot)],
    ];
    expect(toHex(trie.root())).toBe(await oracleRoot(expected));
    store.write(trie.takeWrites());

    trie = StateTrie.open(trie.root(), store, { maxBytes: 1 });
    const second: StorageChanges = { main: [], children: [[childKey, [[bytes(1, 2), null]]]] };
    await trie.load(second);
    trie.apply(second);
    const rest = await oracleRoot(childPairs.slice(1));
    expect(toHex((await trie.get(rootKey))!)).toBe(rest);
    store.write(trie.takeWrites());

    const third: StorageChanges = { main: [], children: [[childKey, [[bytes(1, 3), null]]]] };
    await trie.load(third);
    trie.apply(third);
    store.write(trie.takeWrites());
    expect(await trie.get(rootKey)).toBeNull();
    expect(toHex(trie.root())).toBe(await oracleRoot([[bytes(1), bytes(1)]]));
    expect(store.size).toBe(1);
  });

  it('says so when the store is damaged or a node is not loaded', async () => {
    const pairs: StoragePair[] = Array.from({ length: 64 }, (_, i) => [
      bytes(i * 4, i),
      new Uint8Array(40).fill(i),
    ]);
    const store = new MemoryNodeStore();
    const full = StateTrie.fromPairs(pairs, store);
    const writes = full.takeWrites();
    const lost = writes.puts.pop()!;
    store.write(writes);
    const trie = StateTrie.open(full.root(), store);
    expect(() => trie.apply(main([[bytes(0), bytes(0)]]))).toThrow(
      expect.objectContaining({ code: 'TRIE_NODE_NOT_LOADED' }),
    );
    const all = main(pairs.map(([k]) => [k, null]));
    await expect(trie.load(all)).rejects.toMatchObject({ code: 'TRIE_STORE_DAMAGED' });
    lost[1] = lost[1].map((b, i) => (i === 5 ? b ^ 1 : b));
    store.write({ puts: [lost], deletes: [] });
    await expect(trie.load(all)).rejects.toMatchObject({ code: 'TRIE_STORE_DAMAGED' });
  });

  it('refuses a checkpoint from before the last writes', () => {
    const trie = StateTrie.fromPairs([[bytes(1), bytes(1)]]);
    const checkpoint = trie.checkpoint();
    trie.takeWrites();
    expect(() => trie.rollback(checkpoint)).toThrow(
      expect.objectContaining({ code: 'CHECKPOINT_GONE' }),
    );
    expect(() => trie.apply(none)).not.toThrow();
  });
});

describeRecorded('recorded states', () => {
  type Changes = { result: unknown[] };
  interface Spec {
    genesis: { raw: { top: Record<string, string> } };
  }

  it('replays storage changes to all 51 state roots, with and without a store', async () => {
    const changes = recordedJson<Changes>(
      'storage-changes/pha_getStorageChanges-response.json',
    ).result.map((object) => decodeStorageChanges(storageChangesFromJson(object)));
    const roots = new TextDecoder()
      .decode(recordedBytes('storage-changes/state_roots.txt'))
      .trim()
      .split('\n');
    expect(roots).toHaveLength(51);
    const plain = StateTrie.empty();
    const store = new MemoryNodeStore();
    let stored = StateTrie.empty(store, { maxBytes: 1 });
    const seen: string[] = [];
    for (const block of changes) {
      plain.apply(block);
      const root = plain.root();
      await stored.advance(block, root, seen.length);
      store.write(stored.takeWrites());
      stored = StateTrie.open(root, store, { maxBytes: 1 });
      seen.push(toHex(root));
    }
    expect(seen.slice(0, 51)).toEqual(roots.map((root) => root.trim()));
  });

  it.each([
    ['khala', '0xd43540ba6d3eb4897c28a77d48cb5b729fea37603cbbfc7a86a73b72adb3be8d'],
    ['rococo', '0x6408de7737c59c238890533af25896a2c20608d8b380bb01029acb392781063e'],
  ])('gives the genesis state root of %s', (chain, hash) => {
    const { top } = recordedJson<Spec>(`chainspec/${chain}.json`).genesis.raw;
    const trie = StateTrie.fromPairs(
      Object.entries(top).map(([k, v]): StoragePair => [fromHex(k), fromHex(v)]),
    );
    const headers = recordedJson<{ hash: string; stateRoot: string }[]>('headers/headers.json');
    expect(toHex(trie.root())).toBe(headers.find((header) => header.hash === hash)?.stateRoot);
  });
});
