import { bytesEqual, toHex } from '../primitives/bytes.js';
import { decodeHeader, encodeHeader, headerHash } from '../primitives/header.js';
import {
  Trie,
  TrieDb,
  TrieNodeMissing,
  orderedTrieRoot,
  type KeyChange,
  type StateVersion,
} from '../primitives/trie.js';
import { Events } from './events.js';
import { ChainStore, type ChainRows, type StoreBatch } from './store.js';
import type { Block, BlockRef } from './types.js';

/** The chain was asked for something that contradicts what it holds. */
export class ChainError extends Error {
  override readonly name = 'ChainError';
}

/** What listeners of a chain hear; always after it is on disk. */
export interface ChainEventMap extends Record<string, unknown> {
  /** Any block was added, best or not. */
  new: Block;
  /** The best block changed: what left the best chain (newest first) and what joined it (oldest first). */
  best: { block: Block; retracted: Block[]; enacted: Block[] };
  /** Blocks became final, oldest first. */
  finalized: { block: Block; blocks: Block[] };
}

/** What is written together with a finalised block, in one batch. */
export interface FinalizeOptions {
  /** Justification to keep with the block. */
  justification?: Uint8Array;
  /** Further meta rows. */
  meta?: readonly (readonly [name: string, value: Uint8Array])[];
}

/** What a chain works with. */
export interface ChainParts {
  db: ChainRows;
  genesis: () => readonly KeyChange[];
  /** State version of the blocks after a state; when undefined, that of block 0 for ever. */
  stateVersionAfter?: (state: Trie) => StateVersion;
  onListenerError: (error: unknown) => void;
}

const RECENT_BLOCKS = 256;
const RECENT_STATES = 64;

/**
 * Blocks, states and forks of one chain, persistent. One chain of blocks is the best one; finality only
 * ever grows along it.
 */
export class Chain {
  readonly events: Events<ChainEventMap>;
  private readonly trieDb: TrieDb;
  private readonly blocks = new Map<string, Block>();
  private readonly states = new Map<string, Trie>();
  private bestRef!: BlockRef;
  private finalizedRef!: BlockRef;
  private genesisRef!: BlockRef;
  private turn: Promise<void> = Promise.resolve();

  private constructor(
    readonly name: string,
    readonly stateVersion: StateVersion,
    private readonly store: ChainStore,
    private readonly deps: ChainParts,
  ) {
    this.events = new Events(deps.onListenerError);
    this.trieDb = new TrieDb({ load: (hash) => this.store.node(hash) });
  }

  /**
   * Opens a chain; one that is not in the database yet is begun with `genesis()`.
   *
   * @param options.stateVersion of block 0
   * @param options.id a byte that tells this chain's rows from others in the same database
   */
  static async open(
    options: { name: string; id: number; stateVersion: StateVersion },
    deps: ChainParts,
  ): Promise<Chain> {
    const store = new ChainStore(deps.db, options.id);
    const chain = new Chain(options.name, options.stateVersion, store, deps);
    const genesisHash = store.canonical(0);
    if (genesisHash === undefined) await chain.begin(deps.genesis());
    else chain.resume(genesisHash);
    return chain;
  }

  /** Block 0. */
  get genesis(): BlockRef {
    return this.genesisRef;
  }

  /** Head of the best chain. */
  get best(): BlockRef {
    return this.bestRef;
  }

  /** The newest final block. */
  get finalized(): BlockRef {
    return this.finalizedRef;
  }

  /** Hash of a block on the best chain. */
  hashAt(number: number): Uint8Array | undefined {
    return number > this.best.number ? undefined : this.store.canonical(number);
  }

  /** SCALE of a header, whichever branch it is on. */
  header(hash: Uint8Array): Uint8Array | undefined {
    return this.blocks.get(toHex(hash))?.header ?? this.store.header(hash);
  }

  /** A whole block, whichever branch it is on. */
  block(hash: Uint8Array): Block | undefined {
    const key = toHex(hash);
    const recent = this.blocks.get(key);
    if (recent !== undefined) return recent;
    const encoded = this.store.header(hash);
    const body = this.store.body(hash);
    const changes = this.store.changes(hash);
    if (encoded === undefined || body === undefined || changes === undefined) return undefined;
    const { number, stateRoot } = decodeHeader(encoded);
    const justification = this.store.justification(hash);
    return {
      number,
      hash,
      header: encoded,
      ...body,
      changes,
      stateRoot,
      ...(justification && { justification }),
    };
  }

