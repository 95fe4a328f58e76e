import { CodecError, CodecErrorCode } from './errors.js';

/** The compact form of a u32: a vector's count, a byte string's length, a header's number. */
export function compactLength(value: number): Uint8Array {
  const out = new Uint8Array(compactSize(value));
  writeCompact(out, 0, value);
  return out;
}

/** How many bytes {@link compactLength} of `value` has: 1, 2, 4 or 5. */
export function compactSize(value: number): 1 | 2 | 4 | 5 {
  if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff) {
    throw new CodecError(CodecErrorCode.TOO_LARGE, 'A number does not fit 32 bits', { value });
  }
  return value < 1 << 6 ? 1 : value < 1 << 14 ? 2 : value < 2 ** 30 ? 4 : 5;
}

/** Writes the compact form of `value` into `out` at `position` and returns the position behind it. */
export function writeCompact(out: Uint8Array, position: number, value: number): number {
  const size = compactSize(value);
  if (size === 5) {
    out[position] = 3;
    writeLittleEndian(out, position + 1, value, 4);
  } else {
    const mode = size === 1 ? 0 : size === 2 ? 1 : 2;
    writeLittleEndian(out, position, value * 4 + mode, size);
  }
  return position + size;
}

/** 4 bytes little-endian. */
export function u32Bytes(value: number): Uint8Array {
  compactSize(value); // refuses what is no u32
  const out = new Uint8Array(4);
  writeLittleEndian(out, 0, value, 4);
  return out;
}

/** 8 bytes little-endian. */
export function u64Bytes(value: bigint): Uint8Array {
  return bigBytes(value, 8);
}

/** 16 bytes little-endian. */
export function u128Bytes(value: bigint): Uint8Array {
  return bigBytes(value, 16);
}

/**
 * Collects SCALE values and joins them once at the end. Byte strings are kept by reference until {@link finish}, so
 * large ones are copied once.
 */
export class ScaleWriter {
  readonly #parts: Uint8Array[] = [];
  #length = 0;

  /** Bytes collected so far. */
  get length(): number {
    return this.#length;
  }

  /** Bytes as they are, without a length. */
  raw(bytes: Uint8Array): this {
    this.#parts.push(bytes);
    this.#length += bytes.length;
    return this;
  }

  u8(value: number): this {
    return this.raw(Uint8Array.of(value));
  }

  u32(value: number): this {
    return this.raw(u32Bytes(value));
  }

  u64(value: bigint): this {
    return this.raw(u64Bytes(value));
  }

  u128(value: bigint): this {
    return this.raw(u128Bytes(value));
  }

  compact(value: number): this {
    return this.raw(compactLength(value));
  }

  /** A byte string: its length, then the bytes. */
  bytes(bytes: Uint8Array): this {
    return this.compact(bytes.length).raw(bytes);
  }

  /** A vector of items that are encoded already: their count, then all of them. */
  items(items: readonly Uint8Array[]): this {
    this.compact(items.length);
    for (const item of items) this.raw(item);
    return this;
  }

  /** A vector of byte strings, such as a storage proof. */
  byteStrings(items: readonly Uint8Array[]): this {
    this.compact(items.length);
    for (const item of items) this.bytes(item);
    return this;
  }

  /** An Option of an encoded value. */
  option(value: Uint8Array | undefined): this {
    return value === undefined ? this.u8(0) : this.u8(1).raw(value);
  }

  /** Everything collected, in one new byte string. */
  finish(): Uint8Array {
    const out = new Uint8Array(this.#length);
    let position = 0;
    for (const part of this.#parts) {
      out.set(part, position);
      position += part.length;
    }
    return out;
  }
}

/** @throws CodecError BAD_VALUE unless `bytes` has exactly `length` bytes */
export function expectLength(bytes: Uint8Array, length: number, field: string): Uint8Array {
  if (bytes.length !== length) {
    throw new CodecError(CodecErrorCode.BAD_VALUE, 'A field has the wrong length', {
      field,
      length: bytes.length,
      expected: length,
    });
  }
  return bytes;
}

function bigBytes(value: bigint, size: number): Uint8Array {
  if (value < 0n || value >= 1n << BigInt(size * 8)) {
    throw new CodecError(CodecErrorCode.TOO_LARGE, 'A number does not fit its field', {
      value,
      limitBits: size * 8,
    });
  }
  const out = new Uint8Array(size);
  for (let i = 0; i < size; i++) {
    out[i] = Number(value & 0xffn);
    value >>= 8n;
  }
  return out;
}

function writeLittleEndian(out: Uint8Array, position: number, value: number, size: number): void {
  for (let i = 0; i < size; i++) {
    out[position + i] = value % 256;
    value = Math.floor(value / 256);
  }
}
