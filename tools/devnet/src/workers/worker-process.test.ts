import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { concatBytes, scale, storagePrefix, utf8 } from '../primitives/index.js';
import { FaultBook, parseFault } from '../faults/index.js';
import { startWorkers, workerTargets, type RunningWorkers, type WorkersOptions } from './index.js';
import { SharedRequests } from './shared-requests.js';
import { SampleChain } from './testing/sample-chain.js';
import { WorkerClient } from './testing/worker-client.js';

let dataDir = '';
let running: RunningWorkers | undefined;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'devnet-workers-'));
});
afterEach(async () => {
  await running?.stop();
  running = undefined;
  await rm(dataDir, { recursive: true, force: true });
});

async function start(options: Partial<WorkersOptions> = {}): Promise<WorkerClient> {
  running = await startWorkers({
    count: 1,
    basePort: 0,
    dataDir,
    pruntime: ['0.2.6'],
    seed: 'process',
    checkpointBlocks: 1,
    checkpointIntervalMs: 0,
    restartDelayMs: 20,
    ...options,
  });
  return new WorkerClient(running.urls[0] ?? '');
}

function sampleChain(options: ConstructorParameters<typeof SampleChain>[0] = {}): SampleChain {
  const chain = new SampleChain(options);
  for (let n = 1; n <= 6; n++) {
    chain.addPara([[utf8('block'), scale.u32(n)]]);
    chain.addRelay();
  }
  return chain;
}

async function sync(worker: WorkerClient, chain: SampleChain, to: number): Promise<void> {
  const [h, q, b] = await worker.heights();
  await worker.bin('sync_combined_headers', chain.combined({ relay: [h, to], para: [q, to] }));
  expect(await worker.bin('dispatch_block', chain.blocks(b, to))).toEqual({ dispatched_to: to });
}

const backUp = async (worker: WorkerClient): Promise<void> => {
  await expect
    .poll(
      () =>
        worker.info().then(
          () => true,
          () => false,
        ),
      { timeout: 5000, interval: 20 },
    )
    .toBe(true);
};

describe('sealed data', () => {
  it('lets a worker that was stopped resume where its checkpoint stands', async () => {
    const chain = sampleChain();
    const worker = await start();
    const { encodedPublicKey } = await worker.init(chain);
    await sync(worker, chain, 3);
    const stateRoot = (await worker.info()).stateRoot;
    await expect.poll(() => readdir(join(dataDir, 'worker-1'))).toContain('checkpoint.seal');
    await running?.stop();
    const again = await start();
    const info = await again.info();
    expect(info.initialized).toBe(true);
    expect(info.publicKey).toBe(Buffer.from(encodedPublicKey).toString('hex'));
    expect(info.stateRoot).toBe(stateRoot);
    expect(await again.heights()).toEqual([4, 4, 4]);
    await sync(again, chain, 6);
    expect(await again.heights()).toEqual([7, 7, 7]);
  });

  it('keeps unsent messages and their sequence', async () => {
    const worker = await start();
    const chain = new SampleChain();
    const { encodedPublicKey: key } = await worker.init(chain);
    const event = concatBytes(Uint8Array.of(0), key, Uint8Array.of(1), scale.u32(0));
    const message = concatBytes(
      Uint8Array.of(0),
      scale.text('PhalaRegistry'),
      scale.text('phala/system/event'),
      scale.bytes(event),
    );
    const outbound = storagePrefix('PhalaMq', 'OutboundMessages');
    chain.addPara([[outbound, scale.vec([message])]]);
    chain.addRelay();
    chain.addPara([[outbound, scale.vec([message])]]);
    chain.addRelay();
    await sync(worker, chain, 1);
    const [before] = await worker.egress();
    expect(before?.sequence).toBe(0n);
    await running?.stop();
    const again = await start();
    expect(await again.egress()).toEqual([before]);
    await sync(again, chain, 2);
    expect((await again.egress()).map((m) => m.sequence)).toEqual([0n, 1n]);
  });

  it('is not believed when damaged: the worker asks for init again, with the same key', async () => {
    const chain = sampleChain();
    const worker = await start();
    const { encodedPublicKey } = await worker.init(chain);
    await sync(worker, chain, 2);
    await running?.stop();
    const path = join(dataDir, 'worker-1', 'checkpoint.seal');
    const bytes = await readFile(path);
    await writeFile(path, bytes.subarray(0, bytes.length - 1));
    const again = await start({ seed: 'another seed' });
    expect((await again.info()).initialized).toBe(false);
    expect((await again.init(chain)).encodedPublicKey).toEqual(encodedPublicKey);
  });

  it('binds the key to one relay genesis: another one kills the worker', async () => {
    const worker = await start({ checkpointBlocks: 1000 });
    await worker.init(sampleChain());
    await worker.post('/kick', new Uint8Array()).catch(() => undefined);
    await backUp(worker);
    const other = new SampleChain({ authoritiesKey: 'old' });
    other.addRelay();
    await expect(worker.init(other, { at: 1 })).rejects.toThrow('fetch failed');
    await backUp(worker);
    await worker.init(sampleChain());
  });
});

