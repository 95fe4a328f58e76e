import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { toHex, utf8 } from '../primitives/bytes.js';
import { decodeHeader, headerHash } from '../primitives/header.js';
import { ScaleReader, u32 } from '../primitives/scale.js';
import { RelayKey } from '../primitives/storage-key.js';
import { readProof } from '../primitives/proof.js';
import { Chain, ChainError } from './chain.js';
import { testPair } from './pair.test.kit.js';
import { openChainDb } from './store.js';
import type { Block } from './types.js';

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

const headOf = ({ relay }: Pair, hash: Uint8Array) =>
  new ScaleReader(relay.state(hash).get(RelayKey.parasHeads(2004)) ?? new Uint8Array()).bytes();

describe('relay and parachain in step', () => {
  it('includes a parachain block in the relay block after the one it is built on', async () => {
    const pair = await pairWith();
    await pair.steps(20);
    for (let n = 0; n <= 20; n++) {
      const relayBlock = pair.relay.blockAt(n);
      const head = decodeHeader(headOf(pair, relayBlock?.hash ?? new Uint8Array()));
      expect(head.number).toBe(n < 3 ? 0 : Math.floor((n - 1) / 2));
      if (head.number === 0) continue;
      const state = pair.para.state(pair.para.hashAt(head.number) ?? new Uint8Array());
      expect(state.get(utf8(`relay/${head.number}`))).toEqual(u32(head.number * 2));
    }
  });

  it('finalises at the lag, the parachain as far as the finalised relay state says', async () => {
    const pair = await pairWith({ finalityLag: 3 });
    await pair.steps(17);
    expect(pair.relay.finalized.number).toBe(14);
    expect(toHex(pair.para.finalized.hash)).toBe(
      toHex(headerHash(headOf(pair, pair.relay.finalized.hash))),
    );
    expect(pair.para.finalized.number).toBe(6);
    const finals = pair.pool.told.filter((line) => line.startsWith('finalized'));
    expect(finals).toEqual([1, 2, 3, 4, 5, 6].map((n) => `finalized ${n}`));
  });

  it.each(['old', 'new'] as const)(
    'changes the keys at every session end (%s era)',
    async (era) => {
      const pair = await pairWith({ era, sessionBlocks: 5 });
      await pair.steps(16);
      const key = era === 'old' ? RelayKey.grandpaAuthoritiesOld : RelayKey.grandpaAuthorities;
      const absent = era === 'old' ? RelayKey.grandpaAuthorities : RelayKey.grandpaAuthoritiesOld;
      const lists = new Set<string>();
      for (let n = 0; n <= 16; n++) {
        const block = pair.relay.blockAt(n);
        const state = pair.relay.state(block?.hash ?? new Uint8Array());
        const setId = new ScaleReader(state.get(RelayKey.grandpaCurrentSetId) ?? u32(9)).u64();
        expect(setId).toBe(BigInt(Math.floor(n / 5)));
        expect(state.has(absent)).toBe(false);
        lists.add(toHex(state.get(key) ?? new Uint8Array()));
      }
      expect(lists.size).toBe(4);
    },
  );

  it('proves heads and set ids under the roots in the headers', async () => {
    const pair = await pairWith();
    await pair.steps(9);
    const { stateRoot } = decodeHeader(pair.relay.best.header);
    const keys = [RelayKey.parasHeads(2004), RelayKey.grandpaAuthoritiesOld];
    const state = pair.relay.state(pair.relay.best.hash);
    const proof = state.prove(keys);
    for (const key of keys) expect(readProof(proof, stateRoot, key)).toEqual(state.get(key));
  });

  it('is the same chain for the same seed and times', async () => {
    const [one, two, other] = [await pairWith(), await pairWith(), await pairWith({ seed: 'x' })];
    for (const pair of [one, two, other]) await pair.steps(12);
    expect(toHex(one.relay.best.hash)).toBe(toHex(two.relay.best.hash));
    expect(toHex(one.relay.best.hash)).not.toBe(toHex(other.relay.best.hash));
  });
});

