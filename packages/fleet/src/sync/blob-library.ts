import { fromBinary, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import { AbortScope } from '@runtime-bridge/base';
import {
  decodeGenesisInfo,
  formatBlobKey,
  headerHash,
  headerNumber,
  peekBlocks,
  type HeadersBlobRange,
} from '@runtime-bridge/blob-codec';
import {
  GenesisSchema,
  ParentBlockSchema,
  RangeMetaSchema,
  type RangeMeta,
} from '@runtime-bridge/walkie-protocol/schema';

import { FleetError, FleetErrorCode } from '../errors.js';
import type { Position, ProviderView } from '../runner/messages.js';
import type { BlobFetcher, Fetched } from './blob-fetcher.js';
import { enclosingRange, paraHeadersUnder, type GetBlob } from './provider-2022.js';
import { relayEraOf, type RelayEra } from './relay-era.js';

/** A blob for a worker, with what is needed to give it up again. */
export interface SyncBlob {
  readonly bytes: Uint8Array;
  /** Keys that it was made of, to be fetched anew when the worker refuses it. */
  readonly keys: readonly string[];
  readonly from: string;
}

/** Relay headers, and the para headers that their end proves. */
export interface HeadersBlob extends SyncBlob {
  readonly relayEnd: number;
  /** Last para header in it; undefined for none. */
  readonly paraEnd: number | undefined;
}

/** Blocks to execute. */
export interface BlocksBlob extends SyncBlob {
  readonly last: number;
}

/** What workers are initialized with. */
export interface Genesis {
  readonly encodedGenesisInfo: Uint8Array;
  readonly encodedGenesisState: Uint8Array;
  /** Hash of the relay header that workers begin behind. */
  readonly relayHash: Uint8Array;
  readonly relayHeight: number;
  readonly relayEra: RelayEra;
}

/** How one thing is looked up. */
export interface LookupOptions {
  signal: AbortSignal;
  /** Larger goes first. */
  priority?: number;
  /** Only up to the next justified header, not a whole window; after a worker refused the latter. */
  small?: boolean;
}

/** Farther than this below the provider's heights nothing changes any more, so that answers may be cached. */
const SETTLED_RELAY_BLOCKS = 600;
const SETTLED_PARA_BLOCKS = 300;
/** Blocks in a buffer where the provider's operator did not say otherwise. */
const USUAL_BUFFER_BLOCKS = 15;

/**
 * Finds what a worker at some position needs next, by the keys of the 2022 blob server (Phala-Network/runtime-bridge
 * 80fde2c src/utils/constants.js). A range and the blob for it come from one provider where possible, since providers
 * may end ranges at different heights.
 */
export class BlobLibrary {
  readonly #fetcher: BlobFetcher;

  constructor(collaborators: { fetcher: BlobFetcher }) {
    this.#fetcher = collaborators.fetcher;
  }

  /** Where workers begin. @throws FleetError BLOB_UNAVAILABLE, BAD_BLOB */
  async genesis(paraId: number, options: LookupOptions): Promise<Genesis | undefined> {
    const key = formatBlobKey({ kind: 'genesis', paraId });
    const fetched = await this.#fetcher.get(key, options);
    if (!fetched) return undefined;
    const row = decodeRow(GenesisSchema, key, fetched.bytes);
    const info = decodeGenesisInfo(row.bridgeGenesisInfo);
    return {
      encodedGenesisInfo: row.bridgeGenesisInfo,
      encodedGenesisState: row.genesisState,
      relayHash: headerHash(info.header),
      relayHeight: headerNumber(info.header),
      relayEra: relayEraOf(info),
    };
  }

  /**
   * The next headers of a worker: the rest of an authority set's window in one piece where that has ended, else up to the
   * next justified header.
   * @returns undefined when no provider has them yet
   */
  async headers(position: Position, options: LookupOptions): Promise<HeadersBlob | undefined> {
    const { nextRelay } = position;
    const serves = (provider: ProviderView) => provider.relayHeight >= nextRelay;
    const key = formatBlobKey({ kind: 'rangeByParentBlock', relayHeight: nextRelay });
    const found = await this.#fetcher.get(key, {
      ...options,
      serves,
      cache: this.#isSettled(nextRelay, 'relayHeight', SETTLED_RELAY_BLOCKS),
    });
    if (!found) return this.#headersAround(position, { ...options, serves });
    const meta = decodeRow(RangeMetaSchema, key, found.bytes);
    const lookup = { ...options, serves, from: found.from };
    const window = options.small ? undefined : await this.#window(meta, position, key, lookup);
    if (window) return window;
    const { parentStopBlock: relayEnd } = meta;
    if (relayEnd < nextRelay) {
      throw badBlob(key, 'The range ends before it begins');
    }
    const range = await this.#rangeOf(position, relayEnd, meta.paraStopBlock, lookup);
    return this.#headersBlob(
      [formatBlobKey({ kind: 'drySyncHeader', ...range }), fallback(meta, position, 'dry')],
      range,
      key,
      lookup,
    );
  }

  /**
   * The para headers that a worker misses under the last relay header that it has, as a headers blob that ends there.
   * @returns undefined when it misses none, or that is not known
   */
  async missingParaHeaders(
    { nextRelay, nextPara }: Position,
    options: LookupOptions,
  ): Promise<HeadersBlob | undefined> {
    const relayEnd = nextRelay - 1;
    const paraEnd = await this.#paraHeadAt(relayEnd, options);
    if (paraEnd === undefined || paraEnd < nextPara) return undefined;
    const range = { relayStart: relayEnd, relayEnd, paraStart: nextPara, paraEnd };
    const key = formatBlobKey({ kind: 'drySyncHeader', ...range });
    const blob = await this.#headersBlob([key], range, undefined, options);
    if (blob) return blob;
    const made = await this.#many(options, (get) =>
      paraHeadersUnder(get, relayEnd, { first: nextPara, last: paraEnd }),
    );
    return made && { ...made, keys: [], relayEnd, paraEnd };
  }

  /** The next headers of a worker that stands inside of a range, where a provider knows ranges by their beginning alone. */
  async #headersAround(
    position: Position,
    lookup: LookupOptions & { serves: (provider: ProviderView) => boolean },
  ): Promise<HeadersBlob | undefined> {
    const { nextRelay, nextPara } = position;
    if (!this.#fetcher.providers.value.some(lookup.serves)) return undefined;
    const found = await this.#many(lookup, (get) => enclosingRange(get, nextRelay));
    if (!found) return undefined;
    const { meta, key, from } = found;
    const there = { ...lookup, from };
    if (meta.parentStopBlock < nextRelay) return this.#window(meta, position, key, there);
    const { parentStopBlock: relayEnd, paraStopBlock: paraEnd } = meta;
    const range = { relayStart: nextRelay, relayEnd, paraStart: nextPara, paraEnd };
    return this.#headersBlob([fallback(meta, position, 'dry')], range, key, there);
  }

  /** Asks for many keys at once. */
  async #many<T>(lookup: LookupOptions, run: (get: GetBlob) => Promise<T>): Promise<T> {
    const scope = new AbortScope(lookup.signal);
    try {
      return await run((key) => this.#fetcher.get(key, { ...lookup, signal: scope.signal }));
    } finally {
      scope.end();
    }
  }

  /** The next blocks of a worker, several at once where a provider has them so. @returns undefined when none has them */
  async blocks(
    { nextBlock, nextPara }: Position,
    options: LookupOptions,
  ): Promise<BlocksBlob | undefined> {
    const serves = (provider: ProviderView) => provider.paraHeight >= nextBlock;
    const lookup = { ...options, serves };
    if (nextPara - nextBlock > 1) {
      const batch = await this.#batch(nextBlock, nextPara - 1, lookup);
      if (batch) return batch;
    }
    const key = formatBlobKey({ kind: 'dryParaBlock', number: nextBlock });
    const fetched = await this.#fetcher.get(key, lookup);
    return fetched && { ...blobOf(fetched, [key]), last: nextBlock };
  }

  /** A worker refused a blob: it is fetched anew, from another provider where there is one. */
  refuse(blob: SyncBlob): void {
    this.#fetcher.refuse(blob.keys, blob.from);
  }

  async #batch(
    nextBlock: number,
    lastSynced: number,
    lookup: LookupOptions & { serves: (provider: ProviderView) => boolean },
  ): Promise<BlocksBlob | undefined> {
    // A full buffer may be asked for unannounced; providers that have none there say so by their index.
    if (lastSynced - nextBlock + 1 >= USUAL_BUFFER_BLOCKS) {
      const bufferKey = formatBlobKey({ kind: 'rangeParaBlockBuffer', number: nextBlock });
      const buffer = await this.#fetcher.get(bufferKey, lookup);
      const last = buffer && peekBlocks(buffer.bytes)?.last;
      if (last !== undefined && last <= lastSynced)
        return { ...blobOf(buffer!, [bufferKey]), last };
    }
    const key = formatBlobKey({ kind: 'rangeParaBlockKey', number: nextBlock });
    const found = await this.#fetcher.get(key, {
      ...lookup,
      cache: this.#isSettled(nextBlock, 'paraHeight', SETTLED_PARA_BLOCKS),
    });
    if (!found) return undefined;
    const { bufferKey, last } = readBatchIndex(key, found.bytes);
    if (bufferKey === undefined || last > lastSynced) return undefined;
    const fetched = await this.#fetcher.get(bufferKey, { ...lookup, from: found.from });
    return fetched && { ...blobOf(fetched, [key, bufferKey]), last };
  }

  async #window(
    meta: RangeMeta,
    position: Position,
    metaKey: string,
    lookup: LookupOptions & { from: string },
  ): Promise<HeadersBlob | undefined> {
    const { blobParentStopBlock: relayEnd, blobSyncHeaderReqKey } = meta;
    if (blobSyncHeaderReqKey === '' || relayEnd <= meta.parentStopBlock) return undefined;
    const range = await this.#rangeOf(position, relayEnd, meta.blobParaStopBlock, lookup);
    return this.#headersBlob(
      [formatBlobKey({ kind: 'blobRange', ...range }), fallback(meta, position, 'window')],
      range,
      metaKey,
      lookup,
    );
  }

  async #headersBlob(
    candidates: readonly (string | undefined)[],
    range: HeadersBlobRange,
    metaKey: string | undefined,
    lookup: LookupOptions,
  ): Promise<HeadersBlob | undefined> {
    for (const key of candidates) {
      if (key === undefined) continue;
      const fetched = await this.#fetcher.get(key, lookup);
      if (!fetched) continue;
      return {
        ...blobOf(fetched, metaKey === undefined ? [key] : [metaKey, key]),
        relayEnd: range.relayEnd,
        paraEnd: range.paraEnd < 0 ? undefined : range.paraEnd,
      };
    }
    return undefined;
  }

  async #rangeOf(
    { nextRelay, nextPara }: Position,
    relayEnd: number,
    paraStop: number,
    lookup: LookupOptions,
  ): Promise<HeadersBlobRange> {
    // The index says -1 when the para head did not change in the range; a worker that lags may still miss headers.
    const head = paraStop >= 0 ? paraStop : await this.#paraHeadAt(relayEnd, lookup);
    const has = head !== undefined && head >= nextPara;
    return {
      relayStart: nextRelay,
      relayEnd,
      paraStart: has ? nextPara : -1,
      paraEnd: has ? head : -1,
    };
  }

  async #paraHeadAt(relayHeight: number, lookup: LookupOptions): Promise<number | undefined> {
    if (relayHeight < 0) return undefined;
    const key = formatBlobKey({ kind: 'parent', number: relayHeight });
    const fetched = await this.#fetcher.get(key, lookup);
    if (!fetched) return undefined;
    const row = decodeRow(ParentBlockSchema, key, fetched.bytes);
    return row.paraProof.length === 0 ? undefined : row.paraNumber;
  }

  #isSettled(height: number, of: 'relayHeight' | 'paraHeight', distance: number): boolean {
    const { value: providers } = this.#fetcher.providers;
    return providers.length > 0 && providers.every((provider) => provider[of] - height > distance);
  }
}