  /** A whole block of the best chain. */
  blockAt(number: number): Block | undefined {
    const hash = this.hashAt(number);
    return hash && this.block(hash);
  }

  /** The justification kept with a block. */
  justification(hash: Uint8Array): Uint8Array | undefined {
    return this.store.justification(hash);
  }

  /**
   * State after a block.
   *
   * @throws TrieNodeMissing when the block is not known or its state is not there.
   */
  state(hash: Uint8Array): Trie {
    const key = toHex(hash);
    const recent = this.states.get(key);
    if (recent !== undefined) return recent;
    const header = this.header(hash);
    if (header === undefined) throw new TrieNodeMissing(`unknown block ${key}`);
    const { stateRoot } = decodeHeader(header);
    const trie = this.versioned(Trie.at(this.trieDb, stateRoot, this.stateVersion));
    remember(this.states, key, trie, RECENT_STATES);
    return trie;
  }

  /** A meta row; written by `finalize` and `putMeta`. */
  meta(name: string): Uint8Array | undefined {
    return this.store.meta(name);
  }

  /** Meta rows by prefix, in order. */
  metaFrom(prefix: string): Promise<[string, Uint8Array][]> {
    return this.store.metaFrom(prefix);
  }

  /** Writes one meta row. */
  putMeta(name: string, value: Uint8Array): Promise<void> {
    return this.exclusive(async () => {
      const batch = this.store.batch();
      batch.meta(name, value);
      await batch.write();
    });
  }

  /**
   * Adds a block whose parent is known. With `best` it becomes the head of the best chain.
   *
   * @throws ChainError when parent, number, roots or hash do not fit: nothing is stored then.
   */
  append(block: Block, options: { best: boolean }): Promise<void> {
    return this.exclusive(async () => {
      const state = this.check(block);
      const nodes = this.trieDb.unsavedNodes();
      const batch = this.store.batch();
      writeBlock(batch, block);
      for (const [hash, encoded] of nodes) batch.node(hash, encoded);
      const turn = options.best ? this.planBest(block, batch) : undefined;
      await batch.write();
      this.trieDb.saved(nodes);
      remember(this.blocks, toHex(block.hash), block, RECENT_BLOCKS);
      remember(this.states, toHex(block.hash), this.versioned(state), RECENT_STATES);
      if (turn !== undefined) this.bestRef = block;
      this.events.emit('new', block);
      if (turn !== undefined) this.events.emit('best', { block, ...turn });
    });
  }

  /** Makes a known block the head of the best chain; no-op when it is. */
  setBest(hash: Uint8Array): Promise<void> {
    return this.exclusive(async () => {
      if (bytesEqual(hash, this.best.hash)) return;
      const block = this.expectBlock(hash);
      const batch = this.store.batch();
      const turn = this.planBest(block, batch);
      await batch.write();
      this.bestRef = block;
      this.events.emit('best', { block, ...turn });
    });
  }

  /**
   * Makes a block of the best chain final, and its ancestors with it.
   *
   * @throws ChainError when it is not on the best chain.
   */
  finalize(hash: Uint8Array, options: FinalizeOptions = {}): Promise<void> {
    return this.exclusive(async () => {
      const block = this.expectBlock(hash);
      if (block.number <= this.finalized.number) return;
      if (!this.isCanonical(block)) {
        throw new ChainError(`${this.name} #${block.number} is not on the best chain`);
      }
      const batch = this.store.batch();
      if (options.justification) batch.justification(hash, options.justification);
      for (const [name, value] of options.meta ?? []) batch.meta(name, value);
      batch.meta('finalized', hash);
      await batch.write();
      if (options.justification) this.blocks.delete(toHex(hash));
      const blocks: Block[] = [];
      for (let n = this.finalized.number + 1; n <= block.number; n++) {
        blocks.push(this.expectBlock(this.hashAt(n) ?? hash));
      }
      const last = blocks.at(-1) ?? block;
      this.finalizedRef = last;
      this.events.emit('finalized', { block: last, blocks });
    });
  }

