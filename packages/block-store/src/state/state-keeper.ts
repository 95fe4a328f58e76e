import { decodeStorageChanges, headerStateRoot } from '@runtime-bridge/blob-codec';
import {
  LightClientError,
  LightClientErrorCode,
  StateTrie,
  type TrieNodeStore,
  type TrieWrites,
} from '@runtime-bridge/light-client';
import { stateKey } from '../rows/keys.js';
import { corruptRow } from '../rows/meta.js';
import { paraRowHeader, splitParaRow } from '../rows/para-row.js';
import type { BlockStore } from '../store/block-store.js';
import type { Database, RowOperation } from '../store/database.js';

/** How much of the state stays in memory. */
export interface StateKeeperOptions {
  /** Bytes of trie nodes kept beside those on disk. */
  maxBytes: number;
}

/** The default. */
export const defaultStateKeeperOptions: StateKeeperOptions = { maxBytes: 128 * 1024 * 1024 };

/** Blocks of which the trie's changes go into one batch while it catches up. */
const CATCH_UP_BATCH = 64;

/**
 * The para state as a trie whose nodes are rows of the store: says whether a block's storage changes give the root that
 * its header states.
 */
export class StateKeeper {
  readonly #trie: StateTrie;

  private constructor(trie: StateTrie) {
    this.#trie = trie;
  }

  /**
   * The state at the height that the store's state rows stand at.
   * @throws BlockStoreError STORE_CORRUPT
   */
  static async open(options: StateKeeperOptions, store: BlockStore): Promise<StateKeeper> {
    const height = store.meta?.stateHeight ?? 0;
    const row = await store.paraRow(height);
    if (!row) throw corruptRow(`para ${height}`, 'missing');
    const root = headerStateRoot(paraRowHeader(row));
    return new StateKeeper(StateTrie.open(root, nodeStore(store.database), options));
  }

  /**
   * Goes on by one block. On an error the state is as before.
   * @param changes SCALE StorageChanges
   * @throws CodecError when they are none, LightClientError STATE_ROOT_MISMATCH when they give another root,
   *   BlockStoreError STORE_CORRUPT when the state's own rows are damaged, which no node is to blame for
   */
  async advance(changes: Uint8Array, header: Uint8Array, height: number): Promise<void> {
    try {
      await this.#trie.advance(decodeStorageChanges(changes), headerStateRoot(header), height);
    } catch (error) {
      const isOurs =
        error instanceof LightClientError && error.code === LightClientErrorCode.TRIE_STORE_DAMAGED;
      throw isOurs ? corruptRow(`state of para ${height - 1}`, error.message, error) : error;
    }
  }

  /** The rows to write together with the blocks advanced by since the last call. */
  takeRows(): RowOperation[] {
    return rowsOf(this.#trie.takeWrites());
  }

  /** Brings a state that was left behind up to the stored blocks, out of their rows. */
  async catchUp(store: BlockStore, signal: AbortSignal): Promise<void> {
    const { meta } = store;
    if (!meta) return;
    for (let height = meta.stateHeight + 1; height <= meta.paraHeight; height += 1) {
      signal.throwIfAborted();
      const row = await store.paraRow(height);
      if (!row) throw corruptRow(`para ${height}`, 'missing');
      const { header, storageChanges } = splitParaRow(row);
      try {
        await this.advance(storageChanges, header, height);
      } catch (error) {
        throw corruptRow(`para ${height}`, 'its storage changes do not give its state root', error);
      }
      if (height === meta.paraHeight || height % CATCH_UP_BATCH === 0) {
        await store.advanceState(height, this.takeRows());
      }
    }
  }
}

/** The state of some pairs, with the rows that hold it. */
export function genesisState(pairs: readonly (readonly [Uint8Array, Uint8Array])[]): {
  root: Uint8Array;
  rows: RowOperation[];
} {
  const trie = StateTrie.fromPairs(pairs.map(([key, value]) => [key, value]));
  const root = trie.root();
  return { root, rows: rowsOf(trie.takeWrites()) };
}

function nodeStore(database: Database): TrieNodeStore {
  return {
    getMany: (keys) => database.getMany(keys.map((key) => stateKey(key))),
  };
}

function rowsOf(writes: TrieWrites): RowOperation[] {
  return [
    ...writes.deletes.map((key): RowOperation => ({ type: 'del', key: stateKey(key) })),
    ...writes.puts.map(([key, value]): RowOperation => ({
      type: 'put',
      key: stateKey(key),
      value,
    })),
  ];
}
