import { bytesEqual, concatBytes, toHex } from '@runtime-bridge/base';
import {
  storageKeys,
  type StorageChange,
  type StorageChanges,
  type StoragePair,
} from '@runtime-bridge/blob-codec';
import { LightClientError, LightClientErrorCode } from '../errors.js';
import { nibblesOf } from './node-codec.js';
import { type TrieNodeStore, type TrieWrites } from './node-store.js';
import {
  collectWrites,
  editTree,
  forgetUnused,
  loadNodes,
  missingOnWay,
  notLoaded,
  treeBytes,
  treeFromHash,
  treeGet,
  treeHash,
  type TreeRoot,
} from './tree.js';
import { type MissingNode, TreeEdit } from './tree-edit.js';

export interface StateTrieOptions {
  /**
   * About how many bytes of nodes to keep in memory after {@link StateTrie.takeWrites}. Default 256 MiB. Without a store
   * everything stays in memory.
   */
  maxBytes?: number;
}

/** A state to come back to; good until the next {@link StateTrie.takeWrites}. */
export interface TrieCheckpoint {
  readonly trees: ReadonlyMap<string, TreeRoot>;
  readonly superseded: number;
  readonly generation: number;
}

/** A state to go over to, or the nodes that are needed first. */
interface Edit {
  trees: Map<string, TreeRoot>;
  superseded: [trie: string, position: string][];
  missing: Map<string, MissingNode[]>;
}

const DEFAULT_MAX_BYTES = 256 * 1024 * 1024;

/** name of the main trie among the trees; child tries go by the hex of their key */
const MAIN = '';

/** Edits since a node was last used, after which it is let go of: the first of these that frees enough. */
const KEEP_EDITS = [512, 128, 32, 8, 2, 0] as const;

/** A freshly swept trie may grow by this part of its limit before it is swept again. */
const SWEEP_AFTER = 1 / 8;

/** Several tries to load what an edit needs: collapsing branches can ask for a sibling only when it gets there. */
const MAX_LOAD_ROUNDS = 1000;

/**
 * A chain's state, kept as the trie that gives the header's state root: state version 0, as pRuntime computes it, child
 * tries included. Applies storage changes block by block, hashing only what changed.
 *
 * Nodes live in a store, by position, and in memory as far as the limit goes. Going from one block to the next is
 * `advance` (load, apply, compare), then {@link takeWrites}, whose result goes into one batch with the block: then the
 * store always holds exactly the state of the last block stored, and after a crash {@link open} with that block's state
 * root goes on from there. If such a batch fails, open the trie anew.
 *
 * One caller at a time: wait for a promise before the next call.
 *
 * Source of the order in which main and child changes apply: phala-blockchain 40ffcd1be
 * crates/phala-trie-storage/src/lib.rs (calc_root_if_changes), Substrate's Backend::full_storage_root.
 */
export class StateTrie {
  readonly #store: TrieNodeStore | undefined;
  readonly #maxBytes: number;
  #trees: Map<string, TreeRoot>;
  /** positions of stored nodes that were replaced since the last writes, `trie:position` in order of edits */
  #superseded: [trie: string, position: string][] = [];
  #edits = 0;
  /** the edit that load() found possible, for the apply() that follows */
  #prepared: { changes: StorageChanges; edit: Edit } | undefined;
  #generation = 0;
  #bytesAfterSweep = 0;
  #bytesSinceSweep = 0;

  private constructor(
    main: TreeRoot,
    store: TrieNodeStore | undefined,
    { maxBytes = DEFAULT_MAX_BYTES }: StateTrieOptions,
  ) {
    this.#trees = new Map([[MAIN, main]]);
    this.#store = store;
    this.#maxBytes = maxBytes;
  }

  /** The state without any key, or, given a store, one to be filled and written there. */
  static empty(store?: TrieNodeStore, options: StateTrieOptions = {}): StateTrie {
    return new StateTrie(undefined, store, options);
  }

  /** The state that holds these pairs, all in memory until {@link takeWrites}. Roots of child tries are plain values. */
  static fromPairs(
    pairs: Iterable<StoragePair>,
    store?: TrieNodeStore,
    options: StateTrieOptions = {},
  ): StateTrie {
    const trie = StateTrie.empty(store, options);
    trie.apply({ main: [...pairs], children: [] });
    return trie;
  }

  /** The state with this root that the store holds. Nodes are loaded, and checked, when they are needed. */
  static open(root: Uint8Array, store: TrieNodeStore, options: StateTrieOptions = {}): StateTrie {
    return new StateTrie(treeFromHash(root), store, options);
  }

