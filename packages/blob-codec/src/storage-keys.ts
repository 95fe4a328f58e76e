import { concatBytes } from '@runtime-bridge/base';
import { twox128, twox64 } from './hashing.js';
import { u32Bytes } from './scale-writer.js';

const text = new TextEncoder();

/** The key of a plain storage item, or the prefix of a map: twox128 of the pallet's and of the item's name. */
export function storagePrefix(pallet: string, item: string): Uint8Array {
  return concatBytes([twox128(text.encode(pallet)), twox128(text.encode(item))]);
}

/** The key of an entry of a Twox64Concat map; `key` is SCALE. */
export function twox64ConcatKey(prefix: Uint8Array, key: Uint8Array): Uint8Array {
  return concatBytes([prefix, twox64(key), key]);
}

const parasHeadsPrefix = storagePrefix('Paras', 'Heads');
const offchainIngressPrefix = storagePrefix('PhalaMq', 'OffchainIngress');

/**
 * Keys that the bridge reads from states. All of them are public constants of the runtimes.
 * Sources: phala-blockchain 654b1b699 crates/phactory/api/src/storage_sync.rs and light_validation; the metadata of
 * Khala and Kusama.
 */
export const storageKeys = {
  /** relay chain: the para head, Vec<u8> holding an encoded header */
  parasHeads: (paraId: number): Uint8Array => twox64ConcatKey(parasHeadsPrefix, u32Bytes(paraId)),
  /** relay chain until early 2024: version byte and AuthorityList */
  grandpaAuthoritiesOld: text.encode(':grandpa_authorities'),
  /** relay chain since early 2024: AuthorityList without version byte */
  grandpaAuthorities: storagePrefix('Grandpa', 'Authorities'),
  /** relay chain: u64 */
  grandpaCurrentSetId: storagePrefix('Grandpa', 'CurrentSetId'),
  /** parachain: u32 */
  parachainId: storagePrefix('ParachainInfo', 'ParachainId'),
  /** parachain: PersistedValidationData */
  validationData: storagePrefix('ParachainSystem', 'ValidationData'),
  /** parachain: u64, milliseconds */
  timestampNow: storagePrefix('Timestamp', 'Now'),
  /** parachain: u32 */
  systemNumber: storagePrefix('System', 'Number'),
  /** parachain: u64, the next sequence expected of a sender; `origin` is a SCALE MessageOrigin */
  offchainIngress: (origin: Uint8Array): Uint8Array =>
    twox64ConcatKey(offchainIngressPrefix, origin),
  /** parachain: Vec<Message> of this block */
  outboundMessages: storagePrefix('PhalaMq', 'OutboundMessages'),
  /** prefix of the main trie's keys under which the roots of child tries stand */
  childStoragePrefix: text.encode(':child_storage:default:'),
} as const;
