import { ScaleReader, writeCompact } from '@runtime-bridge/blob-codec';
import { LightClientError, LightClientErrorCode } from '../errors.js';

/** A node of Substrate's base-16 trie as its bytes say, state versions 0 and 1. */
export interface DecodedNode {
  /** nibbles as lower-case hex digits, one each */
  partial: string;
  /** undefined with no value; `isHash` when the 32 bytes are the value's BLAKE2-256 hash (state version 1) */
  value: { bytes: Uint8Array; isHash: boolean } | undefined;
  /** 16 child references, or undefined for a leaf; 32 bytes are a hash, fewer are the child itself */
  children: (Uint8Array | undefined)[] | undefined;
}

/** The bytes of the empty trie's root node. */
export const EMPTY_NODE = Uint8Array.of(0);

const HEX = '0123456789abcdef';

/** most nibbles that the first header byte can count */
const MAX_COUNT = { sixBits: 63, fiveBits: 31, fourBits: 15 } as const;

/**
 * Decodes a trie node; undefined for the empty one.
 * Source: polkadot-sdk substrate/primitives/trie/src/{node_codec,node_header}.rs.
 * @throws LightClientError BAD_TRIE_NODE
 */
export function decodeNode(bytes: Uint8Array): DecodedNode | undefined {
  try {
    return readNode(bytes);
  } catch (error) {
    if (error instanceof LightClientError) throw error;
    throw new LightClientError(LightClientErrorCode.BAD_TRIE_NODE, 'Bytes are no trie node', {
      facts: { length: bytes.length },
      cause: error,
    });
  }
}

/** What {@link encodeNode} needs of a node of state version 0. */
export interface EncodableNode {
  partial: string;
  value: Uint8Array | undefined;
  /** 16 references as latin1 text, or undefined for a leaf */
  children: readonly (string | undefined)[] | undefined;
}

/**
 * Encodes nodes of state version 0 into one buffer that is used again and again; the view that {@link encode} returns is
 * good until the next call.
 */
export class NodeEncoder {
  #buffer = Buffer.allocUnsafe(4096);

  encode({ partial, value, children }: EncodableNode): Buffer {
    const needed = 1200 + partial.length + (value?.length ?? 0);
    if (this.#buffer.length < needed) this.#buffer = Buffer.allocUnsafe(needed * 2);
    const out = this.#buffer;

    const prefix = children === undefined ? 0x40 : value === undefined ? 0x80 : 0xc0;
    let position = writeHeader(out, prefix, partial.length);
    position += out.write(partial.length % 2 === 0 ? partial : `0${partial}`, position, 'hex');
    if (children !== undefined) {
      let bitmap = 0;
      for (let i = 0; i < 16; i++) if (children[i] !== undefined) bitmap |= 1 << i;
      position = out.writeUInt16LE(bitmap, position);
    }
    if (value !== undefined) {
      position = writeCompact(out, position, value.length);
      out.set(value, position);
      position += value.length;
    }
    if (children !== undefined) {
      for (const child of children) {
        if (child === undefined) continue;
        out[position] = child.length << 2; // at most 32, so one byte
        position += 1 + out.write(child, position + 1, 'latin1');
      }
    }
    return out.subarray(0, position);
  }
}

/** Bytes as nibbles, one lower-case hex digit each. */
export function nibblesOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

/** The value of one hex digit. */
export function nibbleAt(nibbles: string, index: number): number {
  const code = nibbles.charCodeAt(index);
  return code < 58 ? code - 48 : code - 87;
}

/** The hex digit of one nibble. */
export function nibbleDigit(nibble: number): string {
  return HEX[nibble] ?? '';
}

function readNode(bytes: Uint8Array): DecodedNode | undefined {
  const reader = new ScaleReader(bytes, 'trie node');
  const first = reader.u8('header');
  if (first === 0) {
    reader.end();
    return undefined;
  }
  const { isLeaf, hasValue, isHash, count } = readHeader(reader, first);

  const partialBytes = reader.take((count + 1) >> 1, 'partial');
  let partial = nibblesOf(partialBytes);
  if (count % 2 === 1) {
    if (!partial.startsWith('0')) throw reader.badValue('partial', partial.slice(0, 2));
    partial = partial.slice(1);
  }

  const bitmap = isLeaf ? 0 : reader.u16('children');
  if (!isLeaf && bitmap === 0) throw reader.badValue('children', 0);
  const value = !hasValue
    ? undefined
    : isHash
      ? { bytes: reader.take(32, 'valueHash'), isHash }
      : { bytes: reader.bytes('value'), isHash };
  let children: (Uint8Array | undefined)[] | undefined;
  if (!isLeaf) {
    children = [];
    for (let i = 0; i < 16; i++) {
      children.push((bitmap >> i) & 1 ? readChild(reader) : undefined);
    }
  }
  reader.end();
  return { partial, value, children };
}

function readChild(reader: ScaleReader): Uint8Array {
  const child = reader.bytes('child');
  if (child.length === 0 || child.length > 32) throw reader.badValue('child', child.length);
  return child;
}

/** Which kind of node, and how many nibbles its partial key has. */
function readHeader(
  reader: ScaleReader,
  first: number,
): { isLeaf: boolean; hasValue: boolean; isHash: boolean; count: number } {
  const kind = first >> 6;
  if (kind !== 0) {
    const count = readCount(reader, first, MAX_COUNT.sixBits);
    return { isLeaf: kind === 1, hasValue: kind !== 2, isHash: false, count };
  }
  if (first >> 5 === 1) {
    const count = readCount(reader, first, MAX_COUNT.fiveBits);
    return { isLeaf: true, hasValue: true, isHash: true, count };
  }
  if (first >> 4 === 1) {
    const count = readCount(reader, first, MAX_COUNT.fourBits);
    return { isLeaf: false, hasValue: true, isHash: true, count };
  }
  throw reader.badValue('header', first);
}

function readCount(reader: ScaleReader, first: number, max: number): number {
  let count = first & max;
  if (count < max) return count;
  for (;;) {
    const more = reader.u8('partialLength');
    count += more;
    if (more < 255) return count;
  }
}

function writeHeader(out: Buffer, prefix: number, count: number): number {
  const max = MAX_COUNT.sixBits;
  let position = out.writeUInt8(prefix | Math.min(count, max), 0);
  if (count < max) return position;
  let rest = count - max;
  while (rest >= 255) {
    position = out.writeUInt8(255, position);
    rest -= 255;
  }
  return out.writeUInt8(rest, position);
}
