import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { syncEraWorkers } from './durability/era-workers.js';
import { killedSync, untilHead, type StoredHeights } from './durability/killed-sync.js';
import { Provider2022 } from './durability/provider-2022.js';
import { Random } from './durability/random.js';
import {
  chainRows,
  differences,
  heightsOf,
  readRows,
  type StoreRows,
} from './durability/store-rows.js';
import { verifyStore } from './durability/store-command.js';
import { DevChains } from './lying-node/dev-chains.js';
import { LyingNode, ProviderProcess, type Lie } from './lying-node/index.js';

/*
 * A provider is filled from other ones, ours and such of 2022, while its nodes give the genesis and the height of the
 * chain but withhold what is between: what it has then came from the peers.
 */
const SEED = Number(process.env['RB_KILL_SEED'] ?? 20_221_112);
const KILLS = Number(process.env['RB_COPY_KILLS'] ?? 2);
const HISTORY_BLOCKS = 400;
const PARA_ID = 2004;
const TIMEOUT_MS = 240_000 + KILLS * 30_000;

let folder: string;
let chains: DevChains;
let source: ProviderProcess;
let expected: StoreRows;
let head: StoredHeights;
const nodes: { relay?: LyingNode; para?: LyingNode } = {};
let failures = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rb-peer-copy-'));
  chains = await DevChains.start(join(folder, 'chains'), [
    ...['--clock', 'stepped', '--history-blocks', String(HISTORY_BLOCKS)],
    ...['--ballast-bytes', '30000', '--session-blocks', '20', '--justification-period', '8'],
  ]);
  source = await ProviderProcess.start({
    folder: join(folder, 'source'),
    relay: [chains.relay],
    para: [chains.para],
  });
  await untilHead(source, HISTORY_BLOCKS - 2);
  expected = await readRows(join(folder, 'source', 'store'));
  head = heightsOf(expected);
  nodes.relay = await LyingNode.start({
    target: chains.relay,
    lacks: ['grandpa_proveFinality', 'grandpa_subscribeJustifications'],
    lie: ({ method }, answer) =>
      method === 'chain_getBlock' ? { ...(answer as object), justifications: null } : answer,
  });
  nodes.para = await LyingNode.start({
    target: chains.para,
    lacks: ['pha_getStorageChangesAt', 'pha_getStorageChanges'],
  });
}, TIMEOUT_MS);

afterAll(async () => {
  await Promise.all([nodes.relay?.stop(), nodes.para?.stop(), source?.stop()]);
  await chains?.stop();
  if (failures === 0) await rm(folder, { recursive: true });
  else console.error(`Logs and stores are kept in ${folder}`);
});

const slowly: Lie = async ({ method }, answer) => {
  if (/proveFinality|StorageChanges/.test(method)) await sleep(250);
  return answer;
};

/** A copy into a folder of its own, from blob servers. */
function copyOf(name: string, ports: readonly number[]) {
  return {
    folder: join(folder, name),
    relay: [nodes.relay!.url],
    para: [nodes.para!.url],
    env: {
      PHALA_DATA_PROVIDER_COPY_FROM: ports.map((port) => `127.0.0.1:${port}`).join(','),
    },
  };
}

/** Runs a part; what it left on disk is kept when it fails. */
async function keeping(run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    failures += 1;
    throw error;
  }
}

