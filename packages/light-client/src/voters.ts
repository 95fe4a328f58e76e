import { type AuthoritySet } from '@runtime-bridge/blob-codec';
import { LightClientError, LightClientErrorCode } from './errors.js';

/** The voters of an authority set with their weights, as GRANDPA counts them. */
export interface Voters {
  /** weight by public key, see {@link voterName} */
  weights: ReadonlyMap<string, bigint>;
  totalWeight: bigint;
  /** the weight that finalises: total − ⌊(total − 1) / 3⌋ */
  threshold: bigint;
}

/** A map key for 32 bytes. */
export function voterName(id: Uint8Array): string {
  return Buffer.from(id.buffer, id.byteOffset, id.byteLength).toString('latin1');
}

/** The weight that is enough to finalise. */
export function grandpaThreshold(totalWeight: bigint): bigint {
  return totalWeight - (totalWeight - 1n) / 3n;
}

/**
 * Counts the weights of a set. As in finality-grandpa's VoterSet, voters without weight do not exist and weights of a
 * repeated key add up.
 * @throws LightClientError EMPTY_AUTHORITY_SET
 */
export function countVoters(set: AuthoritySet): Voters {
  const weights = new Map<string, bigint>();
  let totalWeight = 0n;
  for (const { id, weight } of set.authorities) {
    if (weight === 0n) continue;
    const name = voterName(id);
    weights.set(name, (weights.get(name) ?? 0n) + weight);
    totalWeight += weight;
  }
  if (totalWeight === 0n) {
    throw new LightClientError(
      LightClientErrorCode.EMPTY_AUTHORITY_SET,
      'The authority set has no voter with weight',
      { facts: { setId: set.setId, authorities: set.authorities.length } },
    );
  }
  return { weights, totalWeight, threshold: grandpaThreshold(totalWeight) };
}
