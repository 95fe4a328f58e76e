import { createPrivateKey, createPublicKey, sign, type KeyObject } from 'node:crypto';
import { concatBytes, fromHex, toHex } from '@runtime-bridge/base';
import {
  blake2b256,
  compactLength,
  encodeAuthorityList,
  encodeFinalityProof,
  encodeJustification,
  encodeParaHead,
  encodeStorageChanges,
  encodeVersionedAuthorityList,
  headerStateRoot,
  precommitPayload,
  scheduledChangeLog,
  storageKeys,
  u32Bytes,
  u64Bytes,
  type Authority,
  type StorageChange,
} from '@runtime-bridge/blob-codec';
import { TinyTrie } from './tiny-trie.test.support.js';

/** A block of a fake chain, whole. */
export interface FakeBlock {
  number: number;
  hash: Uint8Array;
  raw: Uint8Array;
  json: Record<string, unknown>;
  state: ReadonlyMap<string, Uint8Array>;
  trie: TinyTrie;
  changes: StorageChange[];
}

export interface FakeChainsOptions {
  relayBlocks: number;
  /** Relay blocks of a session; at its end the authorities change. */
  sessionBlocks: number;
  authorities: number;
  /** Relay height that the parachain began behind; at least 1. */
  relayGenesisHeight: number;
  /** Relay blocks per para block. */
  relayPerPara: number;
  paraId: number;
  /** Where the authority list stands. */
  authorityKey: 'old' | 'new';
  /** Beside set changes, the relay node keeps justifications each so many blocks. */
  justificationPeriod: number;
}

export const defaultFakeChains: FakeChainsOptions = {
  relayBlocks: 40,
  sessionBlocks: 10,
  authorities: 4,
  relayGenesisHeight: 3,
  relayPerPara: 2,
  paraId: 2004,
  authorityKey: 'old',
  justificationPeriod: 4,
};

/** A relay chain with real GRANDPA justifications and a parachain whose heads it holds, all in memory. */
export class FakeChains {
  readonly options: FakeChainsOptions;
  readonly relay: FakeBlock[] = [];
  readonly para: FakeBlock[] = [];
  readonly #keys = new Map<number, { secret: KeyObject; id: Uint8Array }>();

  constructor(options: Partial<FakeChainsOptions> = {}) {
    this.options = { ...defaultFakeChains, ...options };
    const { relayBlocks, relayGenesisHeight, relayPerPara } = this.options;
    const paraStart = relayGenesisHeight + 1;
    this.para.push(this.#paraBlock(0, undefined, relayGenesisHeight));
    for (let number = 0; number <= relayBlocks; number += 1) {
      // Para block n is built on relay block paraStart + (n-1)*step and held by the one after it.
      const head =
        number <= paraStart ? 0 : 1 + Math.floor((number - paraStart - 1) / relayPerPara);
      while (this.para.length <= head) {
        const previous = this.para.at(-1)!;
        this.para.push(
          this.#paraBlock(
            previous.number + 1,
            previous,
            paraStart + previous.number * relayPerPara,
          ),
        );
      }
      this.relay.push(this.#relayBlock(number, this.relay.at(-1), this.para[head]!));
    }
  }

  /** The set that signs for a height: a change announced at a session's end holds behind it. */
  setIdFor(height: number): number {
    return Math.max(0, Math.ceil(height / this.options.sessionBlocks) - 1);
  }

  changesSet(height: number): boolean {
    return height > 0 && height % this.options.sessionBlocks === 0;
  }

  authorities(setId: number): Authority[] {
    return Array.from({ length: this.options.authorities }, (_, index) => ({
      id: this.#key(setId, index).id,
      weight: 1n,
    }));
  }

  /** The number of the para head in the state of a relay height. */
  paraHeadAt(relayHeight: number): number {
    const { relayGenesisHeight, relayPerPara } = this.options;
    const paraStart = relayGenesisHeight + 1;
    return relayHeight <= paraStart
      ? 0
      : 1 + Math.floor((relayHeight - paraStart - 1) / relayPerPara);
  }

  /** @param setId another set than the right one, for lies */
  justification(height: number, setId = this.setIdFor(height)): Uint8Array {
    const { hash } = this.relay[height]!;
    const round = BigInt(1_000 + height);
    const votes = this.options.authorities - Math.floor((this.options.authorities - 1) / 3);
    return encodeJustification({
      round,
      targetHash: hash,
      targetNumber: height,
      precommits: Array.from({ length: votes }, (_, index) => {
        const { secret, id } = this.#key(setId, index);
        const payload = precommitPayload(hash, height, round, BigInt(setId));
        return {
          targetHash: hash,
          targetNumber: height,
          signature: sign(null, payload, secret),
          authorityId: id,
        };
      }),
      votesAncestries: [],
    });
  }

  /** Whether the relay node keeps a justification with a block. */
  keepsJustification(height: number): boolean {
    return (
      height > 0 && (this.changesSet(height) || height % this.options.justificationPeriod === 0)
    );
  }

  finalityProof(height: number, finalized: number): Uint8Array | undefined {
    const { sessionBlocks } = this.options;
    const setEnd = Math.ceil(height / sessionBlocks) * sessionBlocks;
    const end = Math.min(setEnd, finalized);
    if (height > finalized) return undefined;
    return encodeFinalityProof({
      block: this.relay[end]!.hash,
      justification: this.justification(end),
      unknownHeaders: this.relay.slice(height + 1, end + 1).map((block) => block.raw),
    });
  }

  /** The storage changes of a para block as its node tells of them. */
  changesOf(number: number): Uint8Array {
    return encodeStorageChanges({ main: this.para[number]!.changes, children: [] });
  }

  #paraBlock(number: number, parent: FakeBlock | undefined, relayParent: number): FakeBlock {
    const changes: StorageChange[] = [
      [storageKeys.systemNumber, u32Bytes(number)],
      [storageKeys.timestampNow, u64Bytes(BigInt(number) * 12_000n)],
      [fromHex(`0xaa${number.toString(16).padStart(8, '0')}`), new Uint8Array(40).fill(number)],
      [fromHex('0xbb01'), number % 2 === 0 ? new Uint8Array() : Uint8Array.of(number & 255)],
    ];
    if (number === 0) changes.push([storageKeys.parachainId, u32Bytes(this.options.paraId)]);
    else {
      changes.push([
        storageKeys.validationData,
        concatBytes([
          encodeParaHead(parent!.raw),
          u32Bytes(relayParent),
          headerStateRoot(this.relay[relayParent]!.raw),
          u32Bytes(5),
        ]),
      ]);
    }
    if (number > 3) {
      changes.push([fromHex(`0xaa${(number - 3).toString(16).padStart(8, '0')}`), null]);
    }
    const state = new Map(parent?.state);
    for (const [key, value] of changes) {
      if (value === null) state.delete(toHex(key));
      else state.set(toHex(key), value);
    }
    return makeBlock(number, parent, state, changes, []);
  }

