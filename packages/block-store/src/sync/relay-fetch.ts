import type { AnnouncedJustification, RawHeader, RelayReader } from '@runtime-bridge/chain-client';
import { ChainClientErrorCode, hasCode } from '@runtime-bridge/chain-client';
import {
  decodeHeader,
  headerHash,
  headerNumber,
  scheduledChange,
  storageKeys,
} from '@runtime-bridge/blob-codec';
import { BlockStoreError, BlockStoreErrorCode, Check } from '../errors.js';
import { inOrder, span } from './ordered.js';
import { checked } from './verify-with.js';

/** Relay headers up to a justified one, with all that proves them, as a node served them. Nothing is checked yet. */
export interface RelayStretch {
  endpoint: string;
  /** Encoded headers, ascending. */
  headers: Uint8Array[];
  justification: Uint8Array;
  /** Trie nodes for the para head in the last header's state. */
  paraHeadProof: Uint8Array[];
  /** Trie nodes for the authority list there, where the last header announces a change of authorities. */
  authorityProof: Uint8Array[] | undefined;
}

/** Limits of fetching relay headers. */
export interface RelayFetchOptions {
  paraId: number;
  /** Headers asked for at once. */
  parallelBlocks: number;
}

/** A finality announced this close above what is stored is taken as it is; farther ones wait for the sets between. */
const NEAR_BLOCKS = 256;

/** Headers looked through for a justification where a node cannot prove finality. Polkadot's longest set has 2,400. */
const SCAN_BLOCKS = 4_096;

/** Hashes asked for in one call. */
const HASHES_PER_CALL = 256;

/** Nodes keep a justification each 512 blocks, beside those of set changes. */
const PERSISTED_EVERY = 512;

/** Blocks below the finalised one that are asked for one by one where nothing else helps. */
const PROBED_BLOCKS = 32;

/** Bytes of headers under way; a header is 300 bytes, but one that announces 1,000 authorities has 40 KiB. */
const MAX_BYTES_AHEAD = 16 * 1024 * 1024;

/** Fetches the next stretch of relay headers from one endpoint, by the fewest calls that it allows. */
export class RelayFetch {
  readonly #reader: RelayReader;
  readonly #options: RelayFetchOptions;
  #canProveFinality = true;

  constructor(options: RelayFetchOptions, collaborators: { reader: RelayReader }) {
    this.#options = options;
    this.#reader = collaborators.reader;
  }

