import { crc32c as crc32cOf } from '@node-rs/crc32';
import { concatBytes } from '@runtime-bridge/base';
import { WalkieError, WalkieErrorCode } from './errors.js';

/** Bytes of a request id. */
export const ID_BYTES = 8;
const CHECKSUM_BYTES = 8;
/** Seven bits each; five are enough for 32 bits and so for any limit of ours. */
const MAX_PREFIX_BYTES = 5;

/** CRC-32C (Castagnoli) as an unsigned number. */
export function crc32c(bytes: Uint8Array): number {
  return crc32cOf(bytes) >>> 0;
}

/** A frame's length as unsigned LEB128, least significant group first. */
export function encodeLength(length: number): Uint8Array {
  const bytes: number[] = [];
  let rest = length;
  while (rest >= 0x80) {
    bytes.push((rest & 0x7f) | 0x80);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

/** A whole request frame: length, id, key in UTF-8. */
export function encodeBlobRequest(id: Uint8Array, key: string): Uint8Array {
  const keyBytes = Buffer.from(key, 'utf8');
  return concatBytes([encodeLength(ID_BYTES + keyBytes.length), id, keyBytes]);
}

/**
 * All of a response frame but the value that follows it: length, id and, where there is a value, its checksum, which is
 * a signed 64-bit number and big-endian, so that its first four bytes are zero.
 */
export function encodeBlobResponseHead(
  id: Uint8Array,
  value: { length: number; crc32c: number } | undefined,
): Uint8Array {
  if (value === undefined) return concatBytes([encodeLength(ID_BYTES), id]);
  const checksum = Buffer.alloc(CHECKSUM_BYTES);
  checksum.writeBigInt64BE(BigInt(value.crc32c));
  return concatBytes([encodeLength(ID_BYTES + CHECKSUM_BYTES + value.length), id, checksum]);
}

/** A decoded response: `value` is undefined when the server has none of that key. */
export interface BlobResponse {
  id: Uint8Array;
  value: Uint8Array | undefined;
  /** The checksum that came with the value. */
  checksum: bigint;
}

/** Decodes the payload of a response frame; undefined when it is too short to be any. */
export function decodeBlobResponse(payload: Uint8Array): BlobResponse | undefined {
  if (payload.length < ID_BYTES) return undefined;
  const id = payload.subarray(0, ID_BYTES);
  const headBytes = ID_BYTES + CHECKSUM_BYTES;
  // A value has at least one byte.
  if (payload.length <= headBytes) return { id, value: undefined, checksum: 0n };
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  return { id, value: payload.subarray(headBytes), checksum: view.getBigInt64(ID_BYTES) };
}

/**
 * Cuts a byte stream into frames. Nothing is allocated for a length that is merely announced: the bytes of an
 * unfinished frame are those that have come.
 */
export class FrameReader {
  #chunks: Uint8Array[] = [];
  #size = 0;
  /** Length of the frame whose prefix has been read. */
  #wanted: number | undefined;

  constructor(private readonly maxFrameBytes: number) {}

  /** Bytes held for an unfinished frame. */
  get bufferedBytes(): number {
    return this.#size;
  }

  /**
   * Takes what came and gives the payloads that are complete now, empty ones left out.
   * @throws WalkieError TOO_LARGE at a length above the limit, BAD_MESSAGE at a prefix that is no length
   */
  push(chunk: Uint8Array): Uint8Array[] {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    // Most of a large frame: nothing to look at yet.
    if (this.#wanted !== undefined && this.#size < this.#wanted) return [];
    const frames: Uint8Array[] = [];
    let bytes = this.#chunks.length === 1 ? this.#chunks[0]! : concatBytes(this.#chunks);
    for (;;) {
      if (this.#wanted === undefined) {
        const prefix = readLength(bytes, this.maxFrameBytes);
        if (prefix === undefined) break;
        this.#wanted = prefix.length;
        bytes = bytes.subarray(prefix.size);
      }
      if (bytes.length < this.#wanted) break;
      if (this.#wanted > 0) frames.push(bytes.subarray(0, this.#wanted));
      bytes = bytes.subarray(this.#wanted);
      this.#wanted = undefined;
    }
    this.#chunks = bytes.length === 0 ? [] : [bytes];
    this.#size = bytes.length;
    return frames;
  }
}

function readLength(
  bytes: Uint8Array,
  maxBytes: number,
): { length: number; size: number } | undefined {
  let length = 0;
  for (let i = 0; i < MAX_PREFIX_BYTES; i += 1) {
    const byte = bytes[i];
    if (byte === undefined) return undefined;
    length += (byte & 0x7f) * 2 ** (7 * i);
    if (length > maxBytes) {
      throw new WalkieError(
        WalkieErrorCode.TOO_LARGE,
        `A frame of ${length} bytes or more was announced, the limit is ${maxBytes}`,
        { facts: { size: length, maxBytes } },
      );
    }
    if (byte < 0x80) return { length, size: i + 1 };
  }
  throw new WalkieError(WalkieErrorCode.BAD_MESSAGE, 'A length prefix has more than 5 bytes');
}
