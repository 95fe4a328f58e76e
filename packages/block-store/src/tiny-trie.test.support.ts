import { concatBytes, toHex } from '@runtime-bridge/base';
import { blake2b256, compactLength } from '@runtime-bridge/blob-codec';

/** A state as a map from hex key to value. */
export type TinyState = ReadonlyMap<string, Uint8Array>;

/** Root and proofs of a state, by building its whole trie (state version 0) anew: slow, short, and of nobody else's code. */
export class TinyTrie {
  readonly root: Uint8Array;
  /** Encoded nodes above 32 bytes on the way to each key, by the way's nibbles. */
  readonly #ways = new Map<string, Uint8Array>();

  constructor(state: TinyState) {
    const entries = [...state]
      .map(([key, value]): [string, Uint8Array] => [key.slice(2), value])
      .sort(([a], [b]) => (a < b ? -1 : 1));
    const encoded = entries.length === 0 ? Uint8Array.of(0) : this.#encode(entries, 0);
    this.root = blake2b256(encoded);
    this.#ways.set('', encoded);
  }

  /** The nodes that prove some keys or that they are absent: those at every position on their way. */
  prove(keys: readonly Uint8Array[]): Uint8Array[] {
    const nodes = new Map<string, Uint8Array>();
    for (const key of keys) {
      const nibbles = toHex(key).slice(2);
      for (let length = 0; length <= nibbles.length; length += 1) {
        const node = this.#ways.get(nibbles.slice(0, length));
        if (node) nodes.set(toHex(node), node);
      }
    }
    return [...nodes.values()];
  }

  #encode(entries: readonly [string, Uint8Array][], at: number): Uint8Array {
    const first = entries[0]![0];
    const last = entries.at(-1)![0];
    let shared = at;
    while (shared < first.length && first[shared] === last[shared]) shared += 1;
    const partial = first.slice(at, shared);
    if (entries.length === 1) {
      const value = entries[0]![1];
      return concatBytes([header(0b01, first.slice(at)), compactLength(value.length), value]);
    }
    const own = first.length === shared ? entries[0]![1] : undefined;
    const below = own ? entries.slice(1) : entries;
    const children: Uint8Array[] = [];
    let bitmap = 0;
    for (let nibble = 0; nibble < 16; nibble += 1) {
      const digit = nibble.toString(16);
      const group = below.filter(([key]) => key[shared] === digit);
      if (group.length === 0) continue;
      bitmap |= 1 << nibble;
      const node = this.#encode(group, shared + 1);
      if (node.length >= 32) this.#ways.set(group[0]![0].slice(0, shared + 1), node);
      const reference = node.length < 32 ? node : blake2b256(node);
      children.push(compactLength(reference.length), reference);
    }
    return concatBytes([
      header(own ? 0b11 : 0b10, partial),
      Uint8Array.of(bitmap & 0xff, bitmap >> 8),
      ...(own ? [compactLength(own.length), own] : []),
      ...children,
    ]);
  }
}

function header(kind: number, nibbles: string): Uint8Array {
  const bytes: number[] = [];
  let length = nibbles.length;
  bytes.push((kind << 6) | Math.min(length, 63));
  length -= 63;
  while (length >= 0) {
    bytes.push(Math.min(length, 255));
    if (length < 255) break;
    length -= 255;
  }
  const padded = nibbles.length % 2 === 0 ? nibbles : `0${nibbles}`;
  return concatBytes([Uint8Array.from(bytes), Buffer.from(padded, 'hex')]);
}
