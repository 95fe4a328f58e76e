import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toHex } from '@runtime-bridge/base';
import { encodeHeader, headerHash } from '@runtime-bridge/blob-codec';
import { afterEach, describe, expect, it } from 'vitest';
import { BlockStoreErrorCode } from '../errors.js';
import { FakeChains } from '../fake-chains.test.support.js';
import { BlockStore, type GenesisRows } from '../store/block-store.js';
import { Bench, rowsOf, type BenchOptions } from '../store-filled.test.support.js';

const benches: Bench[] = [];

async function open(options: BenchOptions = {}): Promise<Bench> {
  const bench = await Bench.create(options);
  benches.push(bench);
  return bench;
}

afterEach(async () => {
  await Promise.all(benches.splice(0).map((bench) => bench.destroy()));
});

describe('filling a store', () => {
  const kinds: [string, BenchOptions][] = [
    ['from nodes with everything', {}],
    ['of a relay chain with Grandpa.Authorities', { chains: { authorityKey: 'new' } }],
    ['without grandpa_proveFinality', { relay: [{ missing: ['grandpa_proveFinality'] }] }],
    [
      'without subscriptions',
      {
        relay: [{ missing: ['grandpa_subscribeJustifications', 'chain_subscribeFinalizedHeads'] }],
        para: [{ missing: ['chain_subscribeFinalizedHeads'] }],
      },
    ],
    ['without pha_getStorageChangesAt', { para: [{ missing: ['pha_getStorageChangesAt'] }] }],
    ['without state_getPairs', { para: [{ missing: ['state_getPairs'] }] }],
    ['from slow nodes', { relay: [{ delayMs: 2 }], para: [{ delayMs: 3 }] }],
    ['where many para blocks fall into one relay session', { chains: { relayPerPara: 1 } }],
    ['of a parachain slower than sessions', { chains: { relayPerPara: 13 } }],
    ['without checking state roots', { sync: { para: { verify: 'headers' } } }],
    [
      'with a second opinion',
      { sync: { para: { verify: 'headers' } }, para: [{}, { delayMs: 1 }] },
    ],
  ];

  it.each(kinds)('%s', async (_what, options) => {
    const bench = await open(options);
    await bench.untilBuilt(40);
    expect(bench.store.heights.value).toMatchObject({ relay: 40, built: 40, sealed: 40 });
    expect(bench.store.meta).toMatchObject({
      paraId: 2004,
      relayGenesisHeight: 3,
      paraHeight: bench.chains.paraHeadAt(40),
    });
    expect(bench.errors).toEqual([]);
  });

  it('stores the same rows whichever way they came', async () => {
    const chains = new FakeChains({ justificationPeriod: 10 });
    const a = await open({ chains });
    const b = await open({ chains, relay: [{ missing: ['grandpa_proveFinality'] }] });
    await a.untilBuilt(40);
    await b.untilBuilt(40);
    expect(await rowsOf(b.store)).toEqual(await rowsOf(a.store));
  });

  it('closes a range with each finalised block near the head', async () => {
    const bench = await open({ finalized: 20 });
    await bench.untilBuilt(20);
    for (let height = 21; height <= 33; height += 1) {
      bench.finalized.set(height);
      await bench.untilBuilt(height);
      expect(await bench.store.rangeEndAt(height)).toMatchObject({ height });
    }
    // A jump over the end of a session must be cut there.
    bench.finalized.set(40);
    bench.chains.options.relayBlocks = 40;
    await bench.untilBuilt(40);
    expect(bench.errors).toEqual([]);
  });

  it('cuts an announced stretch where the authorities change', async () => {
    const bench = await open({
      finalized: 18,
      relay: [{ missing: ['grandpa_proveFinality'] }],
    });
    await bench.untilBuilt(16);
    bench.finalized.set(23);
    await bench.untilBuilt(23);
    expect((await bench.store.rangeEndsFrom(17, 10)).map((end) => end.height)).toContain(20);
    expect(await bench.store.rangeEndAt(20)).toMatchObject({ changesSet: true, setId: 1n });
    expect(await bench.store.rangeEndAt(23)).toMatchObject({ changesSet: false, setId: 2n });
  });

  it('links many blocks at once when the para side is behind', async () => {
    const bench = await open({
      para: [
        {
          tamper: (method, _params, answer) => {
            if (method === 'pha_getStorageChangesAt' && !isOpen) throw new Error('not yet');
            return answer;
          },
        },
      ],
    });
    let isOpen = false;
    await bench.store.heights.until((heights) => heights?.relay === 40);
    isOpen = true;
    await bench.untilBuilt(40);
    expect(bench.store.heights.value).toMatchObject({ sealed: 40 });
  });
});

