import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';

import type { Block, TxStatus } from '../chain/types.js';
import { toHex } from '../primitives/index.js';
import { RpcError } from '../rpc/error.js';
import type { BuiltBlock } from './block-builder.js';
import { TestChain, type SignOptions } from './chain.test.kit.js';
import { extrinsicHash } from './extrinsic.js';
import { messageTag } from './pallets/mq.js';
import { PoolGraph, type PoolEntry } from './pool-graph.js';
import { PoolWatchers } from './pool-watchers.js';
import { TxPool, type PoolOptions } from './pool.js';
import { nonceTag } from './signed-checks.js';
import { TestWorker } from './worker.test.kit.js';

let chain: TestChain;
let pool: TxPool;
let nowMs: number;

function makePool(options: Partial<PoolOptions> = {}): TxPool {
  return new TxPool(options, {
    runtime: chain.runtime,
    chain: {
      get best() {
        return chain.best;
      },
      state: () => chain.state,
    },
    now: () => nowMs,
  });
}

beforeEach(async () => {
  nowMs = 0;
  chain = await TestChain.create();
  chain.block();
  pool = makePool();
});

const remark = (text = '00') => chain.call('system', 'remark', `0x${text}`);
const tx = (options?: SignOptions, text?: string): Uint8Array =>
  chain.sign(remark(text), chain.pairs.Alice, options);

function codeOf(run: () => unknown): number | string {
  try {
    run();
  } catch (e) {
    if (e instanceof RpcError) return e.code;
    throw e;
  }
  return 'taken';
}
const submit = (extrinsic: Uint8Array) => codeOf(() => pool.submit(extrinsic));

/** Statuses by their names; values of the ones with a hash are left out. */
function watched(extrinsic: Uint8Array): string[] {
  const seen: string[] = [];
  pool.watch(extrinsicHash(extrinsic), (status: TxStatus) =>
    seen.push(typeof status === 'string' ? status : (Object.keys(status)[0] ?? '')),
  );
  return seen;
}

const blockOf = (built: BuiltBlock): Block => ({ ...built, timestampMs: chain.timestampMs });

/** The next block, of what the pool offers or of what is given. */
function produce(extrinsics = pool.ready()): Block {
  const block = blockOf(chain.block(extrinsics));
  pool.onBlock(block);
  return block;
}

