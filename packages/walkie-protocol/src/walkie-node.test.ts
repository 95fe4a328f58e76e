import { generateKeyPair } from '@libp2p/crypto/keys';
import type { PrivateKey } from '@libp2p/interface';
import { silentLogger, silentMetrics, type Logger } from '@runtime-bridge/base';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createAccessPolicy } from './access-policy.js';
import { WalkieError } from './errors.js';
import { WalkieRoles } from './schema.js';
import { WalkieNode, type WalkieNodeOptions } from './walkie-node.js';

const MIB = 1024 * 1024;
let keys: PrivateKey[];
const running: WalkieNode[] = [];

beforeAll(async () => {
  keys = await Promise.all([1, 2, 3].map(() => generateKeyPair('RSA', 2048)));
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((node) => node.stop()));
});

async function startNode(
  options: Partial<WalkieNodeOptions> = {},
  logger = silentLogger,
): Promise<WalkieNode> {
  const node = new WalkieNode(
    {
      role: WalkieRoles.WR_CLIENT,
      privateKey: keys[0]!,
      chainIdentity: '0xabc',
      bridgeIdentity: 'default',
      hostname: 'host',
      listenAddresses: ['/ip4/127.0.0.1/tcp/0'],
      bootNodes: [],
      mdns: false,
      ...options,
    },
    { logger, metrics: silentMetrics },
  );
  running.push(node);
  await node.start();
  return node;
}

const soon = () => AbortSignal.timeout(10_000);
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'no error',
    (error: unknown) => (error instanceof WalkieError ? error.code : String(error)),
  );

