import { decodeHeader, type Header } from './header.js';
import { decodeAll } from './scale-reader.js';
import { ScaleWriter } from './scale-writer.js';

/** What the relay chain told a parachain block (cumulus' PersistedValidationData). */
export interface ValidationData {
  /** encoded para header */
  parentHead: Uint8Array;
  /** height of the relay block that the para block was built on */
  relayParentNumber: number;
  /** 32 bytes */
  relayParentStorageRoot: Uint8Array;
  maxPovBytes: number;
}

/**
 * Decodes the value of `Paras.Heads`: a byte string whose content is an encoded header.
 * @throws CodecError
 */
export function decodeParaHead(value: Uint8Array): { raw: Uint8Array; header: Header } {
  const raw = decodeAll(value, 'para head', (reader) => reader.bytes('head'));
  return { raw, header: decodeHeader(raw) };
}

/** The value of `Paras.Heads` for an encoded header. */
export function encodeParaHead(rawHeader: Uint8Array): Uint8Array {
  return new ScaleWriter().bytes(rawHeader).finish();
}

/**
 * Decodes the value of `ParachainSystem.ValidationData`.
 * @throws CodecError
 */
export function decodeValidationData(value: Uint8Array): ValidationData {
  return decodeAll(value, 'validation data', (reader) => ({
    parentHead: reader.bytes('parentHead'),
    relayParentNumber: reader.u32('relayParentNumber'),
    relayParentStorageRoot: reader.take(32, 'relayParentStorageRoot'),
    maxPovBytes: reader.u32('maxPovSize'),
  }));
}

/** Decodes a value that is one u32, such as `ParachainInfo.ParachainId`. */
export function decodeU32Value(value: Uint8Array, what: string): number {
  return decodeAll(value, what, (reader) => reader.u32());
}

/** Decodes a value that is one u64, such as `Grandpa.CurrentSetId`. */
export function decodeU64Value(value: Uint8Array, what: string): bigint {
  return decodeAll(value, what, (reader) => reader.u64());
}
