import { blake2b256 } from '../primitives/hash.js';
import { concatBytes } from '../primitives/bytes.js';
import { u64 } from '../primitives/scale.js';
import { threshold, type Voter } from './authorities.js';
import type { Vote, VoteTarget } from './justification.js';

/** Decides who votes for what in a round; another one can add ancestries. */
export type VotePlan = (input: {
  voters: readonly Voter[];
  setId: bigint;
  round: bigint;
  target: VoteTarget;
}) => { votes: Vote[]; ancestries?: Uint8Array[] };

/**
 * As on a live chain, not everybody is counted: at least the threshold, sometimes more, which ones
 * depending on the target's hash and nothing else. All vote for the target itself.
 */
export const directVotes: VotePlan = ({ voters, round, target }) => {
  const dice = blake2b256(concatBytes(target.hash, u64(round)));
  const needed = threshold(voters.length);
  const spare = voters.length - needed + 1;
  const count = needed + ((dice[0] ?? 0) % spare);
  const first = ((dice[1] ?? 0) * 256 + (dice[2] ?? 0)) % voters.length;
  const chosen = Array.from(
    { length: count },
    (_, i) => voters[(first + i) % voters.length] as Voter,
  );
  chosen.sort((a, b) => Buffer.compare(a.id, b.id));
  return { votes: chosen.map((voter) => ({ voter, target })) };
};

/**
 * As {@link directVotes}, but every third voter has voted for a block above the target, as voters do that
 * were ahead: the justification then carries the headers in between.
 *
 * @param above headers of best-chain blocks right above a block, lowest first, at most so many
 */
export function votesWithAncestries(
  above: (
    target: VoteTarget,
  ) => readonly { hash: Uint8Array; number: number; header: Uint8Array }[],
): VotePlan {
  return (input) => {
    const { votes } = directVotes(input);
    const headers = above(input.target);
    if (headers.length === 0) return { votes };
    let highest = 0;
    const spread = votes.map((vote, index) => {
      if (index % 3 !== 1) return vote;
      const height = 1 + (Math.floor(index / 3) % headers.length);
      highest = Math.max(highest, height);
      const { hash, number } = headers[height - 1] as (typeof headers)[number];
      return { ...vote, target: { hash, number } };
    });
    return {
      votes: spread,
      ancestries: headers.slice(0, highest).map(({ header }) => header),
    };
  };
}