  /**
   * The stretch that begins at a height; undefined when the node has nothing justified there yet.
   * @param announced the newest justification that a node announced
   * @param finalizedHeight how far the node says the chain is final
   */
  async stretch(
    start: number,
    announced: AnnouncedJustification | undefined,
    finalizedHeight: number,
    signal: AbortSignal,
  ): Promise<RelayStretch | undefined> {
    const bare =
      (await this.#announced(start, announced, signal)) ??
      (await this.#proved(start, signal)) ??
      (this.#canProveFinality ? undefined : await this.#scanned(start, finalizedHeight, signal));
    return bare && this.#withProofs(await this.#cutAtSetChange(bare, signal), signal);
  }

  /** By a justification that this endpoint announced. */
  async #announced(
    start: number,
    announced: AnnouncedJustification | undefined,
    signal: AbortSignal,
  ): Promise<BareStretch | undefined> {
    if (!announced || announced.url !== this.#reader.url) return undefined;
    const { targetNumber, targetHash, bytes } = announced;
    if (targetNumber < start || targetNumber - start >= NEAR_BLOCKS) return undefined;
    const last = await this.#reader.header(targetHash, { signal });
    const headers = [...(await this.#headers(start, targetNumber - 1, signal)), last];
    return { headers: headers.map((header) => header.raw), justification: bytes };
  }

  /** By one call that gives the justification and all headers but the first. */
  async #proved(start: number, signal: AbortSignal): Promise<BareStretch | undefined> {
    if (!this.#canProveFinality) return undefined;
    try {
      const proof = await this.#reader.proveFinality(start, { signal });
      if (!proof) return undefined;
      const [first] = await this.#headers(start, start, signal);
      return {
        headers: [first!.raw, ...proof.unknownHeaders],
        justification: proof.justification,
      };
    } catch (error) {
      if (!hasCode(error, ChainClientErrorCode.METHOD_UNAVAILABLE)) throw error;
      this.#canProveFinality = false;
      return undefined;
    }
  }

  /** By reading headers until one whose justification the node keeps. */
  async #scanned(
    start: number,
    finalizedHeight: number,
    signal: AbortSignal,
  ): Promise<BareStretch | undefined> {
    const last = Math.min(finalizedHeight, start + SCAN_BLOCKS - 1);
    const headers: Uint8Array[] = [];
    const hashes: Uint8Array[] = [];
    const source = this.#headersInOrder(start, last, signal);
    for await (const { height, result } of source) {
      headers.push(result.raw);
      hashes.push(result.hash);
      const mayBeKept =
        height === last ||
        height % PERSISTED_EVERY === 0 ||
        scheduledChange(decodeHeader(result.raw)) !== undefined;
      if (!mayBeKept) continue;
      const justification = await this.#reader.justification(result.hash, { signal });
      if (justification) return { headers, justification };
    }
    // Near the head it is worth asking for each: a node may keep them more often than nodes do.
    for (let count = headers.length - 1; count > headers.length - PROBED_BLOCKS && count > 0;) {
      const justification = await this.#reader.justification(hashes[count - 1]!, { signal });
      if (justification) return { headers: headers.slice(0, count), justification };
      count -= 1;
    }
    if (last - start + 1 < SCAN_BLOCKS) return undefined;
    throw new BlockStoreError(
      BlockStoreErrorCode.NODE_UNSUITABLE,
      `The node ${this.#reader.url} keeps no justification from relay block ${start} on and cannot prove finality`,
      {
        facts: { endpoint: this.#reader.url, block: start, blocks: SCAN_BLOCKS },
        remedy: 'Use a node with grandpa_proveFinality, or one that was synced from genesis',
      },
    );
  }

  /** A stretch must end where authorities change: what is behind is proved by others. */
  async #cutAtSetChange(bare: BareStretch, signal: AbortSignal): Promise<BareStretch> {
    const inner = bare.headers.slice(0, -1).findIndex((raw) => {
      const about = this.#about(raw);
      return scheduledChange(checked(about, () => decodeHeader(raw))) !== undefined;
    });
    if (inner < 0) return bare;
    const headers = bare.headers.slice(0, inner + 1);
    const change = headers[inner]!;
    const justification = await this.#reader.justification(headerHash(change), { signal });
    if (justification) return { headers, justification };
    throw new BlockStoreError(
      BlockStoreErrorCode.NODE_UNSUITABLE,
      `The node ${this.#reader.url} keeps no justification of relay block ${headerNumber(change)}, which changes the authority set`,
      {
        facts: { endpoint: this.#reader.url, block: headerNumber(change) },
        remedy: 'Use a node that was synced from genesis',
      },
    );
  }

  async #withProofs(bare: BareStretch, signal: AbortSignal): Promise<RelayStretch> {
    const last = bare.headers.at(-1)!;
    const at = headerHash(last);
    const [paraHeadProof, authorityProof] = await Promise.all([
      this.#reader.readProof([storageKeys.parasHeads(this.#options.paraId)], at, { signal }),
      scheduledChange(checked(this.#about(last), () => decodeHeader(last)))
        ? proveAuthorities(this.#reader, at, [], signal)
        : undefined,
    ]);
    return { endpoint: this.#reader.url, ...bare, paraHeadProof, authorityProof };
  }

  async #headers(first: number, last: number, signal: AbortSignal): Promise<RawHeader[]> {
    const headers: RawHeader[] = [];
    for await (const { result } of this.#headersInOrder(first, last, signal)) headers.push(result);
    return headers;
  }

  async *#headersInOrder(first: number, last: number, signal: AbortSignal) {
    for (let from = first; from <= last; from += HASHES_PER_CALL) {
      const to = Math.min(last, from + HASHES_PER_CALL - 1);
      const heights = [...span(from, to)];
      const hashes = await this.#reader.blockHashes(heights, { signal });
      yield* inOrder(
        heights,
        (height, workSignal) => this.#reader.header(hashes[height - from]!, { signal: workSignal }),
        {
          maxAhead: this.#options.parallelBlocks,
          maxBytesAhead: MAX_BYTES_AHEAD,
          sizeOf: (header) => header.raw.length,
        },
        signal,
      );
    }
  }

  #about(raw: Uint8Array) {
    return {
      chain: 'relay',
      block: checkedNumber(raw),
      check: Check.FORM,
      endpoint: this.#reader.url,
    } as const;
  }
}

interface BareStretch {
  headers: Uint8Array[];
  justification: Uint8Array;
}

/**
 * The proof of a relay state's authority list, under whichever key the state has it: the old one until early 2024, the
 * pallet's own since.
 * @param more keys to be proved along with it
 */
export async function proveAuthorities(
  reader: RelayReader,
  at: Uint8Array,
  more: readonly Uint8Array[],
  signal: AbortSignal,
): Promise<Uint8Array[]> {
  const { grandpaAuthoritiesOld, grandpaAuthorities } = storageKeys;
  const old = await reader.storage(grandpaAuthoritiesOld, at, { signal });
  const key = old === null ? grandpaAuthorities : grandpaAuthoritiesOld;
  return reader.readProof([key, ...more], at, { signal });
}

function checkedNumber(raw: Uint8Array): number {
  try {
    return headerNumber(raw);
  } catch {
    return -1;
  }
}
