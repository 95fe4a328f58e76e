import { bytesEqual, concatBytes } from './bytes.js';
import { blake2b256 } from './hash.js';
import { ScaleReader, bytes } from './scale.js';

/**
 * Node codec of Substrate's base-16 trie, state versions 0 and 1
 * (paritytech/substrate primitives/trie/src/{node_codec,node_header,trie_stream}.rs).
 */

/** Values of at least this many bytes are stored by hash in state version 1. */
export const HASHED_VALUE_MIN_BYTES = 33;

/** A value held in the node itself, or (state version 1) apart from it, under its hash. */
export type NodeValue =
  { kind: 'inline'; bytes: Uint8Array } | { kind: 'hashed'; hash: Uint8Array; bytes?: Uint8Array };

/**
 * Pointer to a child: a decoded node, its merkle value (encoding of under 32 bytes, or the 32-byte
 * hash of a longer one), or both once known.
 */
export interface NodeLink {
  node?: TrieNode;
  merkle?: Uint8Array;
}

/** A leaf (no children) or a branch. Never changed after it was linked into a trie. */
export interface TrieNode {
  /** Nibbles between the parent's child index and this node. */
  readonly partial: Uint8Array;
  readonly value: NodeValue | undefined;
  /** 16 links, or undefined for a leaf. */
  readonly children: readonly (NodeLink | undefined)[] | undefined;
}

/** The root of a trie without entries is the hash of this. */
export const EMPTY_NODE = Uint8Array.of(0);
/** Root of the empty trie. */
export const EMPTY_ROOT = blake2b256(EMPTY_NODE);

/** Bytes to nibbles, high one first. */
export function toNibbles(key: Uint8Array): Uint8Array {
  const out = new Uint8Array(key.length * 2);
  for (let i = 0; i < key.length; i++) {
    const byte = key[i] ?? 0;
    out[2 * i] = byte >> 4;
    out[2 * i + 1] = byte & 15;
  }
  return out;
}

/** Nibbles (an even number) to bytes. */
export function fromNibbles(nibbles: Uint8Array): Uint8Array {
  const out = new Uint8Array(nibbles.length >> 1);
  for (let i = 0; i < out.length; i++) {
    out[i] = ((nibbles[2 * i] ?? 0) << 4) | (nibbles[2 * i + 1] ?? 0);
  }
  return out;
}

/** First byte's prefix and how many of its low bits hold the partial key's length. */
const KIND = {
  leaf: { prefix: 0b0100_0000, bits: 6 },
  branch: { prefix: 0b1000_0000, bits: 6 },
  branchWithValue: { prefix: 0b1100_0000, bits: 6 },
  leafHashed: { prefix: 0b0010_0000, bits: 5 },
  branchHashed: { prefix: 0b0001_0000, bits: 4 },
} as const;

function nodeHeader(kind: keyof typeof KIND, length: number): Uint8Array {
  const { prefix, bits } = KIND[kind];
  const max = (1 << bits) - 1;
  if (length < max) return Uint8Array.of(prefix | length);
  const out = [prefix | max];
  let rest = length - max;
  for (; rest >= 255; rest -= 255) out.push(255);
  out.push(rest);
  return Uint8Array.from(out);
}

function packPartial(partial: Uint8Array): Uint8Array {
  if (partial.length % 2 === 0) return fromNibbles(partial);
  return concatBytes(Uint8Array.of(partial[0] ?? 0), fromNibbles(partial.subarray(1)));
}

function encodeValue(value: NodeValue): Uint8Array {
  return value.kind === 'inline' ? bytes(value.bytes) : value.hash;
}

