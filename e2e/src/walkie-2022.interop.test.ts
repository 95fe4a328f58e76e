import { fork, type ChildProcess } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { fileURLToPath } from 'node:url';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromJson, toJson, type JsonValue } from '@bufbuild/protobuf';
import { silentLogger, silentMetrics } from '@runtime-bridge/base';
import { Identity, loadOrCreateIdentity } from '@runtime-bridge/keystore';
import {
  BlobClient,
  BlobServer,
  crc32c,
  findMethod,
  WalkieNode,
  WalkieRoles,
  type BlobSource,
  type MethodName,
} from '@runtime-bridge/walkie-protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** Our side against the libp2p set, protobufjs and length-prefixed-stream of 2022, in a process of its own. */

const MIB = 1024 * 1024;
const SIZES = [1, 300, 70_000, MIB + 1, 8 * MIB];
const logger = silentLogger;

interface SystemInfo {
  hostname: string;
  peerId: string;
  role: number;
}

class Node2022 {
  readonly #pending = new Map<
    number,
    { resolve: (r: never) => void; reject: (e: Error) => void }
  >();
  #nextId = 1;
  peerId = '';
  address = '';
  identity = '';

  private constructor(private readonly child: ChildProcess) {
    child.on('message', (message: { id: number; result?: unknown; error?: string }) => {
      const pending = this.#pending.get(message.id);
      this.#pending.delete(message.id);
      if (message.error === undefined) pending?.resolve(message.result as never);
      else pending?.reject(new Error(message.error));
    });
  }

  static async start(options: Record<string, unknown>): Promise<Node2022> {
    const main = fileURLToPath(new URL('../walkie-2022/main.mjs', import.meta.url));
    const node = new Node2022(fork(main, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] }));
    await new Promise<void>((resolve, reject) => node.#pending.set(0, { resolve, reject }));
    const started = await node.ask<{ peerId: string; addresses: string[]; identity: string }>(
      'start',
      { listen: ['/ip4/127.0.0.1/tcp/0'], bootNodes: [], role: 1, ...options },
    );
    node.peerId = started.peerId;
    node.address = started.addresses[0]!;
    node.identity = started.identity;
    return node;
  }

  ask<T>(command: string, options: Record<string, unknown> = {}): Promise<T> {
    const id = this.#nextId;
    this.#nextId += 1;
    return new Promise<T>((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.child.send({ id, command, ...options });
    });
  }

  request<T>(address: string, method: string, payload?: object) {
    return this.ask<{ hasError: boolean; data: T; error: { type: number; message: string } }>(
      'request',
      { address, method, payload },
    );
  }

  async stop(): Promise<void> {
    const exited = new Promise((resolve) => this.child.once('exit', resolve));
    await this.ask('stop');
    await exited;
  }
}

const blobs: BlobSource = {
  get: (key) => {
    const size = Number(/^size:(\d+)$/.exec(key)?.[1] ?? 0);
    return Promise.resolve(size > 0 ? { bytes: Buffer.alloc(size, size % 251) } : undefined);
  },
};
const blobFacts = (size: number) => ({ size, crc32c: crc32c(Buffer.alloc(size, size % 251)) });

async function ourNode(bootNodes: string[], mdns = false): Promise<WalkieNode> {
  const node = new WalkieNode(
    {
      role: WalkieRoles.WR_LIFECYCLE_MANAGER,
      privateKey: (await Identity.generate()).privateKey,
      chainIdentity: '0xabc',
      bridgeIdentity: 'default',
      hostname: 'host-new',
      listenAddresses: ['/ip4/127.0.0.1/tcp/0'],
      bootNodes,
      mdns,
    },
    { logger, metrics: silentMetrics },
  );
  node.serveBlobs(blobs);
  node.handle('ListWorker', () => ({
    workers: Array.from({ length: 10_000 }, (_, i) => ({
      uuid: `uuid-${i}`,
      pid: BigInt(i),
      name: `worker-${i}`,
      endpoint: 'http://127.0.0.1:8000',
      enabled: i % 2 === 0,
      deleted: false,
      stake: '1000000000000',
      syncOnly: false,
    })),
  }));
  await node.start();
  return node;
}

/** What is on the wire of a message: lists that are empty are not. */
function presentIn(value: object): object {
  return Object.fromEntries(
    Object.entries(value).filter(([, one]) => !Array.isArray(one) || one.length > 0),
  );
}

