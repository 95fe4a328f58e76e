/**
 * A small relay chain and parachain for tests of the workers, made by hand so that every byte a worker
 * is fed can be chosen; the dev network's own chains are tested elsewhere.
 */
import { createPrivateKey, createPublicKey, sign, type KeyObject } from 'node:crypto';
import {
  RelayKey,
  Trie,
  TrieDb,
  blake2b256,
  concatBytes,
  encodeAuthorityList,
  encodeHeader,
  scale,
  scheduledChangeItem,
  storagePrefix,
  utf8,
  type Authority,
  type DigestItem,
} from '../../primitives/index.js';

export const PARA_ID = 2004;

export interface Voter {
  readonly id: Uint8Array;
  readonly key: KeyObject;
}

/** An ed25519 key of a name. */
export function voter(name: string): Voter {
  const head = Buffer.from('302e020100300506032b657004220420', 'hex');
  const der = Buffer.concat([head, blake2b256(utf8(name))]);
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  return { id: new Uint8Array(spki.subarray(spki.length - 32)), key };
}

export interface VoterSet {
  readonly id: bigint;
  readonly voters: readonly Voter[];
}

/** Set `id` of four voters, all of them new. */
export function voterSet(id: bigint): VoterSet {
  return { id, voters: [0, 1, 2, 3].map((i) => voter(`set ${id} voter ${i}`)) };
}

export const authoritiesOf = (set: VoterSet): Authority[] =>
  set.voters.map(({ id }) => ({ id, weight: 1n }));

export interface SampleBlock {
  readonly number: number;
  readonly header: Uint8Array;
  readonly hash: Uint8Array;
  readonly state: Trie;
}

export interface ParaBlock extends SampleBlock {
  readonly changes: readonly (readonly [Uint8Array, Uint8Array | undefined])[];
}

export interface Vote {
  readonly voter: Voter;
  readonly hash: Uint8Array;
  readonly number: number;
  /** What it is signed for, when not what the justification says. */
  readonly signedSetId?: bigint;
}

/** SCALE `GrandpaJustification`. */
export function justificationOf(options: {
  readonly round: bigint;
  readonly setId: bigint;
  readonly target: { readonly hash: Uint8Array; readonly number: number };
  readonly votes: readonly Vote[];
  readonly ancestries?: readonly Uint8Array[];
}): Uint8Array {
  const { round, setId, target, votes, ancestries = [] } = options;
  const precommits = votes.map((vote) => {
    const payload = concatBytes(
      Uint8Array.of(1),
      vote.hash,
      scale.u32(vote.number),
      scale.u64(round),
      scale.u64(vote.signedSetId ?? setId),
    );
    const signature = new Uint8Array(sign(null, payload, vote.voter.key));
    return concatBytes(vote.hash, scale.u32(vote.number), signature, vote.voter.id);
  });
  return concatBytes(
    scale.u64(round),
    target.hash,
    scale.u32(target.number),
    scale.vec(precommits),
    scale.vec(ancestries),
  );
}

const NOW = storagePrefix('Timestamp', 'Now');

export class SampleChain {
  readonly relay: SampleBlock[] = [];
  readonly para: ParaBlock[] = [];
  /** Set in force for each relay block, by its number. */
  readonly sets: VoterSet[] = [];
  readonly genesisPairs: [Uint8Array, Uint8Array][];

  constructor(
    readonly options: {
      readonly authoritiesKey?: 'old' | 'new';
      readonly genesisTimeMs?: bigint;
      /** More pairs of the parachain's genesis. */
      readonly pairs?: readonly (readonly [Uint8Array, Uint8Array])[];
    } = {},
  ) {
    this.genesisPairs = [
      [storagePrefix('ParachainInfo', 'ParachainId'), scale.u32(PARA_ID)],
      [NOW, scale.u64(this.timeMs(0))],
      [utf8('a long value'), new Uint8Array(200).fill(7)],
      ...(options.pairs ?? []).map(([k, v]): [Uint8Array, Uint8Array] => [k, v]),
    ];
    const paraState = Trie.from(new TrieDb(), this.genesisPairs);
    this.para.push({ ...this.block(undefined, paraState, []), changes: [] });
    const set = voterSet(0n);
    this.sets.push(set);
    const relayState = Trie.from(new TrieDb(), [
      this.authoritiesEntry(set),
      [RelayKey.grandpaCurrentSetId, scale.u64(0)],
      [utf8('some other key'), new Uint8Array(100)],
    ]);
    this.relay.push(this.block(undefined, relayState, []));
  }

  timeMs(paraNumber: number): bigint {
    return (this.options.genesisTimeMs ?? 1_700_000_000_000n) + BigInt(paraNumber) * 12_000n;
  }

  private authoritiesEntry(set: VoterSet): [Uint8Array, Uint8Array] {
    const list = encodeAuthorityList(authoritiesOf(set));
    return this.options.authoritiesKey === 'new'
      ? [RelayKey.grandpaAuthorities, list]
      : [RelayKey.grandpaAuthoritiesOld, concatBytes(Uint8Array.of(1), list)];
  }

  private block(parent: SampleBlock | undefined, state: Trie, logs: DigestItem[]): SampleBlock {
    const number = parent === undefined ? 0 : parent.number + 1;
    const header = encodeHeader({
      parentHash: parent?.hash ?? new Uint8Array(32),
      number,
      stateRoot: state.root(),
      extrinsicsRoot: blake2b256(scale.u32(number)),
      logs,
    });
    return { number, header, hash: blake2b256(header), state };
  }