describe('going on', () => {
  it('resumes where it stopped and ends with the same rows', async () => {
    const undisturbed = await open();
    await undisturbed.untilBuilt(40);
    const bench = await open({ finalized: 17 });
    for (const height of [17, 24, 31, 40]) {
      bench.finalized.set(height);
      await bench.untilBuilt(height);
      await bench.stop();
      await bench.start();
    }
    await bench.untilBuilt(40);
    const rows = await rowsOf(bench.store);
    const expected = await rowsOf(undisturbed.store);
    expect(rows.para).toEqual(expected.para);
    expect(rows.genesis).toEqual(expected.genesis);
    expect(rows.state).toEqual(expected.state);
    expect(rows.relayHeaders).toEqual(expected.relayHeaders);
    expect(bench.errors).toEqual([]);
  });

  it('can be killed behind any batch', async () => {
    const undisturbed = await open({ relay: [{}], para: [{}] });
    await undisturbed.untilBuilt(40);
    const expected = await rowsOf(undisturbed.store);
    const batches = await recordBatches();
    // Para blocks of several ranges may go in one.
    expect(batches.length).toBeGreaterThan(5);
    for (let count = 1; count < batches.length; count += 1) {
      const path = await mkdtemp(join(tmpdir(), 'rb-block-store-'));
      await writeBatches(path, batches.slice(0, count));
      const bench = await open({ path });
      await bench.untilBuilt(40);
      expect(await rowsOf(bench.store)).toEqual(expected);
      await bench.destroy();
      benches.splice(benches.indexOf(bench), 1);
    }
  });

  it('checks what was stored without state checks once they are on', async () => {
    const bench = await open({ sync: { para: { verify: 'headers' } }, finalized: 30 });
    await bench.untilBuilt(30);
    expect(bench.store.meta?.stateHeight).toBe(0);
    await bench.stop();
    const again = await open({ path: bench.path });
    await again.untilBuilt(40);
    expect(again.store.meta?.stateHeight).toBe(again.chains.paraHeadAt(40));
    expect(again.errors).toEqual([]);
  });

  it('refuses a store of another chain', async () => {
    const bench = await open();
    await bench.untilBuilt(40);
    await bench.stop();
    const other = await open({ path: bench.path, chains: { relayGenesisHeight: 5 } });
    await expect
      .poll(() => other.errors[0]?.error)
      .toMatchObject({
        code: BlockStoreErrorCode.STORE_OF_OTHER_CHAIN,
        facts: { field: 'paraBlock1' },
      });
  });

  it('leaves a node of another chain for one of its own', async () => {
    const bench = await open({ finalized: 20 });
    await bench.untilBuilt(20);
    await bench.stop();
    const other = new FakeChains({ relayGenesisHeight: 5 });
    const lost = {
      tamper: (method: string, params: readonly unknown[], answer: unknown) =>
        method === 'chain_getBlockHash' && params[0] === 1 ? toHex(other.para[1]!.hash) : answer,
    };
    const again = await open({ path: bench.path, para: [lost, {}] });
    await again.untilBuilt(40);
    expect(again.errors.map(({ error }) => error)).toMatchObject([
      { code: BlockStoreErrorCode.STORE_OF_OTHER_CHAIN },
    ]);
  });

  it('goes on after the disk was full', async () => {
    const bench = await open({ finalized: 20 });
    await bench.untilBuilt(20);
    const { database } = bench.store;
    const batch = database.batch.bind(database);
    let failures = 0;
    database.batch = ((operations: never) => {
      failures += 1;
      return failures <= 4
        ? Promise.reject(new Error('No space left on device'))
        : batch(operations);
    }) as typeof database.batch;
    bench.finalized.set(40);
    await expect
      .poll(() => bench.errors.map(({ error }) => (error as { code?: string }).code))
      .toContain(BlockStoreErrorCode.STORE_WRITE_FAILED);
    await bench.untilBuilt(40);
    expect(failures).toBeGreaterThan(4);
  });
});

