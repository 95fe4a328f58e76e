import { bytesEqual, fromHex } from '@runtime-bridge/base';
import {
  type AuthoritySet,
  decodeHeader,
  encodeAuthorityList,
  encodeGenesisInfo,
  encodeVersionedAuthorityList,
  type DigestItem,
  encodeHeader,
  encodeStorageProof,
  headerHash,
  headerStateRoot,
  ScaleReader,
  scheduledChangeLog,
  skipHeader,
  storageKeys,
  type StoragePair,
  u64Bytes,
} from '@runtime-bridge/blob-codec';
import { describe, expect, it } from 'vitest';
import {
  AuthoritySetTracker,
  nextAuthoritySet,
  verifyAuthoritySetChange,
  verifyGenesisInfo,
} from './authority-sets.js';
import { justify, makeHeaders, makeVoters, setOf, vote } from './grandpa.test.support.js';
import { verifyHeaderChain } from './header-chain.js';
import {
  authoritySetOf,
  describeRecorded,
  recordedBytes,
  recordedJson,
} from './recorded-chains.test.support.js';
import { StateTrie } from './trie/state-trie.js';

const oldVoters = makeVoters(4);
const newVoters = makeVoters(5, 50);
const current = setOf(oldVoters, 3n);
const next = setOf(newVoters, 4n);

/** A small state with its root and all its nodes as proof. */
function stateWith(pairs: StoragePair[]): { root: Uint8Array; proof: Uint8Array[] } {
  const filler = Array.from({ length: 8 }, (_, i): StoragePair => [
    Uint8Array.of(i * 30, i),
    new Uint8Array(50).fill(i),
  ]);
  const trie = StateTrie.fromPairs([...filler, ...pairs]);
  return { root: trie.root(), proof: trie.takeWrites().puts.map(([, node]) => node) };
}

const change = (delay = 0): DigestItem =>
  scheduledChangeLog({ authorities: next.authorities, delay });
const headerWith = (logs: DigestItem[], stateRoot: Uint8Array = new Uint8Array(32)): Uint8Array =>
  makeHeaders(1, { logs, stateRoot })[0]!;
const votesFor = (header: Uint8Array, of = oldVoters, setId = 3n): Uint8Array =>
  justify(
    header,
    of.map((voter) => vote(voter, header, setId)),
  );
const code = (expected: string): unknown => expect.objectContaining({ code: expected });

describe('nextAuthoritySet', () => {
  it('takes the set of a scheduled change without delay', () => {
    expect(nextAuthoritySet(current, decodeHeader(headerWith([change()])))).toEqual(next);
    expect(nextAuthoritySet(current, decodeHeader(headerWith([])))).toBeUndefined();
  });

  it('refuses changes that no worker follows', () => {
    expect(() => nextAuthoritySet(current, decodeHeader(headerWith([change(1)])))).toThrow(
      code('DELAYED_CHANGE'),
    );
    const data = new Uint8Array([
      2,
      ...[9, 0, 0, 0],
      ...encodeAuthorityList(next.authorities),
      ...[0, 0, 0, 0],
    ]);
    const forced: DigestItem = { kind: 'consensus', engine: 'FRNK', data };
    expect(() => nextAuthoritySet(current, decodeHeader(headerWith([forced])))).toThrow(
      code('FORCED_CHANGE'),
    );
  });
});

describe('AuthoritySetTracker', () => {
  it('goes from set to set as headers announce them, with keys that really change', async () => {
    const tracker = new AuthoritySetTracker({ set: current });
    const changing = headerWith([change()]);
    const after = makeHeaders(1, { first: 101, parent: headerHash(changing) })[0]!;
    expect(() => tracker.finalize(after, votesFor(after, newVoters, 4n))).toThrow();
    expect(tracker.finalize(changing, votesFor(changing)).nextSet).toEqual(next);
    expect(tracker.current).toEqual(next);
    expect(() => tracker.finalize(after, votesFor(after, oldVoters, 3n))).toThrow(
      code('BELOW_THRESHOLD'),
    );
    const finalized = await tracker.finalizeAsync(after, votesFor(after, newVoters, 4n));
    expect(finalized.nextSet).toBeUndefined();
    expect(tracker.current).toEqual(next);
  });

  it('stays where it was when the justification is not good', () => {
    const tracker = new AuthoritySetTracker({ set: current });
    const changing = headerWith([change()]);
    expect(() => tracker.finalize(changing, votesFor(changing, newVoters))).toThrow();
    expect(tracker.current).toEqual(current);
  });

  it.each([
    ['old', storageKeys.grandpaAuthoritiesOld, encodeVersionedAuthorityList(next.authorities)],
    ['new', storageKeys.grandpaAuthorities, encodeAuthorityList(next.authorities)],
  ])('takes the %s form of a change by proof', (form, key, value) => {
    const { root, proof } = stateWith([[key, value]]);
    const header = headerWith([], root);
    const tracker = new AuthoritySetTracker({ set: current });
    expect(tracker.applyProof({ authoritySet: next, proof }, header)).toBe(form);
    expect(tracker.current).toEqual(next);
    // after the digest said the same already
    expect(tracker.applyProof({ authoritySet: next, proof }, header)).toBe(form);
  });

  it('refuses a proof of something else', () => {
    const value = encodeVersionedAuthorityList(next.authorities);
    const { root, proof } = stateWith([[storageKeys.grandpaAuthoritiesOld, value]]);
    const verify = (set: AuthoritySet, nodes = proof, stateRoot = root): unknown =>
      verifyAuthoritySetChange(current, { authoritySet: set, proof: nodes }, stateRoot);
    expect(verify(next)).toBe('old');
    expect(() => verify({ ...next, setId: 5n })).toThrow(code('UNEXPECTED_SET_ID'));
    expect(() => verify({ ...current, setId: 4n })).toThrow(code('AUTHORITY_LIST_MISMATCH'));
    expect(() => verify(next, [])).toThrow(code('PROOF_NODE_MISSING'));
    expect(() => verify(next, proof, new Uint8Array(32))).toThrow(code('PROOF_NODE_MISSING'));
    const without = stateWith([]);
    expect(() => verify(next, without.proof, without.root)).toThrow(code('AUTHORITY_LIST_ABSENT'));
  });

  it('checks genesis info, the set id too where it is proved', () => {
    const value = encodeVersionedAuthorityList(current.authorities);
    const info = (setId: bigint, proved: bigint | undefined, set = current): Uint8Array => {
      const pairs: StoragePair[] = [[storageKeys.grandpaAuthoritiesOld, value]];
      if (proved !== undefined) pairs.push([storageKeys.grandpaCurrentSetId, u64Bytes(proved)]);
      const { root, proof } = stateWith(pairs);
      return encodeGenesisInfo({
        header: headerWith([], root),
        authoritySet: { ...set, setId },
        proof,
      });
    };
    expect(verifyGenesisInfo(info(3n, 3n))).toMatchObject({ form: 'old' });
    expect(verifyGenesisInfo(info(3n, undefined))).toMatchObject({ form: 'old' });
    expect(() => verifyGenesisInfo(info(3n, 4n))).toThrow(code('UNEXPECTED_SET_ID'));
    expect(() => verifyGenesisInfo(info(3n, 3n, next))).toThrow(code('AUTHORITY_LIST_MISMATCH'));
  });
});

