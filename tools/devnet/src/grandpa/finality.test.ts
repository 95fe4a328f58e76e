import { createPublicKey, verify } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { testPair } from '../chain/pair.test.kit.js';
import { concatBytes, fromHex, toHex } from '../primitives/bytes.js';
import { decodeHeader, headerHash, readAuthorityList, readHeader } from '../primitives/header.js';
import { ScaleReader, u32, u64 } from '../primitives/scale.js';
import { RelayKey } from '../primitives/storage-key.js';
import { threshold, voterFromSeed } from './authorities.js';
import { FinalityProofError } from './finality.js';

type Pair = Awaited<ReturnType<typeof testPair>>;
const open: Pair[] = [];
const pairWith = async (options: Parameters<typeof testPair>[0] = {}) => {
  const pair = await testPair(options);
  open.push(pair);
  return pair;
};
afterEach(async () => {
  for (const pair of open.splice(0)) await pair.dispose();
});

/** Checks a justification as a light client would: against the authorities in a state. */
function check(pair: Pair, justification: Uint8Array, setState: Uint8Array): number {
  const state = pair.relay.state(setState);
  const setId = new ScaleReader(state.get(RelayKey.grandpaCurrentSetId) ?? u64(0)).u64();
  const list = readAuthorityList(
    new ScaleReader(state.get(RelayKey.grandpaAuthoritiesOld) ?? new Uint8Array(), 1),
  );
  const known = new Set(list.map(({ id }) => toHex(id)));
  const reader = new ScaleReader(justification);
  const round = reader.u64();
  const target = reader.take(32);
  const number = reader.u32();
  expect(toHex(target)).toBe(toHex(pair.relay.hashAt(number) ?? new Uint8Array()));
  const precommits = reader.vec(
    (r) => ({ hash: r.take(32), number: r.u32(), signature: r.take(64), id: r.take(32) }),
    132,
  );
  const ancestries = reader.vec(readHeader);
  reader.end();
  expect(ancestries).toEqual([]);
  expect(new Set(precommits.map((p) => toHex(p.id))).size).toBe(precommits.length);
  expect(precommits.length).toBeGreaterThanOrEqual(threshold(list.length));
  for (const vote of precommits) {
    expect(known.has(toHex(vote.id))).toBe(true);
    const message = concatBytes(
      Uint8Array.of(1),
      vote.hash,
      u32(vote.number),
      u64(round),
      u64(setId),
    );
    const key = createPublicKey({
      key: Buffer.from(concatBytes(fromHex('302a300506032b6570032100'), vote.id)),
      format: 'der',
      type: 'spki',
    });
    expect(verify(null, message, key, vote.signature)).toBe(true);
  }
  return number;
}

