import {
  ScaleError,
  ScaleReader,
  Trie,
  TrieDb,
  blake2b256,
  bytesEqual,
  compareBytes,
  concatBytes,
  startsWith,
  storageMapKey,
  storagePrefix,
  twox64Concat,
  utf8,
} from '../primitives/index.js';
import { RuntimeFault } from './faults.js';
import { readMessage, type MqMessage } from './messages.js';
import type { KeyValueChange, StorageChanges } from './requests.js';

const CHILD_PREFIX = utf8(':child_storage:default:');
const Key = {
  paraId: storagePrefix('ParachainInfo', 'ParachainId'),
  outboundMessages: storagePrefix('PhalaMq', 'OutboundMessages'),
  now: storagePrefix('Timestamp', 'Now'),
} as const;

/** Tries here hold their nodes themselves; nothing looks one up by hash. */
class NoTrieDb extends TrieDb {
  override put(): void {
    // kept by the trie
  }
}

/**
 * The parachain's state as a worker keeps it: the main trie and the child tries, in state version 0
 * (phala-blockchain 40ffcd1be crates/phala-trie-storage/src/lib.rs). Never changed: applying changes
 * gives another state that shares what did not change.
 */
export class ChainStorage {
  private rootHash: Uint8Array | undefined;

  constructor(
    readonly main: Trie,
    /** Child tries by their key as latin1. */
    readonly children: ReadonlyMap<string, Trie>,
  ) {}

  root(): Uint8Array {
    this.rootHash ??= this.main.root();
    return this.rootHash;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.main.get(key);
  }

  /** The state after these changes. */
  with(changes: StorageChanges): ChainStorage {
    const children = new Map(this.children);
    const childRoots: KeyValueChange[] = [];
    for (const [childKey, entries] of changes.children) {
      const rootKey = concatBytes(CHILD_PREFIX, childKey);
      const known = children.get(text(childKey));
      // The genesis state names roots of child tries whose entries a worker never saw.
      if (known === undefined && this.main.get(rootKey) !== undefined) continue;
      const child = (known ?? Trie.empty(this.main.db)).with(sortedByKey(entries));
      const isEmpty = child.keys().next().done === true;
      if (isEmpty) children.delete(text(childKey));
      else children.set(text(childKey), child);
      childRoots.push([rootKey, isEmpty ? undefined : child.root()]);
    }
    const main = this.main.with(sortedByKey([...changes.main, ...childRoots]));
    for (const [key] of changes.main) {
      if (!startsWith(key, CHILD_PREFIX)) continue;
      const childKey = text(key.subarray(CHILD_PREFIX.length));
      const child = children.get(childKey);
      const root = main.get(key);
      if (child !== undefined && (root === undefined || !bytesEqual(child.root(), root))) {
        children.delete(childKey);
      }
    }
    return new ChainStorage(main, children);
  }

  /** `ParachainInfo.ParachainId`, undefined when absent. */
  paraId(): number | undefined {
    return this.decoded(Key.paraId, (r) => r.u32());
  }

  /** `Timestamp.Now` in ms, undefined when absent. */
  timestampMs(): bigint | undefined {
    return this.decoded(Key.now, (r) => r.u64());
  }

  /** Next sequence that the chain expects of a sender (SCALE `MessageOrigin`); 0 when absent. */
  nextIngressSequence(origin: Uint8Array): bigint {
    const key = storageMapKey('PhalaMq', 'OffchainIngress', twox64Concat(origin));
    return this.decoded(key, (r) => r.u64()) ?? 0n;
  }

  /**
   * Messages that this block sends to workers.
   *
   * @throws RuntimeFault when the storage value cannot be decoded.
   */
  outboundMessages(): MqMessage[] {
    const value = this.main.get(Key.outboundMessages);
    if (value === undefined) return [];
    try {
      return new ScaleReader(value).vec(readMessage, 3);
    } catch (error) {
      if (!(error instanceof ScaleError)) throw error;
      throw new RuntimeFault('Can not get mq messages from storage');
    }
  }

  private decoded<T>(key: Uint8Array, read: (reader: ScaleReader) => T): T | undefined {
    const value = this.main.get(key);
    if (value === undefined) return undefined;
    try {
      return read(new ScaleReader(value));
    } catch (error) {
      if (error instanceof ScaleError) return undefined;
      throw error;
    }
  }
}

/** States that are kept alive for workers that come a little later. */
const KEPT_STATES = 32;

/**
 * Makes states and lets workers in the same position share one: loading the same genesis, or applying
 * the same changes to the same state, gives the same object. What is shared is the result of a pure
 * computation, so no worker believes another one's word.
 */
export class ChainStorageFactory {
  private readonly genesis = new Map<string, ChainStorage>();
  private readonly successors = new WeakMap<ChainStorage, Map<string, WeakRef<ChainStorage>>>();
  private readonly kept: ChainStorage[] = [];

  /** State of a list of pairs; `encoded` is what they were decoded from. */
  load(pairs: readonly (readonly [Uint8Array, Uint8Array])[], encoded: Uint8Array): ChainStorage {
    const id = text(blake2b256(encoded));
    const known = this.genesis.get(id);
    if (known !== undefined) return known;
    const state = new ChainStorage(Trie.from(new NoTrieDb(), pairs.map(owned)), new Map());
    this.genesis.clear(); // one network per process is what happens; others are loaded again
    this.genesis.set(id, state);
    return state;
  }

  /** State of a checkpoint. */
  restore(
    pairs: readonly (readonly [Uint8Array, Uint8Array])[],
    children: readonly (readonly [Uint8Array, readonly (readonly [Uint8Array, Uint8Array])[]])[],
  ): ChainStorage {
    const db = new NoTrieDb();
    const childTries = new Map<string, Trie>();
    for (const [key, entries] of children) childTries.set(text(key), Trie.from(db, entries));
    return this.adopt(new ChainStorage(Trie.from(db, pairs), childTries));
  }

  /** The state after these changes. */
  after(state: ChainStorage, changes: StorageChanges): ChainStorage {
    let successors = this.successors.get(state);
    if (successors === undefined) {
      successors = new Map();
      this.successors.set(state, successors);
    }
    const id = text(blake2b256(changes.raw));
    const known = successors.get(id)?.deref();
    if (known !== undefined) return known;
    const next = this.adopt(state.with(changes));
    if (successors.size >= 8) successors.clear(); // refused blocks of other shapes
    successors.set(id, new WeakRef(next));
    return next;
  }

  /** An equal state that is alive, or this one. */
  private adopt(state: ChainStorage): ChainStorage {
    const root = state.root();
    const same = this.kept.find(
      (other) => other.children.size === state.children.size && bytesEqual(other.root(), root),
    );
    if (same !== undefined) return same;
    this.kept.push(state);
    if (this.kept.length > KEPT_STATES) this.kept.shift();
    return state;
  }
}

/** Order in which the real trie is changed; of several changes of a key the last one counts. */
function sortedByKey(changes: readonly KeyValueChange[]): KeyValueChange[] {
  return changes
    .map((change, index) => ({ change, index }))
    .sort((a, b) => compareBytes(a.change[0], b.change[0]) || a.index - b.index)
    .map(({ change }) => owned(change));
}

/** A change whose value does not keep the request body alive that it is a view of. */
function owned([key, value]: KeyValueChange): KeyValueChange {
  return [key, value === undefined ? undefined : new Uint8Array(value)];
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
