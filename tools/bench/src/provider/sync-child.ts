/**
 * The reading side of `ingest` and `head`, in a process of its own so that its time is its own.
 * Arguments: `raw <relay> <para> <in flight>`, `provider <relay> <para> <folder> <mode> <relay height>` (both end when all
 * is read, and say what they did), or `head <relay> <para> <folder>` (says when blobs became readable, until it is ended).
 */
import { join } from 'node:path';
import { silentLogger } from '@runtime-bridge/base';
import { BlobViews, BlockStore, ChainSync, type VerifyMode } from '@runtime-bridge/block-store';
import { JsonRpcClient } from '@runtime-bridge/chain-client';
import { rawLoop } from './raw-loop.js';

const [mode, relayUrl, paraUrl, ...rest] = process.argv.slice(2) as [
  string,
  string,
  string,
  ...string[],
];

function makeProvider(folder: string, verify: VerifyMode) {
  const store = new BlockStore({ path: join(folder, 'store') });
  const relay = new JsonRpcClient(
    { name: 'relay', endpoints: [relayUrl] },
    { logger: silentLogger },
  );
  const para = new JsonRpcClient({ name: 'para', endpoints: [paraUrl] }, { logger: silentLogger });
  const sync = new ChainSync({ para: { verify } }, { store, relay, para, logger: silentLogger });
  return { store, services: [store, relay, para, sync] };
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

async function runProvider(folder: string, verify: VerifyMode, relayHeight: number) {
  const { store, services } = makeProvider(folder, verify);
  const cpuBefore = cpuSeconds();
  const startedAtMs = performance.now();
  for (const service of services) await service.start();
  const heights = await store.heights.until((now) => (now?.built ?? 0) >= relayHeight);
  const seconds = (performance.now() - startedAtMs) / 1000;
  const cpu = cpuSeconds() - cpuBefore;
  for (const service of services.reverse()) await service.stop();
  return { seconds, cpuSeconds: cpu, relayHeight: heights?.relay, paraHeight: heights?.para };
}

/** Prints `<relay height> <milliseconds since 1970>` when the headers blob that ends there has been read. */
async function tellHeads(folder: string): Promise<never> {
  const { store, services } = makeProvider(folder, 'full');
  const views = new BlobViews({}, { store });
  for (const service of services) await service.start();
  for (let last = -1; ;) {
    const heights = await store.heights.until((now) => (now?.built ?? -1) > last);
    const built = heights!.built;
    const end = await store.rangeEndAt(built);
    const span = end && end.paraNumber >= 0 ? `${end.paraNumber}:${end.paraNumber}` : '-1:-1';
    const blob = await views.get(`drySyncHeader:${built}:${built}:${span}`);
    const block =
      end && end.paraNumber > 0 ? await views.get(`dryParaBlock:${end.paraNumber}`) : blob;
    if (blob && block) console.log(`${built} ${performance.timeOrigin + performance.now()}`);
    last = built;
  }
}

if (mode === 'raw') {
  console.log(JSON.stringify(await rawLoop({ relay: relayUrl, para: paraUrl }, Number(rest[0]))));
} else if (mode === 'provider') {
  const [folder, verify, relayHeight] = rest as [string, VerifyMode, string];
  console.log(JSON.stringify(await runProvider(folder, verify, Number(relayHeight))));
} else {
  await tellHeads(rest[0]!);
}
