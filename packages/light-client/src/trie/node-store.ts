/**
 * Where a state trie keeps its nodes. Keys are short byte strings made by this package (trie and position in it), so one
 * current state is kept and nothing has to be counted or collected: writing a block's nodes replaces those that it
 * superseded.
 */
export interface TrieNodeStore {
  /** The values of some keys, undefined where there is none, in the order of the keys. */
  getMany(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]>;
}

/** What has to be written to the store, all of it in one atomic batch together with the block it belongs to. */
export interface TrieWrites {
  puts: [key: Uint8Array, value: Uint8Array][];
  deletes: Uint8Array[];
}

/**
 * The store's key of a node: length of the child trie's key (u16 BE, 0 for the main trie), that key, the position's
 * nibbles two to a byte, and a byte that tells whether their number is odd. Nodes that lie near each other in the trie do
 * so in the store.
 *
 * @param trie hex of the child trie's key, empty for the main trie
 * @param position nibbles on the way to the node, one hex digit each
 */
export function nodeKey(trie: string, position: string): Uint8Array {
  const isOdd = position.length % 2 === 1;
  const length = (trie.length / 2).toString(16).padStart(4, '0');
  return Buffer.from(`${length}${trie}${position}${isOdd ? '001' : '00'}`, 'hex');
}

/** A store in memory, for tests and tools. */
export class MemoryNodeStore implements TrieNodeStore {
  readonly #nodes = new Map<string, Uint8Array>();

  /** Nodes held. */
  get size(): number {
    return this.#nodes.size;
  }

  getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]> {
    return Promise.resolve(keys.map((key) => this.#nodes.get(nameOf(key))));
  }

  /** Applies the writes of a block. */
  write({ puts, deletes }: TrieWrites): void {
    for (const key of deletes) this.#nodes.delete(nameOf(key));
    for (const [key, value] of puts) this.#nodes.set(nameOf(key), value);
  }
}

function nameOf(key: Uint8Array): string {
  return Buffer.from(key).toString('latin1');
}
