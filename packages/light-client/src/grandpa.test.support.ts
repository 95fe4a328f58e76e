import { createPrivateKey, createPublicKey, sign } from 'node:crypto';
import {
  type AuthoritySet,
  encodeHeader,
  encodeJustification,
  type DigestItem,
  headerHash,
  headerNumber,
  type Precommit,
  precommitPayload,
} from '@runtime-bridge/blob-codec';

const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

const ZERO: Uint8Array = new Uint8Array(32);

/** A GRANDPA voter with its private key. */
export interface TestVoter {
  id: Uint8Array;
  sign(message: Uint8Array): Uint8Array;
}

/** Voters with keys made of their number. */
export function makeVoters(count: number, first = 1): TestVoter[] {
  return Array.from({ length: count }, (_, i) => {
    const seed = Buffer.alloc(32);
    seed.writeUInt32BE(first + i);
    const key = createPrivateKey({
      key: Buffer.concat([PKCS8_PREFIX, seed]),
      format: 'der',
      type: 'pkcs8',
    });
    const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
    return {
      id: new Uint8Array(spki.subarray(-32)),
      sign: (message) => new Uint8Array(sign(null, message, key)),
    };
  });
}

export function setOf(voters: readonly TestVoter[], setId = 7n, weight = 1n): AuthoritySet {
  return { setId, authorities: voters.map(({ id }) => ({ id, weight })) };
}

/** Encoded headers that follow on each other; `fork` makes others with the same numbers. */
export function makeHeaders(
  count: number,
  {
    first = 100,
    parent = ZERO,
    fork = 0,
    logs = [],
    stateRoot = ZERO,
  }: {
    first?: number;
    parent?: Uint8Array;
    fork?: number;
    logs?: DigestItem[];
    stateRoot?: Uint8Array;
  } = {},
): Uint8Array[] {
  const headers: Uint8Array[] = [];
  let parentHash = parent;
  for (let number = first; number < first + count; number++) {
    const raw = encodeHeader({
      parentHash,
      number,
      stateRoot,
      extrinsicsRoot: new Uint8Array(32).fill(fork),
      logs: number === first + count - 1 ? logs : [],
    });
    headers.push(raw);
    parentHash = headerHash(raw);
  }
  return headers;
}

export const ROUND = 3n;

export function vote(voter: TestVoter, header: Uint8Array, setId = 7n): Precommit {
  const targetHash = headerHash(header);
  const targetNumber = headerNumber(header);
  const payload = precommitPayload(targetHash, targetNumber, ROUND, setId);
  return { targetHash, targetNumber, signature: voter.sign(payload), authorityId: voter.id };
}

export function justify(
  target: Uint8Array,
  precommits: Precommit[],
  votesAncestries: Uint8Array[] = [],
): Uint8Array {
  return encodeJustification({
    round: ROUND,
    targetHash: headerHash(target),
    targetNumber: headerNumber(target),
    precommits,
    votesAncestries,
  });
}
