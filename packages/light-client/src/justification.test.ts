import { fromHex } from '@runtime-bridge/base';
import {
  type AuthoritySet,
  CodecError,
  decodeHeader,
  decodeJustification,
  encodeJustification,
  headerHash,
  headerNumber,
  type Precommit,
} from '@runtime-bridge/blob-codec';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LightClientError } from './errors.js';
import {
  justify,
  makeHeaders,
  makeVoters,
  setOf,
  type TestVoter,
  vote,
} from './grandpa.test.support.js';
import { verifyJustification, verifyJustificationAsync } from './justification.js';
import {
  authoritySetOf,
  describeRecorded,
  recordedBytes,
  recordedJson,
} from './recorded-chains.test.support.js';
import { grandpaThreshold } from './voters.js';

const voters = makeVoters(10); // threshold 7
const set = setOf(voters);
const strangers = makeVoters(3, 1000);
const chain = makeHeaders(6);
const fork = makeHeaders(3, { first: 102, parent: headerHash(chain[1]!), fork: 9 });
const target = chain[2]!;
const targetOf = (raw: Uint8Array): { hash: Uint8Array; number: number } => ({
  hash: headerHash(raw),
  number: headerNumber(raw),
});
const votes = (from: readonly TestVoter[], header: Uint8Array): Precommit[] =>
  from.map((voter) => vote(voter, header));

/** The code with which a justification is refused, by both variants. */
async function refusal(
  justification: Uint8Array,
  of: AuthoritySet = set,
  header: Uint8Array = target,
): Promise<string | undefined> {
  const claim = { justification, set: of, target: targetOf(header) };
  const codeOf = (error: unknown): string => {
    if (error instanceof LightClientError || error instanceof CodecError) return error.code;
    throw error;
  };
  let code: string | undefined;
  try {
    verifyJustification(claim);
  } catch (error) {
    code = codeOf(error);
  }
  const asyncCode = await verifyJustificationAsync(claim).then(() => undefined, codeOf);
  expect(asyncCode).toBe(code);
  return code;
}

describe('grandpaThreshold', () => {
  it.each([
    [1, 1],
    [3, 3],
    [4, 3],
    [5, 4],
    [6, 5],
    [7, 5],
    [10, 7],
    [100, 67],
    [101, 68],
    [102, 69],
    [103, 69],
  ])('of %i is %i', (total, threshold) => {
    expect(grandpaThreshold(BigInt(total))).toBe(BigInt(threshold));
  });
});

