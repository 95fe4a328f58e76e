import { concatBytes } from '../primitives/bytes.js';
import { ScaleReader, u32, u64, vec } from '../primitives/scale.js';
import type { Voter } from './authorities.js';

/** A block that a voter votes for. */
export interface VoteTarget {
  hash: Uint8Array;
  number: number;
}

/** One voter's precommit; its target may be a descendant of the commit's. */
export interface Vote {
  voter: Voter;
  target: VoteTarget;
}

/**
 * What a precommit signs: message variant 1, target, round, set
 * (paritytech/substrate primitives/finality-grandpa/src/lib.rs `localized_payload`).
 */
export function precommitPayload(target: VoteTarget, round: bigint, setId: bigint): Uint8Array {
  return concatBytes(Uint8Array.of(1), target.hash, u32(target.number), u64(round), u64(setId));
}

/**
 * SCALE of a `GrandpaJustification`: round, commit, and the headers (encoded) between the commit's target
 * and votes above it.
 */
export function makeJustification(input: {
  round: bigint;
  setId: bigint;
  target: VoteTarget;
  votes: readonly Vote[];
  ancestries?: readonly Uint8Array[];
}): Uint8Array {
  const { round, setId, target } = input;
  const precommits = input.votes.map((vote) =>
    concatBytes(
      vote.target.hash,
      u32(vote.target.number),
      vote.voter.sign(precommitPayload(vote.target, round, setId)),
      vote.voter.id,
    ),
  );
  return concatBytes(
    u64(round),
    target.hash,
    u32(target.number),
    vec(precommits),
    vec(input.ancestries ?? []),
  );
}

/** Target of an encoded justification. */
export function justificationTarget(encoded: Uint8Array): VoteTarget {
  const reader = new ScaleReader(encoded, 8);
  return { hash: reader.take(32), number: reader.u32() };
}
