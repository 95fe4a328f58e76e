import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { syncEraWorkers } from './durability/era-workers.js';
import {
  isWhole,
  killedSync,
  untilHead,
  type Kill,
  type StoredHeights,
} from './durability/killed-sync.js';
import { Random } from './durability/random.js';
import { chainRows, differences, heightsOf, readRows } from './durability/store-rows.js';
import { verifyStore } from './durability/store-command.js';
import { DevChains } from './lying-node/dev-chains.js';
import { ProviderProcess } from './lying-node/index.js';
import { until } from './with-demo.js';

/*
 * Syncs from empty are killed at random moments until so many kills are done: `RB_KILLS=200 RB_HISTORY_BLOCKS=1500
 * RB_KILL_MAX_LIFE_MS=4000 RB_KILL_VERIFY=true` for a long one, `RB_KILL_SEED` for another, or the same once more.
 */
const env = (name: string, fallback: number) => Number(process.env[name] ?? fallback);
const KILLS = env('RB_KILLS', 12);
const KILLS_AT_HEAD = env('RB_KILLS_AT_HEAD', Math.ceil(KILLS / 3));
const SEED = env('RB_KILL_SEED', 20_221_112);
const VERIFY_EACH = process.env['RB_KILL_VERIFY'] === 'true';
const HISTORY_BLOCKS = env('RB_HISTORY_BLOCKS', 600);
/** A sync takes about so long here; much longer lives would all be killed at the head. */
const MAX_LIFE_MS = env('RB_KILL_MAX_LIFE_MS', 1_800);

const TIMEOUT_MS = 120_000 + (KILLS + KILLS_AT_HEAD) * 20_000;

let folder: string;
let fine = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rb-kill-sync-'));
  console.log(`Seed ${SEED}, ${KILLS} kills of syncs, ${KILLS_AT_HEAD} at the head`);
});

afterAll(async () => {
  if (fine === 2) await rm(folder, { recursive: true });
  else console.error(`Logs and stores are kept in ${folder}`);
});

describe.sequential('kill -9 at random moments', () => {
  it(
    'of syncs from empty ends with the rows of an undisturbed one, and workers of each era sync from them',
    async () => {
      const random = new Random(SEED);
      const chains = await DevChains.start(join(folder, 'chains'), [
        ...['--clock', 'stepped', '--history-blocks', String(HISTORY_BLOCKS)],
        ...['--ballast-bytes', '60000', '--session-blocks', '20'],
      ]);
      const nodes = { relay: [chains.relay], para: [chains.para] };
      try {
        const undisturbed = await ProviderProcess.start({ folder: join(folder, 'calm'), ...nodes });
        const finalized = await until(
          'the provider knows the head',
          () => undisturbed.heights(),
          ({ relay, relayTarget }) => relayTarget > 0 && relay >= relayTarget,
          120_000,
        );
        await undisturbed.stop();
        const expected = await readRows(join(folder, 'calm', 'store'));
        const heights = heightsOf(expected);
        expect(heights.relay).toBe(finalized.relay);
        expect(chainRows(expected).setChanges.size).toBeGreaterThan(HISTORY_BLOCKS / 20 - 2);

        const kills: Kill[] = [];
        let last = '';
        for (let sync = 1; kills.length < KILLS; sync += 1) {
          last = join(folder, `sync-${sync}`);
          const done = await killedSync(
            {
              folder: last,
              ...nodes,
              maxLifeMs: MAX_LIFE_MS,
              head: heights,
              maxKills: KILLS - kills.length,
              verifyEach: VERIFY_EACH,
            },
            random,
          );
          kills.push(...done);
          console.log(
            `Sync ${sync}: killed ${done.map(({ lifeMs, heights: at }) => `after ${lifeMs} ms at ${at ? `${at.relay}/${at.para}` : 'nothing'}`).join(', ')}`,
          );
          const rows = await readRows(join(last, 'store'));
          expect(differences(rows, expected)).toEqual([]);
          expect((await verifyStore(join(last, 'store'))).paraBlocks).toBe(heights.para);
          if (kills.length < KILLS) await rm(last, { recursive: true });
        }
        expect(kills).toHaveLength(KILLS);
        console.log(summary(kills, heights));

        const provider = await ProviderProcess.start({ folder: last, ...nodes });
        await untilHead(provider, heights.relay);
        await syncEraWorkers(provider, {
          folder: last,
          para: chains.para,
          relayHeight: heights.relay,
          paraHeight: heights.para,
        });
        await provider.stop();
        fine += 1;
      } finally {
        await chains.stop();
      }
    },
    TIMEOUT_MS,
  );

  it(
    'at the head ends with the rows of an undisturbed one',
    async () => {
      const random = new Random(SEED + 1);
      const chains = await DevChains.start(join(folder, 'live-chains'), [
        ...['--block-ms', '200', '--history-blocks', '60', '--ballast-bytes', '20000'],
      ]);
      const nodes = { relay: [chains.relay], para: [chains.para] };
      const calm = await ProviderProcess.start({ folder: join(folder, 'live-calm'), ...nodes });
      const options = { folder: join(folder, 'live'), ...nodes };
      try {
        let height = 0;
        for (let kill = 0; kill < KILLS_AT_HEAD; kill += 1) {
          const provider = await ProviderProcess.start(options);
          const atHead = await until(
            'it is at the head, and further than before',
            () => provider.heights(),
            ({ relay, relayTarget }) => relay > height && relayTarget - relay <= 3,
            60_000,
          );
          height = atHead.relay;
          await new Promise((resolve) => setTimeout(resolve, random.below(1_000)));
          await provider.kill();
        }
        const provider = await ProviderProcess.start(options);
        await untilHead(provider, height + 10);
        await provider.kill();
        await untilHead(calm, height + 20);
        await calm.stop();

        const [killed, undisturbed] = await Promise.all(
          [options.folder, join(folder, 'live-calm')].map((at) => readRows(join(at, 'store'))),
        );
        const upTo = heightsOf(killed!);
        expect(chainRows(killed!)).toEqual(chainRows(undisturbed!, upTo));
        expect(chainRows(killed!).setChanges.size).toBeGreaterThan(5);
        expect((await verifyStore(join(options.folder, 'store'))).paraBlocks).toBe(upTo.para);
        fine += 1;
      } finally {
        await calm.stop();
        await chains.stop();
      }
    },
    TIMEOUT_MS,
  );
});

/** How the kills were spread. */
function summary(kills: readonly Kill[], head: StoredHeights): string {
  const count = (holds: (kill: Kill) => boolean) => kills.filter(holds).length;
  return [
    `${kills.length} kills`,
    `${count(({ heights }) => heights === undefined)} before the genesis`,
    `${count((kill) => kill.heights !== undefined && !isWhole(kill, head))} on the way`,
    `${count((kill) => isWhole(kill, head))} at the head`,
  ].join(', ');
}
