import { createBLAKE2b, createXXHash64 } from 'hash-wasm';
import { concatBytes } from './bytes.js';

const blake256 = await createBLAKE2b(256);
const blake128 = await createBLAKE2b(128);
const xx0 = await createXXHash64(0, 0);
const xx1 = await createXXHash64(1, 0);

/** blake2b with 32 bytes of output: block hashes, trie nodes, extrinsic hashes. */
export function blake2b256(bytes: Uint8Array): Uint8Array {
  return blake256.init().update(bytes).digest('binary');
}

/** blake2b with 16 bytes of output. */
export function blake2b128(bytes: Uint8Array): Uint8Array {
  return blake128.init().update(bytes).digest('binary');
}

/** xxhash64 with seed 0, little-endian: 8 bytes. */
export function twox64(bytes: Uint8Array): Uint8Array {
  return xx0.init().update(bytes).digest('binary').reverse();
}

/** xxhash64 with seeds 0 and 1, each little-endian: 16 bytes. */
export function twox128(bytes: Uint8Array): Uint8Array {
  return concatBytes(twox64(bytes), xx1.init().update(bytes).digest('binary').reverse());
}

/** Map hasher `Twox64Concat`. */
export function twox64Concat(key: Uint8Array): Uint8Array {
  return concatBytes(twox64(key), key);
}

/** Map hasher `Blake2_128Concat`. */
export function blake2b128Concat(key: Uint8Array): Uint8Array {
  return concatBytes(blake2b128(key), key);
}
