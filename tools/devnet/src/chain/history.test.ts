import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { silentLog } from '../log.js';
import { openChainDb } from './store.js';
import { BufferedRows } from './buffered-rows.js';
import { SteppedClock } from './clock.js';
import { startChains, type ChainsOptions, type RunningChains } from './start.js';

const directories: string[] = [];
let running: RunningChains | undefined;

afterEach(async () => {
  await running?.stop();
  running = undefined;
  for (const one of directories.splice(0)) await rm(one, { recursive: true, force: true });
});

async function newDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'devnet-history-'));
  directories.push(directory);
  return directory;
}

async function start(options: Partial<ChainsOptions> = {}): Promise<RunningChains> {
  await running?.stop();
  running = await startChains(
    {
      directory: options.directory ?? (await newDirectory()),
      host: '127.0.0.1',
      relayPort: 0,
      paraPort: 0,
      relay: 'old',
      seed: 'history',
      paraId: 2004,
      authorities: 4,
      sessionBlocks: 50,
      blockMs: 6000,
      finalityLag: 2,
      justificationPeriod: 32,
      ...options,
    },
    { log: silentLog, newClock: (times) => new SteppedClock(times) },
  );
  return running;
}

async function get<T>(url: string, method: string, ...params: unknown[]): Promise<T> {
  const response = await fetch(url.replace('ws:', 'http:'), {
    method: 'POST',
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
  });
  return ((await response.json()) as { result: T }).result;
}

const hashes = async ({ relayUrl, paraUrl }: RunningChains) => [
  await get<string>(relayUrl, 'chain_getBlockHash', 300),
  await get<string>(paraUrl, 'chain_getBlockHash', 149),
];

describe('history', () => {
  it('is there at the start, the same for the same seed, and goes on from there', async () => {
    const first = await start({ historyBlocks: 300 });
    expect(first.driver.heights()).toMatchObject({ relayBest: 300, relayFinalized: 298 });
    const [relay, para] = await hashes(first);
    const again = await start({ historyBlocks: 300 });
    expect(await hashes(again)).toEqual([relay, para]);
    const other = await start({ historyBlocks: 300, seed: 'other' });
    expect((await hashes(other))[0]).not.toBe(relay);
    await other.driver.step(4);
    expect(other.driver.heights()).toMatchObject({ relayBest: 304, relayFinalized: 302 });
  });

  it('is on disk: a second start makes only what is missing', async () => {
    const directory = await newDirectory();
    const made = await hashes(await start({ directory, historyBlocks: 300 }));
    const again = await start({ directory, historyBlocks: 320 });
    expect(again.driver.heights().relayBest).toBe(320);
    expect(await hashes(again)).toEqual(made);
    expect((await start({ directory, historyBlocks: 10 })).driver.heights().relayBest).toBe(320);
  });

  it('has the justifications, proofs and states of any other chain', async () => {
    const { relayUrl, paraUrl } = await start({ historyBlocks: 120 });
    const kept: number[] = [];
    for (let n = 1; n <= 118; n++) {
      const hash = await get<string>(relayUrl, 'chain_getBlockHash', n);
      const { justifications } = await get<{ justifications: unknown }>(
        relayUrl,
        'chain_getBlock',
        hash,
      );
      if (justifications !== null) kept.push(n);
    }
    expect(kept).toEqual(expect.arrayContaining([50, 100]));
    expect(kept.length).toBeLessThan(10);
    expect(await get(relayUrl, 'grandpa_proveFinality', 70)).toMatch(/^0x/);
    const old = await get<string>(paraUrl, 'chain_getBlockHash', 3);
    expect((await get<unknown[]>(paraUrl, 'state_getPairs', '0x', old)).length).toBeGreaterThan(20);
  });
});

describe('ballast', () => {
  it('makes blocks and storage changes as large as asked, by extrinsics that succeed', async () => {
    const { paraUrl } = await start({ historyBlocks: 12, ballastBytes: 200 * 1024 });
    const hash = await get<string>(paraUrl, 'chain_getBlockHash', 4);
    const changes = await get<string>(paraUrl, 'pha_getStorageChangesAt', hash);
    expect(changes.length / 2).toBeGreaterThan(200 * 1024);
    const { block } = await get<{ block: { extrinsics: string[] } }>(
      paraUrl,
      'chain_getBlock',
      hash,
    );
    expect(block.extrinsics.join('').length / 2).toBeGreaterThan(200 * 1024);
    const keys = await get<string[]>(
      paraUrl,
      'state_getKeysPaged',
      `0x${Buffer.from('devnet/ballast/').toString('hex')}`,
      1000,
    );
    expect(keys.length).toBeGreaterThan(200 * 3);
  });
});

describe('buffered rows', () => {
  it('are seen at once, and on disk after settling, in the order of writing', async () => {
    const db = await openChainDb(await newDirectory());
    const rows = new BufferedRows(db);
    const key = (n: number) => Uint8Array.of(7, n);
    await rows.batch([
      { type: 'put', key: key(1), value: Uint8Array.of(1) },
      { type: 'put', key: key(2), value: Uint8Array.of(2) },
    ]);
    await rows.batch([
      { type: 'del', key: key(1) },
      { type: 'put', key: key(2), value: Uint8Array.of(3) },
    ]);
    expect([rows.getSync(key(1)), rows.getSync(key(2))]).toEqual([undefined, Uint8Array.of(3)]);
    expect(db.getSync(key(2))).toBeUndefined();
    const seen: number[] = [];
    for await (const [id] of rows.iterator({ gte: key(0), lt: key(9) })) seen.push(id[1] ?? 0);
    expect(seen).toEqual([2]);
    await rows.batch([{ type: 'put', key: key(3), value: Uint8Array.of(4) }]);
    await rows.settle();
    expect([...(db.getSync(key(3)) ?? [])]).toEqual([4]);
    await rows.batch([{ type: 'del', key: key(3) }]);
    expect([rows.getSync(key(3)), db.getSync(key(3))]).toEqual([undefined, undefined]);
    await db.close();
  });
});
