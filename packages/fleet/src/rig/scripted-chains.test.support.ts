import { encodeHeader } from '@runtime-bridge/blob-codec';

// What the scripted providers and workers agree on.

/** Relay height at which workers begin; para head at relay height h is (h - 10) / 2. */
export const GENESIS_RELAY = 10;
/** Every so many relay headers one is justified. */
export const JUSTIFIED_EVERY = 4;
export const PARA_ID = 2004;
const ZERO = new Uint8Array(32);

/** A header of either chain. */
export const header = (number: number): Uint8Array =>
  encodeHeader({ parentHash: ZERO, number, stateRoot: ZERO, extrinsicsRoot: ZERO, logs: [] });

/** The para head that a relay block holds. */
export const paraHeadAt = (relay: number): number =>
  Math.max(0, Math.floor((relay - GENESIS_RELAY) / 2));

/** A proof that a scripted worker believes, and one that it does not. */
export const GOOD_PROOF = Uint8Array.of(1);
export const BAD_PROOF = Uint8Array.of(2);

/** All whole numbers from the first to the last. */
export function numbers(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