describe('forks', () => {
  const child = (pair: Pair, parent: Block, salt: string): Block =>
    pair.author.build({
      parent,
      timestampMs: parent.timestampMs + 600,
      salt,
    });

  it('switches to another branch and tells what left and what joined', async () => {
    const pair = await pairWith({ finalityLag: 50 });
    await pair.steps(6);
    const { relay } = pair;
    const told: string[] = [];
    relay.events.on('best', ({ retracted, enacted }) => {
      told.push(
        `-${retracted.map((b) => b.number).join()} +${enacted.map((b) => b.number).join()}`,
      );
    });
    const base = relay.blockAt(4) as Block;
    const old5 = relay.hashAt(5) as Uint8Array;
    const fork5 = child(pair, base, 'fork');
    await relay.append(fork5, { best: false });
    expect(toHex(relay.hashAt(5) as Uint8Array)).toBe(toHex(old5));
    const fork6 = child(pair, fork5, 'fork');
    await relay.append(fork6, { best: false });
    const fork7 = child(pair, fork6, 'fork');
    await relay.append(fork7, { best: true });
    expect(told).toEqual(['-6,5 +5,6,7']);
    expect(toHex(relay.hashAt(5) as Uint8Array)).toBe(toHex(fork5.hash));
    expect(relay.block(old5)?.number).toBe(5);
    await relay.setBest(fork5.hash);
    expect(told.at(-1)).toBe('-7,6 +');
    expect(relay.best.number).toBe(5);
    expect(relay.hashAt(6)).toBeUndefined();
  });

  it('never undoes finality', async () => {
    const pair = await pairWith({ finalityLag: 1 });
    await pair.steps(6);
    const fork = child(pair, pair.relay.blockAt(3) as Block, 'late');
    await expect(pair.relay.append(fork, { best: true })).rejects.toThrow(ChainError);
    expect(pair.relay.best.number).toBe(6);
    await pair.relay.append(fork, { best: false });
    await expect(pair.relay.finalize(fork.hash)).resolves.toBeUndefined();
    expect(pair.relay.finalized.number).toBe(5);
  });

  it('refuses a block that does not fit', async () => {
    const pair = await pairWith();
    await pair.steps(3);
    const good = child(pair, pair.relay.blockAt(3) as Block, 'x');
    const bad: Block[] = [
      { ...good, number: 9 },
      { ...good, hash: new Uint8Array(32) },
      { ...good, extrinsics: [] },
      { ...good, changes: good.changes.slice(1) },
    ];
    for (const block of bad) {
      await expect(pair.relay.append(block, { best: true })).rejects.toThrow(ChainError);
    }
    expect(pair.relay.best.number).toBe(3);
    await pair.relay.append(good, { best: true });
    expect(pair.relay.best.number).toBe(4);
  });
});

describe('on disk', () => {
  it('goes on where it stopped', async () => {
    const first = await testPair();
    await first.steps(13);
    const before = [first.relay.best, first.relay.finalized, first.para.best].map((b) =>
      toHex(b.hash),
    );
    await first.close();
    const again = await pairWith({ directory: first.directory });
    expect(
      [again.relay.best, again.relay.finalized, again.para.best].map((b) => toHex(b.hash)),
    ).toEqual(before);
    expect(again.finality.proveFinality(10)).toBeDefined();
    await again.steps(10);
    expect(again.relay.best.number).toBe(23);
    expect(again.para.finalized.number).toBe(10);
  });

  it('is whole whichever write was the last before a crash', async () => {
    const crash = new Error('crash');
    for (let survives = 1; survives < 40; survives += 1) {
      const directory = await mkdtemp(join(tmpdir(), 'devnet-crash-'));
      const real = await openChainDb(directory);
      let left = survives;
      const dying = new Proxy(real, {
        get(target, name) {
          const value: unknown = Reflect.get(target, name, target);
          if (name === 'batch') {
            return (operations: never) =>
              left-- > 0 ? target.batch(operations) : Promise.reject(crash);
          }
          return typeof value === 'function' ? (value as () => unknown).bind(target) : value;
        },
      });
      await testPair({ directory, db: dying, sessionBlocks: 4 })
        .then(({ steps }) => steps(20))
        .catch((error: unknown) => expect(error).toBe(crash));
      await real.close();

      const again = await pairWith({ directory, sessionBlocks: 4 });
      await again.steps(8);
      const { relay, para } = again;
      expect(relay.finalized.number).toBe(relay.best.number - 2);
      for (let n = 1; n <= relay.best.number; n++) {
        const block = relay.blockAt(n) as Block;
        expect(toHex(decodeHeader(block.header).parentHash)).toBe(
          toHex(relay.hashAt(n - 1) as Uint8Array),
        );
        expect(relay.state(block.hash).get(RelayKey.parasHeads(2004))).toBeDefined();
        if (n % 4 === 0 && n <= relay.finalized.number) expect(block.justification).toBeDefined();
      }
      for (let n = 1; n <= para.best.number; n++) expect(para.blockAt(n)?.number).toBe(n);
      await again.dispose();
      open.splice(open.indexOf(again), 1);
    }
  }, 60_000);

  it('keeps values apart per chain', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'devnet-two-'));
    const db = await openChainDb(directory);
    const make = (id: number, name: string) =>
      Chain.open(
        { id, name, stateVersion: 0 },
        { db, genesis: () => [[utf8('name'), utf8(name)]], onListenerError: () => undefined },
      );
    const [one, two] = [await make(1, 'one'), await make(2, 'two')];
    await one.putMeta('x', utf8('1'));
    expect(two.meta('x')).toBeUndefined();
    expect(one.state(one.genesis.hash).get(utf8('name'))).toEqual(utf8('one'));
    expect(two.state(two.genesis.hash).get(utf8('name'))).toEqual(utf8('two'));
    await db.close();
    await rm(directory, { recursive: true });
  });
});
