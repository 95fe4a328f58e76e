import { blake2b256 } from './hashing.js';
import { decodeAll, ScaleReader } from './scale-reader.js';
import { expectLength, ScaleWriter } from './scale-writer.js';

/**
 * One log of a header's digest. `engine` is the four characters of a consensus engine: `FRNK` (GRANDPA), `BABE`,
 * `aura`, … (one character per byte, so any four bytes survive).
 */
export type DigestItem =
  | { kind: 'other'; data: Uint8Array }
  | { kind: 'consensus' | 'seal' | 'preRuntime'; engine: string; data: Uint8Array }
  | { kind: 'runtimeEnvironmentUpdated' };

/** A relay or para chain header with u32 number and BLAKE2-256 hashes. */
export interface Header {
  /** 32 bytes */
  parentHash: Uint8Array;
  /** height */
  number: number;
  /** 32 bytes */
  stateRoot: Uint8Array;
  /** 32 bytes */
  extrinsicsRoot: Uint8Array;
  logs: DigestItem[];
}

const HASH = 32;

/** parentHash, number of at least 1 byte, stateRoot, extrinsicsRoot, count of logs */
export const MIN_HEADER_BYTES = HASH + 1 + HASH + HASH + 1;

const DigestIndex = {
  OTHER: 0,
  CONSENSUS: 4,
  SEAL: 5,
  PRE_RUNTIME: 6,
  RUNTIME_ENVIRONMENT_UPDATED: 8,
} as const;

/**
 * Decodes one header that fills `raw`.
 * @throws CodecError
 */
export function decodeHeader(raw: Uint8Array): Header {
  return decodeAll(raw, 'header', (reader) => readHeader(reader).header);
}

/** Reads one header at the reader's position; `raw` is the view of its bytes. */
export function readHeader(reader: ScaleReader): { header: Header; raw: Uint8Array } {
  const start = reader.position;
  const parentHash = reader.take(HASH, 'parentHash');
  const number = reader.compact('number');
  const stateRoot = reader.take(HASH, 'stateRoot');
  const extrinsicsRoot = reader.take(HASH, 'extrinsicsRoot');
  const logs = reader.vec(1, 'digest', () => readDigestItem(reader));
  return {
    header: { parentHash, number, stateRoot, extrinsicsRoot, logs },
    raw: reader.since(start),
  };
}

/** Goes past one header, checking its structure, and returns the view of its bytes and its number. */
export function skipHeader(reader: ScaleReader): { raw: Uint8Array; number: number } {
  const start = reader.position;
  reader.skip(HASH, 'parentHash');
  const number = reader.compact('number');
  reader.skip(HASH + HASH, 'stateRoot');
  const logs = reader.count(1, 'digest');
  for (let i = 0; i < logs; i++) {
    const index = reader.u8('digest');
    if (index === DigestIndex.RUNTIME_ENVIRONMENT_UPDATED) continue;
    if (index !== DigestIndex.OTHER) {
      expectEngineIndex(reader, index);
      reader.skip(4, 'digest.engine');
    }
    reader.bytes('digest.data');
  }
  return { raw: reader.since(start), number };
}

/** The SCALE bytes of a header; the reverse of {@link decodeHeader}. */
export function encodeHeader(header: Header): Uint8Array {
  const writer = new ScaleWriter()
    .raw(expectLength(header.parentHash, HASH, 'parentHash'))
    .compact(header.number)
    .raw(expectLength(header.stateRoot, HASH, 'stateRoot'))
    .raw(expectLength(header.extrinsicsRoot, HASH, 'extrinsicsRoot'))
    .compact(header.logs.length);
  for (const log of header.logs) writeDigestItem(writer, log);
  return writer.finish();
}

/** The hash of a header and of its block: BLAKE2-256 of the encoded header, seal included. */
export function headerHash(raw: Uint8Array): Uint8Array {
  return blake2b256(raw);
}

/** The parent hash of an encoded header, without decoding the rest. */
export function headerParentHash(raw: Uint8Array): Uint8Array {
  return new ScaleReader(raw, 'header').take(HASH, 'parentHash');
}

/** The number of an encoded header, without decoding the rest. */
export function headerNumber(raw: Uint8Array): number {
  const reader = new ScaleReader(raw, 'header');
  reader.skip(HASH, 'parentHash');
  return reader.compact('number');
}

/** The state root of an encoded header, without decoding the rest. */
export function headerStateRoot(raw: Uint8Array): Uint8Array {
  const reader = new ScaleReader(raw, 'header');
  reader.skip(HASH, 'parentHash');
  reader.compact('number');
  return reader.take(HASH, 'stateRoot');
}

/** Reads Vec<Header> into views of the single headers. */
export function readHeaderList(reader: ScaleReader, field: string): Uint8Array[] {
  return reader.vec(MIN_HEADER_BYTES, field, () => skipHeader(reader).raw);
}

function readDigestItem(reader: ScaleReader): DigestItem {
  const index = reader.u8('digest');
  switch (index) {
    case DigestIndex.OTHER:
      return { kind: 'other', data: reader.bytes('digest.data') };
    case DigestIndex.RUNTIME_ENVIRONMENT_UPDATED:
      return { kind: 'runtimeEnvironmentUpdated' };
    default: {
      const kind = expectEngineIndex(reader, index);
      const engine = String.fromCharCode(...reader.take(4, 'digest.engine'));
      return { kind, engine, data: reader.bytes('digest.data') };
    }
  }
}

function expectEngineIndex(
  reader: ScaleReader,
  index: number,
): 'consensus' | 'seal' | 'preRuntime' {
  if (index === DigestIndex.CONSENSUS) return 'consensus';
  if (index === DigestIndex.SEAL) return 'seal';
  if (index === DigestIndex.PRE_RUNTIME) return 'preRuntime';
  throw reader.badValue('digest', index);
}

function writeDigestItem(writer: ScaleWriter, log: DigestItem): void {
  switch (log.kind) {
    case 'other':
      writer.u8(DigestIndex.OTHER).bytes(log.data);
      return;
    case 'runtimeEnvironmentUpdated':
      writer.u8(DigestIndex.RUNTIME_ENVIRONMENT_UPDATED);
      return;
    case 'consensus':
      writer.u8(DigestIndex.CONSENSUS);
      break;
    case 'seal':
      writer.u8(DigestIndex.SEAL);
      break;
    case 'preRuntime':
      writer.u8(DigestIndex.PRE_RUNTIME);
      break;
  }
  const engine = Uint8Array.from(log.engine, (character) => character.charCodeAt(0));
  writer.raw(expectLength(engine, 4, 'digest.engine')).bytes(log.data);
}
