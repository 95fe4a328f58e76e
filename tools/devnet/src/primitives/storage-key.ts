import { concatBytes, utf8 } from './bytes.js';
import { twox128, twox64Concat } from './hash.js';
import { u32 } from './scale.js';

/** Key of a plain storage item, prefix of a map: twox128(pallet) ++ twox128(item). */
export function storagePrefix(pallet: string, item: string): Uint8Array {
  return concatBytes(twox128(utf8(pallet)), twox128(utf8(item)));
}

/** Key of a map entry whose key part is already hashed (`twox64Concat(…)`, `blake2b128Concat(…)`). */
export function storageMapKey(pallet: string, item: string, hashedKey: Uint8Array): Uint8Array {
  return concatBytes(storagePrefix(pallet, item), hashedKey);
}

/** Well-known keys of the relay chain. */
export const RelayKey = {
  grandpaAuthoritiesOld: utf8(':grandpa_authorities'),
  grandpaAuthorities: storagePrefix('Grandpa', 'Authorities'),
  grandpaCurrentSetId: storagePrefix('Grandpa', 'CurrentSetId'),
  parasHeads: (paraId: number): Uint8Array =>
    storageMapKey('Paras', 'Heads', twox64Concat(u32(paraId))),
} as const;
