import { concatBytes, utf8 } from './bytes.js';

/** The bytes did not hold what was read from them. */
export class ScaleError extends Error {
  override readonly name = 'ScaleError';
}

/** Unsigned little-endian integer of a fixed width in bytes. */
export function fixed(value: number | bigint, widthBytes: number): Uint8Array {
  let rest = BigInt(value);
  if (rest < 0n || rest >= 1n << BigInt(widthBytes * 8)) {
    throw new RangeError(`${value} does not fit u${widthBytes * 8}`);
  }
  const out = new Uint8Array(widthBytes);
  for (let i = 0; i < widthBytes; i++) {
    out[i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return out;
}

/** One byte. */
export const u8 = (value: number): Uint8Array => fixed(value, 1);
/** Four bytes, little-endian. */
export const u32 = (value: number): Uint8Array => fixed(value, 4);
/** Eight bytes, little-endian. */
export const u64 = (value: number | bigint): Uint8Array => fixed(value, 8);
/** Sixteen bytes, little-endian. */
export const u128 = (value: number | bigint): Uint8Array => fixed(value, 16);
/** `00` or `01`. */
export const bool = (value: boolean): Uint8Array => Uint8Array.of(value ? 1 : 0);

/** Compact integer; values up to 2^536 - 1. */
export function compact(value: number | bigint): Uint8Array {
  const n = BigInt(value);
  if (n < 0n) throw new RangeError(`${value} is negative`);
  if (n < 1n << 6n) return fixed(n << 2n, 1);
  if (n < 1n << 14n) return fixed((n << 2n) | 1n, 2);
  if (n < 1n << 30n) return fixed((n << 2n) | 2n, 4);
  let width = 4;
  while (n >= 1n << BigInt(width * 8)) width++;
  if (width > 67) throw new RangeError('too large for a compact integer');
  return concatBytes(Uint8Array.of(((width - 4) << 2) | 3), fixed(n, width));
}

/** `Vec<u8>`: compact length, then the bytes. */
export function bytes(value: Uint8Array): Uint8Array {
  return concatBytes(compact(value.length), value);
}

/** `String`: compact length, then UTF-8. */
export function text(value: string): Uint8Array {
  return bytes(utf8(value));
}

/** `Vec<T>` of items that are already encoded. */
export function vec(items: readonly Uint8Array[]): Uint8Array {
  return concatBytes(compact(items.length), ...items);
}

/** `Option<T>` of a value that is already encoded. */
export function option(value: Uint8Array | undefined): Uint8Array {
  return value === undefined ? Uint8Array.of(0) : concatBytes(Uint8Array.of(1), value);
}

/**
 * Reads SCALE from the front of a byte array. What it returns are views of the input. Lengths are
 * checked against what is left before anything is built.
 *
 * @throws ScaleError from every method when the input is too short or malformed.
 */
export class ScaleReader {
  position: number;

  constructor(
    readonly input: Uint8Array,
    position = 0,
  ) {
    this.position = position;
  }

  /** Bytes not read yet. */
  get remaining(): number {
    return this.input.length - this.position;
  }

  /** The next `length` bytes. */
  take(length: number): Uint8Array {
    if (length > this.remaining) {
      throw new ScaleError(`${length} bytes wanted at ${this.position}, ${this.remaining} left`);
    }
    const out = this.input.subarray(this.position, this.position + length);
    this.position += length;
    return out;
  }

  /** Everything that is left. */
  rest(): Uint8Array {
    return this.take(this.remaining);
  }

  private unsigned(widthBytes: number): bigint {
    const part = this.take(widthBytes);
    let value = 0n;
    for (let i = widthBytes - 1; i >= 0; i--) value = (value << 8n) | BigInt(part[i] ?? 0);
    return value;
  }

  u8(): number {
    return this.take(1)[0] ?? 0;
  }

  u16(): number {
    return Number(this.unsigned(2));
  }

  u32(): number {
    return Number(this.unsigned(4));
  }

  u64(): bigint {
    return this.unsigned(8);
  }

  u128(): bigint {
    return this.unsigned(16);
  }

  bool(): boolean {
    const value = this.u8();
    if (value > 1) throw new ScaleError(`bool is ${value}`);
    return value === 1;
  }

  /** Compact integer of any size; not minimal encodings are refused, as Substrate does. */
  compactBig(): bigint {
    const first = this.u8();
    const mode = first & 3;
    let value: bigint;
    let least: bigint;
    if (mode === 0) return BigInt(first >> 2);
    if (mode === 1) {
      value = BigInt((first >> 2) | (this.u8() << 6));
      least = 1n << 6n;
    } else if (mode === 2) {
      this.position -= 1;
      value = BigInt(this.u32() >>> 2);
      least = 1n << 14n;
    } else {
      const width = (first >> 2) + 4;
      value = this.unsigned(width);
      least = width === 4 ? 1n << 30n : 1n << BigInt((width - 1) * 8);
    }
    if (value < least) throw new ScaleError('compact integer is not minimal');
    return value;
  }

  /** Compact integer that fits u32. */
  compact(): number {
    const value = this.compactBig();
    if (value > 0xffffffffn) throw new ScaleError(`compact ${value} does not fit u32`);
    return Number(value);
  }

  /** `Vec<u8>`. */
  bytes(): Uint8Array {
    return this.take(this.compact());
  }

  /** `Vec<T>`; `minItemBytes` bounds the announced length by what is left. */
  vec<T>(read: (reader: this) => T, minItemBytes = 1): T[] {
    const length = this.compact();
    if (length * minItemBytes > this.remaining) {
      throw new ScaleError(`${length} items announced, ${this.remaining} bytes left`);
    }
    const out: T[] = [];
    for (let i = 0; i < length; i++) out.push(read(this));
    return out;
  }

  /** `Option<T>`. */
  option<T>(read: (reader: this) => T): T | undefined {
    const tag = this.u8();
    if (tag > 1) throw new ScaleError(`option tag is ${tag}`);
    return tag === 1 ? read(this) : undefined;
  }

  /** Refuses trailing bytes. */
  end(): void {
    if (this.remaining > 0) throw new ScaleError(`${this.remaining} bytes left over`);
  }
}
