import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BlockStoreErrorCode } from '../errors.js';
import { heightKey, RowKind, stateKey } from '../rows/keys.js';
import { BlockStore } from '../store/block-store.js';
import { Bench, rowsOf } from '../store-filled.test.support.js';
import { compactStore, inspectStore } from './inspect-store.js';
import { exportStore, importStore } from './transfer.js';
import { verifyStore } from './verify-store.js';

let bench: Bench;
let folder: string;

beforeEach(async () => {
  bench = await Bench.create();
  await bench.untilBuilt(40);
  await bench.sync.stop();
  folder = await mkdtemp(join(tmpdir(), 'rb-transfer-'));
});

afterEach(async () => {
  await bench.destroy();
  await rm(folder, { recursive: true, force: true });
});

/** Another store, begun with nothing. */
async function emptyStore(name: string): Promise<BlockStore> {
  const store = new BlockStore({ path: join(folder, name) });
  await store.start();
  return store;
}

async function damage(key: Uint8Array, at: number): Promise<void> {
  const value = Uint8Array.from((await bench.store.database.get(key))!);
  value[at < 0 ? value.length + at : at]! ^= 1;
  await bench.store.database.put(key, value);
}

describe('a store', () => {
  it('that was filled by a sync is verified, whole', async () => {
    const told: string[] = [];
    const verified = await verifyStore(bench.store, {
      onProgress: (what, done, total) => told.push(`${what} ${done}/${total}`),
    });
    const paraBlocks = bench.chains.paraHeadAt(40);
    expect(verified).toMatchObject({ relayHeaders: 37, paraBlocks });
    expect(verified.stateNodes).toBeGreaterThan(5);
    expect(told).toContain('relay headers 37/37');
    expect(told.at(-1)).toBe(`para blocks ${paraBlocks}/${paraBlocks}`);
  });

  it.each([
    ['a relay header', () => damage(heightKey(RowKind.RELAY, 14), 40)],
    ['a justification', () => damage(heightKey(RowKind.RELAY, 20), 700)],
    ['a para header', () => damage(heightKey(RowKind.PARA, 9), 70)],
    ['storage changes', () => damage(heightKey(RowKind.PARA, 9), -3)],
    ['the end of a range', () => damage(heightKey(RowKind.RANGE_END, 20), 0)],
    ['a missing row', () => bench.store.database.del(heightKey(RowKind.PARA, 9))],
    [
      'a node too many in the state',
      () => bench.store.database.put(stateKey(Uint8Array.of(0, 0, 1, 2)), Uint8Array.of(1)),
    ],
    ['the genesis', () => damage(Uint8Array.of(RowKind.GENESIS, 1), -1)],
  ])('with %s wrong is refused', async (_what, change) => {
    await change();
    await expect(verifyStore(bench.store)).rejects.toMatchObject({
      code: BlockStoreErrorCode.STORE_CORRUPT,
    });
  });

  it('is compacted and inspected', async () => {
    const before = await rowsOf(bench.store);
    await compactStore(bench.store);
    expect(await rowsOf(bench.store)).toEqual(before);
    const summary = await inspectStore(bench.store, bench.path);
    expect(summary).toMatchObject({ meta: { relayHeight: 40 }, unbuiltRanges: 0 });
    expect(summary.bytesByKind['relay']).toBeGreaterThan(1_000);
    expect(summary.diskBytes).toBeGreaterThan(summary.bytesByKind['relay']!);
  });
});

describe('a file', () => {
  it('brings the same rows into another store', async () => {
    const path = join(folder, 'export');
    await exportStore(bench.store, { path });
    const other = await emptyStore('other');
    await importStore(other, { path });
    expect(await rowsOf(other)).toEqual(await rowsOf(bench.store));
    await verifyStore(other);
    // Once more changes nothing.
    await importStore(other, { path });
    expect(await rowsOf(other)).toEqual(await rowsOf(bench.store));
    await other.stop();
  });

  it('that is cut brings what it has, and the whole one the rest', async () => {
    const path = join(folder, 'export');
    await exportStore(bench.store, { path });
    const bytes = await readFile(path);
    const other = await emptyStore('other');
    for (const part of [0.3, 0.5, 0.8, 0.95]) {
      const cut = join(folder, `cut-${part}`);
      await writeFile(cut, bytes.subarray(0, Math.floor(bytes.length * part)));
      await expect(importStore(other, { path: cut })).rejects.toMatchObject({
        code: BlockStoreErrorCode.FILE_DAMAGED,
      });
    }
    await importStore(other, { path });
    expect(await rowsOf(other)).toEqual(await rowsOf(bench.store));
    await other.stop();
  });

  it('is not written over, and nothing is left of one that could not be written', async () => {
    const path = join(folder, 'export');
    await writeFile(path, 'mine');
    await expect(exportStore(bench.store, { path })).rejects.toMatchObject({
      code: BlockStoreErrorCode.FILE_EXISTS,
    });
    expect(await readFile(path, 'utf8')).toBe('mine');
    const stopping = new AbortController();
    const broken = exportStore(bench.store, {
      path: join(folder, 'broken'),
      signal: stopping.signal,
      onProgress: () => stopping.abort(),
    });
    await expect(broken).rejects.toBeDefined();
    await expect(
      exportStore(bench.store, { path: join(folder, 'no', 'where') }),
    ).rejects.toMatchObject({ code: BlockStoreErrorCode.FILE_UNUSABLE });
    expect((await readdir(folder)).sort()).toEqual(['export']);
  });

  it('of another chain is refused', async () => {
    const path = join(folder, 'export');
    await exportStore(bench.store, { path });
    const other = await Bench.create({ chains: { paraId: 2035 } });
    await other.untilBuilt(40);
    await other.sync.stop();
    const before = await rowsOf(other.store);
    await expect(importStore(other.store, { path })).rejects.toMatchObject({
      code: BlockStoreErrorCode.STORE_OF_OTHER_CHAIN,
    });
    expect(await rowsOf(other.store)).toEqual(before);
    await other.destroy();
  });

  it('with a flipped bit is refused by its checksum', async () => {
    const path = join(folder, 'export');
    await exportStore(bench.store, { path });
    const bytes = await readFile(path);
    bytes[Math.floor(bytes.length / 2)]! ^= 4;
    await writeFile(path, bytes);
    const other = await emptyStore('other');
    await expect(importStore(other, { path })).rejects.toMatchObject({
      code: BlockStoreErrorCode.FILE_DAMAGED,
    });
    await other.stop();
  });

  it.each([
    ['a relay row', heightKey(RowKind.RELAY, 14), 40],
    ['a para row', heightKey(RowKind.PARA, 9), -3],
  ])('that lies in %s is refused, and nothing wrong is stored', async (_what, key, at) => {
    await damage(key, at);
    const path = join(folder, 'export');
    await exportStore(bench.store, { path });
    const other = await emptyStore('other');
    await expect(importStore(other, { path })).rejects.toBeDefined();
    await verifyStore(other);
    expect(other.heights.value!.para).toBeLessThan(9);
    await other.stop();
  });
});
