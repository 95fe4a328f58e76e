import { connect, type Socket } from 'node:net';
import { noise } from '@chainsafe/libp2p-noise';
import { yamux } from '@chainsafe/libp2p-yamux';
import { generateKeyPair } from '@libp2p/crypto/keys';
import type { Connection, Libp2p, PrivateKey, Stream } from '@libp2p/interface';
import { tcp } from '@libp2p/tcp';
import { multiaddr } from '@multiformats/multiaddr';
import { silentLogger, silentMetrics } from '@runtime-bridge/base';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PB_PROTOCOL } from './channel.js';
import type { WalkieLimits } from './limits.js';
import { encodeRequest, stampOf } from './rpc-messages.js';
import { WalkieRoles } from './schema.js';
import { WalkieNode } from './walkie-node.js';
import './polyfill.js';
import { createLibp2p } from 'libp2p';

/** Peers that break the rules, on a bare libp2p, against a node; another peer must not notice. */

const MIB = 1024 * 1024;
let keys: PrivateKey[];
let server: WalkieNode;
let bystander: WalkieNode;
let attacker: Libp2p;
let attack: Connection;

beforeAll(async () => {
  keys = await Promise.all([1, 2, 3].map(() => generateKeyPair('RSA', 2048)));
});

const nodeOf = (privateKey: PrivateKey, listenAddresses: string[], limits: Partial<WalkieLimits>) =>
  new WalkieNode(
    {
      role: WalkieRoles.WR_CLIENT,
      privateKey,
      chainIdentity: '0xabc',
      bridgeIdentity: 'default',
      hostname: 'host',
      listenAddresses,
      bootNodes: [],
      mdns: false,
      limits,
    },
    { logger: silentLogger, metrics: silentMetrics },
  );

beforeEach(async () => {
  server = nodeOf(keys[0]!, ['/ip4/127.0.0.1/tcp/0'], {
    maxStreamsPerPeer: 20,
    maxHeldBytesPerPeer: 10 * MIB,
    maxHeldBytes: 30 * MIB,
    maxConnectionsPerPeer: 3,
    maxRunningRequestsPerPeer: 4,
    maxRunningRequests: 8,
    requestReadTimeoutMs: 1_500,
    answerWriteTimeoutMs: 1_500,
    inboundHandshakeTimeoutMs: 500,
  });
  server.serveBlobs({ get: async () => ({ bytes: new Uint8Array(4 * MIB) }) });
  await server.start();
  bystander = nodeOf(keys[1]!, [], {});
  await bystander.start();
  attacker = await createLibp2p({
    privateKey: keys[2]!,
    addresses: { listen: [] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux({ maxOutboundStreams: 5000 })],
  });
  attack = await attacker.dial(multiaddr(server.addresses[0]));
});

afterEach(async () => {
  await attacker.stop();
  await bystander.stop();
  await server.stop();
});

const open = (protocol = PB_PROTOCOL): Promise<Stream> =>
  attack.newStream(protocol, { maxOutboundStreams: 5000 });
const request = (method: string) => encodeRequest(method, new Uint8Array(0), stampOf(Date.now()));
const isEnded = ({ status }: Stream) => status === 'reset' || status === 'aborted';
const bystanderCalls = async () => {
  for (let i = 0; i < 20; i += 1) {
    const hello = await bystander
      .client(server.addresses[0]!)
      .call('Hello', {}, { timeoutMs: 1_000 });
    expect(hello.hostname).toBe('host');
  }
};
const untilIdle = () =>
  expect.poll(() => server.load, { timeout: 8_000 }).toEqual({ streams: 0, bytes: 0 });

