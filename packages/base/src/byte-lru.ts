import { systemClock, type Clock } from './time.js';

/** How much a cache may hold, and for how long. */
export interface ByteLruOptions<K, V> {
  maxBytes: number;
  /** @default no bound beside maxBytes */
  maxItems?: number;
  /** @default kept until pushed out */
  maxAgeMs?: number;
  sizeOf: (value: V, key: K) => number;
  clock?: Pick<Clock, 'now'>;
}

interface Entry<V> {
  value: V;
  bytes: number;
  expiresAtMs: number;
}

/** A cache bounded in bytes, items and age that drops what was not used for longest. */
export class ByteLru<K, V> {
  // A Map keeps insertion order: re-inserting on use makes its first entry the least recently used one.
  readonly #entries = new Map<K, Entry<V>>();
  readonly #clock: Pick<Clock, 'now'>;
  #bytes = 0;

  constructor(private readonly options: ByteLruOptions<K, V>) {
    this.#clock = options.clock ?? systemClock;
  }

  /** Bytes held. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Values held. */
  get size(): number {
    return this.#entries.size;
  }

  /** The value, which counts as used now; undefined when not held or too old. */
  get(key: K): V | undefined {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    if (entry.expiresAtMs <= this.#clock.now()) {
      this.delete(key);
      return undefined;
    }
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  /** Holds a value; one that is larger than the whole cache is not held. */
  set(key: K, value: V): void {
    this.delete(key);
    const { maxBytes, maxItems = Infinity, maxAgeMs = Infinity, sizeOf } = this.options;
    const bytes = sizeOf(value, key);
    if (bytes > maxBytes || maxItems < 1) return;
    this.#entries.set(key, { value, bytes, expiresAtMs: this.#clock.now() + maxAgeMs });
    this.#bytes += bytes;
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= maxBytes && this.#entries.size <= maxItems) break;
      this.delete(oldest);
    }
  }

  /** Forgets a value. */
  delete(key: K): void {
    const entry = this.#entries.get(key);
    if (!entry) return;
    this.#entries.delete(key);
    this.#bytes -= entry.bytes;
  }

  /** Forgets all. */
  clear(): void {
    this.#entries.clear();
    this.#bytes = 0;
  }
}
