import {
  ByteLru,
  concatBytes,
  silentMetrics,
  type Clock,
  type Counter,
  type MetricsRegister,
} from '@runtime-bridge/base';
import {
  compactLength,
  crc32c,
  decodeGenesisState,
  encodeHeaderToSync,
  encodeStorageChanges,
  formatBlobKey,
  headerHash,
  parseBlobKey,
  type BlobKey,
} from '@runtime-bridge/blob-codec';
import { encodeParaRow, paraRowHeader, splitParaRow } from '../rows/para-row.js';
import type { BlockStore } from '../store/block-store.js';
import { BlobLoads, joined, type BlobParts } from './blob-loads.js';
import { HeadersView } from './headers-view.js';
import { encodeGenesisRecord, encodeParaBlockRecord, encodeParentBlockRecord } from './messages.js';

/** Limits of blobs and of the cache of composed ones. */
export interface BlobViewsOptions {
  /** Bytes of composed blobs kept. */
  cacheBytes: number;
  /** Most ranges that a `blobRange` joins. */
  maxRangeCount: number;
  /** Blocks in one `rangeParaBlock:buffer`. */
  blocksPerBuffer: number;
  /** A buffer ends early before it gets larger than this. */
  maxBufferBytes: number;
  /** Whether `rangeParaBlock:key` tells of buffers. They are served either way. */
  tellBuffers: boolean;
}

/** The defaults, which are those of 2022 where it had any. */
export const defaultBlobViewsOptions: BlobViewsOptions = {
  cacheBytes: 64 * 1024 * 1024,
  maxRangeCount: 60,
  blocksPerBuffer: 15,
  maxBufferBytes: 16 * 1024 * 1024,
  tellBuffers: false,
};

/** A blob as it is served. */
export interface Blob {
  bytes: Uint8Array;
  /** CRC-32C of the bytes. */
  crc32c: number;
}

/** What an entry of the cache costs beside its bytes. */
const ENTRY_BYTES = 200;

/** Names remembered of blobs that were sent and not kept: one asked for again is. */
const REMEMBERED_NAMES = 4_096;

/**
 * Answers 2022's blob keys out of rows: bytes that a worker accepts, composed when they are asked for and kept while
 * there is room. Whoever asks for the same at the same time shares the work and the bytes.
 */
export class BlobViews {
  readonly #options: BlobViewsOptions;
  readonly #store: BlockStore;
  readonly #headers: HeadersView;
  readonly #cache: ByteLru<string, BlobParts>;
  readonly #askedBefore: ByteLru<string, true>;
  readonly #loads = new BlobLoads();
  readonly #requests: Counter;

