/** Reads SCALE by length only: it finds where things begin and end, and knows no more of them. */
export class ByteReader {
  position = 0;

  constructor(readonly input: Uint8Array) {}

  /** The next bytes, as a view. Throws RangeError when there are not so many. */
  take(length: number): Uint8Array {
    if (length > this.input.length - this.position) {
      throw new RangeError(`${length} bytes wanted at ${this.position}`);
    }
    this.position += length;
    return this.input.subarray(this.position - length, this.position);
  }

  u8(): number {
    return this.take(1)[0] ?? 0;
  }

  /** Compact integer below 2^30, which every length here is. */
  compact(): number {
    const first = this.u8();
    const mode = first & 3;
    if (mode === 0) return first >> 2;
    if (mode === 1) return (first >> 2) | (this.u8() << 6);
    if (mode === 2) {
      const [b = 0, c = 0, d = 0] = this.take(3);
      return ((first | (b << 8) | (c << 16) | (d << 24)) >>> 2) >>> 0;
    }
    throw new RangeError('a length of 2^30 or more');
  }

  bytes(): Uint8Array {
    return this.take(this.compact());
  }

  vec<T>(read: (reader: this) => T): T[] {
    const length = this.compact();
    const out: T[] = [];
    for (let i = 0; i < length; i++) out.push(read(this));
    return out;
  }

  /** What `read` passes over, as it stands in the input. */
  span(read: (reader: this) => void): Uint8Array {
    const start = this.position;
    read(this);
    return this.input.subarray(start, this.position);
  }

  rest(): Uint8Array {
    return this.take(this.input.length - this.position);
  }
}

/** Passes over a header. */
export function skipHeader(reader: ByteReader): void {
  reader.take(32);
  reader.compact();
  reader.take(64);
  reader.vec((item) => {
    const index = item.u8();
    if (index === 8) return;
    if (index !== 0) item.take(4);
    item.bytes();
  });
}

/** SCALE compact integer below 2^30. */
export function compact(value: number): Uint8Array {
  if (value < 1 << 6) return Uint8Array.of(value << 2);
  const tagged = value < 1 << 14 ? (value << 2) | 1 : ((value << 2) | 2) >>> 0;
  const out = Buffer.alloc(value < 1 << 14 ? 2 : 4);
  if (out.length === 2) out.writeUInt16LE(tagged);
  else out.writeUInt32LE(tagged);
  return out;
}

/** `Vec<u8>`. */
export function bytes(value: Uint8Array): Uint8Array {
  return Buffer.concat([compact(value.length), value]);
}

/** `Vec<T>` of encoded items. */
export function vec(items: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat([compact(items.length), ...items]);
}
