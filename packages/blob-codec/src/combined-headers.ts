import { readAuthoritySetChange, readStorageProof } from './authorities.js';
import { MIN_HEADER_BYTES, skipHeader } from './header.js';
import { decodeAll, type ScaleReader } from './scale-reader.js';
import { ScaleWriter } from './scale-writer.js';

/** The first and last number of a list of headers or blocks, as they stand there, and how many they are. */
export interface Span {
  first: number;
  last: number;
  count: number;
}

/** The parts of a headers blob (SyncCombinedHeadersReq). Items are encoded already. */
export interface CombinedHeadersParts {
  /** HeaderToSync slices, see {@link encodeHeaderToSync}; only the last one carries a justification */
  relayHeaders: readonly Uint8Array[];
  /** AuthoritySetChange without its Option byte */
  authoritySetChange?: Uint8Array | undefined;
  /** encoded headers */
  paraHeaders: readonly Uint8Array[];
  /** trie nodes that prove the para head under the state root of the last relay header */
  proof: readonly Uint8Array[];
}

/** A headers blob taken apart into what pRuntime's `/prpc` calls want; every part is a view of the blob. */
export interface SplitCombinedHeaders {
  /** Vec<HeaderToSync> */
  encodedRelayHeaders: Uint8Array;
  /** AuthoritySetChange without its Option byte */
  authoritySetChange: Uint8Array | undefined;
  /** Vec<Header> */
  encodedParaHeaders: Uint8Array;
  /** trie nodes */
  proof: Uint8Array[];
  relay: Span | undefined;
  para: Span | undefined;
}

/** A relay header as it stands in a headers blob. */
export interface HeaderToSync {
  /** encoded header */
  header: Uint8Array;
  /** encoded justification */
  justification: Uint8Array | undefined;
}

/**
 * HeaderToSync: the header, then Option<justification bytes>. An empty justification counts as none, as in 2022.
 * Source: phala-blockchain 40ffcd1be crates/phactory/api/src/blocks.rs; runtime-bridge 80fde2c src/data_provider/block.js.
 */
export function encodeHeaderToSync(header: Uint8Array, justification?: Uint8Array): Uint8Array {
  const writer = new ScaleWriter().raw(header);
  if (justification === undefined || justification.length === 0) return writer.u8(0).finish();
  return writer.u8(1).bytes(justification).finish();
}

/** Decodes one HeaderToSync that fills `bytes`. */
export function decodeHeaderToSync(bytes: Uint8Array): HeaderToSync {
  return decodeAll(bytes, 'header to sync', readHeaderToSync);
}

/** Decodes Vec<HeaderToSync> that fills `bytes`. */
export function decodeHeadersToSync(bytes: Uint8Array): HeaderToSync[] {
  return decodeAll(bytes, 'headers to sync', (reader) =>
    reader.vec(MIN_HEADER_BYTES + 1, 'relayHeaders', () => readHeaderToSync(reader)),
  );
}

/**
 * SyncCombinedHeadersReq, the body of `/bin_api/sync_combined_headers`: relay headers, Option<AuthoritySetChange>, para
 * headers, proof. Nothing is checked here but that the parts can be joined.
 */
export function composeCombinedHeaders(parts: CombinedHeadersParts): Uint8Array {
  return new ScaleWriter()
    .items(parts.relayHeaders)
    .option(parts.authoritySetChange)
    .items(parts.paraHeaders)
    .byteStrings(parts.proof)
    .finish();
}

/** SyncHeaderReq, the body of `/bin_api/sync_header`. */
export function composeRelayHeaders(
  parts: Pick<CombinedHeadersParts, 'relayHeaders' | 'authoritySetChange'>,
): Uint8Array {
  return new ScaleWriter().items(parts.relayHeaders).option(parts.authoritySetChange).finish();
}

/** SyncParachainHeaderReq, the body of `/bin_api/sync_para_header`. */
export function composeParaHeaders(
  parts: Pick<CombinedHeadersParts, 'paraHeaders' | 'proof'>,
): Uint8Array {
  return new ScaleWriter().items(parts.paraHeaders).byteStrings(parts.proof).finish();
}

/**
 * Takes a headers blob apart without copying it.
 * @throws CodecError
 */
export function splitCombinedHeaders(blob: Uint8Array): SplitCombinedHeaders {
  return decodeAll(blob, 'headers blob', (reader) => {
    const relay = readSpan(reader, 'relayHeaders', MIN_HEADER_BYTES + 1, skipHeaderToSync);
    const authoritySetChange = reader.option('authoritySetChange', () => {
      const start = reader.position;
      readAuthoritySetChange(reader);
      return reader.since(start);
    });
    const para = readSpan(reader, 'paraHeaders', MIN_HEADER_BYTES, (r) => skipHeader(r).number);
    return {
      encodedRelayHeaders: relay.encoded,
      authoritySetChange,
      encodedParaHeaders: para.encoded,
      proof: readStorageProof(reader),
      relay: relay.span,
      para: para.span,
    };
  });
}

/** Reads a vector of numbered things and returns its bytes with the first and last number. */
export function readSpan(
  reader: ScaleReader,
  field: string,
  minItemBytes: number,
  skipItem: (reader: ScaleReader) => number,
): { encoded: Uint8Array; span: Span | undefined } {
  const start = reader.position;
  const count = reader.count(minItemBytes, field);
  let span: Span | undefined;
  for (let i = 0; i < count; i++) {
    const number = skipItem(reader);
    span = { first: span?.first ?? number, last: number, count };
  }
  return { encoded: reader.since(start), span };
}

function readHeaderToSync(reader: ScaleReader): HeaderToSync {
  const { raw } = skipHeader(reader);
  const justification = reader.option('justification', () => reader.bytes('justification'));
  return { header: raw, justification };
}

function skipHeaderToSync(reader: ScaleReader): number {
  const { number } = skipHeader(reader);
  reader.option('justification', () => reader.bytes('justification'));
  return number;
}