  private async begin(entries: readonly KeyChange[]): Promise<void> {
    const changes = [...entries].sort(([a], [b]) => Buffer.compare(a, b));
    const state = Trie.from(this.trieDb, changes, this.stateVersion);
    const header = encodeHeader({
      parentHash: new Uint8Array(32),
      number: 0,
      stateRoot: state.root(),
      extrinsicsRoot: orderedTrieRoot([]),
      logs: [],
    });
    const hash = headerHash(header);
    const block: Block = {
      number: 0,
      hash,
      header,
      extrinsics: [],
      changes,
      stateRoot: state.root(),
      timestampMs: 0,
    };
    const nodes = this.trieDb.unsavedNodes();
    const batch = this.store.batch();
    writeBlock(batch, block);
    for (const [nodeHash, encoded] of nodes) batch.node(nodeHash, encoded);
    batch.canonical(0, hash);
    batch.meta('best', hash);
    batch.meta('finalized', hash);
    await batch.write();
    this.trieDb.saved(nodes);
    this.resume(hash);
  }

  private resume(genesisHash: Uint8Array): void {
    this.genesisRef = this.expectRef(genesisHash);
    this.bestRef = this.expectRef(this.store.meta('best') ?? genesisHash);
    this.finalizedRef = this.expectRef(this.store.meta('finalized') ?? genesisHash);
  }

  private expectRef(hash: Uint8Array): BlockRef {
    const header = this.header(hash);
    if (header === undefined) throw new ChainError(`${this.name}: no block ${toHex(hash)}`);
    return { number: decodeHeader(header).number, hash, header };
  }

  private expectBlock(hash: Uint8Array): Block {
    const block = this.block(hash);
    if (block === undefined) throw new ChainError(`${this.name}: no block ${toHex(hash)}`);
    return block;
  }

  /** Post-state of a block that fits; an author's mistake must not become part of a chain. */
  private check(block: Block): Trie {
    const header = decodeHeader(block.header);
    const fail = (what: string) => new ChainError(`${this.name} #${block.number}: ${what}`);
    const parent = this.header(header.parentHash);
    if (parent === undefined) throw fail('unknown parent');
    if (header.number !== decodeHeader(parent).number + 1 || header.number !== block.number) {
      throw fail('number does not follow');
    }
    if (!bytesEqual(headerHash(block.header), block.hash)) throw fail('hash is not of the header');
    if (!bytesEqual(header.extrinsicsRoot, orderedTrieRoot(block.extrinsics))) {
      throw fail('extrinsics root');
    }
    const state = this.state(header.parentHash).with(block.changes);
    if (!bytesEqual(state.root(), header.stateRoot)) throw fail('state root');
    return state;
  }

  /** A state that the next block's changes are written to in the right version. */
  private versioned(state: Trie): Trie {
    const version = this.deps.stateVersionAfter?.(state) ?? this.stateVersion;
    return version === state.version ? state : state.withVersion(version);
  }

  private isCanonical(block: Block): boolean {
    const hash = this.hashAt(block.number);
    return hash !== undefined && bytesEqual(hash, block.hash);
  }

  private planBest(block: Block, batch: StoreBatch): { retracted: Block[]; enacted: Block[] } {
    const retracted: Block[] = [];
    const enacted: Block[] = [];
    // Down to the newest block that both branches have.
    let common = block;
    while (!this.isCanonical(common)) {
      enacted.unshift(common);
      common = this.expectBlock(decodeHeader(common.header).parentHash);
    }
    if (common.number < this.finalized.number) {
      throw new ChainError(`${this.name} #${block.number} would undo finality`);
    }
    for (let n = this.best.number; n > common.number; n--) {
      retracted.push(this.expectBlock(this.hashAt(n) ?? common.hash));
      if (n > block.number) batch.canonical(n, undefined);
    }
    for (const one of enacted) batch.canonical(one.number, one.hash);
    batch.meta('best', block.hash);
    return { retracted, enacted };
  }

  /** One writer at a time: batches are planned on what the one before has written. */
  private exclusive(run: () => Promise<void>): Promise<void> {
    const result = this.turn.then(run);
    this.turn = result.catch(() => undefined);
    return result;
  }
}

function writeBlock(batch: StoreBatch, block: Block): void {
  batch.header(block.hash, block.header);
  batch.body(block.hash, { timestampMs: block.timestampMs, extrinsics: [...block.extrinsics] });
  batch.changes(block.hash, block.changes);
}

function remember<T>(map: Map<string, T>, key: string, value: T, max: number): void {
  map.set(key, value);
  if (map.size <= max) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}
