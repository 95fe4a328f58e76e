import { bytesEqual, concatBytes } from './bytes.js';
import { blake2b256 } from './hash.js';
import { compact } from './scale.js';
import { TrieDb } from './trie-db.js';
import {
  EMPTY_NODE,
  EMPTY_ROOT,
  HASHED_VALUE_MIN_BYTES,
  decodeNode,
  encodeNode,
  fromNibbles,
  merkleValue,
  sameValue,
  toNibbles,
  type NodeLink,
  type NodeValue,
  type TrieNode,
} from './trie-node.js';

export { TrieDb } from './trie-db.js';
export { EMPTY_ROOT } from './trie-node.js';

/** State version: 0 holds every value in its node, 1 holds values above 32 bytes by hash. */
export type StateVersion = 0 | 1;

/** A change of one key: a value (possibly empty), or undefined to delete. */
export type KeyChange = readonly [key: Uint8Array, value: Uint8Array | undefined];

/** A node that the trie needs is not in its database. */
export class TrieNodeMissing extends Error {
  override readonly name = 'TrieNodeMissing';
}

/**
 * Substrate's state trie, immutable: `with` gives another trie that shares all untouched nodes. Nodes
 * of an existing root are read from the database when they are first walked over.
 */
export class Trie {
  private last: { changes: Iterable<KeyChange>; trie: Trie } | undefined;

  private constructor(
    readonly db: TrieDb,
    readonly version: StateVersion,
    private readonly link: NodeLink | undefined,
  ) {}

  /** A trie without entries. */
  static empty(db: TrieDb, version: StateVersion = 0): Trie {
    return new Trie(db, version, undefined);
  }

  /**
   * The trie that has this root.
   *
   * @throws TrieNodeMissing when the database lacks the root node; deeper nodes are looked up later.
   */
  static at(db: TrieDb, root: Uint8Array, version: StateVersion = 0): Trie {
    if (bytesEqual(root, EMPTY_ROOT)) return Trie.empty(db, version);
    const trie = new Trie(db, version, { merkle: root });
    if (db.get(root) === undefined) throw new TrieNodeMissing('state is not available');
    return trie;
  }

  /** Trie of a list of entries. */
  static from(db: TrieDb, entries: Iterable<KeyChange>, version: StateVersion = 0): Trie {
    return Trie.empty(db, version).with(entries);
  }

  /** The same entries, with values written from now on in another state version. */
  withVersion(version: StateVersion): Trie {
    return new Trie(this.db, version, this.link);
  }

  /** Root hash; nodes that are new are put in the database by this call. */
  root(): Uint8Array {
    if (this.link === undefined) return EMPTY_ROOT;
    const merkle = this.seal(this.link);
    if (merkle.length === 32) return merkle;
    // A root that is short enough to be inlined is still addressed by its hash.
    const hash = blake2b256(merkle);
    this.db.put(hash, merkle);
    return hash;
  }

  /** Value of a key, or undefined. */
  get(key: Uint8Array): Uint8Array | undefined {
    const value = this.find(toNibbles(key));
    return value === undefined ? undefined : this.valueBytes(value);
  }

  /** Is there a value, empty or not? */
  has(key: Uint8Array): boolean {
    return this.find(toNibbles(key)) !== undefined;
  }

  /** Another trie with these changes made in order. */
  with(changes: Iterable<KeyChange>): Trie {
    // Who makes a block and who checks it ask for the same; the list is not changed in between.
    if (this.last?.changes === changes) return this.last.trie;
    const trie = this.changed(changes);
    this.last = { changes, trie };
    return trie;
  }

  private changed(changes: Iterable<KeyChange>): Trie {
    let link = this.link;
    for (const [key, bytes] of changes) {
      const nibbles = toNibbles(key);
      link =
        bytes === undefined
          ? this.remove(link, nibbles)
          : this.insert(link, nibbles, this.toValue(bytes));
    }
    return link === this.link ? this : new Trie(this.db, this.version, link);
  }