it('has the key of a seed (RFC 8032, test 1)', () => {
  const seed = fromHex('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60');
  const voter = voterFromSeed(seed);
  expect(toHex(voter.id)).toBe(
    '0xd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
  );
  expect(toHex(voter.sign(new Uint8Array()))).toBe(
    '0xe5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  );
});

it.each([
  [1, 1],
  [3, 3],
  [4, 3],
  [7, 5],
  [10, 7],
  [68, 46],
  [70, 47],
])('of %i voters %i are needed', (total, needed) => {
  expect(threshold(total)).toBe(needed);
});

describe('the voters', () => {
  it('end a set with a justification of that set, and go on with the next', async () => {
    const pair = await pairWith({ sessionBlocks: 5, finalityLag: 7 });
    const seen: number[] = [];
    pair.finality.onJustification((justification) => {
      const target = pair.relay.block(new ScaleReader(justification, 8).take(32));
      const parent = decodeHeader(target?.header ?? new Uint8Array()).parentHash;
      seen.push(check(pair, justification, parent));
    });
    await pair.steps(9);
    await pair.finality.finalizeTo(9);
    expect(seen).toEqual([1, 2, 5, 9]);
    await pair.steps(12);
    await pair.finality.finalizeTo(21);
    // Jumps stop at the end of each set on their way.
    expect(seen.slice(4)).toEqual([10, 11, 12, 13, 14, 15, 20, 21]);
  });

  it('keep justifications at set changes and at the period only', async () => {
    const pair = await pairWith({ sessionBlocks: 10, justificationPeriod: 8, finalityLag: 0 });
    await pair.steps(33);
    const kept: number[] = [];
    for (let n = 0; n <= 33; n++) if (pair.relay.blockAt(n)?.justification) kept.push(n);
    expect(kept).toEqual([8, 10, 16, 20, 24, 30, 32]);
    for (const n of kept) {
      const block = pair.relay.blockAt(n);
      const parent = decodeHeader(block?.header ?? new Uint8Array()).parentHash;
      expect(check(pair, block?.justification ?? new Uint8Array(), parent)).toBe(n);
    }
  });

  it('keep the justification of the block that crosses the period', async () => {
    const pair = await pairWith({ sessionBlocks: 100, justificationPeriod: 8, finalityLag: 99 });
    await pair.steps(30);
    for (const n of [3, 11, 12, 17, 30]) await pair.finality.finalizeTo(n);
    const kept: number[] = [];
    for (let n = 0; n <= 30; n++) if (pair.relay.blockAt(n)?.justification) kept.push(n);
    expect(kept).toEqual([11, 17, 30]);
  });

  it.each([
    [8, true],
    [9, false],
  ])('keep that of the first finalised block only at the period: %i', async (first, keeps) => {
    const pair = await pairWith({ sessionBlocks: 100, justificationPeriod: 8, finalityLag: 99 });
    await pair.steps(10);
    await pair.finality.finalizeTo(first);
    expect(pair.relay.blockAt(first)?.justification !== undefined).toBe(keeps);
  });
});

describe('proof of finality', () => {
  const parse = (proof: Uint8Array | undefined) => {
    const reader = new ScaleReader(proof ?? new Uint8Array());
    const block = reader.take(32);
    const justification = reader.bytes();
    const headers = reader.vec((r) => {
      const from = r.position;
      readHeader(r);
      return r.input.subarray(from, r.position);
    });
    reader.end();
    return { block, justification, headers };
  };

  it('gives the end of an earlier set, and the newest justification in the current one', async () => {
    const pair = await pairWith({ sessionBlocks: 10, finalityLag: 2 });
    await pair.steps(28);
    expect(pair.relay.finalized.number).toBe(26);
    const cases: [asked: number, proved: number][] = [
      [0, 10],
      [4, 10],
      [10, 10],
      [11, 20],
      [20, 20],
      [21, 26],
      [26, 26],
    ];
    for (const [asked, proved] of cases) {
      const { block, justification, headers } = parse(pair.finality.proveFinality(asked));
      expect(toHex(block)).toBe(toHex(pair.relay.hashAt(proved) ?? block.subarray(1)));
      const parent = decodeHeader(pair.relay.header(block) ?? new Uint8Array()).parentHash;
      expect(check(pair, justification, parent)).toBe(proved);
      // The headers link the asked block to the proved one.
      let hash = toHex(pair.relay.hashAt(asked) ?? new Uint8Array());
      for (const header of headers) {
        expect(toHex(decodeHeader(header).parentHash)).toBe(hash);
        hash = toHex(headerHash(header));
      }
      expect(hash).toBe(toHex(block));
    }
  });

  it('is refused above the finalised block and in a first set that has not ended', async () => {
    const pair = await pairWith({ sessionBlocks: 10, finalityLag: 2 });
    await pair.steps(8);
    const reasonOf = (number: number) => {
      try {
        pair.finality.proveFinality(number);
        return undefined;
      } catch (error) {
        return error instanceof FinalityProofError ? error.reason : 'other';
      }
    };
    expect(reasonOf(7)).toBe('notYetFinalized');
    expect(reasonOf(6)).toBe('notInSetChanges');
    await pair.steps(4);
    expect(reasonOf(6)).toBeUndefined();
  });

  it('goes on with the rounds after a restart', async () => {
    const first = await testPair({ sessionBlocks: 100 });
    await first.steps(12);
    const { round } = first.finality.roundState();
    await first.close();
    const again = await pairWith({ directory: first.directory, sessionBlocks: 100 });
    expect(again.finality.roundState().round).toBe(round);
  });
});