describe('WalkieNode', () => {
  it('meets by boot node, both ways, also when only one listens', async () => {
    const provider = await startNode({ role: WalkieRoles.WR_DATA_PROVIDER_INT });
    const client = await startNode({
      privateKey: keys[1]!,
      listenAddresses: [],
      bootNodes: [...provider.addresses, 'nonsense', '/ip4/127.0.0.1/tcp/1'],
    });
    const [found] = await client.peers.until((peers) => peers.length === 1, soon());
    expect(found).toEqual({
      peerId: provider.peerId,
      hostname: 'host',
      role: WalkieRoles.WR_DATA_PROVIDER_INT,
      chainIdentity: '0xabc',
      bridgeIdentity: 'default',
      multiaddr: provider.addresses[0],
    });
    const [caller] = await provider.peers.until((peers) => peers.length === 1, soon());
    expect(caller?.peerId).toBe(client.peerId);
  });

  it('tells everybody, both ways, when it learns its chain after it came up', async () => {
    const manager = await startNode({ chainIdentity: '' });
    const client = await startNode({ privateKey: keys[1]!, bootNodes: manager.addresses });
    const [before] = await client.peers.until((peers) => peers.length === 1, soon());
    expect(before?.chainIdentity).toBe('');
    manager.setChainIdentity('0xdef');
    await client.peers.until(([peer]) => peer?.chainIdentity === '0xdef', soon());
    await manager.peers.until(([peer]) => peer?.chainIdentity === '0xabc', soon());
    expect(await client.client(manager.peerId).call('Hello', {})).toMatchObject({
      chainIdentity: '0xdef',
    });
  });

  it('warns once of a boot node that is out of reach, with address and reason', async () => {
    const gone = await startNode();
    const address = gone.addresses[0]!;
    await gone.stop();
    const warn = vi.fn<Logger['warn']>();
    const debug = vi.fn<Logger['debug']>();
    const logger: Logger = { ...silentLogger, warn, debug, child: () => logger };
    const other = address.replace('127.0.0.1', '127.0.0.2');
    const bootNodes = [address, other];
    const options = { privateKey: keys[1]!, listenAddresses: [], bootNodes };
    await startNode(options, logger);
    await expect
      .poll(() => debug.mock.calls.map(([text]) => text), { timeout: 5_000 })
      .toContain('Peer could not be met');
    expect(warn).toHaveBeenCalledTimes(1);
    expect(warn.mock.calls[0]![1]).toMatchObject({
      bootNode: `${address} ${other}`,
      code: 'UNREACHABLE',
      reason: expect.stringContaining('ECONNREFUSED'),
    });
  });

  it('calls, answers, refuses; large answers and requests arrive whole', async () => {
    const server = await startNode();
    const caller = await startNode({ privateKey: keys[1]!, listenAddresses: [] });
    const blob = new Uint8Array(9 * MIB).map((_, i) => i * 31);
    server.serveBlobs({
      get: async (key) => (key === 'big' ? { bytes: blob } : undefined),
    });
    server.handle('ListPool', (_request, { peerId }) => ({
      pools: [{ uuid: peerId, pid: 2n ** 63n, enabled: false }],
    }));
    server.handle('ListWorker', () => {
      throw new WalkieError('DUPLICATED', 'worker w exists');
    });
    server.handle('GetWorkerStatus', ({ ids }) => ({
      workerStates: [{ publicKey: `${ids.length}` }],
    }));
    server.handle('WantBlob', () => {
      throw new TypeError('oops');
    });
    const client = caller.client(server.addresses[0]!);

    const { pools } = await client.call('ListPool', {});
    expect(pools[0]).toMatchObject({ uuid: caller.peerId, pid: 2n ** 63n, enabled: false });
    const raw = await client.call('GetBlobByKey', { key: 'big' });
    expect(Buffer.compare(raw.data, blob)).toBe(0);
    expect((await client.call('GetBlobByKey', { key: 'none' })).empty).toBe(true);
    expect(Buffer.compare((await client.getBlob('big'))!, blob)).toBe(0);
    expect(await client.getBlob('none')).toBeUndefined();
    const ids = new Array<string>(50_000).fill('01234567-89ab-cdef-0123-456789abcdef');
    expect((await client.call('GetWorkerStatus', { ids })).workerStates[0]?.publicKey).toBe(
      '50000',
    );

    expect(await codeOf(client.call('ListWorker', {}))).toBe('DUPLICATED');
    expect(await codeOf(client.call('Auth', {}))).toBe('NOT_FOUND');
    await expect(client.call('WantBlob', {})).rejects.toMatchObject({
      code: 'SERVER',
      message: 'TypeError: oops',
    });
    // All of that went over one connection.
    const many = await Promise.all(Array.from({ length: 300 }, () => client.call('ListPool', {})));
    expect(many).toHaveLength(300);
  });

  it('takes many calls at once on a connection that is just being made', async () => {
    const server = await startNode();
    server.handle('KickWorker', () => ({}));
    for (let round = 0; round < 3; round += 1) {
      const caller = await startNode({ privateKey: keys[1]!, listenAddresses: [] });
      const client = caller.client(server.addresses[0]!);
      await Promise.all(Array.from({ length: 100 }, () => client.call('KickWorker', {})));
      await caller.stop();
    }
  });

  it('keeps to its limits and deadlines', async () => {
    const limits = {
      maxMessageBytes: 10_000,
      maxListBytes: 10_000,
      maxBlobBytes: 20_000,
      handlerTimeoutMs: 200,
    };
    const server = await startNode({ limits });
    const caller = await startNode({ privateKey: keys[1]!, listenAddresses: [] });
    const small = await startNode({ privateKey: keys[2]!, listenAddresses: [], limits });
    let wasAborted = false;
    server.handle('ListWorker', () => ({ workers: [{ name: 'x'.repeat(10_001) }] }));
    server.handle(
      'ListPool',
      (_request, { signal }) =>
        new Promise((_, reject) =>
          signal.addEventListener('abort', () => {
            wasAborted = true;
            reject(new Error('late'));
          }),
        ),
    );
    const address = server.addresses[0]!;
    expect(await codeOf(caller.client(address).call('ListWorker', {}))).toBe('SERVER');
    expect(await codeOf(caller.client(address).call('ListPool', {}))).toBe('SERVER');
    expect(wasAborted).toBe(true);
    const ids = ['x'.repeat(12_000)];
    expect(await codeOf(caller.client(address).call('GetWorkerStatus', { ids }))).toBe(
      'INTERRUPTED',
    );
    expect(await codeOf(small.client(address).call('GetWorkerStatus', { ids }))).toBe('TOO_LARGE');
    server.handle('GetWorkerStatus', () => new Promise(() => {}));
    const slow = caller.client(address).call('GetWorkerStatus', {}, { timeoutMs: 50 });
    await expect(slow).rejects.toMatchObject({ code: 'TIMEOUT' });
  });

  it('lets only this host and listed peers change things', async () => {
    const elsewhere = { hostAddresses: () => [] };
    const allowed = (await startNode({ privateKey: keys[1]! })).peerId;
    const stranger = await startNode({ privateKey: keys[2]!, listenAddresses: [] });
    const server = await startNode({
      access: {
        // The policy sees a caller from far away.
        check: (method, caller) =>
          createAccessPolicy({ allowedPeers: [allowed], ...elsewhere }).check(method, {
            ...caller,
            remoteAddress: '/ip4/203.0.113.7/tcp/4000',
          }),
      },
    });
    server.handle('CreatePool', () => ({}));
    server.handle('ListPool', () => ({}));
    const address = server.addresses[0]!;
    await stranger.client(address).call('ListPool', {});
    await expect(stranger.client(address).call('CreatePool', {})).rejects.toMatchObject({
      code: 'UNAUTHORIZED',
      message: expect.stringContaining('PHALA_WALKIE_ALLOWED_PEERS') as string,
    });
    await running[0]!.client(address).call('CreatePool', {});
  });

  it('drops departed peers and greets them again when they return elsewhere', async () => {
    const first = await startNode({ hostname: 'before' });
    const watcher = await startNode({ privateKey: keys[1]!, bootNodes: first.addresses });
    await watcher.peers.until((peers) => peers.length === 1, soon());
    await first.stop();
    await watcher.peers.until((peers) => peers.length === 0, soon());
    const again = await startNode({ hostname: 'after', bootNodes: watcher.addresses });
    const [peer] = await watcher.peers.until((peers) => peers.length === 1, soon());
    expect(peer).toMatchObject({ hostname: 'after', peerId: again.peerId });
    expect((await watcher.client(again.peerId).call('Hello', {})).hostname).toBe('after');
  });

  it('listens on IPv6 and several interfaces; is met and called on each', async () => {
    const server = await startNode({
      listenAddresses: ['/ip6/::1/tcp/0', '/ip4/127.0.0.1/tcp/0', '/ip4/127.0.0.2/tcp/0'],
    });
    expect(server.addresses).toHaveLength(3);
    const remote: string[] = [];
    server.handle('KickWorker', (_request, { remoteAddress }) => {
      remote.push(remoteAddress.replace(/\/tcp.*/, ''));
      return {};
    });
    for (const [i, address] of server.addresses.entries()) {
      const caller = await startNode({
        privateKey: keys[1]!,
        listenAddresses: [],
        bootNodes: [address],
      });
      const [found] = await caller.peers.until((peers) => peers.length === 1, soon());
      expect(found?.multiaddr).toBe(address);
      // A change: the own host is known by IPv6 too.
      await caller.client(address).call('KickWorker', {});
      await caller.stop();
      expect(remote).toHaveLength(i + 1);
    }
    expect(remote.some((one) => one.startsWith('/ip6/'))).toBe(true);
    // One whose first address is of no use is reached at the others.
    const dead = `/ip4/127.0.0.1/tcp/1/p2p/${server.peerId}`;
    const caller = await startNode({
      privateKey: keys[1]!,
      listenAddresses: [],
      bootNodes: [dead, server.addresses[0]!],
    });
    await caller.peers.until((peers) => peers.length === 1, soon());
  });

  it('greets a peer again that was restarted at another address as somebody else', async () => {
    const before = await startNode({ hostname: 'before', role: WalkieRoles.WR_CLIENT });
    const watcher = await startNode({ privateKey: keys[1]!, bootNodes: before.addresses });
    await watcher.peers.until((peers) => peers.length === 1, soon());
    await before.stop();
    await watcher.peers.until((peers) => peers.length === 0, soon());
    const after = await startNode({
      hostname: 'after',
      role: WalkieRoles.WR_LIFECYCLE_MANAGER,
      bridgeIdentity: 'other',
      listenAddresses: ['/ip4/127.0.0.3/tcp/0'],
      bootNodes: watcher.addresses,
    });
    const [peer] = await watcher.peers.until((peers) => peers.length === 1, soon());
    expect(peer).toMatchObject({
      hostname: 'after',
      role: WalkieRoles.WR_LIFECYCLE_MANAGER,
      bridgeIdentity: 'other',
      peerId: after.peerId,
    });
    expect((await watcher.client(after.peerId).call('Hello', {})).hostname).toBe('after');
  });

  it('does not list a peer that claims another peer id', async () => {
    const liar = await startNode();
    let greetings = 0;
    liar.handle('Hello', () => {
      greetings += 1;
      return { peerId: 'QmSomebodyElse', role: WalkieRoles.WR_LIFECYCLE_MANAGER };
    });
    const watcher = await startNode({ privateKey: keys[1]!, bootNodes: liar.addresses });
    await expect.poll(() => greetings, { timeout: 10_000 }).toBeGreaterThan(0);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(watcher.peers.list()).toEqual([]);
  });

  it('fails coded when nobody is there', async () => {
    const node = await startNode();
    const gone = await startNode({ privateKey: keys[1]! });
    const address = gone.addresses[0]!;
    await gone.stop();
    expect(await codeOf(node.client(address).call('Hello', {}))).toBe('UNREACHABLE');
    expect(await codeOf(node.client(gone.peerId).call('Hello', {}))).toBe('UNREACHABLE');
    expect(await codeOf(node.client('Qm-no').call('Hello', {}))).toBe('BAD_ADDRESS');
    expect(await codeOf(node.client('/ip4/x').call('Hello', {}))).toBe('BAD_ADDRESS');
    await node.stop();
    expect(await codeOf(node.client(address).call('Hello', {}))).toBe('NOT_RUNNING');
  });

  it('refuses to start where it can listen on nothing, and may try again', async () => {
    const node = await startNode();
    const taken = node.addresses[0]!.replace(/\/p2p\/.*/, '');
    const failing = startNode({ privateKey: keys[1]!, listenAddresses: [taken] });
    await expect(failing).rejects.toMatchObject({ code: 'LISTEN_FAILED' });
    await node.stop();
    const retried = running.at(-1)!;
    await retried.start();
    expect(retried.addresses).toHaveLength(1);
    expect(
      () =>
        new WalkieNode({ listenAddresses: ['x'], privateKey: keys[0]!, bootNodes: [] } as never, {
          logger: silentLogger,
          metrics: silentMetrics,
        }),
    ).toThrow(expect.objectContaining({ code: 'BAD_ADDRESS' }) as Error);
  });
});