  #relayBlock(number: number, parent: FakeBlock | undefined, head: FakeBlock): FakeBlock {
    const state = new Map(parent?.state);
    // The state of the block that changes the set holds the new list and number already.
    const setId = this.changesSet(number) ? this.setIdFor(number) + 1 : this.setIdFor(number);
    const list = this.authorities(setId);
    if (this.options.authorityKey === 'old') {
      state.set(toHex(storageKeys.grandpaAuthoritiesOld), encodeVersionedAuthorityList(list));
    } else {
      state.set(toHex(storageKeys.grandpaAuthorities), encodeAuthorityList(list));
    }
    state.set(toHex(storageKeys.grandpaCurrentSetId), u64Bytes(BigInt(setId)));
    state.set(toHex(storageKeys.parasHeads(this.options.paraId)), encodeParaHead(head.raw));
    state.set(toHex(storageKeys.systemNumber), u32Bytes(number));
    const logs = [
      concatBytes([Uint8Array.of(6), Buffer.from('BABE'), Uint8Array.of(4, number & 255)]),
    ];
    if (this.changesSet(number)) {
      const log = scheduledChangeLog({ authorities: list, delay: 0 });
      if (log.kind !== 'consensus') throw new Error('unexpected log');
      logs.push(
        concatBytes([
          Uint8Array.of(4),
          Buffer.from('FRNK'),
          compactLength(log.data.length),
          log.data,
        ]),
      );
    }
    return makeBlock(number, parent, state, [], logs);
  }

  #key(setId: number, index: number): { secret: KeyObject; id: Uint8Array } {
    const name = setId * 1_000 + index;
    const known = this.#keys.get(name);
    if (known) return known;
    const seed = blake2b256(u32Bytes(name));
    const secret = createPrivateKey({
      key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]),
      format: 'der',
      type: 'pkcs8',
    });
    const id = createPublicKey(secret).export({ format: 'der', type: 'spki' }).subarray(-32);
    const key = { secret, id: Uint8Array.from(id) };
    this.#keys.set(name, key);
    return key;
  }
}

function makeBlock(
  number: number,
  parent: FakeBlock | undefined,
  state: ReadonlyMap<string, Uint8Array>,
  changes: StorageChange[],
  logs: Uint8Array[],
): FakeBlock {
  const trie = new TinyTrie(state);
  const parentHash = parent?.hash ?? new Uint8Array(32);
  const extrinsicsRoot = blake2b256(u32Bytes(number));
  const raw = concatBytes([
    parentHash,
    compactLength(number),
    trie.root,
    extrinsicsRoot,
    compactLength(logs.length),
    ...logs,
  ]);
  return {
    number,
    raw,
    hash: blake2b256(raw),
    json: {
      parentHash: toHex(parentHash),
      number: `0x${number.toString(16)}`,
      stateRoot: toHex(trie.root),
      extrinsicsRoot: toHex(extrinsicsRoot),
      digest: { logs: logs.map((log) => toHex(log)) },
    },
    state,
    trie,
    changes,
  };
}