  /**
   * Storage proof of these keys: the nodes on each key's path (also of absent keys), root first, each
   * once; nodes under 32 bytes travel inside their parents.
   */
  prove(keys: Iterable<Uint8Array>): Uint8Array[] {
    const seen = new Map<string, Uint8Array>();
    const add = (bytes: Uint8Array, hash: Uint8Array) =>
      seen.set(Buffer.from(hash).toString('latin1'), bytes);
    const root = this.root();
    if (this.link === undefined) return [EMPTY_NODE];
    add(this.bytesOf(root), root);
    for (const key of keys) {
      const rest = toNibbles(key);
      let link: NodeLink | undefined = this.link;
      let at = 0;
      while (link !== undefined) {
        const merkle = this.seal(link);
        if (merkle.length === 32) add(this.bytesOf(merkle), merkle);
        const node = this.node(link);
        if (!matches(node.partial, rest, at)) break;
        at += node.partial.length;
        if (at === rest.length) {
          if (node.value?.kind === 'hashed') add(this.valueBytes(node.value), node.value.hash);
          break;
        }
        link = node.children?.[rest[at] ?? 0];
        at += 1;
      }
    }
    return [...seen.values()];
  }

  /** Entries in key order whose key begins with `prefix` and is greater than `after`. */
  *entries(
    prefix: Uint8Array = new Uint8Array(),
    after?: Uint8Array,
  ): IterableIterator<[Uint8Array, Uint8Array]> {
    for (const [key, value] of this.walk(prefix, after)) yield [key, this.valueBytes(value)];
  }

  /** Keys in order, as `entries` without reading values. */
  *keys(prefix: Uint8Array = new Uint8Array(), after?: Uint8Array): IterableIterator<Uint8Array> {
    for (const [key] of this.walk(prefix, after)) yield key;
  }

  private *walk(
    prefix: Uint8Array,
    after: Uint8Array | undefined,
  ): IterableIterator<[Uint8Array, NodeValue]> {
    if (this.link === undefined) return;
    const bound = after === undefined ? undefined : toNibbles(after);
    yield* this.walkFrom(this.link, new Uint8Array(), toNibbles(prefix), bound);
  }

  private *walkFrom(
    link: NodeLink,
    path: Uint8Array,
    prefix: Uint8Array,
    after: Uint8Array | undefined,
  ): IterableIterator<[Uint8Array, NodeValue]> {
    const node = this.node(link);
    const here = concatBytes(path, node.partial);
    const shared = Math.min(here.length, prefix.length);
    if (commonLength(here, 0, prefix, 0) < shared) return;
    if (after !== undefined) {
      const common = commonLength(here, 0, after, 0);
      // Everything below is smaller than the bound: the paths part, and ours is the lower one.
      if (
        common < here.length &&
        common < after.length &&
        (here[common] ?? 0) < (after[common] ?? 0)
      )
        return;
    }
    if (node.value !== undefined && here.length >= prefix.length) {
      if (after === undefined || Buffer.compare(here, after) > 0) {
        yield [fromNibbles(here), node.value];
      }
    }
    if (node.children === undefined) return;
    for (let i = 0; i < 16; i++) {
      const child = node.children[i];
      if (child === undefined) continue;
      yield* this.walkFrom(child, concatBytes(here, Uint8Array.of(i)), prefix, after);
    }
  }

  private find(rest: Uint8Array): NodeValue | undefined {
    let link = this.link;
    let at = 0;
    while (link !== undefined) {
      const node = this.node(link);
      if (!matches(node.partial, rest, at)) return undefined;
      at += node.partial.length;
      if (at === rest.length) return node.value;
      link = node.children?.[rest[at] ?? 0];
      at += 1;
    }
    return undefined;
  }

  private toValue(bytes: Uint8Array): NodeValue {
    if (this.version === 0 || bytes.length < HASHED_VALUE_MIN_BYTES) {
      return { kind: 'inline', bytes };
    }
    return { kind: 'hashed', hash: blake2b256(bytes), bytes };
  }

  private valueBytes(value: NodeValue): Uint8Array {
    return value.bytes ?? this.bytesOf((value as { hash: Uint8Array }).hash);
  }

  private bytesOf(hash: Uint8Array): Uint8Array {
    const bytes = this.db.get(hash);
    if (bytes === undefined) throw new TrieNodeMissing('a trie node is not available');
    return bytes;
  }

  private node(link: NodeLink): TrieNode {
    if (link.node === undefined) {
      const merkle = link.merkle ?? EMPTY_NODE;
      const node = decodeNode(merkle.length === 32 ? this.bytesOf(merkle) : merkle);
      if (node === undefined) throw new TrieNodeMissing('an empty node inside a trie');
      link.node = node;
    }
    return link.node;
  }