describe('verifyJustification', () => {
  it('accepts votes at the threshold and refuses one less', async () => {
    const verified = verifyJustification({
      justification: justify(target, votes(voters.slice(0, 7), target)),
      set,
      target: targetOf(target),
    });
    expect(verified).toMatchObject({ weight: 7n, threshold: 7n, totalWeight: 10n, setId: 7n });
    expect(await refusal(justify(target, votes(voters.slice(0, 6), target)))).toBe(
      'BELOW_THRESHOLD',
    );
    expect(await refusal(justify(target, []))).toBe('BELOW_THRESHOLD');
  });

  it('counts weights, not heads', async () => {
    const weighted: AuthoritySet = {
      setId: 7n,
      authorities: voters.map(({ id }, i) => ({ id, weight: i === 0 ? 91n : 1n })),
    };
    expect(await refusal(justify(target, votes(voters.slice(0, 1), target)), weighted)).toBe(
      undefined,
    );
    expect(await refusal(justify(target, votes(voters.slice(1), target)), weighted)).toBe(
      'BELOW_THRESHOLD',
    );
    expect(await refusal(justify(target, []), setOf(voters, 7n, 0n))).toBe('EMPTY_AUTHORITY_SET');
  });

  it('refuses another target, round or set', async () => {
    const good = justify(target, votes(voters, target));
    expect(await refusal(good)).toBe(undefined);
    expect(await refusal(good, set, chain[3])).toBe('WRONG_TARGET');
    expect(headerNumber(fork[0]!)).toBe(headerNumber(target));
    expect(await refusal(good, set, fork[0])).toBe('WRONG_TARGET');
    expect(await refusal(good, setOf(voters, 8n))).toBe('BAD_SIGNATURE');
    const round = encodeJustification({ ...decodeJustification(good), round: 4n });
    expect(await refusal(round)).toBe('BAD_SIGNATURE');
  });

  it('counts a voter once, however often the same vote is there', async () => {
    const six = votes(voters.slice(0, 6), target);
    expect(await refusal(justify(target, [...six, six[0]!, six[1]!]))).toBe('BELOW_THRESHOLD');
    // nor does voting below the target twice count as voting for everything
    const below = vote(voters[6]!, chain[1]!);
    expect(await refusal(justify(target, [...six, below, below], [target]))).toBe(
      'BELOW_THRESHOLD',
    );
  });

  it('counts votes above the target for it, with the headers between', async () => {
    const above = [...votes(voters.slice(0, 4), target), ...votes(voters.slice(4, 7), chain[4]!)];
    expect(await refusal(justify(target, above, [chain[3]!, chain[4]!]))).toBe(undefined);
    expect(await refusal(justify(target, above, [chain[4]!, chain[3]!, chain[3]!]))).toBe(
      undefined,
    );
    expect(await refusal(justify(target, above, [chain[4]!]))).toBe('BAD_ANCESTRY');
    expect(await refusal(justify(target, above, []))).toBe('BAD_ANCESTRY');
    expect(await refusal(justify(target, above, [chain[3]!, chain[4]!, chain[5]!]))).toBe(
      'UNUSED_ANCESTRY',
    );
    expect(await refusal(justify(target, above, [target, chain[3]!, chain[4]!]))).toBe(
      'UNUSED_ANCESTRY',
    );
  });

  it('counts votes below the target not for it, but links from the lowest one', async () => {
    const below = [...votes(voters.slice(0, 7), target), ...votes(voters.slice(7), chain[1]!)];
    expect(await refusal(justify(target, below, [target]))).toBe(undefined);
    expect(await refusal(justify(target, below, []))).toBe('BAD_ANCESTRY');
    const tooMany = [...votes(voters.slice(0, 6), target), ...votes(voters.slice(6), chain[1]!)];
    expect(await refusal(justify(target, tooMany, [target]))).toBe('BELOW_THRESHOLD');
  });

  it('refuses a target below the block that the votes finalise', async () => {
    const above = votes(voters, chain[3]!);
    const lower = [...votes(voters.slice(0, 3), target), ...votes(voters.slice(3), chain[3]!)];
    expect(await refusal(justify(target, above, [chain[3]!]))).toBe('BELOW_THRESHOLD');
    expect(await refusal(justify(target, lower, [chain[3]!]))).toBe('NOT_THE_GHOST');
  });

  it('refuses votes on a fork that is not linked, and takes a linked one', async () => {
    const forked = [...votes(voters.slice(0, 7), target), ...votes(voters.slice(7), fork[0]!)];
    expect(await refusal(justify(target, forked, [fork[0]!]))).toBe('BAD_ANCESTRY');
    const linked = [...forked.slice(0, 9), vote(voters[9]!, chain[1]!)];
    expect(await refusal(justify(target, linked, [target, fork[0]!]))).toBe(undefined);
  });

  it('lets a voter who voted twice count for every block, once', async () => {
    const base = votes(voters.slice(0, 5), target);
    const twice = [...votes([voters[5]!], chain[3]!), ...votes([voters[5]!], chain[4]!)];
    const more = [...votes([voters[6]!], chain[3]!), ...votes([voters[6]!], chain[5]!)];
    const ancestry = [chain[3]!, chain[4]!, chain[5]!];
    const good = [...base, ...twice, ...more];
    expect(await refusal(justify(target, good, ancestry))).toBe(undefined);
    expect(await refusal(justify(target, [...base, ...twice], ancestry.slice(0, 2)))).toBe(
      'BELOW_THRESHOLD',
    );
    const others = voters.slice(5, 9).flatMap((voter) => votes([voter], chain[3]!));
    const all = [...base, ...others, ...voters.slice(5, 9).map((voter) => vote(voter, chain[4]!))];
    expect(await refusal(justify(target, all, [chain[3]!, chain[4]!]))).toBe(
      'TOO_MANY_EQUIVOCATIONS',
    );
  });

  it('does not count strangers, yet wants their signatures and links', async () => {
    const six = votes(voters.slice(0, 6), target);
    const seven = votes(voters.slice(0, 7), target);
    const strange = votes(strangers, target);
    expect(await refusal(justify(target, [...six, ...strange]))).toBe('BELOW_THRESHOLD');
    expect(await refusal(justify(target, [...seven, ...strange]))).toBe(undefined);
    const forged = { ...strange[0]!, signature: strange[1]!.signature };
    expect(await refusal(justify(target, [...seven, forged]))).toBe('BAD_SIGNATURE');
    const elsewhere = vote(strangers[0]!, fork[2]!);
    expect(await refusal(justify(target, [...seven, elsewhere]))).toBe('BAD_ANCESTRY');
  });

  it('refuses a vote for the target under another number', async () => {
    const six = votes(voters.slice(0, 7), target);
    const lying = { ...six[0]!, targetNumber: six[0]!.targetNumber - 1 };
    expect(await refusal(justify(target, [lying, ...six.slice(1)]))).toBe('NOT_THE_GHOST');
  });

  it('refuses more votes than could be cast before it looks at any', async () => {
    const [one] = votes(voters.slice(0, 1), target);
    const many = Array.from({ length: 121 }, () => one!);
    expect(await refusal(justify(target, many))).toBe('TOO_MANY_VOTES');
  });

  it('refuses a change of any byte, and any cut', async () => {
    const above = [...votes(voters.slice(0, 6), target), ...votes(voters.slice(6, 7), chain[3]!)];
    const good = justify(target, above, [chain[3]!]);
    expect(await refusal(good)).toBe(undefined);
    for (let i = 0; i < good.length; i++) {
      const changed = good.map((byte, at) => (at === i ? byte ^ (1 + (i % 255)) : byte));
      expect(await refusal(changed), `byte ${i}`).toBeTypeOf('string');
    }
    for (let length = 0; length < good.length; length += 7) {
      expect(await refusal(good.slice(0, length))).toBe('TRUNCATED');
    }
    expect(await refusal(new Uint8Array([...good, 0]))).toBe('TRAILING_BYTES');
  });
});