/** Encoding of a node whose children all have their merkle value. */
export function encodeNode(node: TrieNode): Uint8Array {
  const { value, children } = node;
  if (children === undefined) {
    if (value === undefined) throw new Error('a leaf has a value');
    return concatBytes(
      nodeHeader(value.kind === 'hashed' ? 'leafHashed' : 'leaf', node.partial.length),
      packPartial(node.partial),
      encodeValue(value),
    );
  }
  let kind: keyof typeof KIND = 'branch';
  if (value !== undefined) kind = value.kind === 'hashed' ? 'branchHashed' : 'branchWithValue';
  let bitmap = 0;
  const parts: Uint8Array[] = [];
  children.forEach((child, index) => {
    if (child === undefined) return;
    if (child.merkle === undefined) throw new Error('child has no merkle value');
    bitmap |= 1 << index;
    parts.push(bytes(child.merkle));
  });
  return concatBytes(
    nodeHeader(kind, node.partial.length),
    packPartial(node.partial),
    Uint8Array.of(bitmap & 255, bitmap >> 8),
    value === undefined ? new Uint8Array() : encodeValue(value),
    ...parts,
  );
}

/**
 * Decodes a node; undefined for the empty trie's.
 *
 * @throws Error when the bytes are no canonical node.
 */
export function decodeNode(encoded: Uint8Array): TrieNode | undefined {
  const reader = new ScaleReader(encoded);
  const first = reader.u8();
  if (first === 0) {
    reader.end();
    return undefined;
  }
  const kind = kindOf(first);
  const { bits } = KIND[kind];
  const max = (1 << bits) - 1;
  let length = first & max;
  if (length === max) {
    let next: number;
    do {
      next = reader.u8();
      length += next;
    } while (next === 255);
  }
  if (length > reader.remaining * 2) throw new Error('trie node: partial key is cut off');
  let packed = reader.take((length + 1) >> 1);
  let partial: Uint8Array;
  if (length % 2 === 1) {
    if ((packed[0] ?? 0) > 15) throw new Error('trie node: padding is not zero');
    const odd = packed[0] ?? 0;
    packed = packed.subarray(1);
    partial = concatBytes(Uint8Array.of(odd), toNibbles(packed));
  } else {
    partial = toNibbles(packed);
  }
  if (kind === 'leaf' || kind === 'leafHashed') {
    const value = readValue(reader, kind === 'leafHashed');
    reader.end();
    return { partial, value, children: undefined };
  }
  const bitmap = reader.u16();
  const value = kind === 'branch' ? undefined : readValue(reader, kind === 'branchHashed');
  const children: (NodeLink | undefined)[] = [];
  for (let i = 0; i < 16; i++) {
    if ((bitmap & (1 << i)) === 0) {
      children.push(undefined);
      continue;
    }
    const merkle = reader.bytes();
    if (merkle.length === 0 || merkle.length > 32) throw new Error('trie node: bad child');
    children.push({ merkle });
  }
  reader.end();
  if (bitmap === 0) throw new Error('trie node: branch without children');
  return { partial, value, children };
}

function kindOf(first: number): keyof typeof KIND {
  if (first >= 0b1100_0000) return 'branchWithValue';
  if (first >= 0b1000_0000) return 'branch';
  if (first >= 0b0100_0000) return 'leaf';
  if (first >= 0b0010_0000) return 'leafHashed';
  if (first >= 0b0001_0000) return 'branchHashed';
  throw new Error(`trie node: header ${first}`);
}

function readValue(reader: ScaleReader, hashed: boolean): NodeValue {
  return hashed
    ? { kind: 'hashed', hash: reader.take(32) }
    : { kind: 'inline', bytes: reader.bytes() };
}

/** Merkle value of an encoded node: itself when under 32 bytes, else its hash. */
export function merkleValue(encoded: Uint8Array): Uint8Array {
  return encoded.length < 32 ? encoded : blake2b256(encoded);
}

/** The same value in storage terms? Saves rewriting a path that does not change. */
export function sameValue(a: NodeValue | undefined, b: NodeValue): boolean {
  if (a?.kind !== b.kind) return false;
  return a.kind === 'inline'
    ? bytesEqual(a.bytes, (b as { bytes: Uint8Array }).bytes)
    : bytesEqual(a.hash, (b as { hash: Uint8Array }).hash);
}
