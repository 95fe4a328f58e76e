import { bytesEqual, toHex } from '@runtime-bridge/base';
import {
  type AuthoritySet,
  decodeJustification,
  type Justification,
  type Precommit,
  precommitPayload,
} from '@runtime-bridge/blob-codec';
import { NodeEd25519, type SignatureVerifier } from './ed25519.js';
import { LightClientError, LightClientErrorCode } from './errors.js';
import { Ancestry, VoteGraph } from './vote-graph.js';
import { countVoters, voterName, type Voters } from './voters.js';

/** What is to be proved, by what, and who may prove it. */
export interface JustificationClaim {
  /** encoded justification */
  justification: Uint8Array;
  /** the set in force at the target: the one before a change that the target itself announces */
  set: AuthoritySet;
  /** the header that the justification came with; without it only the justification's own target is proved */
  target?: { hash: Uint8Array; number: number } | undefined;
}

/** What a justification was found to prove. */
export interface VerifiedJustification {
  round: bigint;
  setId: bigint;
  targetHash: Uint8Array;
  targetNumber: number;
  /** weight that voted for the target or a block above it; voters who voted twice count */
  weight: bigint;
  threshold: bigint;
  totalWeight: bigint;
  /** votes of keys that are not in the set */
  unknownVotes: number;
  /** voters with two different votes */
  equivocations: number;
}

/** Functions put in from outside. */
export interface JustificationDeps {
  signatures?: SignatureVerifier;
}

/** Every voter may vote twice (an equivocation); the rest is tolerance for votes of strangers, which do not count. */
const MAX_STRANGE_VOTES = 100;

const nodeSignatures: SignatureVerifier = new NodeEd25519();

/**
 * Checks a GRANDPA justification as a worker does: target; votes of the set's members above the threshold for exactly the
 * target (the highest block that has it), voters who voted twice counting for every block; every vote linked to the
 * lowest voted block by the headers that came along, none of which is superfluous; every signature valid for the round
 * and the set, those of strangers too.
 *
 * Sources: finality-grandpa 0.16 src/lib.rs (validate_commit), src/round.rs; phala-blockchain 40ffcd1be
 * crates/phactory/src/light_validation/justification.rs. Stricter than they: a justification with trailing bytes, with
 * absurdly many votes, or in which more voters than tolerated voted twice is refused.
 *
 * @throws LightClientError EMPTY_AUTHORITY_SET, WRONG_TARGET, TOO_MANY_VOTES, BELOW_THRESHOLD, NOT_THE_GHOST,
 *   TOO_MANY_EQUIVOCATIONS, BAD_ANCESTRY, UNUSED_ANCESTRY, BAD_SIGNATURE
 * @throws CodecError when the bytes are no justification
 */
export function verifyJustification(
  claim: JustificationClaim,
  { signatures = nodeSignatures }: JustificationDeps = {},
): VerifiedJustification {
  const { justification, verified } = verifyVotes(claim);
  for (const precommit of justification.precommits) {
    const valid = signatures.verify(...signedVote(precommit, verified));
    if (!valid) throw badSignature(precommit, verified);
  }
  return verified;
}

/** {@link verifyJustification} with the signatures checked in parallel in the thread pool. */
export async function verifyJustificationAsync(
  claim: JustificationClaim,
  { signatures = nodeSignatures }: JustificationDeps = {},
): Promise<VerifiedJustification> {
  const { justification, verified } = verifyVotes(claim);
  await Promise.all(
    justification.precommits.map(async (precommit) => {
      const valid = await signatures.verifyAsync(...signedVote(precommit, verified));
      if (!valid) throw badSignature(precommit, verified);
    }),
  );
  return verified;
}

/** Everything but the signatures. */
function verifyVotes({ justification: bytes, set, target }: JustificationClaim): {
  justification: Justification;
  verified: VerifiedJustification;
} {
  const voters = countVoters(set);
  const justification = decodeJustification(bytes);
  const { targetHash, targetNumber, precommits } = justification;
  if (
    target !== undefined &&
    (targetNumber !== target.number || !bytesEqual(targetHash, target.hash))
  ) {
    throw new LightClientError(
      LightClientErrorCode.WRONG_TARGET,
      'The justification proves another block',
      {
        facts: {
          block: target.number,
          hash: toHex(target.hash),
          justifiedBlock: targetNumber,
          justifiedHash: toHex(targetHash),
        },
      },
    );
  }
  const maxVotes = 2 * set.authorities.length + MAX_STRANGE_VOTES;
  if (precommits.length > maxVotes) {
    throw new LightClientError(
      LightClientErrorCode.TOO_MANY_VOTES,
      'The justification holds more votes than its authority set could cast',
      { facts: { block: targetNumber, votes: precommits.length, limit: maxVotes } },
    );
  }

  const ancestry = new Ancestry(justification.votesAncestries);
  const counted = countVotes(justification, voters, ancestry);
  verifyAncestry(justification, ancestry);
  return {
    justification,
    verified: {
      round: justification.round,
      setId: set.setId,
      targetHash,
      targetNumber,
      threshold: voters.threshold,
      totalWeight: voters.totalWeight,
      ...counted,
    },
  };
}