/** The provider's own key, for one that composes no other; only useful when it does not skip para headers. */
function fallback(
  meta: RangeMeta,
  { nextPara }: Position,
  kind: 'dry' | 'window',
): string | undefined {
  if (kind === 'window') return meta.blobSyncHeaderReqKey || undefined;
  if (meta.paraStartBlock > nextPara) return undefined;
  return meta.drySyncHeaderReqKey || undefined;
}

function blobOf(fetched: Fetched, keys: readonly string[]): SyncBlob {
  return { bytes: fetched.bytes, from: fetched.from, keys };
}

function decodeRow<D extends DescMessage>(
  schema: D,
  key: string,
  bytes: Uint8Array,
): MessageShape<D> {
  try {
    return fromBinary(schema, bytes);
  } catch (cause) {
    throw badBlob(key, `It is no ${schema.typeName}`, cause);
  }
}

function readBatchIndex(
  key: string,
  bytes: Uint8Array,
): { bufferKey: string | undefined; last: number } {
  try {
    const index = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
    const { bufferKey, lastBlockNumber } = index;
    if (typeof lastBlockNumber === 'number') {
      return {
        bufferKey: typeof bufferKey === 'string' ? bufferKey : undefined,
        last: lastBlockNumber,
      };
    }
  } catch (cause) {
    throw badBlob(key, 'It is no JSON', cause);
  }
  throw badBlob(key, 'It has no lastBlockNumber');
}

function badBlob(key: string, why: string, cause?: unknown): FleetError {
  return new FleetError(
    FleetErrorCode.BAD_BLOB,
    `A data provider gave a malformed answer: ${why}`,
    {
      facts: { key },
      cause,
    },
  );
}