  /** Adds a para block with these changes besides its time. */
  addPara(
    changes: readonly (readonly [Uint8Array, Uint8Array | undefined])[] = [],
    withTime = true,
  ): ParaBlock {
    const parent = last(this.para);
    const all = [
      ...changes,
      ...(withTime ? [[NOW, scale.u64(this.timeMs(parent.number + 1))] as const] : []),
    ];
    const block = { ...this.block(parent, parent.state.with(all), []), changes: all };
    this.para.push(block);
    return block;
  }

  /** Adds a relay block that holds the newest para head; `nextSet` changes the voters at its end. */
  addRelay(options: { nextSet?: VoterSet; delay?: number; logs?: DigestItem[] } = {}): SampleBlock {
    const parent = last(this.relay);
    const { nextSet } = options;
    let state = parent.state.with([
      [RelayKey.parasHeads(PARA_ID), scale.bytes(last(this.para).header)],
      [utf8('counter'), scale.u32(parent.number + 1)],
    ]);
    const logs = [...(options.logs ?? [])];
    if (nextSet !== undefined) {
      state = state.with([
        this.authoritiesEntry(nextSet),
        [RelayKey.grandpaCurrentSetId, scale.u64(nextSet.id)],
      ]);
      logs.push(scheduledChangeItem(authoritiesOf(nextSet), options.delay ?? 0));
    }
    const block = this.block(parent, state, logs);
    this.relay.push(block);
    this.sets.push(nextSet ?? last(this.sets));
    return block;
  }

  relayAt(number: number): SampleBlock {
    return at(this.relay, number);
  }

  paraAt(number: number): ParaBlock {
    return at(this.para, number);
  }

  /** Set that votes on a block: the one in force after its parent. */
  setFor(number: number): VoterSet {
    return at(this.sets, Math.max(0, number - 1));
  }

  /** Justification of a block by three or more of its four voters. */
  justification(number: number, voters = 4): Uint8Array {
    const target = this.relayAt(number);
    const set = this.setFor(number);
    const votes = set.voters.slice(0, voters).map((v) => ({ voter: v, ...target }));
    return justificationOf({ round: 3n, setId: set.id, target, votes });
  }

  /**
   * SCALE `GenesisBlockInfo` at a relay block. The proof shows both authorities keys, one of them to be
   * absent: pRuntimes that know both fail when it leaves the other one open.
   */
  genesisInfo(number = 0): Uint8Array {
    const block = this.relayAt(number);
    const set = at(this.sets, number);
    return concatBytes(
      block.header,
      encodeAuthorityList(authoritiesOf(set)),
      scale.u64(set.id),
      proof(block.state, RelayKey.grandpaAuthoritiesOld, RelayKey.grandpaAuthorities),
    );
  }

  /** SCALE `StorageState` of the parachain's genesis. */
  genesisState(): Uint8Array {
    return scale.vec(
      this.genesisPairs.map(([k, v]) => concatBytes(scale.bytes(k), scale.bytes(v))),
    );
  }

  /** SCALE `Vec<HeaderToSync>`, justified at its end. */
  relayHeaders(from: number, to: number, justification = this.justification(to)): Uint8Array {
    const items: Uint8Array[] = [];
    for (let n = from; n <= to; n++) {
      items.push(
        concatBytes(
          this.relayAt(n).header,
          scale.option(n === to ? scale.bytes(justification) : undefined),
        ),
      );
    }
    return scale.vec(items);
  }

  /** SCALE `AuthoritySetChange` proven at a relay block. */
  authoritySetChange(number: number): Uint8Array {
    const set = at(this.sets, number);
    const [key] = this.authoritiesEntry(set);
    return concatBytes(
      encodeAuthorityList(authoritiesOf(set)),
      scale.u64(set.id),
      proof(this.relayAt(number).state, key),
    );
  }

  /** SCALE `Vec<Header>`. */
  paraHeaders(from: number, to: number): Uint8Array {
    const items: Uint8Array[] = [];
    for (let n = from; n <= to; n++) items.push(this.paraAt(n).header);
    return scale.vec(items);
  }

  /** Proof nodes of the para head at a relay block. */
  headProof(number: number): Uint8Array[] {
    return this.relayAt(number).state.prove([RelayKey.parasHeads(PARA_ID)]);
  }

  /** SCALE `SyncCombinedHeadersReq`. */
  combined(options: {
    readonly relay: readonly [number, number];
    readonly para?: readonly [number, number];
    readonly change?: boolean;
  }): Uint8Array {
    const { relay, para, change = false } = options;
    return concatBytes(
      this.relayHeaders(...relay),
      scale.option(change ? this.authoritySetChange(relay[1]) : undefined),
      para === undefined ? Uint8Array.of(0) : this.paraHeaders(...para),
      para === undefined ? Uint8Array.of(0) : scale.vec(this.headProof(relay[1]).map(scale.bytes)),
    );
  }

  /** SCALE `Vec<BlockHeaderWithChanges>`. */
  blocks(from: number, to: number): Uint8Array {
    const items: Uint8Array[] = [];
    for (let n = from; n <= to; n++) items.push(blockToDispatch(this.paraAt(n)));
    return scale.vec(items);
  }
}

/** SCALE `BlockHeaderWithChanges`. */
export function blockToDispatch(block: ParaBlock, changes = block.changes): Uint8Array {
  const entries = changes.map(([key, value]) =>
    concatBytes(
      scale.bytes(key),
      scale.option(value === undefined ? undefined : scale.bytes(value)),
    ),
  );
  return concatBytes(block.header, scale.vec(entries), Uint8Array.of(0));
}

function proof(state: Trie, ...keys: Uint8Array[]): Uint8Array {
  return scale.vec(state.prove(keys).map(scale.bytes));
}

function at<T>(items: readonly T[], index: number): T {
  const item = items[index];
  if (item === undefined) throw new RangeError(`no item ${index}`);
  return item;
}

function last<T>(items: readonly T[]): T {
  return at(items, items.length - 1);
}
