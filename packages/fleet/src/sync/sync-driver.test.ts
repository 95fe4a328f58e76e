import { silentLogger, silentMetrics, sleep, systemClock, Watched } from '@runtime-bridge/base';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { FakeProvider } from '../rig/fake-provider.test.support.js';
import { broken, FakeWorker, refusal } from '../rig/fake-worker.test.support.js';
import { BlobFetcher } from './blob-fetcher.js';
import { BlobLibrary } from './blob-library.js';
import { headOf, NO_HEAD, type HeadView } from './head.js';
import { positionOf, SyncDriver } from './sync-driver.js';

let provider: FakeProvider;
let worker: FakeWorker;
let head: Watched<HeadView>;
let ending: AbortController;
let troubles: string[];
let running: Promise<unknown>;

beforeEach(async () => {
  provider = new FakeProvider('p1');
  worker = new FakeWorker(1);
  head = new Watched<HeadView>(NO_HEAD);
  ending = new AbortController();
  troubles = [];
  await worker.initRuntime();
  look();
});
afterEach(async () => {
  ending.abort();
  await running;
});

function look(): void {
  head.set(headOf([provider.view()], undefined));
}

/** Begins to sync; resolves with what it ends with. */
async function start(): Promise<void> {
  const fetcher = new BlobFetcher(
    {
      concurrency: 4,
      requestTimeoutMs: 100,
      cacheMaxItems: 100,
      cacheMaxBytes: 100_000,
      cacheMaxAgeMs: 60_000,
    },
    { connect: () => provider.connection(), logger: silentLogger, metrics: silentMetrics },
  );
  fetcher.setProviders([provider.view()]);
  const driver = new SyncDriver(
    {
      start: positionOf(await worker.getInfo()),
      minDelayMs: 2,
      maxDelayMs: 4,
      blobPollMs: 2,
      maxTransientFailures: 4,
    },
    {
      client: worker,
      library: new BlobLibrary({ fetcher }),
      head,
      clock: systemClock,
      onTrouble: (text) => troubles.push(text),
      onInfo: () => undefined,
    },
  );
  running = driver.run(ending.signal).catch((error: unknown) => error);
}

async function until(holds: () => boolean): Promise<void> {
  const end = Date.now() + 3_000;
  while (!holds()) {
    if (Date.now() > end)
      throw new Error(`at ${worker.h}, ${worker.q}, ${worker.b}: ${troubles.join('; ')}`);
    await sleep(2);
  }
}
const atEnd = () => worker.h > provider.relayHeight && worker.b === worker.q;

describe('SyncDriver', () => {
  it('reads the position anew after a failure, without anybody else telling it', async () => {
    await start();
    await until(atEnd);
    Object.assign(worker, { h: 13, q: 2, b: 1, relayRoot: false });
    provider.relayHeight += 2;
    look();
    await until(atEnd);
    expect(worker.calls.filter((call) => call === 'getInfo').length).toBeGreaterThan(1);
  });

  it('waits out a worker that cannot be reached, and gives it up in the end', async () => {
    let left = 3;
    worker.fault = () => {
      if (left-- > 0) throw broken();
    };
    await start().catch(() => start().catch(() => start().catch(start)));
    await until(atEnd);
    worker.fault = () => {
      throw broken();
    };
    provider.relayHeight += 2;
    look();
    expect(await running).toMatchObject({ code: 'TRANSPORT' });
    expect(troubles.at(-1)).toContain('ECONNRESET');
  });

  it('tries refused data once more, fetched anew, then gives up with what pRuntime said', async () => {
    provider.lies = true;
    await start();
    expect(await running).toMatchObject({
      code: 'DATA_REFUSED',
      text: expect.stringContaining('StorageProofFailed') as string,
    });
    expect(worker.calls.filter((call) => call.startsWith('sync'))).toHaveLength(2);
  });

  it('gives up at once when the worker has lost its state', async () => {
    await start();
    await until(atEnd);
    worker.wipe();
    provider.relayHeight += 1;
    look();
    expect(await running).toMatchObject({ code: 'NOT_INITIALIZED' });
  });

  it('does not take the lack of a provider for a failure of the worker', async () => {
    provider.down = true;
    await start();
    await until(() => troubles.some((text) => text.startsWith('Waiting for a data provider')));
    await sleep(50);
    provider.down = false;
    await until(atEnd);
  });

  it('does not spin on a worker that always says that it stands elsewhere', async () => {
    worker.fault = (call) => {
      if (call === 'dispatchBlocks') throw refusal('BlockNumberMismatch');
    };
    await start();
    expect(await running).toMatchObject({ code: 'POSITION_MISMATCH' });
    expect(worker.calls.length).toBeLessThan(20);
  });
});
