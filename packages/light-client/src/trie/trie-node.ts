import { blake2b256 } from '@runtime-bridge/blob-codec';
import { LightClientError, LightClientErrorCode } from '../errors.js';
import { decodeNode, NodeEncoder } from './node-codec.js';

/**
 * How a node is referred to by its parent, as latin1 text (one character per byte): its hash, 32 long, or the encoded
 * node itself when that is shorter. Texts take a third of the memory of byte arrays this small.
 */
export type NodeRef = string;

/** A child: a node in memory, the reference of one that is in the store only, or none. */
export type Child = TrieNode | NodeRef | undefined;

/** References of this length are hashes. */
export const HASH_LENGTH = 32;

const encoder = new NodeEncoder();

/**
 * A node in memory. Nodes are not changed once the edit that made them is over (`owner`), so an older state of the trie
 * stays whole. Exceptions that change nothing of what a node means: its cached reference, when it was last used, and the
 * exchange of a child in memory for its reference or the other way round.
 */
export class TrieNode {
  /** cached reference, undefined while not computed */
  ref: NodeRef | undefined;
  /** whether the store holds the node at its position */
  stored = false;

  constructor(
    /** nibbles, one hex digit each */
    public partial: string,
    public value: Uint8Array | undefined,
    public children: Child[] | undefined,
    /** the edit that made the node */
    readonly owner: number,
    /** the edit that last went through the node */
    public lastUsed: number,
  ) {}

  /** A copy that belongs to another edit. */
  copy(owner: number): TrieNode {
    return new TrieNode(this.partial, this.value, this.children?.slice(), owner, owner);
  }

  /** About how many bytes of memory the node takes, without children that are nodes. */
  get approximateBytes(): number {
    let bytes = 176 + this.partial.length;
    if (this.value !== undefined) bytes += 112 + this.value.length;
    if (this.children !== undefined) {
      bytes += 160;
      for (const child of this.children) if (typeof child === 'string') bytes += 48;
    }
    return bytes;
  }
}

/** The encoded node; the view is good until the next call. Computes the references of all nodes below. */
export function encodeTrieNode(node: TrieNode): Buffer {
  const children = node.children?.map((child) =>
    child instanceof TrieNode ? refOf(child) : child,
  );
  return encoder.encode({ partial: node.partial, value: node.value, children });
}

/** The reference of a node, computed where it is not yet known. */
export function refOf(node: TrieNode): NodeRef {
  if (node.ref !== undefined) return node.ref;
  const encoded = encodeTrieNode(node);
  node.ref =
    encoded.length < HASH_LENGTH ? encoded.toString('latin1') : hashText(blake2b256(encoded));
  return node.ref;
}

/** Bytes as latin1 text. */
export function hashText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

/** A node out of the store, or out of its parent when it is short. Undefined for the empty node. */
export function nodeFromBytes(bytes: Uint8Array, used: number): TrieNode | undefined {
  const decoded = decodeNode(bytes);
  if (decoded === undefined) return undefined;
  const { partial, value, children } = decoded;
  if (value?.isHash) {
    throw new LightClientError(
      LightClientErrorCode.BAD_TRIE_NODE,
      'A stored trie node is of state version 1, which is not what is kept here',
    );
  }
  const node = new TrieNode(
    partial,
    value && new Uint8Array(value.bytes),
    children?.map((child) => childFromBytes(child, used)),
    0,
    used,
  );
  node.stored = true;
  return node;
}

function childFromBytes(child: Uint8Array | undefined, used: number): Child {
  if (child === undefined) return undefined;
  if (child.length === HASH_LENGTH) return hashText(child);
  const node = nodeFromBytes(child, used);
  if (node !== undefined) node.ref = hashText(child);
  return node;
}
