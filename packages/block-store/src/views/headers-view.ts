import {
  compactLength,
  encodeHeaderToSync,
  formatBlobKey,
  paraNextAfter,
  planParaHeaders,
  planRange,
  refuseRangeKey,
  type HeadersBlobRange,
  type RangeAnswer,
} from '@runtime-bridge/blob-codec';
import { concatBytes } from '@runtime-bridge/base';
import { corruptRow } from '../rows/meta.js';
import type { RangeEnd } from '../rows/range-end.js';
import { decodeRelayRow } from '../rows/relay-row.js';
import type { BlockStore } from '../store/block-store.js';
import { encodeRangeMetaRecord } from './messages.js';

/** Limits of headers blobs. */
export interface HeadersViewOptions {
  /** Most ranges that a `blobRange` joins; one range is always served whole. */
  maxRangeCount: number;
}

/** Most relay headers in one blob. A window of Polkadot has 2,400; one that is this long comes from no real chain. */
const MAX_RELAY_HEADERS = 100_000;

/** Ends read at once where a key is checked: none is expected to hold more ranges than relay headers of a window. */
const ENDS_PER_READ = 4_096;

const none = Uint8Array.of(0);

/** Headers blobs and what leads to them, made of rows. Undefined is 'not there (yet)'. */
export class HeadersView {
  readonly #store: BlockStore;
  readonly #options: HeadersViewOptions;

  constructor(options: HeadersViewOptions, collaborators: { store: BlockStore }) {
    this.#options = options;
    this.#store = collaborators.store;
  }

  /** The RangeMeta of the ranges that begin at a relay height, whichever it is. */
  async rangeMeta(relayStart: number): Promise<Uint8Array | undefined> {
    const { meta, heights } = this.#position();
    if (!meta || !heights) return undefined;
    const ends = await this.#store.rangeEndsFrom(relayStart, this.#options.maxRangeCount);
    const facts = {
      relayStart,
      firstRelay: meta.relayGenesisHeight + 1,
      lastRelay: heights.built,
      justified: ends.map((end) => end.height),
      setChange: ends.find((end) => end.changesSet)?.height,
    };
    const before = await this.#store.rangeEndBefore(relayStart);
    const paraNext = paraNextAfter(
      before && before.paraNumber >= 0 ? before.paraNumber : undefined,
    );
    const dry = this.#plan(planRange(facts), ends, paraNext);
    const blob = this.#plan(planRange(facts, { maxHeaders: MAX_RELAY_HEADERS }), ends, paraNext);
    if (!dry || !blob) return undefined;
    return encodeRangeMetaRecord({
      parentStartBlock: dry.range.relayStart,
      parentStopBlock: dry.range.relayEnd,
      paraStartBlock: dry.range.paraStart,
      paraStopBlock: dry.range.paraEnd,
      drySyncHeaderReqKey: formatBlobKey({ kind: 'drySyncHeader', ...dry.range }),
      latestSetId: Number(dry.end.setId + (dry.end.changesSet ? 1n : 0n)),
      blobParentStopBlock: blob.range.relayEnd,
      blobParaStopBlock: blob.range.paraEnd,
      blobSyncHeaderReqKey: formatBlobKey({ kind: 'blobRange', ...blob.range }),
    });
  }

  /**
   * The headers blob of a range: any start, any para start; the end must be the end of a stored range, none before it
   * may change the set, and the para end must be the para head there.
   */
  async headersBlob(kind: 'drySyncHeader' | 'blobRange', range: HeadersBlobRange) {
    const { meta, heights } = this.#position();
    if (!meta || !heights) return undefined;
    const { relayStart, relayEnd, paraStart, paraEnd } = range;
    if (relayEnd - relayStart >= MAX_RELAY_HEADERS) return undefined;
    const ends = await this.#endsWithin(relayStart, relayEnd);
    const end = ends.at(-1);
    const refusal = refuseRangeKey(range, {
      firstRelay: meta.relayGenesisHeight + 1,
      lastRelay: heights.built,
      endIsJustified: end?.height === relayEnd,
      setChange: ends.find((one) => one.changesSet)?.height,
      headAtEnd: end && end.paraNumber >= 0 ? end.paraNumber : undefined,
      lastPara: heights.para,
    });
    if (refusal !== undefined) return undefined;

    const rows = await this.#store.relayRows(relayStart, relayEnd);
    if (rows.length !== relayEnd - relayStart + 1) {
      throw corruptRow(`relay ${relayStart} to ${relayEnd}`, 'rows are missing');
    }
    const { header, range: proof } = decodeRelayRow(rows.pop()!);
    if (!proof) throw corruptRow(`relay ${relayEnd}`, 'has no justification');
    // A range that ends inside gives up its justification: only that of the last header counts.
    for (const { height } of ends.slice(0, -1)) {
      const index = height - relayStart;
      rows[index] = encodeHeaderToSync(decodeRelayRow(rows[index]!).header);
    }
    const paraHeaders = paraEnd < 0 ? [] : await this.#store.paraHeaders(paraStart, paraEnd);
    // A window's blob carries the proof even without para headers, a range's does not.
    const withProof = paraHeaders.length > 0 || kind === 'blobRange';
    return concatBytes([
      compactLength(rows.length + 1),
      ...rows,
      encodeHeaderToSync(header, proof.justification),
      ...(proof.authoritySetChange ? [Uint8Array.of(1), proof.authoritySetChange] : [none]),
      compactLength(paraHeaders.length),
      ...paraHeaders,
      (withProof ? proof.paraHead?.proof : undefined) ?? none,
    ]);
  }

  /** The set id in the state of a relay height, which need not end a range. */
  async setIdAt(height: number): Promise<bigint | undefined> {
    const [end] = await this.#store.rangeEndsFrom(height, 1);
    return end && end.setId + (end.height === height && end.changesSet ? 1n : 0n);
  }

  #position() {
    return { meta: this.#store.meta, heights: this.#store.heights.value };
  }

  #plan(
    answer: RangeAnswer,
    ends: readonly RangeEnd[],
    paraNext: number,
  ): { range: HeadersBlobRange; end: RangeEnd } | undefined {
    if (answer.kind === 'wait') return undefined;
    const end = ends.find((one) => one.height === answer.relayEnd);
    if (!end) return undefined;
    const para = planParaHeaders(paraNext, end.paraNumber >= 0 ? end.paraNumber : undefined);
    const { relayStart, relayEnd } = answer;
    return { range: { relayStart, relayEnd, ...para }, end };
  }

  /** Ends from a height up to another, which are all that a blob of them needs to know. */
  async #endsWithin(first: number, last: number): Promise<RangeEnd[]> {
    const ends: RangeEnd[] = [];
    for (let from = first; ;) {
      const more = await this.#store.rangeEndsFrom(from, ENDS_PER_READ);
      ends.push(...more.filter((end) => end.height <= last));
      const newest = more.at(-1);
      if (!newest || newest.height >= last || more.length < ENDS_PER_READ) return ends;
      from = newest.height + 1;
    }
  }
}
