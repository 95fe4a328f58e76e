import { silentLogger, silentMetrics, sleep } from '@runtime-bridge/base';
import { generateKeyPair } from '@libp2p/crypto/keys';
import { beforeEach, describe, expect, it } from 'vitest';
import type { HeadNews } from './head-follower.js';
import type { HeadRange } from './head-server.js';
import { WalkieRoles } from './schema.js';
import { MemoryNetwork, type MemoryWalkie } from './testing/index.js';
import { WalkieNode } from './walkie-node.js';

const rangeTo = (relayEnd: number): HeadRange => ({
  relayStart: relayEnd - 9,
  relayEnd,
  paraStart: relayEnd / 2,
  paraEnd: relayEnd / 2 + 3,
});
const headAt = (relayEnd: number, count = 1) => ({
  info: { parentProcessedHeight: relayEnd, paraProcessedHeight: 0 },
  ranges: Array.from({ length: count }, (_, i) => rangeTo(relayEnd - 10 * (count - 1 - i))),
});
const relayEnds = (news: HeadNews) => news.ranges.map(({ relayEnd }) => relayEnd);

let network: MemoryNetwork;
let provider: MemoryWalkie;
let follower: MemoryWalkie;

beforeEach(async () => {
  network = new MemoryNetwork({ logger: silentLogger });
  provider = network.node({ peerId: 'QmProvider', limits: { headHoldMs: 30 } });
  follower = network.node({ peerId: 'QmFollower' });
  await provider.start();
  await follower.start();
});

async function next(heads: AsyncGenerator<HeadNews, void>): Promise<HeadNews> {
  const { value, done } = await heads.next();
  if (done || value === undefined) throw new Error('it ended');
  return value;
}

/** The value, unless it takes too long. */
function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  return Promise.race([
    promise,
    sleep(ms).then(() => Promise.reject(new Error(`nothing within ${ms} ms`))),
  ]);
}

