import { toHex } from '@runtime-bridge/base';
import { encodeAuthoritySet, storageKeys } from '@runtime-bridge/blob-codec';
import { describe, expect, it } from 'vitest';
import { BlockStoreErrorCode, Check } from '../errors.js';
import { FakeChains } from '../fake-chains.test.support.js';
import type { RelayStretch } from './relay-fetch.js';
import { verifyStretch, type RelayPosition } from './relay-verify.js';

const chains = new FakeChains();

/** The stretch that ends at a height, as an honest node serves it. */
function stretch(first: number, last: number): RelayStretch {
  const { trie } = chains.relay[last]!;
  return {
    endpoint: 'ws://node.test',
    headers: chains.relay.slice(first, last + 1).map((block) => block.raw),
    justification: chains.justification(last),
    paraHeadProof: trie.prove([storageKeys.parasHeads(2004)]),
    authorityProof: chains.changesSet(last)
      ? trie.prove([storageKeys.grandpaAuthoritiesOld])
      : undefined,
  };
}

function position(height: number): RelayPosition {
  const setId = chains.setIdFor(height + 1);
  return {
    paraId: 2004,
    height,
    hash: chains.relay[height]!.hash,
    set: { authorities: chains.authorities(setId), setId: BigInt(setId) },
    paraNumber: chains.paraHeadAt(height),
  };
}

describe('verifyStretch', () => {
  it('leads from one set to the next', async () => {
    const { next, range } = await verifyStretch(stretch(12, 20), position(11));
    expect(next).toMatchObject({ height: 20, paraNumber: chains.paraHeadAt(20) });
    expect(toHex(encodeAuthoritySet(next.set))).toBe(
      toHex(encodeAuthoritySet({ authorities: chains.authorities(2), setId: 2n })),
    );
    expect(range.proof.setId).toBe(1n);
    expect(range.proof.authoritySetChange).toBeDefined();
    const after = await verifyStretch(stretch(21, 24), next);
    expect(after.next.set).toBe(next.set);
    expect(after.range.proof.authoritySetChange).toBeUndefined();
  });

  const about = (block: number, check: Check) => ({
    code: BlockStoreErrorCode.BLOCK_REFUSED,
    facts: { chain: 'relay', block, check, endpoint: 'ws://node.test' },
  });

  it.each([
    [
      'a stretch that goes on behind a set change',
      stretch(18, 22),
      position(17),
      about(20, Check.SET_CHANGE),
    ],
    [
      'a para head that goes back',
      stretch(12, 14),
      { ...position(11), paraNumber: 9 },
      about(14, Check.PARA_HEAD),
    ],
    ['no headers', { ...stretch(12, 14), headers: [] }, position(11), about(12, Check.FORM)],
    [
      'something that is no header',
      { ...stretch(12, 14), headers: [Uint8Array.of(1)] },
      position(11),
      about(12, Check.FORM),
    ],
    ['a stretch that begins later', stretch(13, 14), position(11), about(12, Check.NUMBER)],
    [
      'a change without the proof of its list',
      { ...stretch(18, 20), authorityProof: undefined },
      position(17),
      about(20, Check.AUTHORITY_PROOF),
    ],
    [
      'a list that is not the announced one',
      {
        ...stretch(18, 20),
        authorityProof: chains.relay[19]!.trie.prove([storageKeys.grandpaAuthoritiesOld]),
      },
      position(17),
      about(20, Check.AUTHORITY_PROOF),
    ],
  ])('refuses %s', async (_what, what, from, expected) => {
    await expect(verifyStretch(what, from)).rejects.toMatchObject(expected);
  });
});
