import { bytesEqual } from '@runtime-bridge/base';
import { blake2b256 } from '@runtime-bridge/blob-codec';
import { LightClientError, LightClientErrorCode } from '../errors.js';
import { EMPTY_NODE, nibbleAt, nibbleDigit } from './node-codec.js';
import { nodeKey, type TrieNodeStore, type TrieWrites } from './node-store.js';
import type { MissingNode, TreeEdit } from './tree-edit.js';
import {
  type Child,
  encodeTrieNode,
  hashText,
  HASH_LENGTH,
  nodeFromBytes,
  refOf,
  TrieNode,
} from './trie-node.js';

/** Root of a trie without any key: BLAKE2-256 of one zero byte. */
export const EMPTY_TRIE_ROOT: Uint8Array = blake2b256(EMPTY_NODE);

/** Nodes fetched from the store in one call; more are asked for in several. */
const LOAD_BATCH = 1024;

/** One state of one trie: its root node, or the root's hash while that is in the store only. */
export type TreeRoot = Child;

/** The state that a root hash names, nothing of it in memory. */
export function treeFromHash(root: Uint8Array): TreeRoot {
  return bytesEqual(root, EMPTY_TRIE_ROOT) ? undefined : hashText(root);
}

/** The root hash of a state. */
export function treeHash(root: TreeRoot): Uint8Array {
  if (root === undefined) return EMPTY_TRIE_ROOT;
  if (typeof root === 'string') return Buffer.from(root, 'latin1');
  const ref = refOf(root);
  // A root is always hashed, however short.
  return ref.length === HASH_LENGTH ? Buffer.from(ref, 'latin1') : blake2b256(encodeTrieNode(root));
}

/** The nodes on the way to a key that are not in memory: none or one. */
export function missingOnWay(root: TreeRoot, key: string, used: number): MissingNode | undefined {
  let child = root;
  let at = 0;
  for (;;) {
    if (child === undefined) return undefined;
    if (typeof child === 'string') return { position: key.slice(0, at), ref: child };
    child.lastUsed = used;
    if (!key.startsWith(child.partial, at)) return undefined;
    at += child.partial.length;
    if (at >= key.length) return undefined;
    child = child.children?.[nibbleAt(key, at)];
    at += 1;
  }
}

/** The value of a key; every node on the way has to be in memory. */
export function treeGet(root: TreeRoot, key: string): Uint8Array | undefined {
  let child = root;
  let at = 0;
  for (;;) {
    if (child === undefined) return undefined;
    if (typeof child === 'string') throw notLoaded(key.slice(0, at));
    if (!key.startsWith(child.partial, at)) return undefined;
    at += child.partial.length;
    if (at === key.length) return child.value;
    child = child.children?.[nibbleAt(key, at)];
    at += 1;
  }
}

/**
 * Loads nodes from the store and puts them where they belong.
 * @returns the root, another object only when the root itself was loaded, and the memory that the nodes take
 * @throws LightClientError TRIE_STORE_DAMAGED
 */
export async function loadNodes(
  trie: string,
  root: TreeRoot,
  missing: readonly MissingNode[],
  store: TrieNodeStore,
  used: number,
): Promise<{ root: TreeRoot; bytes: number }> {
  let loaded = 0;
  const wanted = [...new Map(missing.map((node) => [node.position, node])).values()];
  for (let start = 0; start < wanted.length; start += LOAD_BATCH) {
    const batch = wanted.slice(start, start + LOAD_BATCH);
    const values = await store.getMany(batch.map(({ position }) => nodeKey(trie, position)));
    batch.forEach(({ position, ref }, i) => {
      const bytes = values[i];
      const node = bytes && hashText(blake2b256(bytes)) === ref && nodeFromBytes(bytes, used);
      if (!node) throw damaged(trie, position, bytes !== undefined);
      node.ref = bytes.length < HASH_LENGTH ? undefined : ref;
      loaded += node.approximateBytes;
      if (position === '') root = node;
      else install(root, position, node);
    });
  }
  return { root, bytes: loaded };
}

/** What has to be written for the nodes that the store does not hold yet; marks them as held. */
export function collectWrites(
  trie: string,
  root: TreeRoot,
  superseded: readonly string[],
  writes: TrieWrites,
): void {
  const written = new Set<string>();
  const visit = (child: Child, position: string): void => {
    if (!(child instanceof TrieNode) || child.stored) return;
    const isRoot = position === '';
    if (isRoot || refOf(child).length === HASH_LENGTH) {
      writes.puts.push([nodeKey(trie, position), new Uint8Array(encodeTrieNode(child))]);
      written.add(position);
    }
    child.stored = true;
    const way = position + child.partial;
    child.children?.forEach((grandchild, i) => visit(grandchild, way + nibbleDigit(i)));
  };
  visit(root, '');
  for (const position of new Set(superseded)) {
    if (!written.has(position)) writes.deletes.push(nodeKey(trie, position));
  }
}

/** Memory taken by the nodes in memory. */
export function treeBytes(root: TreeRoot): number {
  if (!(root instanceof TrieNode)) return 0;
  let bytes = root.approximateBytes;
  for (const child of root.children ?? []) bytes += treeBytes(child);
  return bytes;
}

/**
 * Lets go of stored nodes below the root that no edit since `oldest` went through.
 * @returns the memory that the nodes left take
 */
export function forgetUnused(root: TreeRoot, oldest: number): number {
  if (!(root instanceof TrieNode)) return 0;
  const { children } = root;
  let bytes = 0;
  for (let i = 0; children !== undefined && i < 16; i++) {
    const child = children[i];
    if (!(child instanceof TrieNode)) continue;
    const ref = child.stored && child.lastUsed < oldest ? refOf(child) : undefined;
    if (ref?.length === HASH_LENGTH) children[i] = ref;
    else bytes += forgetUnused(child, oldest);
  }
  return bytes + root.approximateBytes;
}

/** Applies changes to a state: a value of null removes. Check `edit.missing` before the result is used. */
export function editTree(
  root: TreeRoot,
  changes: Iterable<readonly [key: string, value: Uint8Array | null]>,
  edit: TreeEdit,
): TreeRoot {
  for (const [key, value] of changes) {
    root = value === null ? edit.remove(root, key) : edit.set(root, key, value);
  }
  return root;
}

export function notLoaded(position: string): LightClientError {
  return new LightClientError(
    LightClientErrorCode.TRIE_NODE_NOT_LOADED,
    'A trie node that is needed is not in memory',
    { facts: { position }, remedy: 'Await load() with the same changes first' },
  );
}

function install(root: TreeRoot, position: string, node: TrieNode): void {
  let parent = root;
  let at = 0;
  while (parent instanceof TrieNode && parent.children !== undefined) {
    at += parent.partial.length;
    const index = nibbleAt(position, at);
    at += 1;
    if (at === position.length) {
      if (typeof parent.children[index] === 'string') parent.children[index] = node;
      return;
    }
    parent = parent.children[index];
  }
}

function damaged(trie: string, position: string, isThere: boolean): LightClientError {
  return new LightClientError(
    LightClientErrorCode.TRIE_STORE_DAMAGED,
    isThere
      ? 'The store holds another trie node than the trie says'
      : 'The store lacks a trie node',
    {
      facts: { trie, position },
      remedy: 'The store of the state trie is damaged: let it be built anew from the stored blocks',
    },
  );
}
