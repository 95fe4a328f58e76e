import {
  blake2b128Concat,
  concatBytes,
  storagePrefix,
  twox64Concat,
  ScaleReader,
} from '../primitives/index.js';
import type { Codec, Codecs } from './codec.js';
import { ScaleWriter } from './scale-writer.js';

/** State that can be read: a trie, or an overlay on one. */
export interface StateReader {
  get(key: Uint8Array): Uint8Array | undefined;
}

/** State that can be changed. */
export interface StateWriter extends StateReader {
  set(key: Uint8Array, value: Uint8Array): void;
  delete(key: Uint8Array): void;
}

/** How a map turns a key part into a piece of the storage key. */
export type Hasher = 'Blake2_128Concat' | 'Twox64Concat';

/** What metadata says about an item. */
export interface StorageDecl {
  readonly name: string;
  readonly modifier: 'Optional' | 'Default';
  readonly value: string;
  /** Undefined for a plain value. Several hashers mean that `key` is a tuple. */
  readonly map?: { readonly hashers: readonly Hasher[]; readonly key: string };
  /** Encoded value that stands for absence: `00` (None) for optional items. */
  fallback(): Uint8Array;
}

class Item<V> {
  readonly modifier: 'Optional' | 'Default';
  private valueCodec: Codec<V> | undefined;

  constructor(
    protected readonly codecs: Codecs,
    protected readonly pallet: string,
    readonly name: string,
    readonly value: string,
    protected readonly absent: V | undefined,
  ) {
    this.modifier = absent === undefined ? 'Optional' : 'Default';
  }

  fallback(): Uint8Array {
    return this.absent === undefined ? Uint8Array.of(0) : this.encode(this.absent);
  }

  /** A copy, since callers change what they get. */
  protected whenAbsent<A>(): A {
    const absent: unknown = structuredClone(this.absent);
    return absent as A;
  }

  protected encode(value: V): Uint8Array {
    const to = new ScaleWriter();
    (this.valueCodec ??= this.codecs.of<V>(this.value)).write(value, to);
    return to.finish();
  }

  protected read(state: StateReader, key: Uint8Array): V | undefined {
    const bytes = state.get(key);
    if (bytes === undefined) return undefined;
    return (this.valueCodec ??= this.codecs.of<V>(this.value)).read(new ScaleReader(bytes));
  }
}

/** One value under one key. `A` is undefined for optional items, never for those with a default. */
export class StorageValue<V, A extends V | undefined = undefined>
  extends Item<V>
  implements StorageDecl
{
  /** Storage key. */
  readonly key: Uint8Array;

  constructor(codecs: Codecs, pallet: string, name: string, value: string, absent?: V) {
    super(codecs, pallet, name, value, absent);
    this.key = storagePrefix(pallet, name);
  }

  get(state: StateReader): V | A {
    return this.read(state, this.key) ?? this.whenAbsent<A>();
  }

  exists(state: StateReader): boolean {
    return state.get(this.key) !== undefined;
  }

  put(state: StateWriter, value: V): void {
    state.set(this.key, this.encode(value));
  }

  remove(state: StateWriter): void {
    state.delete(this.key);
  }

  /** Reads and removes. */
  take(state: StateWriter): V | A {
    const value = this.get(state);
    this.remove(state);
    return value;
  }
}

/** Values under hashed keys. With several hashers, `K` is a tuple. */
export class StorageMap<K, V, A extends V | undefined = undefined>
  extends Item<V>
  implements StorageDecl
{
  /** Beginning of every key of this map. */
  readonly prefix: Uint8Array;
  private readonly keyCodecs: readonly string[];

  constructor(
    codecs: Codecs,
    pallet: string,
    name: string,
    readonly map: { readonly hashers: readonly Hasher[]; readonly key: string },
    value: string,
    absent?: V,
  ) {
    super(codecs, pallet, name, value, absent);
    this.prefix = storagePrefix(pallet, name);
    this.keyCodecs =
      map.hashers.length === 1
        ? [map.key]
        : map.key
            .slice(1, -1)
            .split(',')
            .map((s) => s.trim());
  }

  /** Storage key of an entry. */
  keyOf(key: K): Uint8Array {
    const parts = this.keyCodecs.length === 1 ? [key] : (key as unknown[]);
    return concatBytes(
      this.prefix,
      ...this.keyCodecs.map((type, i) => {
        const encoded = this.codecs.encode(type, parts[i]);
        return this.map.hashers[i] === 'Blake2_128Concat'
          ? blake2b128Concat(encoded)
          : twox64Concat(encoded);
      }),
    );
  }

  get(state: StateReader, key: K): V | A {
    return this.read(state, this.keyOf(key)) ?? this.whenAbsent<A>();
  }

  has(state: StateReader, key: K): boolean {
    return state.get(this.keyOf(key)) !== undefined;
  }

  put(state: StateWriter, key: K, value: V): void {
    state.set(this.keyOf(key), this.encode(value));
  }

  remove(state: StateWriter, key: K): void {
    state.delete(this.keyOf(key));
  }

  /** Reads and removes. */
  take(state: StateWriter, key: K): V | A {
    const storageKey = this.keyOf(key);
    const value = this.read(state, storageKey) ?? this.whenAbsent<A>();
    state.delete(storageKey);
    return value;
  }
}

/** Makes the items of one pallet. */
export class PalletStorage {
  constructor(
    private readonly codecs: Codecs,
    private readonly pallet: string,
  ) {}

  /** A value that may be absent. */
  value<V>(name: string, type: string): StorageValue<V> {
    return new StorageValue<V>(this.codecs, this.pallet, name, type);
  }

  /** A value whose absence means `absent`. */
  valueOr<V>(name: string, type: string, absent: V): StorageValue<V, V> {
    return new StorageValue<V, V>(this.codecs, this.pallet, name, type, absent);
  }

  /** A map of values that may be absent. */
  map<K, V>(
    name: string,
    key: string,
    value: string,
    hashers: Hasher | readonly Hasher[] = 'Twox64Concat',
  ): StorageMap<K, V> {
    const map = { hashers: [hashers].flat(), key };
    return new StorageMap<K, V>(this.codecs, this.pallet, name, map, value);
  }

  /** A map in which absence means `absent`. */
  mapOr<K, V>(
    name: string,
    key: string,
    value: string,
    absent: V,
    hashers: Hasher | readonly Hasher[] = 'Twox64Concat',
  ): StorageMap<K, V, V> {
    const map = { hashers: [hashers].flat(), key };
    return new StorageMap<K, V, V>(this.codecs, this.pallet, name, map, value, absent);
  }
}
