import { Limiter, Watched, type Service } from '@runtime-bridge/base';
import { headerHash, headerNumber, headerParentHash } from '@runtime-bridge/blob-codec';
import { bytesEqual, fromHex, messageOf, toHex } from '@runtime-bridge/base';
import { BlockStoreError, BlockStoreErrorCode } from '../errors.js';
import { genesisKeys, heightKey, heightOfKey, metaKey, RowKind } from '../rows/keys.js';
import {
  corruptRow,
  decodeMeta,
  encodeMeta,
  SCHEMA,
  type ChainId,
  type Meta,
} from '../rows/meta.js';
import { encodeParaRow, paraRowHeader, type ParaRow } from '../rows/para-row.js';
import { decodeRangeEnd, encodeRangeEnd, type RangeEnd } from '../rows/range-end.js';
import {
  decodeRelayRow,
  encodeRelayRow,
  type RangeProof,
  type RelayRow,
} from '../rows/relay-row.js';
import {
  defaultDatabaseOptions,
  openDatabase,
  type Database,
  type DatabaseOptions,
  type RowOperation,
} from './database.js';
import { DiskRoom, type FreeBytes } from './disk-room.js';
import { RangeTracker } from './range-tracker.js';

/** Where the store is. */
export interface BlockStoreOptions extends Partial<DatabaseOptions> {
  path: string;
  /** Nothing is written while less of the disk is free. @default 512 MiB, a few tables being rewritten */
  reserveBytes?: number;
}

/** More rows than this are read by an iterator, which does not hold all of them twice. */
const MANY_ROWS = 64;

const DEFAULT_RESERVE_BYTES = 512 * 1024 * 1024;

/** What the store begins with. */
export interface GenesisRows {
  chain: ChainId;
  /** SCALE GenesisBlockInfo */
  info: Uint8Array;
  /** SCALE StorageState */
  state: Uint8Array;
  /** Para header 0, encoded. */
  paraHeader: Uint8Array;
}

/** Verified relay headers of one range, ascending, and what proves the last of them. */
export interface RangeRows {
  headers: readonly Uint8Array[];
  proof: RangeProof;
}

/** How far the store goes. All heights are inclusive. */
export interface StoreHeights {
  relay: number;
  para: number;
  /** Last relay height that blobs can be made up to. */
  built: number;
  /** Last built height that closed a window. */
  sealed: number;
}

/**
 * Rows on disk: one per relay header, one per para block, each step in one atomic batch together with the heights.
 * Nothing is checked here but that steps continue each other; whoever appends has verified.
 */
export class BlockStore implements Service {
  readonly name = 'block store';
  /** Undefined until there is a genesis. */
  readonly heights = new Watched<StoreHeights | undefined>(undefined);
  readonly #options: DatabaseOptions;
  readonly #room: DiskRoom;
  /** A write failed: LevelDB must be opened anew before the next one. */
  #isBroken = false;
  #database: Database | undefined;
  #meta: Meta | undefined;
  #tracker: RangeTracker | undefined;
  /** Steps of both chains rewrite the meta row, so that only one may be under way. */
  readonly #steps = new Limiter({ concurrency: 1, name: 'block store steps' });

  constructor(options: BlockStoreOptions, collaborators: { freeBytes?: FreeBytes } = {}) {
    const { reserveBytes = DEFAULT_RESERVE_BYTES, ...database } = options;
    this.#options = { ...defaultDatabaseOptions, ...database };
    this.#room = new DiskRoom({ path: options.path, reserveBytes }, collaborators);
  }

