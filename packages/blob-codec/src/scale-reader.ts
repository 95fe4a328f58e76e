import { CodecError, CodecErrorCode } from './errors.js';

/** What a reader refuses although enough bytes follow. */
export interface ScaleLimits {
  /** Most items of one vector. Default 2^32 - 1, since the remaining bytes bound it already. */
  maxItems?: number;
  /** Most bytes of one byte string. Default 2^32 - 1. */
  maxBytes?: number;
}

const U32_MAX = 0xffff_ffff;

/**
 * Reads SCALE values one after another from bytes, without copying them: everything returned by {@link take} and
 * {@link bytes} is a view of the input. A length is compared with the bytes that remain before anything is allocated
 * or looped over, so a hostile length costs nothing.
 *
 * Every method throws {@link CodecError}: TRUNCATED, TOO_LARGE or BAD_VALUE, with the facts `what` (given to the
 * constructor), `field` and `position`.
 */
export class ScaleReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #what: string;
  readonly #maxItems: number;
  readonly #maxBytes: number;
  #position = 0;

  /**
   * @param bytes the input, read from its start
   * @param what what the bytes are supposed to be, for errors: `header`, `justification`, …
   */
  constructor(bytes: Uint8Array, what: string, limits: ScaleLimits = {}) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#what = what;
    this.#maxItems = limits.maxItems ?? U32_MAX;
    this.#maxBytes = limits.maxBytes ?? U32_MAX;
  }

  /** Bytes read so far. */
  get position(): number {
    return this.#position;
  }

  /** Bytes not read yet. */
  get remaining(): number {
    return this.#bytes.length - this.#position;
  }

  /** The input from `start` up to the current position, as a view. */
  since(start: number): Uint8Array {
    return this.#bytes.subarray(start, this.#position);
  }

  /** The next `length` bytes as a view of the input. */
  take(length: number, field = 'bytes'): Uint8Array {
    const start = this.#advance(length, field);
    return this.#bytes.subarray(start, start + length);
  }

  /** Goes on by `length` bytes. */
  skip(length: number, field = 'bytes'): void {
    this.#advance(length, field);
  }

  u8(field = 'u8'): number {
    return this.#view.getUint8(this.#advance(1, field));
  }

  u16(field = 'u16'): number {
    return this.#view.getUint16(this.#advance(2, field), true);
  }

  u32(field = 'u32'): number {
    return this.#view.getUint32(this.#advance(4, field), true);
  }

  u64(field = 'u64'): bigint {
    return this.#view.getBigUint64(this.#advance(8, field), true);
  }

  u128(field = 'u128'): bigint {
    const start = this.#advance(16, field);
    return this.#view.getBigUint64(start, true) | (this.#view.getBigUint64(start + 8, true) << 64n);
  }

  /** A bool: one byte 0 or 1. */
  bool(field = 'bool'): boolean {
    const value = this.u8(field);
    if (value > 1) throw this.#badValue(field, value);
    return value === 1;
  }

  /** A Compact<u32>. Like parity-scale-codec, refuses a form longer than necessary. */
  compact(field = 'compact'): number {
    const first = this.u8(field);
    switch (first & 3) {
      case 0:
        return first >>> 2;
      case 1: {
        const value = (first | (this.u8(field) << 8)) >>> 2;
        if (value < 1 << 6) throw this.#badValue(field, value);
        return value;
      }
      case 2: {
        const start = this.#advance(3, field);
        const value =
          (first |
            (this.#view.getUint16(start, true) << 8) |
            (this.#view.getUint8(start + 2) << 24)) >>>
          2;
        if (value < 1 << 14) throw this.#badValue(field, value);
        return value;
      }
      default: {
        if (first !== 3) {
          throw new CodecError(
            CodecErrorCode.TOO_LARGE,
            'A compact number is above its 32-bit limit',
            { what: this.#what, field, position: this.#position - 1, limit: U32_MAX },
          );
        }
        const value = this.u32(field);
        if (value < 2 ** 30) throw this.#badValue(field, value);
        return value;
      }
    }
  }

  /**
   * The count of a vector, compared with what can still follow.
   * @param minItemBytes the fewest bytes that one item takes, at least 1
   */
  count(minItemBytes: number, field = 'vector'): number {
    const count = this.compact(field);
    if (count > this.#maxItems) throw this.#tooLarge(field, count, this.#maxItems);
    if (count * minItemBytes > this.remaining) {
      throw new CodecError(
        CodecErrorCode.TRUNCATED,
        'A vector announces more items than bytes follow',
        {
          what: this.#what,
          field,
          position: this.#position,
          count,
          minItemBytes,
          remaining: this.remaining,
        },
      );
    }
    return count;
  }

  /** A vector of `read` items, each of at least `minItemBytes` bytes. */
  vec<T>(minItemBytes: number, field: string, read: (index: number) => T): T[] {
    const count = this.count(minItemBytes, field);
    const items: T[] = [];
    for (let i = 0; i < count; i++) items.push(read(i));
    return items;
  }

  /** A byte string (Vec<u8>) as a view of the input. */
  bytes(field = 'bytes'): Uint8Array {
    const length = this.compact(field);
    if (length > this.#maxBytes) throw this.#tooLarge(field, length, this.#maxBytes);
    return this.take(length, field);
  }

  /** An Option: undefined, or what `read` gives. */
  option<T>(field: string, read: () => T): T | undefined {
    const tag = this.u8(field);
    if (tag > 1) throw this.#badValue(field, tag);
    return tag === 0 ? undefined : read();
  }

  /** An error about a value that was just read and that `field` does not allow. */
  badValue(field: string, value: number | string): CodecError {
    return this.#badValue(field, value);
  }

  /** @throws CodecError TRAILING_BYTES when something is left */
  end(): void {
    if (this.remaining > 0) {
      throw new CodecError(CodecErrorCode.TRAILING_BYTES, 'Bytes are left over behind the value', {
        what: this.#what,
        position: this.#position,
        remaining: this.remaining,
      });
    }
  }

  #advance(length: number, field: string): number {
    const start = this.#position;
    if (length > this.#bytes.length - start) {
      throw new CodecError(CodecErrorCode.TRUNCATED, 'The bytes end before the value does', {
        what: this.#what,
        field,
        position: start,
        needed: length,
        remaining: this.#bytes.length - start,
      });
    }
    this.#position = start + length;
    return start;
  }

  #badValue(field: string, value: number | string): CodecError {
    return new CodecError(CodecErrorCode.BAD_VALUE, 'A field holds a value that is not allowed', {
      what: this.#what,
      field,
      position: this.#position,
      value,
    });
  }

  #tooLarge(field: string, value: number, limit: number): CodecError {
    return new CodecError(CodecErrorCode.TOO_LARGE, 'A length is above the limit of its field', {
      what: this.#what,
      field,
      position: this.#position,
      value,
      limit,
    });
  }
}

/** Reads one value that must fill `bytes`. */
export function decodeAll<T>(
  bytes: Uint8Array,
  what: string,
  read: (reader: ScaleReader) => T,
  limits?: ScaleLimits,
): T {
  const reader = new ScaleReader(bytes, what, limits);
  const value = read(reader);
  reader.end();
  return value;
}