describe('a disk that is full', () => {
  // A disk of its own of 40 MiB; only root can mount one.
  it.skipIf(process.getuid?.() !== 0)(
    'is survived: nothing stored is lost, all is served, and writing goes on when there is room',
    async () => {
      const path = await mkdtemp(join(tmpdir(), 'rb-small-disk-'));
      const mount = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=40m', 'tmpfs', path]);
      if (mount.status !== 0) {
        console.warn('SKIPPED: no small disk can be mounted here');
        return;
      }
      const store = new BlockStore({ path, reserveBytes: 0, writeBufferBytes: 2 ** 20 });
      try {
        const chains = new FakeChains({ relayBlocks: 8 });
        await store.start();
        await store.putGenesis(genesisOf(chains));
        const blocks: string[] = [];
        let parentHash = chains.para[0]!.hash;
        const next = () => {
          const header = encodeHeader({
            parentHash,
            number: blocks.length + 1,
            stateRoot: new Uint8Array(32),
            extrinsicsRoot: new Uint8Array(32),
            logs: [],
          });
          return { header, storageChanges: randomBytes(256 * 1024) };
        };
        const append = async () => {
          const block = next();
          await store.appendParaBlocks([block], undefined);
          blocks.push(toHex(block.header));
          parentHash = headerHash(block.header);
        };
        const fillUp = async () => {
          for (;;) await append();
        };
        await expect(fillUp()).rejects.toMatchObject({
          code: BlockStoreErrorCode.STORE_WRITE_FAILED,
        });
        const stored = blocks.length;
        expect(stored).toBeGreaterThan(40);
        await expect(append()).rejects.toBeDefined();
        expect(store.heights.value?.para).toBe(stored);
        spawnSync('mount', ['-o', 'remount,size=120m', path]);
        for (let count = 0; count < 40; count += 1) await append();
        expect((await store.paraHeaders(1, stored + 40)).map(toHex)).toEqual(blocks);
        await store.stop();
        await store.start();
        expect(store.meta?.paraHeight).toBe(stored + 40);
        expect((await store.paraHeaders(1, stored + 40)).map(toHex)).toEqual(blocks);
      } finally {
        await store.stop();
        spawnSync('umount', [path]);
        await rm(path, { recursive: true, force: true });
      }
    },
  );

  it('is noticed before it is: fetching ends, and goes on when there is room', async () => {
    let freeBytes = 2 ** 40;
    const bench = await open({ finalized: 20, freeBytes: async () => freeBytes });
    await bench.untilBuilt(20);
    freeBytes = 1_000_000;
    bench.finalized.set(40);
    await expect
      .poll(() => bench.errors.map(({ error }) => (error as { code?: string }).code))
      .toContain(BlockStoreErrorCode.DISK_FULL);
    expect(bench.sync.status.relay.value).toMatchObject({ state: 'refused' });
    expect(await bench.store.relayRow(20)).toBeDefined();
    expect(bench.store.heights.value).toMatchObject({ relay: 20 });
    freeBytes = 2 ** 40;
    await bench.untilBuilt(40);
  });
});

function genesisOf(chains: FakeChains): GenesisRows {
  return {
    chain: {
      paraId: 2004,
      paraBlock1: toHex(chains.para[1]!.hash),
      paraGenesis: toHex(chains.para[0]!.hash),
      relayGenesisHeight: 3,
      relayGenesis: toHex(chains.relay[3]!.hash),
    },
    info: Uint8Array.of(1),
    state: Uint8Array.of(2),
    paraHeader: chains.para[0]!.raw,
  };
}

async function recordBatches(): Promise<unknown[]> {
  const recorded: unknown[] = [];
  const bench = await open({ finalized: 0, para: [{ missing: ['state_getKeysPaged'] }] });
  const { database } = bench.store;
  const batch = database.batch.bind(database);
  database.batch = ((operations: never) => {
    recorded.push(operations);
    return batch(operations);
  }) as typeof database.batch;
  // Session by session, so that however fast it goes there are batches of both chains for each.
  for (const height of [10, 20, 30, 40]) {
    bench.finalized.set(height);
    await bench.untilBuilt(height);
  }
  return recorded;
}

async function writeBatches(path: string, batches: readonly unknown[]): Promise<void> {
  const { openDatabase, defaultDatabaseOptions } = await import('../store/database.js');
  const database = await openDatabase({ ...defaultDatabaseOptions, path });
  for (const batch of batches) await database.batch(batch as never);
  await database.close();
}
