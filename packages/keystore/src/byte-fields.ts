import { concatBytes } from '@runtime-bridge/base';

/** Longest varint that a length of these files can need. */
const MAX_VARINT_BYTES = 5;
const LENGTH_DELIMITED = 2;

/**
 * Encodes a protobuf message of `bytes` fields numbered from 1, as both 2022's identity files (id, public key, private
 * key) and its operator envelopes (iv, key, payload) are.
 */
export function encodeByteFields(fields: readonly Uint8Array[]): Uint8Array {
  return concatBytes(
    fields.flatMap((field, index) => [
      Uint8Array.of(((index + 1) << 3) | LENGTH_DELIMITED, ...varint(field.length)),
      field,
    ]),
  );
}

/**
 * Decodes a protobuf message of `bytes` fields 1 to `count`; a missing one is empty.
 * @returns undefined when the bytes are anything else
 */
export function decodeByteFields(bytes: Uint8Array, count: number): Uint8Array[] | undefined {
  const fields = new Array<Uint8Array>(count).fill(new Uint8Array(0));
  let offset = 0;
  while (offset < bytes.length) {
    const tag = bytes[offset]!;
    offset += 1;
    const number = tag >> 3;
    if ((tag & 7) !== LENGTH_DELIMITED || number < 1 || number > count) return undefined;
    let length = 0;
    for (let i = 0; ; i += 1) {
      const byte = bytes[offset];
      if (byte === undefined || i === MAX_VARINT_BYTES) return undefined;
      offset += 1;
      length += (byte & 0x7f) * 2 ** (7 * i);
      if (byte < 0x80) break;
    }
    if (length > bytes.length - offset) return undefined;
    fields[number - 1] = bytes.subarray(offset, offset + length);
    offset += length;
  }
  return fields;
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest & 0x7f) | 0x80);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return bytes;
}