/** Whether a multicast packet comes back to this host. */
async function canMulticast(): Promise<boolean> {
  const socket = createSocket({ type: 'udp4', reuseAddr: true });
  try {
    return await new Promise<boolean>((resolve) => {
      setTimeout(() => resolve(false), 2_000);
      socket.once('error', () => resolve(false));
      socket.once('message', () => resolve(true));
      socket.bind(0, () => {
        socket.addMembership('224.0.0.251');
        socket.setMulticastLoopback(true);
        socket.send('hello', socket.address().port, '224.0.0.251');
      });
    });
  } catch {
    return false;
  } finally {
    socket.close();
  }
}

describe('Walkie of 2022 and ours, with no boot nodes', () => {
  it('meet by multicast, either way', async ({ skip }) => {
    if (!(await canMulticast())) {
      if (process.env['CI'] === 'true') throw new Error('No multicast on this host');
      console.warn('SKIPPED: no multicast on this host, so the mDNS of 2022 is not tested');
      skip();
    }
    const theirs = await Node2022.start({ mdns: true });
    const ours = await ourNode([], true);
    try {
      await ours.peers.until(
        (peers) => peers.some(({ peerId }) => peerId === theirs.peerId),
        AbortSignal.timeout(30_000),
      );
      await expect
        .poll(async () => (await theirs.ask<SystemInfo[]>('peers')).map((p) => p.peerId), {
          timeout: 30_000,
        })
        .toContain(ours.peerId);
    } finally {
      await ours.stop();
      await theirs.stop();
    }
  }, 90_000);
});