/** Counts the votes of the set's members and makes sure that the target is what they finalise. */
function countVotes(
  justification: Justification,
  voters: Voters,
  ancestry: Ancestry,
): Pick<VerifiedJustification, 'weight' | 'unknownVotes' | 'equivocations'> {
  const { targetHash, targetNumber, precommits } = justification;
  const known = precommits.filter(({ authorityId }) => voters.weights.has(voterName(authorityId)));
  const base = lowest(known);
  const facts = {
    block: targetNumber,
    votes: precommits.length,
    threshold: voters.threshold,
    totalWeight: voters.totalWeight,
  };
  if (base === undefined) {
    throw new LightClientError(
      LightClientErrorCode.BELOW_THRESHOLD,
      'The justification holds no vote of the authority set',
      { facts },
    );
  }

  const graph = new VoteGraph(ancestry, base);
  const votes = new Map<string, Precommit[]>();
  for (const precommit of known) {
    graph.reach(precommit);
    const name = voterName(precommit.authorityId);
    const earlier = votes.get(name) ?? [];
    // The same vote twice is one; a third different one changes nothing any more.
    if (earlier.length < 2 && !earlier.some((vote) => isSameVote(vote, precommit))) {
      votes.set(name, [...earlier, precommit]);
    }
  }

  let equivocations = 0;
  let everywhere = 0n; // weight of voters who voted twice: it counts for every block
  for (const [name, [vote, second]] of votes) {
    const weight = voters.weights.get(name) ?? 0n;
    if (vote === undefined) continue;
    if (second === undefined) {
      graph.reach(vote).weight += weight;
    } else {
      equivocations += 1;
      everywhere += weight;
    }
  }
  if (everywhere > voters.totalWeight - voters.threshold) {
    throw new LightClientError(
      LightClientErrorCode.TOO_MANY_EQUIVOCATIONS,
      'More voters than GRANDPA tolerates voted twice',
      { facts: { ...facts, equivocations, weight: everywhere } },
    );
  }

  graph.accumulate();
  const block = graph.get(targetHash);
  const weight = block === undefined ? 0n : block.weight + everywhere;
  if (block === undefined || weight < voters.threshold) {
    throw new LightClientError(
      LightClientErrorCode.BELOW_THRESHOLD,
      'The votes do not reach the threshold for the block',
      { facts: { ...facts, weight } },
    );
  }
  const isVotedFor = known.find((vote) => bytesEqual(vote.targetHash, targetHash));
  const votedNumber = bytesEqual(base.targetHash, targetHash)
    ? base.targetNumber
    : (isVotedFor?.targetNumber ?? ancestry.numberOf(block.name));
  if (votedNumber !== targetNumber || graph.heaviestAbove(block) + everywhere >= voters.threshold) {
    throw new LightClientError(
      LightClientErrorCode.NOT_THE_GHOST,
      'The votes finalise another block than the justification states',
      { facts: { ...facts, weight, votedNumber } },
    );
  }
  return { weight, unknownVotes: precommits.length - known.length, equivocations };
}

/** Every vote, those of strangers too, must be linked to the lowest one, and every header must be needed for that. */
function verifyAncestry({ precommits, targetNumber }: Justification, ancestry: Ancestry): void {
  const base = lowest(precommits);
  if (base === undefined) return;
  const graph = new VoteGraph(ancestry, base);
  for (const precommit of precommits) graph.reach(precommit);
  if (graph.visitedHeaders !== ancestry.size) {
    throw new LightClientError(
      LightClientErrorCode.UNUSED_ANCESTRY,
      'The justification holds headers that no vote needs',
      { facts: { block: targetNumber, headers: ancestry.size, needed: graph.visitedHeaders } },
    );
  }
}

/** The first of the votes for the lowest block. */
function lowest(precommits: readonly Precommit[]): Precommit | undefined {
  let base: Precommit | undefined;
  for (const precommit of precommits) {
    if (base === undefined || precommit.targetNumber < base.targetNumber) base = precommit;
  }
  return base;
}

function isSameVote(a: Precommit, b: Precommit): boolean {
  return a.targetNumber === b.targetNumber && bytesEqual(a.targetHash, b.targetHash);
}

function signedVote(
  { targetHash, targetNumber, signature, authorityId }: Precommit,
  { round, setId }: VerifiedJustification,
): [publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array] {
  return [authorityId, precommitPayload(targetHash, targetNumber, round, setId), signature];
}

function badSignature(precommit: Precommit, verified: VerifiedJustification): LightClientError {
  return new LightClientError(
    LightClientErrorCode.BAD_SIGNATURE,
    "A vote's signature is not valid for its round and authority set",
    {
      facts: {
        block: verified.targetNumber,
        authority: toHex(precommit.authorityId),
        round: verified.round,
        setId: verified.setId,
      },
    },
  );
}
