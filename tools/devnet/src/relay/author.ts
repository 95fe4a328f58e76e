import type { AuthorityKeys } from '../grandpa/authorities.js';
import type { Chain } from '../chain/chain.js';
import type { Block, BlockRef } from '../chain/types.js';
import { concatBytes, utf8 } from '../primitives/bytes.js';
import { blake2b256 } from '../primitives/hash.js';
import {
  Engine,
  encodeAuthorityList,
  encodeHeader,
  headerHash,
  scheduledChangeItem,
  type Authority,
  type DigestItem,
} from '../primitives/header.js';
import { ScaleReader, u32, u64, u8 } from '../primitives/scale.js';
import { RelayKey } from '../primitives/storage-key.js';
import { orderedTrieRoot } from '../primitives/trie.js';
import type { RelayTransactions } from './transactions.js';
import { relayChanges, timestampInherent, type RelayEra } from './state.js';

/** What an author decides for one block. */
export interface RelayBlockPlan {
  parent: BlockRef;
  timestampMs: number;
  /** Encoded parachain header to include. */
  paraHead?: Uint8Array;
  /** Transactions to try, in order. */
  extrinsics?: readonly Uint8Array[];
  /** Anything that tells two blocks of the same height and time apart (forks). */
  salt?: string;
}

/**
 * Makes relay blocks: BABE pre-digest and seal as to form, the timestamp inherent, the parachain's head and,
 * in the last block of a session, the next GRANDPA set — announced with delay 0 in the digest and already
 * in force in the block's own state.
 */
export class RelayAuthor {
  constructor(
    private readonly options: {
      era: RelayEra;
      paraId: number;
      sessionBlocks: number;
      slotMs: number;
      seed: string;
    },
    private readonly deps: {
      chain: Chain;
      keys: AuthorityKeys;
      /** Absent: no transaction is ever included. */
      transactions?: RelayTransactions;
    },
  ) {}

  /** The block on top of `plan.parent`; not stored anywhere. */
  build(plan: RelayBlockPlan): Block {
    const { era, paraId, sessionBlocks, slotMs } = this.options;
    const { chain, keys } = this.deps;
    const { parent, timestampMs } = plan;
    const number = parent.number + 1;
    const state = chain.state(parent.hash);
    const endsSession = number % sessionBlocks === 0;
    const setId = new ScaleReader(state.get(RelayKey.grandpaCurrentSetId) ?? u64(0)).u64() + 1n;
    const nextSet = endsSession ? { setId, authorities: keys.authorities(setId) } : undefined;

    const digest: DigestItem[] = [preDigest(number, Math.floor(timestampMs / slotMs))];
    if (plan.salt !== undefined) digest.push({ kind: 'other', data: utf8(plan.salt) });
    if (nextSet !== undefined) {
      digest.push(nextEpoch(nextSet.authorities, this.randomness(number)));
      digest.push(scheduledChangeItem(nextSet.authorities, 0));
    }
    const transactions = this.deps.transactions?.select(plan.extrinsics ?? [], state, parent);
    const changes = relayChanges({
      era,
      number,
      parentHash: parent.hash,
      timestampMs,
      paraId,
      digest,
      ...(nextSet && { nextSet }),
      ...(plan.paraHead && { paraHead: plan.paraHead }),
      ...(transactions && { transactions }),
    });
    const extrinsics = [timestampInherent(timestampMs), ...(transactions?.extrinsics ?? [])];
    const stateRoot = state.with(changes).root();
    const unsealed = {
      parentHash: parent.hash,
      number,
      stateRoot,
      extrinsicsRoot: orderedTrieRoot(extrinsics),
      logs: digest,
    };
    const seal = this.seal(headerHash(encodeHeader(unsealed)));
    const header = encodeHeader({ ...unsealed, logs: [...digest, seal] });
    return {
      number,
      hash: headerHash(header),
      header,
      extrinsics,
      changes,
      stateRoot,
      timestampMs,
    };
  }

  /** 64 bytes that depend on the block and the seed; nobody in this network checks BABE. */
  private seal(preHash: Uint8Array): DigestItem {
    const half = blake2b256(concatBytes(utf8(`${this.options.seed}/seal`), preHash));
    return { kind: 'seal', engine: Engine.babe, data: concatBytes(half, blake2b256(half)) };
  }

  private randomness(number: number): Uint8Array {
    return blake2b256(utf8(`${this.options.seed}/epoch/${number}`));
  }
}

/** BABE `SecondaryPlain` pre-digest: authority index and slot. */
function preDigest(number: number, slot: number): DigestItem {
  return {
    kind: 'preRuntime',
    engine: Engine.babe,
    data: concatBytes(u8(2), u32(number % 4), u64(slot)),
  };
}

/** BABE `NextEpochData`; real headers at a session's end have it before GRANDPA's log. */
function nextEpoch(authorities: readonly Authority[], randomness: Uint8Array): DigestItem {
  return {
    kind: 'consensus',
    engine: Engine.babe,
    data: concatBytes(u8(1), encodeAuthorityList(authorities), randomness),
  };
}
