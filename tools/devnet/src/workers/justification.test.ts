import { describe, expect, it } from 'vitest';
import { blake2b256, encodeAuthorityList, encodeHeader } from '../primitives/index.js';
import { SignatureVerifier } from './ed25519.js';
import { verifyJustification } from './justification.js';
import {
  authoritiesOf,
  justificationOf,
  voter,
  voterSet,
  type Vote,
  type VoterSet,
} from './testing/sample-chain.js';
import { LightValidationFault } from './storage-proof.js';

const BAD = 'bad justification for header: ';
const COMMIT = `${BAD}invalid commit in grandpa justification`;

const set = voterSet(5n);
const [v0, v1, v2, v3] = set.voters as [never, never, never, never];

function header(number: number, parentHash: Uint8Array, salt = 0): Uint8Array {
  const root = new Uint8Array(32).fill(salt);
  return encodeHeader({ parentHash, number, stateRoot: root, extrinsicsRoot: root, logs: [] });
}

/** 10 ← 11 ← 12, and 11′ ← 12′ on 10. */
const h10 = header(10, new Uint8Array(32));
const b10 = { hash: blake2b256(h10), number: 10 };
const h11 = header(11, b10.hash);
const b11 = { hash: blake2b256(h11), number: 11 };
const h12 = header(12, b11.hash);
const b12 = { hash: blake2b256(h12), number: 12 };
const h11x = header(11, b10.hash, 1);
const b11x = { hash: blake2b256(h11x), number: 11 };

function verdict(
  votes: readonly Vote[],
  options: {
    target?: typeof b10;
    ancestries?: Uint8Array[];
    claimed?: typeof b10;
    of?: VoterSet;
  } = {},
): string {
  const target = options.target ?? b10;
  const ancestries = options.ancestries ?? [];
  const bytes = justificationOf({ round: 7n, setId: set.id, target, votes, ancestries });
  return verdictOf(bytes, options.claimed ?? target, options.of ?? set);
}

function verdictOf(
  bytes: Uint8Array,
  claimed: typeof b10,
  of: VoterSet,
  weights?: bigint[],
): string {
  const list = authoritiesOf(of).map((a, i) => ({ ...a, weight: weights?.[i] ?? a.weight }));
  const authoritySet = { list, encodedList: encodeAuthorityList(list), id: of.id };
  try {
    verifyJustification(bytes, claimed, authoritySet, new SignatureVerifier());
    return 'accepted';
  } catch (error) {
    if (error instanceof LightValidationFault) return error.message;
    throw error;
  }
}

describe('justification', () => {
  it.each<[string, string, Vote[], Parameters<typeof verdict>[1]]>([
    ['three of four', 'accepted', [v0, v1, v2].map((voter) => ({ voter, ...b10 })), {}],
    ['two of four', COMMIT, [v0, v1].map((voter) => ({ voter, ...b10 })), {}],
    ['no votes', COMMIT, [], {}],
    ['the same vote three times', COMMIT, [v0, v0, v0, v1].map((voter) => ({ voter, ...b10 })), {}],
    [
      'another target than the header',
      `${BAD}invalid commit target in grandpa justification`,
      [v0, v1, v2].map((voter) => ({ voter, ...b10 })),
      { claimed: b11 },
    ],
    [
      'votes of another set',
      `${BAD}invalid signature for precommit in grandpa justification`,
      [v0, v1, v2].map((voter) => ({ voter, ...b10, signedSetId: 4n })),
      {},
    ],
    [
      'a stranger adds nothing',
      COMMIT,
      [v0, v1, voter('stranger')].map((voter) => ({ voter, ...b10 })),
      {},
    ],
    [
      'a stranger disturbs nothing',
      'accepted',
      [v0, v1, v2, voter('stranger')].map((voter) => ({ voter, ...b10 })),
      {},
    ],
    [
      'votes above the target with their ancestries',
      'accepted',
      [
        { voter: v0, ...b10 },
        { voter: v1, ...b11 },
        { voter: v2, ...b12 },
      ],
      { ancestries: [h11, h12] },
    ],
    [
      'votes above the target without an ancestry',
      COMMIT,
      [
        { voter: v0, ...b10 },
        { voter: v1, ...b11 },
        { voter: v2, ...b12 },
      ],
      { ancestries: [h12] },
    ],
    [
      'votes that all finalize more than the target',
      COMMIT,
      [
        { voter: v0, ...b11 },
        { voter: v1, ...b11 },
        { voter: v2, ...b12 },
        { voter: v3, ...b10 },
      ],
      { ancestries: [h11, h12] },
    ],
    [
      'votes on two branches meet in the target',
      'accepted',
      [
        { voter: v0, ...b10 },
        { voter: v1, ...b11 },
        { voter: v2, ...b11x },
      ],
      { ancestries: [h11, h11x] },
    ],
    [
      'an ancestry header that nobody needs',
      `${BAD}invalid precommit ancestries in grandpa justification with unused headers`,
      [v0, v1, v2].map((voter) => ({ voter, ...b10 })),
      { ancestries: [h11] },
    ],
    [
      'a stranger on no known branch',
      `${BAD}invalid precommit ancestry proof in grandpa justification`,
      [...[v0, v1, v2].map((voter) => ({ voter, ...b10 })), { voter: voter('stranger'), ...b12 }],
      {},
    ],
    [
      'an equivocation counts for every branch',
      'accepted',
      [
        { voter: v0, ...b10 },
        { voter: v1, ...b10 },
        { voter: v2, ...b11 },
        { voter: v2, ...b11x },
      ],
      { ancestries: [h11, h11x] },
    ],
    [
      'a third vote of an equivocator is dropped',
      'accepted',
      [
        ...[v0, v1, v3].map((voter) => ({ voter, ...b10 })),
        { voter: v2, ...b10 },
        { voter: v2, ...b11 },
        { voter: v2, ...b11x },
      ],
      { ancestries: [h11, h11x] },
    ],
    [
      'a vote that lies about its number',
      COMMIT,
      [
        { voter: v0, ...b10 },
        { voter: v1, ...b10 },
        { voter: v2, hash: b11.hash, number: 12 },
      ],
      { ancestries: [h11] },
    ],
  ])('%s: %s', (_, expected, votes, options) => {
    expect(verdict(votes, options)).toBe(expected);
  });

  it('counts weights, not heads', () => {
    const votes = [{ voter: v0, ...b10 }];
    const bytes = justificationOf({ round: 1n, setId: set.id, target: b10, votes });
    expect(verdictOf(bytes, b10, set, [7n, 1n, 1n, 1n])).toBe('accepted');
    expect(verdictOf(bytes, b10, set, [6n, 1n, 1n, 1n])).toBe(COMMIT);
  });

  it('says when it cannot be decoded', () => {
    expect(verdictOf(new Uint8Array(40), b10, set)).toBe('error decoding justification for header');
    // Announces 2^30 votes.
    const huge = new Uint8Array(48);
    huge.set([0xfe, 0xff, 0xff, 0xff], 44);
    expect(verdictOf(huge, b10, set)).toBe('error decoding justification for header');
  });
});
