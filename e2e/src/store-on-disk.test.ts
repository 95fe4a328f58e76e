import { access, cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { untilHead, type StoredHeights } from './durability/killed-sync.js';
import { Random } from './durability/random.js';
import { SmallDisk } from './durability/small-disk.js';
import { inspectHeights, storeCommand, verifyStore } from './durability/store-command.js';
import { differences, heightsOf, readRows, type StoreRows } from './durability/store-rows.js';
import { DevChains } from './lying-node/dev-chains.js';
import { BlobReader, LyingNode, ProviderProcess, type Lie } from './lying-node/index.js';
import { until } from './with-demo.js';

/* What happens to a provider's store on a disk: it is full, it holds another store, it is worked on by the commands. */

const MIB = 1024 * 1024;
const HISTORY_BLOCKS = 400;

let folder: string;
let chains: DevChains;
let expected: StoreRows;
let head: StoredHeights;
let failures = 0;
const storeOf = (name: string) => join(folder, name, 'store');
const nodes = () => ({ relay: [chains.relay], para: [chains.para] });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rb-store-on-disk-'));
  chains = await DevChains.start(join(folder, 'chains'), [
    ...['--clock', 'stepped', '--history-blocks', String(HISTORY_BLOCKS)],
    ...['--ballast-bytes', '60000', '--session-blocks', '20'],
  ]);
  const source = await ProviderProcess.start({ folder: join(folder, 'source'), ...nodes() });
  await untilHead(source, HISTORY_BLOCKS - 2);
  await source.stop();
  expected = await readRows(storeOf('source'));
  head = heightsOf(expected);
});

afterAll(async () => {
  await chains?.stop();
  if (failures === 0) await rm(folder, { recursive: true });
  else console.error(`Logs and stores are kept in ${folder}`);
});

async function keeping(run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    failures += 1;
    throw error;
  }
}

/** Para blocks one after the other, so that a sync takes seconds. */
const slowly: Lie = async ({ method }, answer) => {
  if (method.startsWith('pha_')) await new Promise((resolve) => setTimeout(resolve, 40));
  return answer;
};

describe.sequential('a disk', () => {
  it.each([
    ['nothing is left', 0, 4],
    ['room is left for less than a step', 1.3 * MIB, 1],
  ])('that is full, where %s, is survived', (_what, leftBytes, reserveMiB) =>
    keeping(async () => {
      const disk = await SmallDisk.mount(join(folder, `disk-${reserveMiB}`), 128);
      if (!disk) {
        if (process.env['CI'] === 'true') throw new Error('No small disk can be mounted');
        console.warn('SKIPPED: no small disk can be mounted, so a full one is not tested');
        return;
      }
      const slow = await LyingNode.start({ target: chains.para, lie: slowly });
      const provider = await ProviderProcess.start({
        folder: join(folder, `full-${reserveMiB}`),
        relay: [chains.relay],
        para: [slow.url],
        env: {
          PHALA_LOCAL_DB_PATH: join(disk.path, 'store'),
          PHALA_DATA_PROVIDER_DISK_RESERVE: String(reserveMiB),
        },
      });
      try {
        const has = (para: number, relay: number) =>
          until(
            `it has para block ${para} and relay block ${relay}`,
            () => provider.heights(),
            (now) => now.para >= para && now.relay >= relay,
            60_000,
            50,
          );
        await has(20, 0);
        await disk.fill(leftBytes);
        const said = await until(
          'it says so',
          async () =>
            provider.log.find(({ error }) =>
              /^(DISK_FULL|STORE_WRITE_FAILED)$/.test(error?.code ?? ''),
            ),
          (line) => line !== undefined,
          30_000,
        );
        expect(said?.error?.facts).toHaveProperty('path');
        const before = await provider.heights();
        expect(before.para).toBeLessThan(head.para);
        const blobs = await BlobReader.connect(provider.blobPort);
        expect(await blobs.get(`dryParaBlock:${before.para}`)).toBeDefined();
        expect(await blobs.get('dryParaBlock:1')).toBeDefined();
        blobs.close();
        expect(provider.ended).toBeUndefined();

        await disk.makeRoom();
        await has(head.para, head.relay);
        await provider.kill();
        await verifyStore(join(disk.path, 'store'));
        expect(differences(await readRows(join(disk.path, 'store')), expected)).toEqual([]);
      } finally {
        await provider.stop();
        await slow.stop();
        await disk.unmount();
      }
    }),
  );

  it('that holds the store of another chain is left as it is, and that is said', () =>
    keeping(async () => {
      const others = await DevChains.start(join(folder, 'other-chains'), [
        ...['--clock', 'stepped', '--history-blocks', '40', '--seed', 'other'],
      ]);
      await cp(storeOf('source'), storeOf('mixed'), { recursive: true });
      const provider = await ProviderProcess.start({
        folder: join(folder, 'mixed'),
        relay: [others.relay],
        para: [others.para],
      });
      try {
        const line = await until(
          'it names the difference',
          async () => provider.log.find(({ error }) => error?.code === 'STORE_OF_OTHER_CHAIN'),
          (found) => found !== undefined,
          30_000,
        );
        // Which of its nodes is heard first is open.
        expect(line?.error?.facts?.['field']).toMatch(/^(paraBlock1|relayGenesis)$/);
        const blobs = await BlobReader.connect(provider.blobPort);
        expect(await blobs.get(`dryParaBlock:${head.para}`)).toBeDefined();
        blobs.close();
      } finally {
        await provider.stop();
        await others.stop();
      }
      expect(differences(await readRows(storeOf('mixed')), expected)).toEqual([]);
    }));

  it('that holds a store of a newer version is left as it is, and the program ends', () =>
    keeping(async () => {
      await cp(storeOf('source'), storeOf('newer'), { recursive: true });
      const database = new ClassicLevel<Uint8Array, string>(storeOf('newer'), {
        keyEncoding: 'view',
        valueEncoding: 'utf8',
      });
      const meta = Uint8Array.of(0);
      const text = (await database.get(meta))!;
      await database.put(meta, JSON.stringify({ ...(JSON.parse(text) as object), schema: 99 }));
      await database.close();
      const before = await readRows(storeOf('newer'));
      const provider = await ProviderProcess.start({ folder: join(folder, 'newer'), ...nodes() });
      await until(
        'it has ended',
        async () => provider.ended,
        (ended) => ended !== undefined,
        30_000,
      );
      expect(provider.ended).toBe('exit code 1');
      expect(provider.log.filter(({ error }) => error?.code === 'STORE_TOO_NEW')).toHaveLength(1);
      for (const name of ['inspect', 'verify', 'compact']) {
        const { code, err } = await storeCommand(storeOf('newer'), [name]);
        expect([name, code]).toEqual([name, 1]);
        expect(err).toContain('99');
        // An operator's mistake has no stack.
        expect(err).not.toContain(' at ');
      }
      await provider.stop();
      expect(differences(await readRows(storeOf('newer')), before)).toEqual([]);
    }));
});