  constructor(
    options: Partial<BlobViewsOptions>,
    collaborators: { store: BlockStore; metrics?: MetricsRegister; clock?: Clock },
  ) {
    this.#options = { ...defaultBlobViewsOptions, ...options };
    this.#store = collaborators.store;
    this.#headers = new HeadersView(this.#options, collaborators);
    this.#cache = new ByteLru<string, BlobParts>({
      maxBytes: this.#options.cacheBytes,
      sizeOf: ({ parts }) => parts.reduce((bytes, part) => bytes + part.length, ENTRY_BYTES),
      ...(collaborators.clock ? { clock: collaborators.clock } : {}),
    });
    this.#askedBefore = new ByteLru<string, true>({
      maxBytes: REMEMBERED_NAMES,
      sizeOf: () => 1,
    });
    const metrics = collaborators.metrics ?? silentMetrics;
    this.#requests = metrics.counter({
      name: 'runtime_bridge_blobs_requests_total',
      help: 'Blobs asked for, by kind of key and by where the answer came from',
      labels: ['kind', 'source'],
    });
    metrics.gauge({
      name: 'runtime_bridge_blobs_cache_bytes',
      help: 'Bytes of composed blobs kept',
      collect: (gauge) => gauge.set(this.#cache.bytes),
    });
  }

  /**
   * The blob of a key. Undefined when there is none (yet), or when the text is no key of a blob.
   * @throws BridgeError ABORTED with the signal; BlockStoreError STORE_CORRUPT
   */
  async get(text: string, signal?: AbortSignal): Promise<Blob | undefined> {
    let blob: Blob | undefined;
    await this.#use(
      text,
      (found) => {
        // Joined once for all who have it.
        if (found.parts.length > 1) found.parts = [joined(found)];
        blob = { bytes: joined(found), crc32c: found.crc32c };
        return true;
      },
      signal,
    );
    return blob;
  }

  /**
   * Lends the blob of a key for the moment of a call, without joining its bytes: for those who send or copy them at once.
   * False when there is none.
   * @throws as {@link get}
   */
  use(text: string, take: (blob: BlobParts) => void, signal?: AbortSignal): Promise<boolean> {
    return this.#use(
      text,
      (blob) => {
        take(blob);
        return false;
      },
      signal,
    );
  }

  async #use(
    text: string,
    take: (blob: BlobParts) => boolean,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    const key = parseBlobKey(text);
    if (!key) {
      this.#requests.inc({ kind: 'unknown', source: 'none' });
      return false;
    }
    const name = formatBlobKey(key);
    const kept = this.#cache.get(name);
    if (kept) {
      this.#requests.inc({ kind: key.kind, source: 'cache' });
      take(kept);
      return true;
    }
    const isThere = await this.#loads.take(
      name,
      () => this.#make(key),
      (blob) => {
        const isHeld = take(blob);
        // What is sent once is not worth the room of what is sent often.
        const isWanted = isHeld || this.#askedBefore.get(name) !== undefined;
        this.#askedBefore.set(name, true);
        if (!isWanted || growsWithTheChain(key)) return isHeld;
        this.#cache.set(name, blob);
        if (this.#cache.get(name) !== blob) return isHeld;
        blob.isKept = true;
        return true;
      },
      signal,
    );
    this.#requests.inc({ kind: key.kind, source: isThere ? 'store' : 'none' });
    return isThere;
  }

  async #make(key: BlobKey): Promise<BlobParts | undefined> {
    const composed = await this.#compose(key);
    if (!composed) return undefined;
    const parts = composed instanceof Uint8Array ? [composed] : composed;
    return { parts, crc32c: parts.reduce((before, part) => crc32c(part, before), 0) };
  }

  async #compose(key: BlobKey): Promise<Uint8Array | Uint8Array[] | undefined> {
    switch (key.kind) {
      case 'genesis':
        return this.#genesis(key.paraId);
      case 'rangeByParentBlock':
        return this.#headers.rangeMeta(key.relayHeight);
      case 'drySyncHeader':
      case 'blobRange':
        return this.#headers.headersBlob(key.kind, key);
      case 'dryParaBlock':
        return this.#blocks(key.number, 1);
      case 'rangeParaBlockKey':
        return this.#blocksMeta(key.number);
      case 'rangeParaBlockBuffer':
        return this.#blocks(key.number, this.#options.blocksPerBuffer);
      case 'para':
        return this.#para(key.number);
      case 'parent':
        return this.#parent(key.number);
    }
  }

  async #genesis(paraId: number): Promise<Uint8Array | undefined> {
    const { meta } = this.#store;
    const genesis = await this.#store.genesis();
    if (!meta || !genesis || meta.paraId !== paraId) return undefined;
    return encodeGenesisRecord({
      paraId,
      paraNumber: 0,
      parentNumber: meta.relayGenesisHeight,
      bridgeGenesisInfo: genesis.info,
      genesisState: genesis.state,
    });
  }

  /** Rows of a blob of blocks that begins at a height; block 0 is never dispatched. */
  async #blockRows(first: number, count: number): Promise<Uint8Array[] | undefined> {
    const heights = this.#store.heights.value;
    // What a buffer holds must not depend on when it was asked for, so there is none until it is full.
    if (!heights || first < 1 || first + count - 1 > heights.para) return undefined;
    const rows = await this.#store.paraRows(first, first + count - 1);
    let bytes = 0;
    const fitting = rows.findIndex((row) => (bytes += row.length) > this.#options.maxBufferBytes);
    return fitting < 0 ? rows : rows.slice(0, Math.max(1, fitting));
  }

  async #blocks(first: number, count: number): Promise<Uint8Array[] | undefined> {
    const rows = await this.#blockRows(first, count);
    return rows && [compactLength(rows.length), ...rows];
  }

  async #blocksMeta(first: number): Promise<Uint8Array | undefined> {
    const heights = this.#store.heights.value;
    if (!heights || first < 1 || first > heights.para) return undefined;
    const rows = this.#options.tellBuffers
      ? await this.#blockRows(first, this.#options.blocksPerBuffer)
      : undefined;
    const meta =
      rows && rows.length > 1
        ? {
            bufferKey: formatBlobKey({ kind: 'rangeParaBlockBuffer', number: first }),
            firstBlockNumber: first,
            lastBlockNumber: first + rows.length - 1,
          }
        : { firstBlockNumber: first, lastBlockNumber: first };
    return Buffer.from(JSON.stringify(meta));
  }

  async #para(number: number): Promise<Uint8Array | undefined> {
    const heights = this.#store.heights.value;
    if (!heights || number > heights.para) return undefined;
    const row = number === 0 ? await this.#paraRow0() : await this.#store.paraRow(number);
    if (!row) return undefined;
    const header = paraRowHeader(row);
    return encodeParaBlockRecord({
      number,
      hash: headerHash(header),
      header,
      dispatchBlockData: row,
    });
  }

  /** Block 0 as a node tells of it: every pair of the genesis state is a change. */
  async #paraRow0(): Promise<Uint8Array | undefined> {
    const [row, genesis] = await Promise.all([this.#store.paraRow(0), this.#store.genesis()]);
    if (!row || !genesis) return undefined;
    const { header } = splitParaRow(row);
    const main = decodeGenesisState(genesis.state);
    return encodeParaRow({ header, storageChanges: encodeStorageChanges({ main, children: [] }) });
  }

  async #parent(number: number): Promise<Uint8Array | undefined> {
    const heights = this.#store.heights.value;
    if (!heights || number > heights.relay) return undefined;
    const row = await this.#store.relayRow(number);
    if (!row) return undefined;
    const { header, range } = row;
    const change = range?.authoritySetChange;
    return encodeParentBlockRecord({
      number,
      hash: headerHash(header),
      header,
      setId: Number((await this.#headers.setIdAt(number)) ?? 0n),
      hasJustification: range !== undefined,
      syncHeaderData: encodeHeaderToSync(header, range?.justification),
      authoritySetChange: change ? concatBytes([Uint8Array.of(1), change]) : Uint8Array.of(0),
      paraNumber: range?.paraHead?.number ?? 0,
      paraProof: range?.paraHead?.proof ?? new Uint8Array(),
    });
  }
}

/** How far the ranges of a height reach grows with the chain; all other blobs are what they are for ever. */
function growsWithTheChain(key: BlobKey): boolean {
  return key.kind === 'rangeByParentBlock' || key.kind === 'rangeParaBlockKey';
}
