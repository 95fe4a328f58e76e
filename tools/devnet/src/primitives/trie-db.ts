/** What a trie database can fetch a node (or, in state version 1, a value) from, by hash. */
export type NodeSource = (hash: Uint8Array) => Uint8Array | undefined;

/**
 * Trie nodes by their hash: new ones are held until whoever persists them says they are saved, older
 * ones are read through `load` and kept in a bounded cache. Without `load` everything stays in memory.
 */
export class TrieDb {
  private readonly unsaved = new Map<string, Uint8Array>();
  /** Two generations: the older goes as a whole when the younger is full. */
  private young = new Map<string, Uint8Array>();
  private old = new Map<string, Uint8Array>();
  private youngBytes = 0;
  private readonly load: NodeSource | undefined;
  private readonly maxCacheBytes: number;

  constructor(options: { load?: NodeSource; maxCacheBytes?: number } = {}) {
    this.load = options.load;
    this.maxCacheBytes = options.maxCacheBytes ?? 8 * 1024 * 1024;
  }

  /** Adds a node under its hash. */
  put(hash: Uint8Array, bytes: Uint8Array): void {
    const key = keyOf(hash);
    if (this.young.has(key) || this.old.has(key)) return;
    this.unsaved.set(key, bytes);
  }

  /** The node of a hash, or undefined. */
  get(hash: Uint8Array): Uint8Array | undefined {
    const key = keyOf(hash);
    const held = this.unsaved.get(key) ?? this.young.get(key);
    if (held !== undefined) return held;
    const found = this.old.get(key) ?? this.load?.(hash);
    if (found !== undefined) this.remember(key, found);
    return found;
  }

  /** Everything added since the last `saved`; pass the same list to `saved` once it is on disk. */
  unsavedNodes(): [hash: Uint8Array, bytes: Uint8Array][] {
    return [...this.unsaved].map(([key, bytes]) => [Buffer.from(key, 'latin1'), bytes]);
  }

  /** Lets go of nodes that are on disk now. Without a `load` they stay. */
  saved(nodes: readonly (readonly [Uint8Array, Uint8Array])[]): void {
    if (this.load === undefined) return;
    for (const [hash, bytes] of nodes) {
      const key = keyOf(hash);
      this.unsaved.delete(key);
      this.remember(key, bytes);
    }
  }

  private remember(key: string, bytes: Uint8Array): void {
    if (this.young.has(key)) return;
    this.young.set(key, bytes);
    this.youngBytes += bytes.length + key.length;
    if (this.youngBytes <= this.maxCacheBytes / 2) return;
    this.old = this.young;
    this.young = new Map();
    this.youngBytes = 0;
  }
}

function keyOf(hash: Uint8Array): string {
  return Buffer.from(hash.buffer, hash.byteOffset, hash.byteLength).toString('latin1');
}