describe('a process of its own', () => {
  it('ends by /kick without an answer and comes back on its port', async () => {
    const chain = sampleChain();
    const worker = await start();
    await worker.init(chain);
    await sync(worker, chain, 2);
    await expect(worker.post('/kick', new Uint8Array())).rejects.toThrow('fetch failed');
    await backUp(worker);
    expect(await worker.heights()).toEqual([3, 3, 3]);
  });

  it('has no /kick unless enabled', async () => {
    const worker = await start({ enableKick: false });
    expect((await worker.post('/kick', new Uint8Array())).status).toBe(404);
  });

  it('forgets all when it is volatile', async () => {
    const chain = sampleChain();
    const worker = await start({ dataDir: undefined });
    const { encodedPublicKey } = await worker.init(chain);
    await sync(worker, chain, 2);
    running?.workers[0]?.kill();
    await backUp(worker);
    expect(await worker.heights()).toEqual([0, 0, 0]);
    expect((await worker.init(chain)).encodedPublicKey).toEqual(encodedPublicKey);
  });

  it('can be told to reject, to drop its reply, to be late', async () => {
    const worker = await start();
    const [one] = running?.workers ?? [];
    if (one === undefined) throw new Error('no worker');
    one.fault = { kind: 'reject', message: 'RCU in progress, please try the request again later' };
    await expect(worker.info()).rejects.toThrow('500 RCU in progress');
    one.fault = { kind: 'dropReply' };
    await expect(worker.init(sampleChain())).rejects.toThrow('fetch failed');
    one.fault = { kind: 'late', delayMs: 60 };
    const before = performance.now();
    expect((await worker.info()).initialized).toBe(true);
    expect(performance.now() - before).toBeGreaterThan(55);
    one.fault = undefined;
  });
});

describe('faults', () => {
  /** The last checkpoint is whole on disk. */
  const written = async () => {
    const files = () => readdir(join(dataDir, 'worker-1'));
    await expect.poll(files).toContain('checkpoint.seal');
    await expect.poll(files).not.toContain('checkpoint.seal.tmp');
  };
  const faults = () => new FaultBook(() => workerTargets(running?.workers ?? []));
  const put = (book: FaultBook, text: string) => book.add(parseFault(text));

  it('forget: comes back empty and with another key', async () => {
    const chain = sampleChain();
    const worker = await start();
    const { encodedPublicKey } = await worker.init(chain);
    await sync(worker, chain, 3);
    put(faults(), 'worker1:forget');
    await backUp(worker);
    expect(await worker.heights()).toEqual([0, 0, 0]);
    expect((await worker.init(chain)).encodedPublicKey).not.toEqual(encodedPublicKey);
  });

  it('rollBack: comes back from the checkpoint before the last', async () => {
    const chain = sampleChain();
    const worker = await start();
    await worker.init(chain);
    await sync(worker, chain, 2);
    await written();
    await sync(worker, chain, 5);
    await written();
    put(faults(), 'worker1:rollBack');
    await backUp(worker);
    expect(await worker.heights()).toEqual([3, 3, 3]);
    await sync(worker, chain, 5);
    expect(await worker.heights()).toEqual([6, 6, 6]);
  });

  it('dropReply: does what was asked once, and outlives the death of the worker', async () => {
    const chain = sampleChain();
    const worker = await start();
    const book = faults();
    await worker.init(chain);
    await sync(worker, chain, 2);
    await written();
    put(book, 'workers:dropReply,methods=dispatch_block,times=1');
    put(book, 'worker1:die');
    await backUp(worker);
    await worker.bin('sync_combined_headers', chain.combined({ relay: [3, 4], para: [3, 4] }));
    await expect(worker.bin('dispatch_block', chain.blocks(3, 4))).rejects.toThrow('fetch failed');
    expect(await worker.heights()).toEqual([5, 5, 5]);
    await sync(worker, chain, 6);
    expect(book.list()).toMatchObject([{ kind: 'dropReply', count: 1 }, { kind: 'die' }]);
  });

  it('reject, late and hang end when taken away; methods have one name in both transports', async () => {
    const worker = await start();
    const book = faults();
    const reject = put(book, 'worker1:reject,message=NoStateRoot,methods=GetInfo');
    await expect(worker.info()).rejects.toThrow('500 NoStateRoot');
    book.remove(reject.id);
    const late = put(book, 'worker1:late,ms=80');
    const before = performance.now();
    await worker.info();
    expect(performance.now() - before).toBeGreaterThan(75);
    book.remove(late.id);
    put(book, 'worker1:hang,times=1');
    const hanging = worker.info().then(
      () => 'answered',
      () => 'broken',
    );
    await worker.info();
    expect(await Promise.race([hanging, Promise.resolve('nothing')])).toBe('nothing');
    put(book, 'worker1:die');
    expect(await hanging).toBe('broken');
    expect(() => put(book, 'worker2:die')).toThrow('no target');
    expect(() => put(book, 'worker1:sleep')).toThrow('no fault');
  });
});