describeRecorded('recorded hand-over between two Rococo sets', () => {
  const headersOf = (number: number): Uint8Array[] => {
    const reader = new ScaleReader(recordedBytes(`grandpa/rococo/${number}/headers.scale`), 'x');
    return reader.vec(98, 'headers', () => skipHeader(reader).raw);
  };
  const justificationOf = (number: number): Uint8Array =>
    recordedBytes(`grandpa/rococo/${number}/justification.scale`);
  const start = (): AuthoritySet =>
    authoritySetOf(
      2149,
      recordedJson<{ authorities: [string, number][] }>('grandpa/rococo/authority-sets/2149.json')
        .authorities,
    );

  it('is followed over 994 headers', () => {
    const first = headersOf(1238286);
    const second = headersOf(1238699);
    const announced = recordedJson<{
      announcedInHeader: { number: number; hash: string; scale: string };
    }>('grandpa/rococo/authority-sets/2149.json').announcedInHeader;
    const parent = { number: announced.number, hash: fromHex(announced.hash) };
    expect(nextAuthoritySet(setOf([], 2148n), decodeHeader(fromHex(announced.scale)))).toEqual(
      expect.objectContaining({ setId: 2149n }),
    );

    const middle = verifyHeaderChain(first, parent);
    const end = verifyHeaderChain(second, middle);
    expect(first.length + second.length).toBe(994);

    const tracker = new AuthoritySetTracker({ set: start() });
    expect(() => tracker.finalize(second.at(-1)!, justificationOf(1238699))).toThrow(
      code('BAD_SIGNATURE'),
    );
    tracker.finalize(first.at(-1)!, justificationOf(1238286));
    expect(tracker.current.setId).toBe(2150n);
    const finalized = tracker.finalize(second.at(-1)!, justificationOf(1238699));
    expect(bytesEqual(finalized.targetHash, end.hash)).toBe(true);
  });

  it('breaks at any header that is changed, dropped or swapped', () => {
    const headers = headersOf(1238699).slice(0, 60);
    verifyHeaderChain(headers);
    for (let at = 0; at < headers.length - 1; at++) {
      const changed = headers.map((raw, i) =>
        i === at ? raw.map((byte, j) => (j === raw.length - 1 ? byte ^ 1 : byte)) : raw,
      );
      expect(() => verifyHeaderChain(changed)).toThrow(code('BROKEN_CHAIN'));
      const swapped = [...headers];
      [swapped[at], swapped[at + 1]] = [headers[at + 1]!, headers[at]!];
      expect(() => verifyHeaderChain(swapped)).toThrow(code('BROKEN_CHAIN'));
      if (at > 0) {
        expect(() => verifyHeaderChain(headers.filter((_, i) => i !== at))).toThrow(
          code('BROKEN_CHAIN'),
        );
      }
    }
    expect(() => verifyHeaderChain([])).toThrow(code('NO_HEADERS'));
  });

  it('reads the authorities of genesis states by proof', () => {
    for (const chain of ['kusama', 'polkadot', 'rococo', 'westend']) {
      const recorded = recordedJson<{
        header: string;
        proof: string[];
        items: { key: string; value: string | null }[];
      }>(`read-proofs/generated-genesis-${chain}.json`);
      const proof = recorded.proof.map((node) => fromHex(node));
      const header = fromHex(recorded.header);
      const list = recorded.items.find(({ key }) =>
        bytesEqual(fromHex(key), storageKeys.grandpaAuthoritiesOld),
      );
      const authorities = fromHex(list!.value!).slice(1);
      const encoded = new Uint8Array([...header, ...authorities, ...u64Bytes(0n)]);
      expect(headerStateRoot(header)).toHaveLength(32);
      const info = verifyGenesisInfo(new Uint8Array([...encoded, ...encodeStorageProof(proof)]));
      expect(info.form).toBe('old');
      expect(bytesEqual(encodeHeader(decodeHeader(info.header)), header)).toBe(true);
    }
  });
});
