import {
  ScaleError,
  ScaleReader,
  blake2b256,
  readAuthorityList,
  readHeader,
  type Authority,
  type Header,
} from '../primitives/index.js';
import { RequestDecodeFault } from './faults.js';

/**
 * Layouts of what a bridge sends (phala-blockchain 40ffcd1be crates/phactory/api/src/blocks.rs). Every
 * decoder reads one value from the front and ignores what follows, as pRuntime does.
 */

/** A header with the bytes it was read from. */
export interface RawHeader {
  readonly header: Header;
  readonly raw: Uint8Array;
  readonly hash: Uint8Array;
}

export interface HeaderToSync {
  readonly header: RawHeader;
  readonly justification: Uint8Array | undefined;
}

export interface AuthoritySet {
  readonly list: readonly Authority[];
  /** The list as it stood in the request. */
  readonly encodedList: Uint8Array;
  readonly id: bigint;
}

export interface AuthoritySetChange {
  readonly authoritySet: AuthoritySet;
  readonly proof: readonly Uint8Array[];
}

export type KeyValueChange = readonly [key: Uint8Array, value: Uint8Array | undefined];

export interface StorageChanges {
  readonly main: readonly KeyValueChange[];
  readonly children: readonly (readonly [
    childKey: Uint8Array,
    changes: readonly KeyValueChange[],
  ])[];
  /** The bytes of both collections, for recognising equal changes. */
  readonly raw: Uint8Array;
}

export interface BlockToDispatch {
  readonly number: number;
  readonly changes: StorageChanges;
}

export interface SyncCombinedRequest {
  readonly relayHeaders: readonly HeaderToSync[];
  readonly authoritySetChange: AuthoritySetChange | undefined;
  readonly paraHeaders: readonly RawHeader[];
  readonly proof: readonly Uint8Array[];
}

export interface GenesisInfo {
  readonly header: RawHeader;
  readonly authoritySet: AuthoritySet;
  readonly proof: readonly Uint8Array[];
}

/** A header that keeps its bytes; its hash is made when it is first asked for. */
class RawHeaderView implements RawHeader {
  private known: Uint8Array | undefined;

  constructor(
    readonly header: Header,
    readonly raw: Uint8Array,
  ) {}

  get hash(): Uint8Array {
    this.known ??= blake2b256(this.raw);
    return this.known;
  }
}

/** The raw form of an encoded header. */
export function rawHeader(encoded: Uint8Array): RawHeader {
  return readRawHeader(new ScaleReader(encoded));
}

/** Reads a header, keeping its bytes. */
export function readRawHeader(reader: ScaleReader): RawHeader {
  const start = reader.position;
  const header = readHeader(reader);
  return new RawHeaderView(header, reader.input.subarray(start, reader.position));
}

const readRawHeaders = (r: ScaleReader): RawHeader[] => r.vec(readRawHeader, 98);
const readBytes = (r: ScaleReader): Uint8Array => r.bytes();
const readProofNodes = (r: ScaleReader): Uint8Array[] => r.vec(readBytes);

function readHeaderToSync(reader: ScaleReader): HeaderToSync {
  return { header: readRawHeader(reader), justification: reader.option(readBytes) };
}

const readHeadersToSync = (r: ScaleReader): HeaderToSync[] => r.vec(readHeaderToSync, 99);

function readAuthoritySet(reader: ScaleReader): AuthoritySet {
  const start = reader.position;
  const list = readAuthorityList(reader);
  const encodedList = reader.input.subarray(start, reader.position);
  return { list, encodedList, id: reader.u64() };
}

function readAuthoritySetChange(reader: ScaleReader): AuthoritySetChange {
  return { authoritySet: readAuthoritySet(reader), proof: readProofNodes(reader) };
}

function readCollection(reader: ScaleReader): KeyValueChange[] {
  return reader.vec((r): KeyValueChange => [r.bytes(), r.option(readBytes)], 2);
}

function readBlock(reader: ScaleReader): BlockToDispatch {
  const { number } = readHeader(reader);
  const start = reader.position;
  const main = readCollection(reader);
  const children = reader.vec((r) => [r.bytes(), readCollection(r)] as const, 2);
  return {
    number,
    changes: { main, children, raw: reader.input.subarray(start, reader.position) },
  };
}

/** Runs a decoder, turning what it could not read into a fault with the codec's text. */
function decode<T>(encoded: Uint8Array, read: (reader: ScaleReader) => T): T {
  try {
    return read(new ScaleReader(encoded));
  } catch (error) {
    if (error instanceof ScaleError) throw new RequestDecodeFault(error.message);
    throw error;
  }
}

/** `SyncHeaderReq`. */
export const decodeSyncHeaderRequest = (
  body: Uint8Array,
): { headers: HeaderToSync[]; authoritySetChange: AuthoritySetChange | undefined } =>
  decode(body, (r) => ({
    headers: readHeadersToSync(r),
    authoritySetChange: r.option(readAuthoritySetChange),
  }));

/** `SyncParachainHeaderReq`. */
export const decodeSyncParaHeaderRequest = (
  body: Uint8Array,
): { headers: RawHeader[]; proof: Uint8Array[] } =>
  decode(body, (r) => ({ headers: readRawHeaders(r), proof: readProofNodes(r) }));

/** `SyncCombinedHeadersReq`. */
export const decodeSyncCombinedRequest = (body: Uint8Array): SyncCombinedRequest =>
  decode(body, (r) => ({
    relayHeaders: readHeadersToSync(r),
    authoritySetChange: r.option(readAuthoritySetChange),
    paraHeaders: readRawHeaders(r),
    proof: readProofNodes(r),
  }));

/** `DispatchBlockReq`, the same as `Vec<BlockHeaderWithChanges>`. */
export const decodeBlocks = (body: Uint8Array): BlockToDispatch[] =>
  decode(body, (r) => r.vec(readBlock, 100));

/** `Vec<HeaderToSync>`. */
export const decodeHeadersToSync = (encoded: Uint8Array): HeaderToSync[] =>
  decode(encoded, readHeadersToSync);

/** `Vec<Header>`. */
export const decodeHeaders = (encoded: Uint8Array): RawHeader[] => decode(encoded, readRawHeaders);

/** `AuthoritySetChange`, without an Option byte. */
export const decodeAuthoritySetChange = (encoded: Uint8Array): AuthoritySetChange =>
  decode(encoded, readAuthoritySetChange);

/** `GenesisBlockInfo`. */
export const decodeGenesisInfo = (encoded: Uint8Array): GenesisInfo =>
  decode(encoded, (r) => ({
    header: readRawHeader(r),
    authoritySet: readAuthoritySet(r),
    proof: readProofNodes(r),
  }));

/** `StorageState`. */
export const decodeStorageState = (encoded: Uint8Array): [key: Uint8Array, value: Uint8Array][] =>
  decode(encoded, (r) => r.vec((p): [Uint8Array, Uint8Array] => [p.bytes(), p.bytes()], 2));

/** `AccountId`. */
export const decodeAccountId = (encoded: Uint8Array): Uint8Array =>
  decode(encoded, (r) => r.take(32));

/** `AttestationProvider`, one byte; whatever follows is ignored. */
export const decodeAttestationProvider = (encoded: Uint8Array): number =>
  decode(encoded, (r) => {
    const index = r.u8();
    if (index > 2)
      throw new ScaleError("Could not decode `AttestationProvider`, variant doesn't exist");
    return index;
  });
