import { afterEach, describe, expect, it } from 'vitest';
import { toHex } from '../primitives/bytes.js';
import {
  decodeHeader,
  encodeAuthorityList,
  headerHash,
  scheduledChange,
} from '../primitives/header.js';
import { readProof } from '../primitives/proof.js';
import { ScaleReader } from '../primitives/scale.js';
import { RelayKey } from '../primitives/storage-key.js';
import { SignatureVerifier } from '../workers/ed25519.js';
import { verifyJustification } from '../workers/justification.js';
import { testPair } from './pair.test.kit.js';

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

const hex = (bytes: Uint8Array | undefined) => toHex(bytes ?? new Uint8Array());
const HEADS = RelayKey.parasHeads(2004);

/** Number of the parachain head in a relay block's state. */
function headNumber(pair: Pair, relayNumber: number): number {
  const state = pair.relay.state(pair.relay.hashAt(relayNumber) ?? new Uint8Array());
  return decodeHeader(new ScaleReader(state.get(HEADS) ?? new Uint8Array()).bytes()).number;
}

/** Checks a justification as a worker does, against the set in force before its target. */
function verify(pair: Pair, encoded: Uint8Array): { number: number; ancestries: number } {
  const reader = new ScaleReader(encoded, 8);
  const target = { hash: reader.take(32), number: reader.u32() };
  const header = decodeHeader(pair.relay.header(target.hash) ?? new Uint8Array());
  const value = pair.relay.state(header.parentHash).get(RelayKey.grandpaCurrentSetId);
  const id = new ScaleReader(value ?? new Uint8Array(8)).u64();
  const list = pair.keys.authorities(id);
  verifyJustification(
    encoded,
    target,
    { list, encodedList: encodeAuthorityList(list), id },
    new SignatureVerifier(),
  );
  reader.vec((r) => r.take(132));
  return { number: target.number, ancestries: reader.compact() };
}

describe('votes with ancestries', () => {
  it('are accepted by a light client, and never go past the end of a set', async () => {
    const pair = await pairWith({ voteAncestries: true, finalityLag: 4, authorities: 10 });
    const seen: ReturnType<typeof verify>[] = [];
    pair.finality.onJustification((encoded) => seen.push(verify(pair, encoded)));
    await pair.steps(34);
    expect(seen.length).toBeGreaterThanOrEqual(30);
    const at = (number: number) => seen.find((one) => one.number === number)?.ancestries ?? -1;
    expect(at(15)).toBeGreaterThan(1);
    for (const end of [10, 20, 30]) {
      expect(at(end)).toBe(0);
      expect(at(end - 1)).toBe(1);
    }
  });
});

describe('finality', () => {
  it('is held, then jumps, stopping at the end of each set', async () => {
    const pair = await pairWith({ sessionBlocks: 10, finalityLag: 2 });
    await pair.steps(8);
    pair.pair.state.isFinalityHeld = true;
    const seen: number[] = [];
    pair.finality.onJustification((encoded) => seen.push(verify(pair, encoded).number));
    await pair.steps(20);
    expect(pair.relay.finalized.number).toBe(6);
    expect(seen).toEqual([]);
    pair.pair.state.isFinalityHeld = false;
    await pair.steps(1);
    expect(seen).toEqual([10, 20, 27]);
    expect(pair.para.finalized.number).toBe(headNumber(pair, 27));
  });

  it('lags as far as is asked while running', async () => {
    const pair = await pairWith({ finalityLag: 2 });
    await pair.steps(12);
    pair.pair.state.finalityLag = 9;
    await pair.steps(5);
    expect(pair.relay.finalized.number).toBe(10);
    await pair.steps(5);
    expect([pair.relay.best.number, pair.relay.finalized.number]).toEqual([22, 13]);
  });
});

