/** Growing buffer for SCALE; one per encoded value, so no array is made for each field. */
export class ScaleWriter {
  private buffer = new Uint8Array(128);
  private view = new DataView(this.buffer.buffer);
  private length = 0;

  private room(count: number): number {
    const at = this.length;
    const need = at + count;
    if (need > this.buffer.length) {
      const larger = new Uint8Array(Math.max(need, this.buffer.length * 2));
      larger.set(this.buffer.subarray(0, at));
      this.buffer = larger;
      this.view = new DataView(larger.buffer);
    }
    this.length = need;
    return at;
  }

  u8(value: number): void {
    const at = this.room(1);
    this.view.setUint8(at, value);
  }

  u16(value: number): void {
    const at = this.room(2);
    this.view.setUint16(at, value, true);
  }

  u32(value: number): void {
    const at = this.room(4);
    this.view.setUint32(at, value, true);
  }

  u64(value: bigint): void {
    const at = this.room(8);
    this.view.setBigUint64(at, value, true);
  }

  u128(value: bigint): void {
    this.u64(value & 0xffff_ffff_ffff_ffffn);
    this.u64(value >> 64n);
  }

  u256(value: bigint): void {
    this.u128(value & ((1n << 128n) - 1n));
    this.u128(value >> 128n);
  }

  raw(bytes: Uint8Array): void {
    const at = this.room(bytes.length);
    this.buffer.set(bytes, at);
  }

  compact(value: number | bigint): void {
    if (value < 64) this.u8(Number(value) << 2);
    else if (value < 16384) this.u16((Number(value) << 2) | 1);
    else if (value < 1073741824) this.u32(((Number(value) << 2) | 2) >>> 0);
    else {
      let rest = BigInt(value);
      const start = this.room(1);
      let count = 0;
      for (; rest > 0n || count < 4; rest >>= 8n, count++) this.u8(Number(rest & 0xffn));
      this.view.setUint8(start, ((count - 4) << 2) | 3);
    }
  }

  bytes(bytes: Uint8Array): void {
    this.compact(bytes.length);
    this.raw(bytes);
  }

  text(text: string): void {
    this.bytes(new TextEncoder().encode(text));
  }

  /** A copy of what was written. */
  finish(): Uint8Array {
    return this.buffer.slice(0, this.length);
  }
}