  /** Merkle value of a link, encoding and storing what is new below it. */
  private seal(link: NodeLink): Uint8Array {
    if (link.merkle !== undefined) return link.merkle;
    const node = this.node(link);
    for (const child of node.children ?? []) if (child !== undefined) this.seal(child);
    if (node.value?.kind === 'hashed' && node.value.bytes !== undefined) {
      this.db.put(node.value.hash, node.value.bytes);
    }
    const encoded = encodeNode(node);
    const merkle = merkleValue(encoded);
    if (merkle.length === 32) this.db.put(merkle, encoded);
    link.merkle = merkle;
    return merkle;
  }

  private insert(link: NodeLink | undefined, rest: Uint8Array, value: NodeValue): NodeLink {
    if (link === undefined) return { node: { partial: rest, value, children: undefined } };
    const node = this.node(link);
    const common = commonLength(node.partial, 0, rest, 0);
    if (common === node.partial.length) {
      if (common === rest.length) {
        if (sameValue(node.value, value)) return link;
        return { node: { partial: node.partial, value, children: node.children } };
      }
      const index = rest[common] ?? 0;
      const old = node.children?.[index];
      const child = this.insert(old, rest.subarray(common + 1), value);
      if (child === old) return link;
      return { node: { ...node, children: withChild(node.children, index, child) } };
    }
    const lower: NodeLink = {
      node: {
        partial: node.partial.subarray(common + 1),
        value: node.value,
        children: node.children,
      },
    };
    let children = withChild(undefined, node.partial[common] ?? 0, lower);
    const partial = rest.subarray(0, common);
    if (common === rest.length) return { node: { partial, value, children } };
    const leaf: NodeLink = {
      node: { partial: rest.subarray(common + 1), value, children: undefined },
    };
    children = withChild(children, rest[common] ?? 0, leaf);
    return { node: { partial, value: undefined, children } };
  }

  private remove(link: NodeLink | undefined, rest: Uint8Array): NodeLink | undefined {
    if (link === undefined) return undefined;
    const node = this.node(link);
    const length = node.partial.length;
    if (!matches(node.partial, rest, 0)) return link;
    if (rest.length === length) {
      if (node.value === undefined) return link;
      return this.normal({ ...node, value: undefined });
    }
    const index = rest[length] ?? 0;
    const old = node.children?.[index];
    if (old === undefined) return link;
    const child = this.remove(old, rest.subarray(length + 1));
    if (child === old) return link;
    return this.normal({ ...node, children: withChild(node.children, index, child) });
  }

  /** Canonical form after a removal: no valueless branch with fewer than two children. */
  private normal(node: TrieNode): NodeLink | undefined {
    const left: number[] = [];
    node.children?.forEach((child, index) => {
      if (child !== undefined) left.push(index);
    });
    if (left.length === 0) {
      return node.value === undefined ? undefined : { node: { ...node, children: undefined } };
    }
    const [only] = left;
    if (node.value !== undefined || left.length > 1 || only === undefined) return { node };
    const child = this.node(node.children?.[only] as NodeLink);
    return {
      node: { ...child, partial: concatBytes(node.partial, Uint8Array.of(only), child.partial) },
    };
  }
}

/** Does `partial` stand in `rest` at this offset? */
function matches(partial: Uint8Array, rest: Uint8Array, at: number): boolean {
  return commonLength(partial, 0, rest, at) === partial.length;
}

function commonLength(a: Uint8Array, aFrom: number, b: Uint8Array, bFrom: number): number {
  const max = Math.min(a.length - aFrom, b.length - bFrom);
  let i = 0;
  while (i < max && a[aFrom + i] === b[bFrom + i]) i++;
  return i;
}

function withChild(
  children: readonly (NodeLink | undefined)[] | undefined,
  index: number,
  child: NodeLink | undefined,
): (NodeLink | undefined)[] {
  const out =
    children === undefined ? new Array<NodeLink | undefined>(16).fill(undefined) : [...children];
  out[index] = child;
  return out;
}

/**
 * Root of an ordered list as in a header's extrinsics root: keys are compact indices
 * (paritytech/substrate primitives/trie/src/lib.rs `ordered_trie_root`).
 */
export function orderedTrieRoot(
  items: readonly Uint8Array[],
  version: StateVersion = 0,
): Uint8Array {
  const entries = items.map((item, index): KeyChange => [compact(index), item]);
  return Trie.from(new TrieDb(), entries, version).root();
}