describeRecorded('recorded Rococo justifications', () => {
  interface Meta {
    setId: number;
    authoritySet: string;
    targetNumber: number;
  }
  const cases = (): Meta[] =>
    recordedJson<{ number: number }[]>('grandpa/rococo/index.json').map(({ number }) =>
      recordedJson<Meta>(`grandpa/rococo/${number}/meta.json`),
    );
  const setOfCase = ({ setId }: Meta): AuthoritySet =>
    authoritySetOf(
      setId,
      recordedJson<{ authorities: [string, number][] }>(
        `grandpa/rococo/authority-sets/${setId}.json`,
      ).authorities,
    );

  it('all prove their header, by their own set only', () => {
    const all = cases();
    expect(all).toHaveLength(39);
    for (const meta of all) {
      const header = recordedBytes(`grandpa/rococo/${meta.targetNumber}/signed_header.scale`);
      const justification = recordedBytes(
        `grandpa/rococo/${meta.targetNumber}/justification.scale`,
      );
      const claim = { justification, set: setOfCase(meta), target: targetOf(header) };
      expect(verifyJustification(claim).targetNumber).toBe(meta.targetNumber);
      const next = { ...claim.set, setId: claim.set.setId + 1n };
      expect(() => verifyJustification({ ...claim, set: next })).toThrow(
        expect.objectContaining({ code: 'BAD_SIGNATURE' }),
      );
      expect(decodeHeader(header).number).toBe(meta.targetNumber);
    }
  });

  it('are refused with any byte changed', () => {
    const [meta] = cases();
    const header = recordedBytes(`grandpa/rococo/${meta!.targetNumber}/signed_header.scale`);
    const good = recordedBytes(`grandpa/rococo/${meta!.targetNumber}/justification.scale`);
    const claim = { set: setOfCase(meta!), target: targetOf(header) };
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), (at, mask) => {
        const justification = good.map((byte, i) => (i === at ? byte ^ mask : byte));
        expect(() => verifyJustification({ ...claim, justification })).toThrow();
      }),
      { numRuns: 150 },
    );
  });

  it('come with sets whose announcing header is what it says', () => {
    const { announcedInHeader } = recordedJson<{
      announcedInHeader: { hash: string; scale: string };
    }>('grandpa/rococo/authority-sets/2149.json');
    const raw = fromHex(announcedInHeader.scale);
    expect(Buffer.from(headerHash(raw)).toString('hex')).toBe(announcedInHeader.hash.slice(2));
  });
});