describe('reorganisations', () => {
  it('replace blocks that are not final, the parachain goes back and on', async () => {
    const pair = await pairWith({ finalityLag: 8, sessionBlocks: 5 });
    await pair.steps(21);
    const [finalized, paraBest] = [pair.relay.finalized.number, pair.para.best.number];
    const old = toHex(pair.relay.hashAt(18) ?? new Uint8Array());
    const heads = headNumber(pair, 15);
    expect(await pair.pair.reorganise(6, 1_700_000_100_000)).toBe(6);
    expect(pair.relay.best.number).toBe(22);
    expect(toHex(pair.relay.hashAt(18) ?? new Uint8Array())).not.toBe(old);
    expect(pair.para.best.number).toBe(heads);
    expect(heads).toBeLessThan(paraBest);
    expect(pair.pool.told).toContain(`retracted ${paraBest}`);
    await pair.steps(12);
    expect(pair.para.best.number).toBeGreaterThan(paraBest);
    expect(pair.relay.finalized.number).toBeGreaterThan(finalized + 10);
    for (let n = 16; n <= pair.relay.finalized.number; n++) {
      const hash = pair.relay.hashAt(n) ?? new Uint8Array();
      const header = decodeHeader(pair.relay.header(hash) ?? new Uint8Array());
      expect(hex(header.parentHash)).toBe(hex(pair.relay.hashAt(n - 1)));
      expect(scheduledChange(header) !== undefined).toBe(n % 5 === 0);
    }
  });

  it('never go below what is final', async () => {
    const pair = await pairWith({ finalityLag: 3 });
    await pair.steps(10);
    const final = pair.relay.hashAt(7);
    expect(await pair.pair.reorganise(100, 1_700_000_100_000)).toBe(3);
    expect(hex(pair.relay.hashAt(7))).toBe(hex(final));
    await pair.pair.reorganise(1, 1_700_000_200_000);
    await pair.steps(2);
    pair.pair.state.finalityLag = 0;
    await pair.steps(1);
    expect(await pair.pair.reorganise(5, 1_700_000_300_000)).toBe(0);
  });
});

describe('parachain heads', () => {
  it('skip blocks when several are built on one relay block', async () => {
    const pair = await pairWith({ paraBlocksPerHead: 3 });
    await pair.steps(12);
    const numbers = Array.from({ length: 12 }, (_, n) => headNumber(pair, n + 1));
    expect(numbers).toEqual([0, 0, 3, 3, 6, 6, 9, 9, 12, 12, 15, 15]);
    for (let n = 1; n <= 15; n++) {
      const header = decodeHeader(pair.para.blockAt(n)?.header ?? new Uint8Array());
      expect(hex(header.parentHash)).toBe(hex(pair.para.hashAt(n - 1)));
    }
    const state = pair.relay.state(pair.relay.finalized.hash);
    const head = readProof(state.prove([HEADS]), state.root(), HEADS);
    expect(hex(headerHash(new ScaleReader(head ?? new Uint8Array()).bytes()))).toBe(
      hex(pair.para.finalized.hash),
    );
  });
});

describe('sizes', () => {
  it.each([1, 3, 2000])('sessions of %i blocks', async (sessionBlocks) => {
    const pair = await pairWith({ sessionBlocks, finalityLag: 1 });
    let verified = 0;
    pair.finality.onJustification(
      (encoded) => (verified += verify(pair, encoded).number > 0 ? 1 : 0),
    );
    await pair.steps(12);
    expect(verified).toBeGreaterThanOrEqual(11);
    expect(pair.finality.roundState().setId).toBe(BigInt(Math.floor(11 / sessionBlocks)));
  });

  it('1,000 voters', async () => {
    const pair = await pairWith({ authorities: 1000, sessionBlocks: 2, finalityLag: 0 });
    const seen: number[] = [];
    pair.finality.onJustification((encoded) => seen.push(verify(pair, encoded).number));
    await pair.steps(3);
    expect(seen).toEqual([1, 2, 3]);
  });

  it.each([0, 1] as const)('state version %i', async (stateVersion) => {
    const pair = await pairWith({ stateVersion });
    await pair.steps(12);
    const hash = pair.relay.hashAt(9) ?? new Uint8Array();
    const state = pair.relay.state(hash);
    const proof = state.prove([HEADS]);
    const { stateRoot } = decodeHeader(pair.relay.header(hash) ?? new Uint8Array());
    expect(toHex(readProof(proof, stateRoot, HEADS) ?? new Uint8Array())).toBe(
      toHex(state.get(HEADS) ?? new Uint8Array()),
    );
    // Version 1 keeps the head, longer than 32 bytes, as a node of its own.
    const isOwnNode = proof.some(
      (node) => toHex(node) === toHex(state.get(HEADS) ?? node.subarray(1)),
    );
    expect(isOwnNode).toBe(stateVersion === 1);
  });
});