describe.sequential('the commands', () => {
  it('carry a store over, killed in the middle or not', () =>
    keeping(async () => {
      const random = new Random(20_221_112);
      const file = join(folder, 'exported');
      // Killed: what is left does not stand in the way.
      await storeCommand(storeOf('source'), ['export', file], { killAfterMs: 450 });
      await storeCommand(storeOf('source'), ['export', file]);
      await access(file);
      expect((await storeCommand(storeOf('source'), ['export', file])).code).toBe(1);
      expect((await readdir(folder)).filter((name) => name.startsWith('exported'))).toEqual([
        'exported',
      ]);
      const imported = storeOf('imported');
      const reached: number[] = [];
      for (let kill = 0; kill < 5; kill += 1) {
        await storeCommand(imported, ['import', file], { killAfterMs: 500 + random.below(1_500) });
        const isThere = await access(imported).then(
          () => true,
          () => false,
        );
        const heights = isThere ? await inspectHeights(imported) : undefined;
        reached.push(heights?.para ?? -1);
      }
      console.log(`Imports were killed at para block ${reached.join(', ')}`);
      expect(reached).toEqual([...reached].sort((a, b) => a - b));
      const { code, err } = await storeCommand(imported, ['import', file]);
      expect([code, err.includes('100 %')]).toEqual([0, true]);
      await storeCommand(imported, ['compact']);
      await verifyStore(imported);
      expect(differences(await readRows(imported), expected)).toEqual([]);
    }));

  it('do not work on a store that is in use', () =>
    keeping(async () => {
      const provider = await ProviderProcess.start({ folder: join(folder, 'source'), ...nodes() });
      try {
        await until(
          'it is open',
          () => provider.heights(),
          ({ relay }) => relay > 0,
          30_000,
        );
        for (const args of [['inspect'], ['verify'], ['compact'], ['export', join(folder, 'x')]]) {
          const { code, err } = await storeCommand(storeOf('source'), args);
          expect([args[0], code]).toEqual([args[0], 1]);
          expect(err).toContain('Stop the other data provider');
        }
      } finally {
        await provider.stop();
      }
    }));
});