describe('taking transactions', () => {
  it('offers ready ones and shows all', () => {
    const [first, third] = [tx({ nonce: 0 }), tx({ nonce: 2 })];
    expect(toHex(pool.submit(first))).toBe(toHex(extrinsicHash(first)));
    pool.submit(third);
    expect(pool.ready()).toEqual([first]);
    expect(pool.pending()).toEqual([first, third]);
    const { publicKey } = chain.pairs.Alice;
    expect(pool.readyProvides(nonceTag(publicKey, 0))).toBe(true);
    expect(pool.readyProvides(nonceTag(publicKey, 2))).toBe(false);
  });

  it('lets future ones wait for the gap to be filled', () => {
    const [zero, one, two] = [0, 1, 2].map((nonce) => tx({ nonce }));
    if (!zero || !one || !two) throw new Error('no transactions');
    pool.submit(two);
    const status = watched(two);
    expect(status).toEqual(['future']);
    pool.submit(zero);
    expect(status).toEqual(['future']);
    pool.submit(one);
    expect(status).toEqual(['future', 'ready', 'broadcast']);
    expect(pool.ready()).toEqual([zero, one, two]);
  });

  it('refuses stale, badly signed, unpayable and unsigned ones, each by its code and text', () => {
    const error = (extrinsic: Uint8Array): unknown => {
      try {
        pool.submit(extrinsic);
      } catch (e) {
        if (e instanceof RpcError) return e.toJSON();
        throw e;
      }
      return 'taken';
    };
    produce([tx({ nonce: 0 })]);
    const invalid = { code: 1010, message: 'Invalid Transaction' };
    expect(error(tx({ nonce: 0 }, '01'))).toEqual({
      ...invalid,
      data: 'Transaction is outdated',
    });
    expect(error(tx({ genesisHash: new Uint8Array(32) }))).toEqual({
      ...invalid,
      data: 'Transaction has a bad signature',
    });
    expect(error(tx({ tip: 10n ** 25n }))).toEqual({
      ...invalid,
      data: 'Inability to pay some fees (e.g. account balance too low)',
    });
    const bare = chain.registry.createType('Extrinsic', remark(), { version: 4 }).toU8a();
    expect(error(bare)).toMatchObject({ code: 1011 });
    expect(error(Uint8Array.of(8, 0x84))).toMatchObject({ code: 1001 });
    expect(error(Uint8Array.of(8, 0x84, 0xff))).toMatchObject({ code: 1002 });
    expect(error(new Uint8Array())).toMatchObject({ code: 1001 });
  });

  it('takes bytes once', () => {
    expect(submit(tx())).toBe('taken');
    const second = tx({ nonce: 1 });
    expect(submit(second)).toBe('taken');
    expect(submit(second)).toBe(1013);
  });

  it('bans what was invalid, and what is in a block, for a while', () => {
    const bad = tx({ nonce: 0, tip: 10n ** 25n });
    expect(submit(bad)).toBe(1010);
    expect(submit(bad)).toBe(1012);
    nowMs += 30 * 60 * 1000;
    expect(submit(bad)).toBe(1010);
    const good = tx();
    pool.submit(good);
    produce();
    expect(submit(good)).toBe(1012);
    nowMs += 30 * 60 * 1000;
    expect(submit(good)).toBe(1010);
  });

  it('replaces one of the same place only for more priority', () => {
    const cheap = tx({ nonce: 0 });
    const dear = tx({ nonce: 0, tip: 1000n });
    pool.submit(cheap);
    const status = watched(cheap);
    expect(submit(tx({ nonce: 0 }, '02'))).toBe(1014);
    expect(submit(dear)).toBe('taken');
    expect(status).toEqual(['ready', 'broadcast', 'usurped']);
    expect(pool.ready()).toEqual([dear]);
    expect(submit(cheap)).toBe(1014);
  });

  it('keeps what depended on a replaced one', () => {
    const follower = tx({ nonce: 1 });
    pool.submit(tx({ nonce: 0 }));
    pool.submit(follower);
    const dear = tx({ nonce: 0, tip: 1000n });
    pool.submit(dear);
    expect(pool.ready()).toEqual([dear, follower]);
  });

  it('orders accounts by tip, and each account by nonce', () => {
    const { Alice, Bob } = chain.pairs;
    const a0 = chain.sign(remark(), Alice, { nonce: 0 });
    const a1 = chain.sign(remark(), Alice, { nonce: 1, tip: 9000n });
    const b0 = chain.sign(remark(), Bob, { nonce: 0, tip: 50n });
    for (const one of [a1, a0, b0]) pool.submit(one);
    expect(pool.ready()).toEqual([b0, a0, a1]);
  });

  it('chains messages of one worker by their sequence', () => {
    const worker = new TestWorker(chain, 'w');
    const { Alice, Bob } = chain.pairs;
    const message = (sequence: bigint) => worker.message('^t', Uint8Array.of(1), { sequence });
    const second = chain.sign(message(1n), Bob);
    const first = chain.sign(message(0n), Alice);
    pool.submit(second);
    expect(pool.ready()).toEqual([]);
    pool.submit(first);
    expect(pool.ready()).toEqual([first, second]);
    const tag = messageTag({ type: 'Worker', value: worker.key }, 1n);
    expect(pool.readyProvides(tag)).toBe(true);
    produce();
    expect(pool.pending()).toEqual([]);
    expect(submit(chain.sign(message(1n), Alice))).toBe(1010);
  });

  it('keeps its limits, giving up the worst first', () => {
    pool = makePool({ readyMaxCount: 2, futureMaxCount: 1 });
    const { Alice, Bob, Charlie, Dave } = chain.pairs;
    const cheap = chain.sign(remark(), Alice);
    pool.submit(cheap);
    const status = watched(cheap);
    pool.submit(chain.sign(remark(), Bob, { tip: 5n }));
    pool.submit(chain.sign(remark(), Charlie, { tip: 6n }));
    expect(status.at(-1)).toBe('dropped');
    expect(submit(chain.sign(remark(), Dave))).toBe(1016);
    expect(pool.ready()).toHaveLength(2);
    pool.submit(chain.sign(remark(), Dave, { nonce: 5 }));
    pool.submit(chain.sign(remark(), Alice, { nonce: 6, tip: 10n }));
    expect(pool.pending()).toHaveLength(3);
    pool = makePool({ readyMaxBytes: 150 });
    pool.submit(chain.sign(remark(), Alice));
    expect(submit(chain.sign(remark('00'.repeat(100)), Bob))).toBe(1016);
  });
});

