import { concatBytes, utf8 } from '../primitives/bytes.js';
import { twox64Concat } from '../primitives/hash.js';
import {
  encodeAuthorityList,
  encodeDigestItem,
  type Authority,
  type DigestItem,
} from '../primitives/header.js';
import { bytes, compact, text, u32, u64, u8, vec } from '../primitives/scale.js';
import { RelayKey, storageMapKey, storagePrefix } from '../primitives/storage-key.js';
import type { KeyChange } from '../primitives/trie.js';
import { RelayPallet } from './pallets.js';
import type { AppliedRemark } from './transactions.js';

/**
 * Which relay runtime: `old` keeps the authorities under `:grandpa_authorities`, `new` (since early 2024)
 * in `Grandpa.Authorities` without a version byte.
 */
export type RelayEra = 'old' | 'new';

/** As frame-system's `BlockHashCount` on Kusama. */
const BLOCK_HASH_COUNT = 4096;

const Key = {
  number: storagePrefix('System', 'Number'),
  parentHash: storagePrefix('System', 'ParentHash'),
  digest: storagePrefix('System', 'Digest'),
  events: storagePrefix('System', 'Events'),
  eventCount: storagePrefix('System', 'EventCount'),
  lastRuntimeUpgrade: storagePrefix('System', 'LastRuntimeUpgrade'),
  blockHash: (number: number) => storageMapKey('System', 'BlockHash', twox64Concat(u32(number))),
  now: storagePrefix('Timestamp', 'Now'),
  extrinsicIndex: utf8(':extrinsic_index'),
  code: utf8(':code'),
};

/** The authority list under the key and in the form of this era. */
export function authoritiesEntry(era: RelayEra, authorities: readonly Authority[]): KeyChange {
  const list = encodeAuthorityList(authorities);
  return era === 'old'
    ? [RelayKey.grandpaAuthoritiesOld, concatBytes(u8(1), list)]
    : [RelayKey.grandpaAuthorities, list];
}

/** State of block 0. */
export function relayGenesis(options: {
  era: RelayEra;
  authorities: readonly Authority[];
  specName: string;
  specVersion: number;
  paraId: number;
  paraGenesisHeader: Uint8Array;
}): KeyChange[] {
  return [
    // Not a program: this chain's runtime is the dev network itself.
    [Key.code, utf8(`runtime-bridge devnet relay ${options.era}`)],
    authoritiesEntry(options.era, options.authorities),
    [RelayKey.grandpaCurrentSetId, u64(0)],
    [RelayKey.parasHeads(options.paraId), bytes(options.paraGenesisHeader)],
    [Key.blockHash(0), new Uint8Array(32).fill(0x45)],
    [Key.number, u32(0)],
    [Key.lastRuntimeUpgrade, concatBytes(compact(options.specVersion), text(options.specName))],
  ];
}

/** What one relay block does. */
export interface RelayBlockInput {
  era: RelayEra;
  number: number;
  parentHash: Uint8Array;
  timestampMs: number;
  paraId: number;
  /** Encoded header of a parachain block that is included here. */
  paraHead?: Uint8Array;
  /** The set that this block announces and enacts. */
  nextSet?: { setId: bigint; authorities: readonly Authority[] };
  /** Transactions that are in the block, after the inherent, and what they change. */
  transactions?: { applied: readonly AppliedRemark[]; changes: readonly KeyChange[] };
  /** Digest as the runtime knows it: without the seal. */
  digest: readonly DigestItem[];
}

/** State changes of one relay block, sorted by key. */
export function relayChanges(input: RelayBlockInput): KeyChange[] {
  const { number, nextSet } = input;
  const changes: KeyChange[] = [
    [Key.number, u32(number)],
    [Key.parentHash, input.parentHash],
    [Key.digest, vec(input.digest.map(encodeDigestItem))],
    [Key.blockHash(number - 1), input.parentHash],
    [Key.now, u64(input.timestampMs)],
    // Set and cleared within the block; nodes report such keys as deleted.
    [Key.extrinsicIndex, undefined],
  ];
  // The hash of block 0 stays: CheckGenesis reads it.
  if (number > BLOCK_HASH_COUNT + 1) {
    changes.push([Key.blockHash(number - 1 - BLOCK_HASH_COUNT), undefined]);
  }
  const events = [extrinsicSuccess(0, MANDATORY)];
  for (const [index, { who, eventHash }] of (input.transactions?.applied ?? []).entries()) {
    if (eventHash !== undefined) events.push(remarked(index + 1, who, eventHash));
    events.push(extrinsicSuccess(index + 1, NORMAL_AND_FREE));
  }
  changes.push(...(input.transactions?.changes ?? []));
  if (nextSet !== undefined) {
    changes.push(authoritiesEntry(input.era, nextSet.authorities));
    changes.push([RelayKey.grandpaCurrentSetId, u64(nextSet.setId)]);
    events.push(newAuthorities(nextSet.authorities));
  }
  if (input.paraHead !== undefined) {
    changes.push([RelayKey.parasHeads(input.paraId), bytes(input.paraHead)]);
  }
  changes.push([Key.events, vec(events)], [Key.eventCount, u32(events.length)]);
  return changes.sort(([a], [b]) => Buffer.compare(a, b));
}

/** The unsigned `timestamp.set` extrinsic with its length prefix. */
export function timestampInherent(timestampMs: number): Uint8Array {
  const { index, call } = RelayPallet.timestamp;
  return bytes(concatBytes(u8(4), u8(index), u8(call.set), compact(timestampMs)));
}

const NO_TOPICS = vec([]);

/** Class Mandatory, pays a fee; and class Normal, pays none. */
const MANDATORY = Uint8Array.of(2, 0);
const NORMAL_AND_FREE = Uint8Array.of(0, 1);

/** Phase ApplyExtrinsic(i), System.ExtrinsicSuccess { weight of an inherent, class and fee }. */
function extrinsicSuccess(extrinsic: number, classAndFee: Uint8Array): Uint8Array {
  const { index, event } = RelayPallet.system;
  const weight = concatBytes(compact(263_214_000), compact(1493));
  return concatBytes(
    u8(0),
    u32(extrinsic),
    u8(index),
    u8(event.extrinsicSuccess),
    weight,
    classAndFee,
    NO_TOPICS,
  );
}

/** Phase ApplyExtrinsic(i), System.Remarked. */
function remarked(extrinsic: number, who: Uint8Array, hash: Uint8Array): Uint8Array {
  const { index, event } = RelayPallet.system;
  return concatBytes(u8(0), u32(extrinsic), u8(index), u8(event.remarked), who, hash, NO_TOPICS);
}

/** Phase Finalization, Grandpa.NewAuthorities. */
function newAuthorities(authorities: readonly Authority[]): Uint8Array {
  const { index, event } = RelayPallet.grandpa;
  return concatBytes(
    u8(1),
    u8(index),
    u8(event.newAuthorities),
    encodeAuthorityList(authorities),
    NO_TOPICS,
  );
}
