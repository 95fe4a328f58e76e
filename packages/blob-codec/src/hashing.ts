import { crc32c as nodeCrc32c } from '@node-rs/crc32';
import { createBLAKE2b, createXXHash64 } from 'hash-wasm';

// One instance each: the calls below are synchronous from init to digest, so nobody can come in between.
const blake2b = await createBLAKE2b(256);
const xxhash = [await createXXHash64(0, 0), await createXXHash64(1, 0)] as const;

/** The 32-byte BLAKE2b hash, Substrate's hash of headers, trie nodes and values. */
export function blake2b256(bytes: Uint8Array): Uint8Array {
  blake2b.init();
  blake2b.update(bytes);
  return blake2b.digest('binary');
}

/** The 8-byte hash of Twox64Concat map keys: xxHash64 with seed 0, little-endian. */
export function twox64(bytes: Uint8Array): Uint8Array {
  return twoxWithSeed(bytes, 0);
}

/** The 16-byte hash of pallet and storage item names: xxHash64 with seeds 0 and 1, each little-endian. */
export function twox128(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(16);
  out.set(twoxWithSeed(bytes, 0), 0);
  out.set(twoxWithSeed(bytes, 1), 8);
  return out;
}

/**
 * CRC-32C (Castagnoli) as uint32; `123456789` gives 0xe3069283.
 * @param before the CRC-32C of the bytes before these, where there are some
 */
export function crc32c(bytes: Uint8Array, before = 0): number {
  return nodeCrc32c(bytes, before) >>> 0;
}

function twoxWithSeed(bytes: Uint8Array, seed: 0 | 1): Uint8Array {
  const hasher = xxhash[seed];
  hasher.init();
  hasher.update(bytes);
  return hasher.digest('binary').reverse();
}