  /** The state root, 32 bytes. Hashes what changed since the last call. */
  root(): Uint8Array {
    return treeHash(this.#trees.get(MAIN));
  }

  /**
   * The value of a key of the main trie, null with none.
   * @throws LightClientError TRIE_STORE_DAMAGED
   */
  async get(key: Uint8Array): Promise<Uint8Array | null> {
    const nibbles = nibblesOf(key);
    await this.#loadWays(MAIN, [nibbles]);
    return treeGet(this.#trees.get(MAIN), nibbles) ?? null;
  }

  /**
   * Makes sure that {@link apply} of the same changes (the same object, not altered) finds every node in memory.
   * @throws LightClientError TRIE_STORE_DAMAGED
   */
  async load(changes: StorageChanges): Promise<void> {
    if (this.#store === undefined) return;
    const childRootKeys = changes.children.map(([childKey]) => nibblesOf(childRootKey(childKey)));
    await this.#loadWays(MAIN, [...changes.main.map(([key]) => nibblesOf(key)), ...childRootKeys]);
    for (const [childKey, collection] of changes.children) {
      const name = nibblesOf(childKey);
      this.#trees.set(name, this.#childTree(childKey));
      await this.#loadWays(
        name,
        collection.map(([key]) => nibblesOf(key)),
      );
    }
    for (let round = 0; round < MAX_LOAD_ROUNDS; round++) {
      const edit = this.#edit(changes);
      if (edit.missing.size === 0) {
        this.#prepared = { changes, edit };
        return;
      }
      for (const [name, nodes] of edit.missing) await this.#load(name, nodes);
    }
  }

  /**
   * Applies the changes of one block: main changes in their order, then each child trie's, whose new root goes into the
   * main trie (an empty child trie has none).
   * @throws LightClientError TRIE_NODE_NOT_LOADED, with nothing changed; never for a trie without store
   */
  apply(changes: StorageChanges): void {
    const prepared = this.#prepared?.changes === changes ? this.#prepared.edit : undefined;
    const { trees, superseded, missing } = prepared ?? this.#edit(changes);
    this.#prepared = undefined;
    for (const nodes of missing.values()) throw notLoaded(nodes[0]?.position ?? '');
    this.#trees = trees;
    for (const position of superseded) this.#superseded.push(position);
    this.#bytesSinceSweep += approximateGrowth(changes);
  }

  /**
   * Loads what is needed, applies the changes of a block and compares the root; on any error the state is as before.
   * @param block height, for the error
   * @throws LightClientError STATE_ROOT_MISMATCH, TRIE_STORE_DAMAGED
   */
  async advance(changes: StorageChanges, stateRoot: Uint8Array, block: number): Promise<void> {
    await this.load(changes);
    const before = this.checkpoint();
    this.apply(changes);
    const actual = this.root();
    if (bytesEqual(actual, stateRoot)) return;
    this.rollback(before);
    throw new LightClientError(
      LightClientErrorCode.STATE_ROOT_MISMATCH,
      'The storage changes give another state root than the header states',
      { facts: { block, expected: toHex(stateRoot), actual: toHex(actual) } },
    );
  }

  /** The present state, to come back to. Costs nothing. */
  checkpoint(): TrieCheckpoint {
    return {
      trees: new Map(this.#trees),
      superseded: this.#superseded.length,
      generation: this.#generation,
    };
  }

  /**
   * Goes back to an earlier state.
   * @throws LightClientError CHECKPOINT_GONE when writes were taken since
   */
  rollback(checkpoint: TrieCheckpoint): void {
    if (checkpoint.generation !== this.#generation) {
      throw new LightClientError(
        LightClientErrorCode.CHECKPOINT_GONE,
        'The checkpoint is older than the last writes to the store',
      );
    }
    this.#prepared = undefined;
    this.#trees = new Map(checkpoint.trees);
    this.#superseded.length = checkpoint.superseded;
  }

  /**
   * What the store needs to hold the present state, counted from the last call on. Has to be written as a whole, together
   * with the blocks that led here, and before the next call. Memory is brought back under its limit.
   */
  takeWrites(): TrieWrites {
    this.#prepared = undefined;
    const writes: TrieWrites = { puts: [], deletes: [] };
    const superseded = new Map<string, string[]>();
    for (const [name, position] of this.#superseded) {
      const positions = superseded.get(name);
      if (positions === undefined) superseded.set(name, [position]);
      else positions.push(position);
    }
    for (const [name, root] of this.#trees) {
      collectWrites(name, root, superseded.get(name) ?? [], writes);
    }
    this.#superseded = [];
    this.#generation += 1;
    if (this.#store !== undefined) this.#forget();
    return writes;
  }

  /** About how many bytes the nodes in memory take. Goes through all of them. */
  memoryBytes(): number {
    let bytes = 0;
    for (const root of this.#trees.values()) bytes += treeBytes(root);
    return bytes;
  }

  /** Does an edit without taking it on. */
  #edit(changes: StorageChanges): Edit {
    this.#edits += 1;
    const trees = new Map(this.#trees);
    const superseded: [string, string][] = [];
    const missing = new Map<string, MissingNode[]>();
    const mainEdit = new TreeEdit(this.#edits);
    let main = editTree(trees.get(MAIN), nibbleChanges(changes.main), mainEdit);
    for (const [childKey, collection] of changes.children) {
      const name = nibblesOf(childKey);
      const edit = new TreeEdit(this.#edits);
      const child = editTree(this.#childTree(childKey), nibbleChanges(collection), edit);
      if (edit.missing.length > 0) {
        missing.set(name, edit.missing);
        continue; // its root cannot be told yet
      }
      trees.set(name, child);
      const rootKey = nibblesOf(childRootKey(childKey));
      main =
        child === undefined
          ? mainEdit.remove(main, rootKey)
          : mainEdit.set(main, rootKey, treeHash(child));
      for (const position of edit.superseded) superseded.push([name, position]);
    }
    if (mainEdit.missing.length > 0) missing.set(MAIN, mainEdit.missing);
    trees.set(MAIN, main);
    for (const position of mainEdit.superseded) superseded.push([MAIN, position]);
    return { trees, superseded, missing };
  }

  /** The child trie that the main trie's present state names; what is in memory of it is used when it is that one. */
  #childTree(childKey: Uint8Array): TreeRoot {
    const rootKey = nibblesOf(childRootKey(childKey));
    const main = this.#trees.get(MAIN);
    if (missingOnWay(main, rootKey, this.#edits) !== undefined) return undefined;
    const root = treeGet(main, rootKey);
    if (root === undefined) return undefined;
    const known = this.#trees.get(nibblesOf(childKey));
    return known !== undefined && bytesEqual(treeHash(known), root) ? known : treeFromHash(root);
  }

  async #loadWays(name: string, keys: readonly string[]): Promise<void> {
    for (;;) {
      const root = this.#trees.get(name);
      const missing = keys.flatMap((key) => missingOnWay(root, key, this.#edits) ?? []);
      if (missing.length === 0) return;
      await this.#load(name, missing);
    }
  }

  async #load(name: string, missing: readonly MissingNode[]): Promise<void> {
    const [first] = missing;
    if (first === undefined) return;
    if (this.#store === undefined) throw notLoaded(first.position);
    const root = this.#trees.get(name);
    const loaded = await loadNodes(name, root, missing, this.#store, this.#edits);
    this.#trees.set(name, loaded.root);
    this.#bytesSinceSweep += loaded.bytes;
  }

  #forget(): void {
    const limit = this.#maxBytes;
    if (this.#bytesAfterSweep + this.#bytesSinceSweep < limit) return;
    let bytes = 0;
    for (const edits of KEEP_EDITS) {
      bytes = 0;
      for (const root of this.#trees.values()) {
        bytes += forgetUnused(root, this.#edits - edits + 1);
      }
      if (bytes <= limit * (1 - SWEEP_AFTER)) break;
    }
    this.#bytesAfterSweep = bytes;
    this.#bytesSinceSweep = 0;
  }
}

function childRootKey(childKey: Uint8Array): Uint8Array {
  return concatBytes([storageKeys.childStoragePrefix, childKey]);
}

/** Keys as nibbles; values are copied, so that the blob they are views of can be let go of. */
function* nibbleChanges(
  changes: readonly StorageChange[],
): Generator<readonly [string, Uint8Array | null]> {
  for (const [key, value] of changes) {
    yield [nibblesOf(key), value && new Uint8Array(value)];
  }
}

/** About the memory that changes add: mostly new leaves, since copied branches take the place of others. */
function approximateGrowth(changes: StorageChanges): number {
  const sum = (collection: readonly StorageChange[]): number =>
    collection.reduce((bytes, [key, value]) => bytes + 400 + key.length + (value?.length ?? 0), 0);
  return changes.children.reduce((bytes, [, c]) => bytes + sum(c), sum(changes.main));
}