describe('light workers', () => {
  it('say so, believe signatures and proofs, and nothing else', async () => {
    const chain = sampleChain();
    const other = sampleChain({ genesisTimeMs: 1_600_000_000_000n });
    for (const light of [false, true]) {
      const worker = await start({ light, dataDir: undefined, pruntime: ['0.2.7'] });
      await worker.init(chain);
      expect((await worker.info()).version).toBe(light ? '0.2.7+light' : '0.2.7');
      const forged = chain.combined({ relay: [1, 2], para: [1, 2] });
      // The last vote for block 2: hash, number, signature.
      const vote = Buffer.from(forged).lastIndexOf(chain.relayAt(2).hash);
      forged[vote + 40] = (forged[vote + 40] ?? 0) ^ 1;
      const answer = await worker.bin('sync_combined_headers', forged);
      const refused = (text: string) => ({ message: expect.stringContaining(text) as string });
      expect(answer).toMatchObject(
        light ? { relaychain_synced_to: 2 } : refused('invalid signature'),
      );
      if (light) {
        // Another chain's header does not follow on this chain's.
        const foreign = other.combined({ relay: [3, 3], para: [3, 3] });
        expect(await worker.bin('sync_combined_headers', foreign)).toMatchObject(
          refused('HeaderValidateFailed'),
        );
        expect(await worker.bin('dispatch_block', other.blocks(1, 2))).toMatchObject(
          refused('StateRootMismatch'),
        );
        await sync(worker, chain, 4);
      }
      await running?.stop();
    }
  });

  it('decode what they all get once', () => {
    const requests = new SharedRequests();
    let count = 0;
    const decode = (body: Uint8Array) => ({ count: (count += 1), first: body[0] });
    const one = requests.get(Uint8Array.of(1, 2), decode);
    expect(requests.get(Uint8Array.of(1, 2), decode)).toBe(one);
    expect(requests.get(Uint8Array.of(1, 3), decode)).not.toBe(one);
    expect(requests.get(Uint8Array.of(1, 2), (body) => body.length)).toBe(2);
    for (let n = 0; n < 100; n++) requests.get(Uint8Array.of(n, 9), decode);
    expect(requests.size).toBe(32);
  });
});

describe('many workers in one process', () => {
  it('listen on ports in a row, have keys of their own, and do not disturb each other', async () => {
    const blocker = createServer();
    await new Promise<void>((resolve) => blocker.listen(0, '127.0.0.1', resolve));
    const taken = (blocker.address() as { port: number }).port;
    const said: string[] = [];
    try {
      await start({
        count: 20,
        basePort: taken,
        dataDir: undefined,
        log: (text) => said.push(text),
      });
    } finally {
      blocker.close();
    }
    const urls = running?.urls ?? [];
    expect(urls.length).toBe(20);
    expect(urls).not.toContain(`http://127.0.0.1:${taken}`);
    // Said once: the others follow the first one's port.
    expect(said).toEqual(['port is taken, using the next free one']);
    const ports = urls.map((url) => Number(new URL(url).port));
    expect(ports).toEqual(ports.map((_, i) => (ports[0] ?? 0) + i));
    const chain = sampleChain();
    const clients = urls.map((url) => new WorkerClient(url));
    const keys = await Promise.all(
      clients.map(async (client) => {
        const { encodedPublicKey } = await client.init(chain);
        return Buffer.from(encodedPublicKey).toString('hex');
      }),
    );
    expect(new Set(keys).size).toBe(20);
    await Promise.all(clients.slice(1).map((client) => sync(client, chain, 4)));
    expect(await clients[0]?.heights()).toEqual([1, 1, 1]);
    expect(await clients[19]?.heights()).toEqual([5, 5, 5]);
  });
});
