import { noise } from '@chainsafe/libp2p-noise';
import { yamux } from '@chainsafe/libp2p-yamux';
import { generateKeyPair } from '@libp2p/crypto/keys';
import type { Connection, Libp2p, PrivateKey, Stream } from '@libp2p/interface';
import { tcp } from '@libp2p/tcp';
import { multiaddr } from '@multiformats/multiaddr';
import { silentLogger, silentMetrics } from '@runtime-bridge/base';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PB_PROTOCOL } from './channel.js';
import { InboundBudget } from './inbound-budget.js';
import { defaultWalkieLimits } from './limits.js';
import { WalkieRoles } from './schema.js';
import { WalkieNode } from './walkie-node.js';
import './polyfill.js';
import { createLibp2p } from 'libp2p';

/** Peers none of which breaks the rules of one peer, but all together do. */

const MIB = 1024 * 1024;
const ATTACKERS = 4;
const TOTAL = { maxStreams: 12, maxHeldBytes: 6 * MIB, maxConnections: 6 };

let keys: PrivateKey[];
let server: WalkieNode;
let attackers: Libp2p[];

beforeAll(async () => {
  keys = await Promise.all(Array.from({ length: ATTACKERS + 1 }, () => generateKeyPair('Ed25519')));
});

const nodeOf = (privateKey: PrivateKey, listenAddresses: string[]) =>
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
      limits: { ...TOTAL, requestReadTimeoutMs: 1_500, callTimeoutMs: 5_000 },
    },
    { logger: silentLogger, metrics: silentMetrics },
  );

beforeEach(async () => {
  server = nodeOf(keys[0]!, ['/ip4/127.0.0.1/tcp/0']);
  await server.start();
  attackers = await Promise.all(
    keys.slice(1).map((privateKey) =>
      createLibp2p({
        privateKey,
        addresses: { listen: [] },
        transports: [tcp()],
        connectionEncrypters: [noise()],
        streamMuxers: [yamux({ maxOutboundStreams: 500 })],
      }),
    ),
  );
});

afterEach(async () => {
  await Promise.all(attackers.map(async (attacker) => attacker.stop()));
  await server.stop();
});

const dial = (attacker: Libp2p, options?: { force: boolean }): Promise<Connection> =>
  attacker.dial(multiaddr(server.addresses[0]), options);
const open = (connection: Connection): Promise<Stream> =>
  connection.newStream(PB_PROTOCOL, { maxOutboundStreams: 500 });
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const untilIdle = () =>
  expect.poll(() => server.load, { timeout: 8_000 }).toEqual({ streams: 0, bytes: 0 });

/** A newcomer is served once the others are gone. */
async function newcomerCalls(): Promise<void> {
  const newcomer = nodeOf(await generateKeyPair('Ed25519'), []);
  await newcomer.start();
  try {
    const hello = await newcomer.client(server.addresses[0]!).call('Hello', {});
    expect(hello.hostname).toBe('host');
  } finally {
    await newcomer.stop();
  }
}

describe('many peers together', () => {
  it('get so many streams', async () => {
    const connections = await Promise.all(attackers.map((attacker) => dial(attacker)));
    const streams = (
      await Promise.all(
        connections.flatMap((connection) =>
          Array.from({ length: 6 }, () => open(connection).catch(() => undefined)),
        ),
      )
    ).filter((stream) => stream !== undefined);
    for (const stream of streams) if (stream.status === 'open') stream.send(Uint8Array.of(8));
    await expect.poll(() => server.load.streams).toBe(TOTAL.maxStreams);
    await pause(100);
    expect(server.load.streams).toBe(TOTAL.maxStreams);
    await untilIdle();
    await newcomerCalls();
  });

  it('hold only so much memory', async () => {
    const connections = await Promise.all(attackers.map((attacker) => dial(attacker)));
    const streams = await Promise.all(
      connections.flatMap((connection) => [open(connection), open(connection)]),
    );
    let most = 0;
    // Each sends 3 MiB, less than a message may have, and all together 24 MiB.
    for (let round = 0; round < 12; round += 1) {
      for (const stream of streams) {
        if (stream.status === 'open') stream.send(new Uint8Array(256 * 1024));
      }
      await pause(10);
      most = Math.max(most, server.load.bytes);
    }
    expect(most).toBeGreaterThan(3 * MIB);
    expect(most).toBeLessThanOrEqual(TOTAL.maxHeldBytes);
    expect(streams.some(({ status }) => status !== 'open')).toBe(true);
    await untilIdle();
    await newcomerCalls();
  });

  it('get so many connections', async () => {
    const openOnes = () =>
      attackers.flatMap((attacker) => attacker.getConnections()).filter(isOpen).length;
    for (let round = 0; round < 4; round += 1) {
      for (const attacker of attackers) await dial(attacker, { force: true }).catch(() => {});
    }
    await expect.poll(openOnes, { timeout: 5_000 }).toBe(TOTAL.maxConnections);
    // Those that were there first stay and are served.
    const stream = await open(attackers[0]!.getConnections().find(isOpen)!);
    expect(stream.status).toBe('open');
    await Promise.all(attackers.map(async (attacker) => attacker.stop()));
    await untilIdle();
    await newcomerCalls();
  });
});

const isOpen = ({ status }: Connection) => status === 'open';

describe('InboundBudget', () => {
  it('says which total is used up, and has room again after a release', () => {
    const budget = new InboundBudget({ ...defaultWalkieLimits, maxStreams: 2, maxHeldBytes: 10 });
    const a = budget.lease('QmA');
    const b = budget.lease('QmB');
    expect(() => budget.lease('QmC')).toThrow(expect.objectContaining({ code: 'BUSY' }));
    a.take(6);
    expect(() => b.take(5)).toThrow(expect.objectContaining({ code: 'BUSY' }));
    b.take(4);
    a.release();
    a.release();
    expect([budget.streams, budget.bytes]).toEqual([1, 4]);
    const c = budget.lease('QmC');
    c.take(6);
    expect([budget.streams, budget.bytes]).toEqual([2, 10]);
  });
});