describe('blocks', () => {
  it('tell inBlock, then finalized', () => {
    const one = tx();
    pool.submit(one);
    const seen: TxStatus[] = [];
    pool.watch(extrinsicHash(one), (status) => seen.push(status));
    const block = produce();
    pool.onFinalized(block);
    const hash = toHex(block.hash);
    expect(seen.slice(2)).toEqual([{ inBlock: hash }, { finalized: hash }]);
    expect(pool.pending()).toEqual([]);
  });

  it('tell nothing to those who stopped listening', () => {
    const one = tx();
    pool.submit(one);
    const seen: TxStatus[] = [];
    const stop = pool.watch(extrinsicHash(one), (status) => seen.push(status));
    stop();
    produce();
    expect(seen).toHaveLength(2);
  });

  it('let the next of an account become ready, and make others stale', () => {
    const [one, other] = [tx({ nonce: 1 }), tx({ nonce: 0 }, 'aa')];
    pool.submit(one);
    pool.submit(other);
    const status = watched(other);
    // Somebody else’s block has another transaction in that place.
    produce([tx({ nonce: 0 }, 'bb')]);
    expect(status).toEqual(['ready', 'broadcast', 'invalid']);
    expect(pool.ready()).toEqual([one]);
    expect(submit(other)).toBe(1012);
  });

  it('end mortal transactions with their era', () => {
    const mortal = tx({ nonce: 1, periodBlocks: 4 });
    pool.submit(mortal);
    const status = watched(mortal);
    // Signed at block 1 for four blocks: block 4 is the last that could hold it.
    for (let i = 0; i < 2; i++) produce([]);
    expect(status).toEqual(['future']);
    expect(pool.pending()).toHaveLength(1);
    produce([]);
    expect(status).toEqual(['future', 'invalid']);
    expect(pool.pending()).toEqual([]);
  });

  it('that are retracted give their transactions back', () => {
    const one = tx();
    pool.submit(one);
    const status = watched(one);
    const before = { state: chain.state, header: chain.header, number: chain.number };
    const block = produce();
    Object.assign(chain, before);
    pool.onRetracted(block);
    expect(pool.ready()).toEqual([one]);
    expect(status).toEqual(['ready', 'broadcast', 'inBlock', 'retracted', 'ready', 'broadcast']);
    const again = produce();
    expect(again.extrinsics).toContainEqual(one);
    pool.onFinalized(again);
    expect(status.slice(-2)).toEqual(['inBlock', 'finalized']);
  });

  it('of a reorganisation are looked at together', () => {
    const one = tx();
    pool.submit(one);
    const status = watched(one);
    const before = { state: chain.state, header: chain.header, number: chain.number };
    const retracted = produce();
    Object.assign(chain, before);
    // The new branch has the transaction in its second block.
    const first = blockOf(chain.block([], 18_000));
    const second = blockOf(chain.block([one]));
    pool.onRetracted(retracted);
    pool.onBlock(first);
    pool.onBlock(second);
    expect(status.slice(2)).toEqual(['inBlock', 'retracted', 'inBlock']);
    expect(pool.pending()).toEqual([]);
  });

  it('that are never final are given up', () => {
    pool = makePool({ finalityTimeoutBlocks: 3 });
    const one = tx();
    pool.submit(one);
    const status = watched(one);
    for (let i = 0; i < 4; i++) produce();
    expect(status.slice(2)).toEqual(['inBlock', 'finalityTimeout']);
  });
});

describe('watchers', () => {
  it('hear nothing after a final status', () => {
    const watchers = new PoolWatchers([]);
    const seen: TxStatus[] = [];
    watchers.tell('0x01', 'ready');
    watchers.watch('0x01', (status) => seen.push(status));
    watchers.tell('0x01', { usurped: '0x02' });
    watchers.tell('0x01', 'ready');
    expect(seen).toEqual(['ready', { usurped: '0x02' }]);
  });
});

describe('the graph', () => {
  const entry = (account: number, nonce: number, priority: number): PoolEntry => ({
    encoded: Uint8Array.of(account, nonce, priority),
    hash: `${account}/${nonce}`,
    validity: {
      priority: BigInt(priority),
      requires: nonce === 0 ? [] : [Uint8Array.of(account, nonce - 1)],
      provides: [Uint8Array.of(account, nonce)],
      longevity: 64,
    },
    validTill: 64,
  });

  it('offers every account in order of nonce, whatever the order of arrival', () => {
    const arrivals = fc.uniqueArray(
      fc.record({ account: fc.nat(3), nonce: fc.nat(5), priority: fc.nat(9) }),
      { selector: ({ account, nonce }) => `${account}/${nonce}`, maxLength: 24 },
    );
    fc.assert(
      fc.property(arrivals, (list) => {
        const graph = new PoolGraph();
        for (const { account, nonce, priority } of list) {
          graph.add(entry(account, nonce, priority));
        }
        const next = [0, 0, 0, 0];
        for (const { encoded } of graph.ordered()) {
          const [account = 0, nonce = 0] = encoded;
          expect(nonce).toBe(next[account]);
          next[account] = nonce + 1;
        }
        // What is left over waits for a nonce that is not there.
        for (const { encoded } of graph.entries('future')) {
          const [account = 0, nonce = 0] = encoded;
          expect(nonce).toBeGreaterThan(next[account] ?? 0);
        }
        expect(graph.entries('ready').length + graph.entries('future').length).toBe(list.length);
      }),
    );
  });

  it('moves dependants back when what they need is taken out', () => {
    const graph = new PoolGraph();
    for (const nonce of [0, 1, 2]) graph.add(entry(1, nonce, 1));
    graph.remove(['1/1']);
    expect(graph.entries('ready').map((e) => e.hash)).toEqual(['1/0']);
    expect(graph.entries('future').map((e) => e.hash)).toEqual(['1/2']);
  });
});