describe('Walkie of 2022 and ours', () => {
  let theirs: Node2022;
  let ours: WalkieNode;

  beforeAll(async () => {
    theirs = await Node2022.start({});
    ours = await ourNode([theirs.address]);
  }, 30_000);
  afterAll(async () => {
    await ours.stop();
    await theirs.stop();
  });

  it('ours meets theirs, and theirs ours, by boot nodes', async () => {
    const [peer] = await ours.peers.until((peers) => peers.length > 0, AbortSignal.timeout(15_000));
    expect(peer).toEqual({
      peerId: theirs.peerId,
      hostname: 'host-2022',
      role: WalkieRoles.WR_DATA_PROVIDER_INT,
      chainIdentity: '0xabc',
      bridgeIdentity: 'default',
      multiaddr: theirs.address,
    });
    const other = await Node2022.start({ bootNodes: [ours.addresses[0]], role: 3 });
    await expect
      .poll(() => other.ask<SystemInfo[]>('peers'), { timeout: 15_000 })
      .toEqual([expect.objectContaining({ hostname: 'host-new', peerId: ours.peerId, role: 3 })]);
    // It listens, so ours greets it in return.
    await ours.peers.until(
      (peers) => peers.some(({ peerId }) => peerId === other.peerId),
      AbortSignal.timeout(15_000),
    );
    await other.stop();
    await ours.peers.until((peers) => peers.length === 1, AbortSignal.timeout(15_000));
  }, 60_000);

  it('ours calls theirs: hello, large answers, errors, over one kept connection', async () => {
    const client = ours.client(theirs.peerId);
    expect((await client.call('Hello', {})).hostname).toBe('host-2022');
    const { workers } = await client.call('ListWorker', {});
    expect(workers).toHaveLength(10_000);
    expect(workers[3]).toMatchObject({ pid: 3n, enabled: false, deleted: false });
    await expect(client.call('ListPool', {})).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: `${theirs.peerId} does not serve ListPool: Handler not implemented.`,
    });
    const before = await theirs.ask<{ inboundConnections: number }>('counters');
    for (const size of SIZES) {
      const { data, empty } = await client.call('GetBlobByKey', { key: `size:${size}` });
      expect({ empty, size: data.length, crc32c: crc32c(data) }).toEqual({
        empty: false,
        ...blobFacts(size),
      });
    }
    expect((await client.call('GetBlobByKey', { key: 'none' })).empty).toBe(true);
    await Promise.all(Array.from({ length: 200 }, () => client.call('Hello', {})));
    expect(await theirs.ask('counters')).toEqual(before);
  }, 40_000);

  it('theirs calls ours: hello, large answers and requests, errors, zero and false values', async () => {
    const address = ours.addresses[0]!;
    const hello = await theirs.request<SystemInfo>(address, 'Hello', {
      hostname: 'x',
      peerId: theirs.peerId,
      role: 0,
    });
    expect(hello.data).toMatchObject({ hostname: 'host-new', peerId: ours.peerId, role: 3 });
    const list = await theirs.request<{ workers: object[] }>(address, 'ListWorker');
    expect(list.data.workers).toHaveLength(10_000);
    expect(list.data.workers[1]).toEqual({
      uuid: 'uuid-1',
      pid: '1',
      name: 'worker-1',
      endpoint: 'http://127.0.0.1:8000',
      enabled: false,
      deleted: false,
      stake: '1000000000000',
      syncOnly: false,
    });
    const ids = new Array<string>(60_000).fill('01234567-89ab-cdef-0123-456789abcdef');
    const refused = await theirs.request(address, 'GetWorkerStatus', { ids });
    expect(refused.error).toEqual({ type: 2, message: 'Handler not implemented.' });
    const unknown = await theirs.request(address, 'NoSuchMethod');
    expect(unknown.error.type).toBe(1);
    for (const size of SIZES) {
      const raw = await theirs.request<{ data: string }>(address, 'GetBlobByKey', {
        key: `size:${size}`,
      });
      const data = Buffer.from(raw.data.data, 'base64');
      expect({ size: data.length, crc32c: crc32c(data) }).toEqual(blobFacts(size));
    }
    // Each of theirs opens and closes a connection, which is far more than libp2p's default of five a second.
    for (let i = 0; i < 30; i += 1) {
      expect((await theirs.request<SystemInfo>(address, 'Hello', {})).hasError).toBe(false);
    }
  }, 60_000);

  it('every method of every role goes both ways, and nothing is lost on the way', async () => {
    const worker = {
      uuid: 'uuid-w',
      pid: '2',
      name: 'w1',
      endpoint: 'http://h:8000',
      enabled: true,
      deleted: false,
      stake: '1500',
      syncOnly: false,
    };
    const owner = { mnemonic: 'a phrase', polkadotJson: '{}', ss58Phala: '3x', ss58Polkadot: '1x' };
    const pool = {
      uuid: 'uuid-p',
      owner,
      pid: '18446744073709551615',
      name: 'p',
      enabled: false,
      deleted: true,
      realPhalaSs58: '',
      syncOnly: true,
    };
    const states = {
      workerStates: [
        {
          status: 7,
          parentHeaderSynchedTo: -1,
          paraHeaderSynchedTo: 0,
          paraBlockDispatchedTo: 5,
          initialized: false,
          worker,
          publicKey: 'aa',
          lastMessage: '[2022] x',
        },
      ],
    };
    const info = Object.fromEntries([
      ['status', 2],
      ...'paraId parentStartHeader parentTarget parentFetchedHeight parentProcessedHeight parentCommittedHeight paraTarget paraFetchedHeight paraProcessedHeight paraCommittedHeight'
        .split(' ')
        .map((name, i): [string, number] => [name, i - 1]),
      ['blobServerPort', 8012],
    ]);
    const ids = { ids: ['uuid-w', 'uuid-2'] };
    const cases: [MethodName, object, object][] = [
      ['GetDataProviderInfo', {}, info],
      ['ListPool', {}, { pools: [pool] }],
      ['CreatePool', { pools: [pool] }, { pools: [pool, pool] }],
      ['UpdatePool', { items: [{ id: { pid: '2' }, pool }] }, { pools: [] }],
      ['ListWorker', {}, { workers: [worker] }],
      ['CreateWorker', { workers: [worker] }, { workers: [worker] }],
      ['UpdateWorker', { items: [{ id: { name: 'w1' }, worker }] }, { workers: [worker] }],
      ['RestartWorker', ids, states],
      ['RefreshRaAndRestartWorker', ids, states],
      ['KickWorker', ids, states],
      ['GetWorkerStatus', ids, states],
    ];
    const server = await Node2022.start({});
    const ourServer = await ourNode([]);
    await server.ask('answerWith', {
      answers: Object.fromEntries(cases.map(([method, , answer]) => [method, answer])),
    });
    const seen: Record<string, unknown> = {};
    try {
      for (const [name, request, answer] of cases) {
        const { input, output } = findMethod(name)!;
        // Ours calls theirs.
        const message = await ours
          .client(server.address)
          .call(name, fromJson(input, request as JsonValue) as never);
        expect(toJson(output, message as never, { enumAsInteger: true })).toEqual(
          presentIn(answer),
        );
        // Theirs calls ours.
        ourServer.handle(name, (asked) => {
          seen[name] = toJson(input, asked as never);
          return fromJson(output, answer as JsonValue) as never;
        });
        const response = await server.request(ourServer.addresses[0]!, name, request);
        expect(response.error).toBeUndefined();
        expect(response.data).toEqual(presentIn(answer));
        expect(seen[name]).toEqual(presentIn(request));
      }
      const asked = await server.ask<Record<string, object>>('asked');
      for (const [name, request] of cases) expect(asked[name]).toEqual(presentIn(request));
      for (const name of ['Auth', 'WantBlob', 'GetBlobWithToken', 'ListWorkerEvents'] as const) {
        await expect(ours.client(ourServer.addresses[0]!).call(name, {})).rejects.toMatchObject({
          code: 'NOT_FOUND',
        });
      }
    } finally {
      await ourServer.stop();
      await server.stop();
    }
  }, 60_000);

  it('/blob goes both ways', async () => {
    for (const size of SIZES) {
      const bytes = await ours.client(theirs.peerId).getBlob(`size:${size}`);
      expect({ size: bytes!.length, crc32c: crc32c(bytes!) }).toEqual(blobFacts(size));
      const request = { address: ours.addresses[0]!, key: `size:${size}` };
      expect(await theirs.ask('getBlob', request)).toEqual(blobFacts(size));
    }
    expect(await ours.client(theirs.peerId).getBlob('none')).toBeUndefined();
    expect(await theirs.ask('getBlob', { address: ours.addresses[0]!, key: 'none' })).toMatchObject(
      {
        size: 0,
      },
    );
  }, 40_000);

  it('blob frames over TCP go both ways', async () => {
    const server = new BlobServer(
      { host: '127.0.0.1', port: 0, sessionMaxBytes: 4 * MIB, totalMaxBytes: 16 * MIB },
      { source: blobs, logger, metrics: silentMetrics },
    );
    await server.start();
    const port = await theirs.ask<number>('serveBlobTcp');
    const client = new BlobClient({ host: '127.0.0.1', port }, { logger });
    try {
      const keys = [...SIZES.map((size) => `size:${size}`), 'none'];
      expect(await theirs.ask('getBlobsTcp', { port: server.port, keys })).toEqual({
        ...Object.fromEntries(SIZES.map((size) => [`size:${size}`, blobFacts(size)])),
        none: null,
      });
      const values = await Promise.all(keys.map((key) => client.get(key)));
      expect(values.map((v) => v && { size: v.length, crc32c: crc32c(v) })).toEqual([
        ...SIZES.map(blobFacts),
        undefined,
      ]);
    } finally {
      await client.close();
      await server.stop();
    }
  }, 40_000);

  it('identity files go both ways', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'interop-'));
    try {
      await writeFile(join(directory, 'LIFECYCLE'), Buffer.from(theirs.identity, 'base64'));
      const theirsRead = await loadOrCreateIdentity({ directory, name: 'LIFECYCLE' }, { logger });
      expect(theirsRead.peerId).toBe(theirs.peerId);
      const made = await loadOrCreateIdentity({ directory, name: 'DATA_PROVIDER' }, { logger });
      const bytes = await readFile(join(directory, 'DATA_PROVIDER'));
      const node = await Node2022.start({ identity: bytes.toString('base64') });
      expect(node.peerId).toBe(made.peerId);
      expect(node.identity).toBe(bytes.toString('base64'));
      await node.stop();
    } finally {
      await rm(directory, { recursive: true });
    }
  }, 40_000);

  it('ours sees theirs depart and return', async () => {
    const gone = await Node2022.start({});
    const watcher = await ourNode([gone.address]);
    try {
      await watcher.peers.until((peers) => peers.length > 0, AbortSignal.timeout(15_000));
      await gone.stop();
      await watcher.peers.until((peers) => peers.length === 0, AbortSignal.timeout(15_000));
      const listen = [gone.address.replace(/\/p2p\/.*/, '')];
      const back = await Node2022.start({ identity: gone.identity, listen });
      const [peer] = await watcher.peers.until((p) => p.length > 0, AbortSignal.timeout(30_000));
      expect(peer?.peerId).toBe(back.peerId);
      await back.stop();
    } finally {
      await watcher.stop();
    }
  }, 80_000);
});