describe.sequential('a provider is filled from', () => {
  it(
    'two of ours at once, killed again and again, and workers of each era sync from it',
    () =>
      keeping(async () => {
        const second = await ProviderProcess.start(copyOf('second', [source.blobPort]));
        await untilHead(second, head.relay);
        const options = copyOf('third', [source.blobPort, second.blobPort]);
        const kills = await killedSync(
          { ...options, maxLifeMs: 1_500, head, maxKills: KILLS },
          new Random(SEED + 4),
        );
        console.log(`Killed after ${kills.map(({ lifeMs }) => `${lifeMs} ms`).join(', ')}`);
        await second.stop();
        for (const name of ['second', 'third']) {
          const rows = await readRows(join(folder, name, 'store'));
          expect(differences(rows, expected)).toEqual([]);
          await verifyStore(join(folder, name, 'store'));
        }
        const provider = await ProviderProcess.start(options);
        await untilHead(provider, head.relay);
        await syncEraWorkers(provider, {
          folder: options.folder,
          para: chains.para,
          relayHeight: head.relay,
          paraHeight: head.para,
        });
        await provider.stop();
      }),
    TIMEOUT_MS,
  );

  it(
    'two of 2022, of which one has wrong bytes, up to the last justification that they have',
    () =>
      keeping(async () => {
        const store = { relay: chains.relay, para: chains.para, paraId: PARA_ID, relayFirst: 1 };
        const upTo = { relayLast: head.relay, paraLast: head.para };
        const lies = [
          // In the justification; in the storage changes.
          { key: 'parent:60:pb', at: 0.5 },
          { key: 'para:90:pb', at: 0.9 },
        ];
        const liar = await Provider2022.start({ ...store, ...upTo, lies });
        const honest = await Provider2022.start({ ...store, ...upTo });
        const options = copyOf('from-2022', [liar.blobPort, honest.blobPort]);
        try {
          // Their nodes kept a justification each 8 blocks.
          const last = Math.floor(head.relay / 8) * 8;
          const kills = await killedSync(
            { ...options, maxLifeMs: 1_500, head: { ...head, relay: last }, maxKills: KILLS },
            new Random(SEED + 7),
          );
          console.log(`Killed after ${kills.map(({ lifeMs }) => `${lifeMs} ms`).join(', ')}`);
          const provider = await ProviderProcess.start(options);
          await untilHead(provider, last);
          await provider.stop();
          await verifyStore(join(options.folder, 'store'));
          const rows = await readRows(join(options.folder, 'store'));
          const reached = heightsOf(rows);
          expect(reached.relay).toBeGreaterThanOrEqual(last);
          expect(chainRows(rows)).toEqual(chainRows(expected, reached));
          const [fromLiar, fromHonest] = [await liar.asked(), await honest.asked()];
          expect(fromLiar['para']! + fromHonest['para']!).toBeGreaterThan(head.para);
          expect(fromHonest['parent']).toBeGreaterThan(100);
        } finally {
          await Promise.all([liar.stop(), honest.stop()]);
        }
      }),
    TIMEOUT_MS,
  );

  it(
    'one that lies until it is set aside and named, then by nodes',
    () =>
      keeping(async () => {
        const liar = await Provider2022.start({
          ...{ relay: chains.relay, para: chains.para, paraId: PARA_ID, relayFirst: 1 },
          ...{ relayLast: head.relay, paraLast: head.para },
          lies: [
            { key: 'parent:320:pb', at: 0.5 },
            { key: 'para:150:pb', at: 0.9 },
          ],
        });
        // Nodes that take their time, so that the peer is there before they have given all.
        const slow = await Promise.all(
          [chains.relay, chains.para].map((target) => LyingNode.start({ target, lie: slowly })),
        );
        const provider = await ProviderProcess.start({
          ...copyOf('from-liar', [liar.blobPort]),
          relay: [slow[0]!.url],
          para: [slow[1]!.url],
        });
        try {
          await untilHead(provider, head.relay);
          const url = `prb://127.0.0.1:${liar.blobPort}`;
          const refusals = provider.log.filter(
            ({ message }) => message === 'Endpoint set aside for wrong data',
          );
          expect(refusals.length).toBeGreaterThan(0);
          for (const line of refusals) expect(line['endpoint']).toBe(url);
          const refused = refusals.map(({ error }) => [
            error?.facts?.['chain'],
            error?.facts?.['check'],
          ]);
          expect(refused).toContainEqual(['para', 'state root']);
          expect(refused).toContainEqual(['relay', 'justification']);
        } finally {
          await provider.stop();
          await Promise.all([liar.stop(), ...slow.map((node) => node.stop())]);
        }
        await verifyStore(join(folder, 'from-liar', 'store'));
        const rows = await readRows(join(folder, 'from-liar', 'store'));
        expect(chainRows(rows)).toEqual(chainRows(expected, heightsOf(rows)));
      }),
    TIMEOUT_MS,
  );
});