  /**
   * Opens the store and finds where it stopped.
   * @throws BlockStoreError STORE_LOCKED, STORE_CORRUPT, STORE_TOO_NEW
   */
  async start(): Promise<void> {
    if (this.#database) return;
    this.#database = await openDatabase(this.#options);
    try {
      const bytes = await this.#database.get(metaKey);
      if (!bytes) return;
      this.#meta = decodeMeta(bytes);
      this.#tracker = await this.#findUnbuilt(this.#meta);
      this.#tell();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    const database = this.#database;
    this.#database = undefined;
    this.#meta = undefined;
    this.#tracker = undefined;
    await database?.close();
  }

  /** What the store is of and how far it goes; undefined until there is a genesis. */
  get meta(): Readonly<Meta> | undefined {
    return this.#meta;
  }

  /** Stored ends of ranges that wait for para blocks, lowest first. */
  get unbuilt(): readonly RangeEnd[] {
    return this.#tracker?.unbuilt ?? [];
  }

  /** The database, for rows that belong to another part of this package. */
  get database(): Database {
    if (this.#database) return this.#database;
    throw new BlockStoreError(BlockStoreErrorCode.STORE_CORRUPT, 'The store is not open', {
      facts: { path: this.#options.path },
    });
  }

  /**
   * Makes sure that the store is of a chain.
   * @param from what told of the chain
   * @throws BlockStoreError STORE_OF_OTHER_CHAIN
   */
  expectChain(chain: Partial<ChainId>, from: 'the nodes' | 'the file' = 'the nodes'): void {
    const meta = this.#meta;
    if (!meta) return;
    for (const field of Object.keys(chain) as (keyof ChainId)[]) {
      if (meta[field] === chain[field]) continue;
      throw new BlockStoreError(
        BlockStoreErrorCode.STORE_OF_OTHER_CHAIN,
        `The store was filled from another chain: its ${field} is ${meta[field]}, that of ${from} is ${chain[field]}`,
        {
          facts: { field, stored: meta[field], given: chain[field], path: this.#options.path },
          remedy: `Check ${from === 'the file' ? from : 'the endpoints'}, or give this chain its own PHALA_LOCAL_DB_PATH`,
        },
      );
    }
  }

  /**
   * Makes sure that there is room for going on, so that nothing is fetched in vain.
   * @throws BlockStoreError DISK_FULL
   */
  expectRoom(): Promise<void> {
    return this.#room.expect();
  }

  /** Begins the store. @param more rows that belong to the same step */
  putGenesis(genesis: GenesisRows, more: readonly RowOperation[] = []): Promise<void> {
    return this.#steps.run(() => this.#putGenesis(genesis, more));
  }

  async #putGenesis(genesis: GenesisRows, more: readonly RowOperation[]): Promise<void> {
    this.expectChain(genesis.chain);
    if (this.#meta) return;
    const { chain } = genesis;
    const meta: Meta = {
      schema: SCHEMA,
      ...chain,
      relayHeight: chain.relayGenesisHeight,
      relayHash: chain.relayGenesis,
      setHeight: chain.relayGenesisHeight,
      paraHeight: 0,
      paraHash: chain.paraGenesis,
      stateHeight: 0,
    };
    await this.#write(meta, [
      { type: 'put', key: genesisKeys.info, value: genesis.info },
      { type: 'put', key: genesisKeys.state, value: genesis.state },
      {
        type: 'put',
        key: heightKey(RowKind.PARA, 0),
        // Row 0 holds the header only in earnest: its changes are the genesis state, which is stored already.
        value: encodeParaRow({ header: genesis.paraHeader, storageChanges: Uint8Array.of(0, 0) }),
      },
      ...more,
    ]);
    this.#tracker = new RangeTracker(chain.relayGenesisHeight);
    this.#tell();
  }

  /**
   * Appends one range of relay headers.
   * @throws BlockStoreError OUT_OF_ORDER, STORE_WRITE_FAILED
   */
  appendRange(range: RangeRows): Promise<void> {
    return this.#steps.run(() => this.#appendRange(range));
  }

  async #appendRange(range: RangeRows): Promise<void> {
    const meta = this.#need();
    const { headers, proof } = range;
    const last = headers.at(-1);
    if (!last) return;
    this.#expectNext('relay', headers[0]!, meta.relayHeight, meta.relayHash);
    const height = meta.relayHeight + headers.length;
    const end: RangeEnd = {
      height,
      setId: proof.setId,
      changesSet: proof.authoritySetChange !== undefined,
      paraNumber: proof.paraHead?.number ?? -1,
    };
    const operations = headers.map((header, index): RowOperation => ({
      type: 'put',
      key: heightKey(RowKind.RELAY, meta.relayHeight + 1 + index),
      value: encodeRelayRow({ header, range: index === headers.length - 1 ? proof : undefined }),
    }));
    operations.push({
      type: 'put',
      key: heightKey(RowKind.RANGE_END, height),
      value: encodeRangeEnd(end),
    });
    await this.#write(
      {
        ...meta,
        relayHeight: height,
        relayHash: toHex(headerHash(last)),
        setHeight: end.changesSet ? height : meta.setHeight,
      },
      operations,
    );
    this.#tracker!.addEnd(end, meta.paraHeight);
    this.#tell();
  }

  /**
   * Appends para blocks.
   * @param state the rows that bring the state to the last of these blocks; undefined where the state is not kept
   * @throws BlockStoreError OUT_OF_ORDER, STORE_WRITE_FAILED
   */
  appendParaBlocks(
    blocks: readonly ParaRow[],
    state: readonly RowOperation[] | undefined,
  ): Promise<void> {
    return this.#steps.run(() => this.#appendParaBlocks(blocks, state));
  }

  async #appendParaBlocks(
    blocks: readonly ParaRow[],
    state: readonly RowOperation[] | undefined,
  ): Promise<void> {
    const meta = this.#need();
    const last = blocks.at(-1);
    if (!last) return;
    this.#expectNext('para', blocks[0]!.header, meta.paraHeight, meta.paraHash);
    const height = meta.paraHeight + blocks.length;
    const operations = blocks.map((block, index): RowOperation => ({
      type: 'put',
      key: heightKey(RowKind.PARA, meta.paraHeight + 1 + index),
      value: encodeParaRow(block),
    }));
    await this.#write(
      {
        ...meta,
        paraHeight: height,
        paraHash: toHex(headerHash(last.header)),
        stateHeight: state ? height : meta.stateHeight,
      },
      state ? [...operations, ...state] : operations,
    );
    this.#tracker!.advance(height);
    this.#tell();
  }

  /** Brings the state rows, left behind by a time without state checks, up to a stored height. */
  advanceState(stateHeight: number, state: readonly RowOperation[]): Promise<void> {
    return this.#steps.run(() => this.#write({ ...this.#need(), stateHeight }, state));
  }

  /** The genesis info and state; undefined until there is a genesis. */
  async genesis(): Promise<{ info: Uint8Array; state: Uint8Array } | undefined> {
    const [info, state] = await this.database.getMany([genesisKeys.info, genesisKeys.state]);
    return info && state ? { info, state } : undefined;
  }

  /** One relay row. */
  async relayRow(height: number): Promise<RelayRow | undefined> {
    const bytes = await this.database.get(heightKey(RowKind.RELAY, height));
    return bytes && decodeRelayRow(bytes);
  }

  /** The bytes of the relay rows of some heights, both ends included; fewer when some are not there. */
  relayRows(first: number, last: number): Promise<Uint8Array[]> {
    return this.#rows(RowKind.RELAY, first, last);
  }

  /** The bytes of the para rows of some heights, both ends included; fewer when some are not there. */
  async paraRows(first: number, last: number): Promise<Uint8Array[]> {
    const count = last - first + 1;
    if (count > MANY_ROWS) return this.#rows(RowKind.PARA, first, last);
    // Rows are large: an iterator would copy each once more, and takes three turns of the pool where this takes one.
    const keys = Array.from({ length: count }, (_, index) =>
      heightKey(RowKind.PARA, first + index),
    );
    const rows = await this.database.getMany(keys, { fillCache: false });
    return rows.filter((row) => row !== undefined);
  }

  /** The bytes of one para row. */
  paraRow(height: number): Promise<Uint8Array | undefined> {
    return this.database.get(heightKey(RowKind.PARA, height));
  }

  /** The headers of some para heights, both ends included. */
  async paraHeaders(first: number, last: number): Promise<Uint8Array[]> {
    const headers: Uint8Array[] = [];
    // One row at a time: a header is needed, but its row holds the storage changes too.
    for (let height = first; height <= last; height += 1) {
      const row = await this.paraRow(height);
      if (!row) throw corruptRow(`para ${height}`, 'missing');
      // A copy, so that the whole row is not held for its header.
      headers.push(paraRowHeader(row).slice());
    }
    return headers;
  }

  /** The end of a range that stands at a height. */
  async rangeEndAt(height: number): Promise<RangeEnd | undefined> {
    const bytes = await this.database.get(heightKey(RowKind.RANGE_END, height));
    return bytes && decodeRangeEnd(height, bytes);
  }

  /** The last end of a range below a height. */
  async rangeEndBefore(height: number): Promise<RangeEnd | undefined> {
    const [end] = await this.#rangeEnds({ lt: height, limit: 1, reverse: true });
    return end;
  }

  /** The next ends of ranges from a height on, lowest first. */
  rangeEndsFrom(height: number, limit: number): Promise<RangeEnd[]> {
    return this.#rangeEnds({ gte: height, limit });
  }

  async #rangeEnds(bounds: {
    gte?: number;
    lt?: number;
    limit: number;
    reverse?: boolean;
  }): Promise<RangeEnd[]> {
    const { gte = 0, lt, limit, reverse = false } = bounds;
    const entries = await this.database
      .iterator({
        gte: heightKey(RowKind.RANGE_END, gte),
        lt:
          lt === undefined
            ? Uint8Array.of(RowKind.RANGE_END + 1)
            : heightKey(RowKind.RANGE_END, lt),
        limit,
        reverse,
      })
      .all();
    return entries.map(([key, value]) => decodeRangeEnd(heightOfKey(key), value));
  }

  async #rows(kind: RowKind, first: number, last: number): Promise<Uint8Array[]> {
    return this.database
      .values({ gte: heightKey(kind, first), lte: heightKey(kind, last), fillCache: false })
      .all();
  }

  async #findUnbuilt(meta: Meta): Promise<RangeTracker> {
    const tracker = new RangeTracker(meta.relayGenesisHeight);
    const ends: RangeEnd[] = [];
    let built: RangeEnd | undefined;
    const rows = this.database.iterator({
      gte: heightKey(RowKind.RANGE_END, 0),
      lt: Uint8Array.of(RowKind.RANGE_END + 1),
      reverse: true,
    });
    for await (const [key, value] of rows) {
      const end = decodeRangeEnd(heightOfKey(key), value);
      if (end.paraNumber > meta.paraHeight) {
        ends.push(end);
        continue;
      }
      // The newest end that is built, and the newest built one that closed a window.
      if (!built || end.changesSet) ends.push(end);
      built ??= end;
      if (end.changesSet) break;
    }
    for (const end of ends.reverse()) tracker.addEnd(end, meta.paraHeight);
    return tracker;
  }

  #expectNext(chain: 'relay' | 'para', header: Uint8Array, height: number, hash: string): void {
    const number = headerNumber(header);
    if (number === height + 1 && bytesEqual(headerParentHash(header), fromHex(hash))) return;
    throw new BlockStoreError(
      BlockStoreErrorCode.OUT_OF_ORDER,
      `${chain} block ${number} does not continue the stored block ${height}`,
      { facts: { chain, block: number, expected: height + 1 } },
    );
  }

  async #write(meta: Meta, operations: readonly RowOperation[]): Promise<void> {
    await this.#room.expect();
    try {
      await this.#mend();
      await this.database.batch([
        ...operations,
        { type: 'put', key: metaKey, value: encodeMeta(meta) },
      ]);
    } catch (error) {
      this.#isBroken = true;
      throw new BlockStoreError(
        BlockStoreErrorCode.STORE_WRITE_FAILED,
        `The store cannot be written: ${messageOf(error)}`,
        {
          facts: { path: this.#options.path },
          cause: error,
          remedy: 'Make room on the disk; fetching goes on by itself then',
        },
      );
    }
    this.#meta = meta;
  }

  /** After a failed write LevelDB refuses all others until it is opened again. Reads fail for the moment that takes. */
  async #mend(): Promise<void> {
    if (!this.#isBroken) return;
    const { database } = this;
    if (database.status !== 'closed') await database.close();
    await database.open();
    this.#isBroken = false;
  }

  #tell(): void {
    const meta = this.#need();
    this.heights.set({
      relay: meta.relayHeight,
      para: meta.paraHeight,
      built: this.#tracker!.builtHeight,
      sealed: this.#tracker!.sealedHeight,
    });
  }

  #need(): Meta {
    if (this.#meta) return this.#meta;
    throw corruptRow('meta', 'there is no genesis yet');
  }
}