describe('a peer that', () => {
  it('never ends its requests is given up', async () => {
    const streams = await Promise.all(Array.from({ length: 15 }, () => open()));
    for (const stream of streams) stream.send(Uint8Array.of(8));
    await expect.poll(() => server.load.streams).toBe(15);
    await bystanderCalls();
    await untilIdle();
    expect(attack.status).toBe('open');
    await expect.poll(() => streams.filter((stream) => !isEnded(stream)).length).toBe(0);
  });

  it('opens streams without end gets so many', async () => {
    const streams = await Promise.all(
      Array.from({ length: 200 }, () => open().catch(() => undefined)),
    );
    for (const stream of streams) if (stream && !isEnded(stream)) stream.send(Uint8Array.of(8));
    expect(server.load.streams).toBeLessThanOrEqual(20);
    await bystanderCalls();
    await untilIdle();
  });

  it('sends requests without end holds only so much memory', async () => {
    const streams = await Promise.all(Array.from({ length: 15 }, () => open()));
    const chunk = new Uint8Array(256 * 1024);
    for (let round = 0; round < 12; round += 1) {
      for (const stream of streams) if (stream.status === 'open') stream.send(chunk);
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(server.load.bytes).toBeLessThanOrEqual(10 * MIB);
    }
    await bystanderCalls();
    await untilIdle();
  });

  it('asks for blobs and takes none of them holds only so much memory', async () => {
    const streams = await Promise.all(Array.from({ length: 18 }, () => open()));
    let most = 0;
    const watch = setInterval(() => (most = Math.max(most, server.load.bytes)), 1);
    for (const stream of streams) {
      stream.pause();
      stream.send(request('GetBlobByKey'));
      await stream.close();
    }
    await expect.poll(() => server.load.bytes).toBeGreaterThan(4 * MIB);
    await bystanderCalls();
    await untilIdle();
    clearInterval(watch);
    expect(most).toBeLessThanOrEqual(10 * MIB);
  });

  it('keeps handlers busy leaves turns for the others', async () => {
    let running = 0;
    server.handle('ListPool', async (_request, { signal }) => {
      running += 1;
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      running -= 1;
      return {};
    });
    const streams = await Promise.all(Array.from({ length: 18 }, () => open()));
    for (const stream of streams) {
      stream.send(request('ListPool'));
      await stream.close();
    }
    await expect.poll(() => running).toBe(4);
    await bystanderCalls();
    expect(running).toBe(4);
    await server.stop();
  });

  it('opens connection after connection keeps the newest few', async () => {
    for (let i = 0; i < 6; i += 1) {
      await attacker.dial(multiaddr(server.addresses[0]), { force: true });
    }
    await expect.poll(() => attacker.getConnections().length, { timeout: 3_000 }).toBe(3);
    await bystanderCalls();
  });

  it('connects and says nothing is hung up on', async () => {
    const { port } = /\/tcp\/(?<port>\d+)/.exec(server.addresses[0]!)!.groups!;
    const sockets: Socket[] = [];
    for (let i = 0; i < 30; i += 1) sockets.push(connect(Number(port), '127.0.0.1'));
    const closed = sockets.map(
      (socket) =>
        new Promise((resolve) =>
          socket
            .on('error', () => {})
            .resume()
            .once('close', resolve),
        ),
    );
    await bystanderCalls();
    await Promise.all(closed);
  });
});

describe('a list', () => {
  it('of 5,000 workers fits, though messages of other kinds end at 4 MiB', async () => {
    const sessionInfoJson = 'x'.repeat(3_600);
    server.handle('GetWorkerStatus', () => ({
      workerStates: Array.from({ length: 5_000 }, () => ({ sessionInfoJson })),
    }));
    const roomy = nodeOf(keys[1]!, ['/ip4/127.0.0.1/tcp/0'], {});
    roomy.handle('GetWorkerStatus', () => ({
      workerStates: Array.from({ length: 5_000 }, () => ({ sessionInfoJson })),
    }));
    await bystander.stop();
    await roomy.start();
    const { workerStates } = await server.client(roomy.addresses[0]!).call('GetWorkerStatus', {});
    expect(workerStates).toHaveLength(5_000);
    // The server of this test has less memory for one peer.
    const refused = roomy.client(server.addresses[0]!).call('GetWorkerStatus', {});
    await expect(refused).rejects.toMatchObject({ code: 'SERVER' });
    await roomy.stop();
  });
});
