/** SCALE compact form of a count below 2^30. */
export function compactLength(count: number): Uint8Array {
  if (count < 1 << 6) return Uint8Array.of(count << 2);
  if (count < 1 << 14) return Uint8Array.of(((count << 2) | 1) & 0xff, count >> 6);
  const value = ((count << 2) | 2) >>> 0;
  return Uint8Array.of(value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, value >>> 24);
}
