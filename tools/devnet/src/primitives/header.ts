import { concatBytes, utf8 } from './bytes.js';
import { blake2b256 } from './hash.js';
import { ScaleError, ScaleReader, bytes, compact, u32, u64, vec } from './scale.js';

/** One entry of a header's digest, as `sp_runtime::DigestItem`. */
export type DigestItem =
  | { kind: 'other'; data: Uint8Array }
  | { kind: 'consensus' | 'seal' | 'preRuntime'; engine: Uint8Array; data: Uint8Array }
  | { kind: 'runtimeEnvironmentUpdated' };

/** A block header of either chain (u32 numbers, blake2-256). */
export interface Header {
  parentHash: Uint8Array;
  number: number;
  stateRoot: Uint8Array;
  extrinsicsRoot: Uint8Array;
  logs: DigestItem[];
}

/** One GRANDPA voter. */
export interface Authority {
  id: Uint8Array;
  weight: bigint;
}

/** Engine ids of digest items. */
export const Engine = {
  grandpa: utf8('FRNK'),
  babe: utf8('BABE'),
  aura: utf8('aura'),
} as const;

const INDEX = { other: 0, consensus: 4, seal: 5, preRuntime: 6, runtimeEnvironmentUpdated: 8 };

/** SCALE of one digest item. */
export function encodeDigestItem(item: DigestItem): Uint8Array {
  const index = Uint8Array.of(INDEX[item.kind]);
  switch (item.kind) {
    case 'other':
      return concatBytes(index, bytes(item.data));
    case 'runtimeEnvironmentUpdated':
      return index;
    default:
      return concatBytes(index, item.engine, bytes(item.data));
  }
}

function readDigestItem(reader: ScaleReader): DigestItem {
  const index = reader.u8();
  switch (index) {
    case 0:
      return { kind: 'other', data: reader.bytes() };
    case 4:
      return { kind: 'consensus', engine: reader.take(4), data: reader.bytes() };
    case 5:
      return { kind: 'seal', engine: reader.take(4), data: reader.bytes() };
    case 6:
      return { kind: 'preRuntime', engine: reader.take(4), data: reader.bytes() };
    case 8:
      return { kind: 'runtimeEnvironmentUpdated' };
    default:
      throw new ScaleError(`digest item index ${index}`);
  }
}

/** SCALE of a header. */
export function encodeHeader(header: Header): Uint8Array {
  return concatBytes(
    header.parentHash,
    compact(header.number),
    header.stateRoot,
    header.extrinsicsRoot,
    vec(header.logs.map(encodeDigestItem)),
  );
}

/** Reads a header and advances the reader past it. */
export function readHeader(reader: ScaleReader): Header {
  return {
    parentHash: reader.take(32),
    number: reader.compact(),
    stateRoot: reader.take(32),
    extrinsicsRoot: reader.take(32),
    logs: reader.vec(readDigestItem),
  };
}

/** Decodes exactly one header; trailing bytes are an error. */
export function decodeHeader(encoded: Uint8Array): Header {
  const reader = new ScaleReader(encoded);
  const header = readHeader(reader);
  reader.end();
  return header;
}

/** Block hash: blake2-256 of the encoded header. */
export function headerHash(encoded: Uint8Array): Uint8Array {
  return blake2b256(encoded);
}

/** `AuthorityList`: Vec<(id, weight u64)>. */
export function encodeAuthorityList(authorities: readonly Authority[]): Uint8Array {
  return vec(authorities.map((a) => concatBytes(a.id, u64(a.weight))));
}

/** Reads an `AuthorityList`. */
export function readAuthorityList(reader: ScaleReader): Authority[] {
  return reader.vec((r) => ({ id: r.take(32), weight: r.u64() }), 40);
}

/** Digest item that announces a set change in force `delay` blocks after this one. */
export function scheduledChangeItem(authorities: readonly Authority[], delay: number): DigestItem {
  return {
    kind: 'consensus',
    engine: Engine.grandpa,
    data: concatBytes(Uint8Array.of(1), encodeAuthorityList(authorities), u32(delay)),
  };
}

/** The GRANDPA `ScheduledChange` in a header's digest, if it has one. */
export function scheduledChange(
  header: Header,
): { authorities: Authority[]; delay: number } | undefined {
  for (const item of header.logs) {
    if (item.kind !== 'consensus' || !isGrandpa(item.engine) || item.data[0] !== 1) continue;
    const reader = new ScaleReader(item.data, 1);
    const authorities = readAuthorityList(reader);
    return { authorities, delay: reader.u32() };
  }
  return undefined;
}

function isGrandpa(engine: Uint8Array): boolean {
  return engine.every((byte, i) => byte === Engine.grandpa[i]);
}