describe('following a head', () => {
  it('tells each change, and ranges since the last one', async () => {
    provider.tellHead(headAt(100, 3));
    const heads = follower.client('QmProvider').heads();
    const first = await next(heads);
    expect(first.info.parentProcessedHeight).toBe(100);
    expect(relayEnds(first)).toEqual([80, 90, 100]);
    const waiting = next(heads);
    // Longer than a question is held open: signs of life are no news.
    await new Promise((resolve) => setTimeout(resolve, 100));
    provider.tellHead(headAt(110, 4));
    const second = await waiting;
    expect(second.ranges).toEqual([rangeTo(110)]);
    expect(second.hasGap).toBe(false);
    await heads.return();
  });

  it('is bounded: a slow follower gets the newest, and hears of a gap', async () => {
    const small = network.node({ peerId: 'QmSmall', limits: { maxHeadRanges: 2 } });
    await small.start();
    small.tellHead(headAt(100));
    const heads = follower.client('QmSmall').heads();
    await next(heads);
    for (let end = 110; end <= 1_000; end += 10) small.tellHead(headAt(end, 10));
    const news = await next(heads);
    expect(relayEnds(news)).toEqual([990, 1_000]);
    expect(news.hasGap).toBe(true);
    await heads.return();
  });

  it('resumes after a restart, where it was', async () => {
    provider.tellHead(headAt(100));
    const problems: unknown[] = [];
    const heads = follower
      .client('QmProvider')
      .heads({ afterRelay: 90, onProblem: (error) => problems.push(error) });
    await next(heads);
    await provider.stop();
    const waiting = next(heads);
    await expect.poll(() => problems.length).toBeGreaterThan(0);
    const again = network.node({ peerId: 'QmProvider' });
    again.tellHead(headAt(120, 5));
    await again.start();
    expect(relayEnds(await waiting)).toEqual([110, 120]);
    await heads.return();
  });

  it('polls a provider of 2022, and tells what changed only', async () => {
    let asked = 0;
    provider.handle('GetDataProviderInfo', () => {
      asked += 1;
      return { parentProcessedHeight: Math.floor(asked / 3), paraProcessedHeight: 0 };
    });
    const heads = follower.client('QmProvider').heads({ pollMs: 2 });
    const seen: number[] = [];
    for await (const { info, ranges } of heads) {
      expect(ranges).toEqual([]);
      seen.push(info.parentProcessedHeight);
      if (seen.length === 3) break;
    }
    expect(seen).toEqual([0, 1, 2]);
    expect(asked).toBe(6);
  });

  it('soon hears of a provider that begins to tell, polled until then', async () => {
    // A hundred times as fast, so that seconds need not pass.
    const fast = new MemoryNetwork({ clock: { now: () => Date.now() * 100, sleep } });
    const late = fast.node({ peerId: 'QmLate' });
    const early = fast.node();
    await Promise.all([late.start(), early.start()]);
    late.handle('GetDataProviderInfo', () => ({ paraTarget: 7 }));
    const heads = early.client('QmLate').heads({ pollMs: 20 });
    expect((await next(heads)).info.paraTarget).toBe(7);
    const waiting = next(heads);
    late.tellHead(headAt(100));
    expect(relayEnds(await within(1_000, waiting))).toEqual([100]);
    await heads.return();
  });

  it('soon hears of a provider that answered nothing at first, and of one that was replaced', async () => {
    const problems: unknown[] = [];
    const heads = follower
      .client('QmProvider')
      .heads({ onProblem: (error) => problems.push(error) });
    const first = next(heads);
    await expect.poll(() => problems.length).toBeGreaterThan(1);
    provider.tellHead(headAt(100));
    expect(relayEnds(await within(2_500, first))).toEqual([100]);
    await provider.stop();
    const second = next(heads);
    const again = network.node({ peerId: 'QmProvider' });
    await again.start();
    const before = problems.length;
    await expect.poll(() => problems.length).toBeGreaterThan(before);
    again.tellHead(headAt(120));
    expect(relayEnds(await within(2_500, second))).toEqual([120]);
    await heads.return();
  });

  it('answers GetDataProviderInfo with what was told, unless a handler is there', async () => {
    const client = follower.client('QmProvider');
    provider.tellHead(headAt(100));
    provider.tellHead(headAt(110));
    expect((await client.call('GetDataProviderInfo', {})).parentProcessedHeight).toBe(110);
    provider.handle('GetDataProviderInfo', () => ({ parentProcessedHeight: 5 }));
    provider.tellHead(headAt(120));
    expect((await client.call('GetDataProviderInfo', {})).parentProcessedHeight).toBe(5);
  });

  it('ends with the signal', async () => {
    const controller = new AbortController();
    provider.tellHead(headAt(100));
    const heads = follower.client('QmProvider').heads({ signal: controller.signal });
    await next(heads);
    const waiting = heads.next();
    controller.abort();
    expect(await waiting).toEqual({ value: undefined, done: true });
  });

  it('works over libp2p, also when told only after the start', async () => {
    const nodes = await Promise.all(
      [['/ip4/127.0.0.1/tcp/0'], []].map(async (listenAddresses) => {
        const node = new WalkieNode(
          {
            role: WalkieRoles.WR_CLIENT,
            privateKey: await generateKeyPair('Ed25519'),
            chainIdentity: '0xabc',
            bridgeIdentity: 'default',
            hostname: 'host',
            listenAddresses,
            bootNodes: [],
            mdns: false,
          },
          { logger: silentLogger, metrics: silentMetrics },
        );
        await node.start();
        return node;
      }),
    );
    const [server, client] = nodes as [WalkieNode, WalkieNode];
    server.handle('GetDataProviderInfo', () => ({ parentProcessedHeight: 1 }));
    const address = server.addresses[0]!;
    const polled = client.client(address).heads();
    expect((await next(polled)).info.parentProcessedHeight).toBe(1);
    await polled.return();
    server.tellHead(headAt(100));
    const heads = client.client(address).heads();
    expect(relayEnds(await next(heads))).toEqual([100]);
    const waiting = next(heads);
    const startedMs = Date.now();
    server.tellHead(headAt(110));
    expect(relayEnds(await waiting)).toEqual([110]);
    expect(Date.now() - startedMs).toBeLessThan(400);
    await heads.return();
    await Promise.all(nodes.map((node) => node.stop()));
  });

  it('goes on within seconds over libp2p when a provider is restarted and tells only later', async () => {
    const privateKey = await generateKeyPair('Ed25519');
    const start = async (listenAddresses: string[], key = privateKey) => {
      const node = new WalkieNode({
        role: WalkieRoles.WR_CLIENT,
        privateKey: key,
        chainIdentity: '0xabc',
        bridgeIdentity: 'default',
        hostname: 'host',
        listenAddresses,
        bootNodes: [],
        mdns: false,
      });
      await node.start();
      return node;
    };
    const first = await start(['/ip4/127.0.0.1/tcp/0']);
    const address = first.addresses[0]!;
    const client = await start([], await generateKeyPair('Ed25519'));
    const problems: unknown[] = [];
    const heads = client.client(address).heads({ onProblem: (error) => problems.push(error) });
    first.tellHead(headAt(100));
    expect(relayEnds(await next(heads))).toEqual([100]);
    const info = await client.client(address).call('GetDataProviderInfo', {});
    expect(info.parentProcessedHeight).toBe(100);
    const waiting = next(heads);
    await first.stop();
    await expect.poll(() => problems.length, { timeout: 10_000 }).toBeGreaterThan(0);
    const second = await start([address.slice(0, address.indexOf('/p2p/'))]);
    const before = problems.length;
    await expect.poll(() => problems.length, { timeout: 5_000 }).toBeGreaterThan(before);
    second.tellHead(headAt(120));
    expect(relayEnds(await within(5_000, waiting))).toEqual([120]);
    await heads.return();
    await Promise.all([second.stop(), client.stop()]);
  }, 30_000);
});
