import { expect, it } from 'vitest';
import { BlobReader, freePort } from './lying-node/index.js';
import { Random } from './durability/random.js';
import { WorkerTap } from './durability/worker-tap.js';
import { defaults, until, untilWorkers, withDemo } from './with-demo.js';

/*
 * Two data providers behind one lifecycle manager, the second one filled from the first. One of them is killed every few
 * seconds; `RB_KILL_SECONDS=300` is how long that goes on.
 */
const SECONDS = Number(process.env['RB_KILL_SECONDS'] ?? 20);
const SEED = Number(process.env['RB_KILL_SEED'] ?? 20_221_112);
const SECOND = 'data-provider-2';

it(
  'of two data providers one is killed every few seconds: workers stay active, and none of their calls fails',
  async () => {
    const taps: WorkerTap[] = [];
    const endpointOf = async (url: string) => {
      const tap = await WorkerTap.start(url);
      taps.push(tap);
      return tap.url;
    };
    try {
      await withDemo(
        {},
        async (demo) => {
          const random = new Random(SEED);
          const { network, processes } = demo;
          const blobPorts = [await blobPortOf(demo), await freePort()];
          await processes.startNode(SECOND, 'apps/data-provider/dist/main.js', {
            env: {
              NODE_ENV: 'production',
              PHALA_LOGGER_LEVEL: 'debug',
              PHALA_CHAIN_ENDPOINT: network.paraUrl,
              PHALA_PARENT_CHAIN_ENDPOINT: network.relayUrl,
              PHALA_PEER_ID_PREFIX: `${processes.folderOf(SECOND)}/keys`,
              PHALA_HEALTH_SOCKET: `${processes.folderOf(SECOND)}/health.sock`,
              PHALA_LOCAL_DB_PATH: `${processes.folderOf(SECOND)}/store`,
              PHALA_BRIDGE_IDENTITY: `demo-${process.pid}`,
              PHALA_DATA_PROVIDER_LOCAL_SERVER_PORT: String(blobPorts[1]),
              PHALA_WALKIE_LISTEN_ADDRESSES: `/ip4/127.0.0.1/tcp/${await freePort()}`,
              PHALA_WALKIE_DISABLE_MDNS_DISCOVERY: 'true',
              PHALA_WALKIE_BOOT_NODES: demo.addresses.manager,
              PHALA_DATA_PROVIDER_COPY_FROM: `127.0.0.1:${blobPorts[0]}`,
            },
          });
          const isActive = ({ status }: { status?: string }) => status === 'S_ACTIVE';
          await untilWorkers(
            demo,
            'all workers are active',
            (states) => states.length === defaults.workers && states.every(isActive),
          );
          await untilServing(blobPorts[1]!);
          for (const tap of taps) tap.failed.length = 0;
          const servedBefore = taps.map(({ served }) => served);

          const left: string[] = [];
          let isWatching = true;
          const watching = (async () => {
            while (isWatching) {
              const states = await demo.monitor.workerStates(demo.peers.manager);
              const others = states.filter((state) => !isActive(state));
              left.push(
                ...others.map(
                  ({ worker, status, lastMessage }) => `${worker?.name} ${status}: ${lastMessage}`,
                ),
              );
              await pause(250);
            }
          })();
          const heightsBefore = await dispatchedHeights(demo);
          const end = Date.now() + SECONDS * 1_000;
          let kills = 0;
          while (Date.now() < end) {
            const victim = random.below(2);
            processes.get(['data-provider', SECOND][victim]!).kill('SIGKILL');
            kills += 1;
            await pause(1_500 + random.below(2_500));
            // There are never two of them away at once.
            await untilServing(blobPorts[victim]!);
          }
          await pause(2_000);
          isWatching = false;
          await watching;
          const heightsAfter = await dispatchedHeights(demo);
          console.log(
            `${kills} kills in ${SECONDS} s; ${taps.map(({ served }, i) => served - servedBefore[i]!).join(' and ')} calls to workers; blocks dispatched: ${heightsAfter.map((height, i) => height - heightsBefore[i]!).join(' and ')}`,
          );
          expect(left).toEqual([]);
          expect(taps.flatMap(({ failed }) => failed)).toEqual([]);
          expect(kills).toBeGreaterThan(SECONDS / 8);
          // Nothing was lost to the kills: a para block is made every two relay blocks.
          const made = (SECONDS * 1_000) / (2 * defaults.blockMs);
          for (const [i, height] of heightsAfter.entries()) {
            expect(height - heightsBefore[i]!).toBeGreaterThan(made * 0.7);
          }
        },
        { endpointOf },
      );
    } finally {
      await Promise.all(taps.map((tap) => tap.stop()));
    }
  },
  240_000 + SECONDS * 2_000,
);

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

type DemoUnderTest = Parameters<Parameters<typeof withDemo>[1]>[0];

async function blobPortOf(demo: DemoUnderTest): Promise<number> {
  const info = (await demo.monitor.dataProviderInfo(demo.peers.provider)) as {
    blobServerPort?: number;
  };
  return info.blobServerPort!;
}

async function dispatchedHeights(demo: DemoUnderTest): Promise<number[]> {
  const states = await demo.monitor.workerStates(demo.peers.manager);
  return states.map(({ paraBlockDispatchedTo }) => paraBlockDispatchedTo ?? 0);
}

/** Waits until a provider serves what it holds. */
async function untilServing(blobPort: number): Promise<void> {
  await until(
    `the blob server at ${blobPort} serves`,
    async () => {
      const blobs = await BlobReader.connect(blobPort);
      try {
        return await blobs.get('dryParaBlock:1');
      } finally {
        blobs.close();
      }
    },
    (blob) => blob !== undefined,
    60_000,
    200,
  );
}
