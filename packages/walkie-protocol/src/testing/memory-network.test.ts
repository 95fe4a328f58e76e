import { describe, expect, it } from 'vitest';
import { WalkieRoles } from '../schema.js';
import { MemoryNetwork } from './memory-network.js';

describe('MemoryNetwork', () => {
  it('lets nodes meet, call, read blobs and depart', async () => {
    const network = new MemoryNetwork();
    const provider = network.node({ role: WalkieRoles.WR_DATA_PROVIDER_INT });
    const manager = network.node({ role: WalkieRoles.WR_LIFECYCLE_MANAGER });
    await provider.start();
    await manager.start();
    expect(manager.peers.list()).toEqual([provider.info]);
    expect(provider.peers.list()).toEqual([manager.info]);

    provider.handle('GetDataProviderInfo', (_request, { peerId }) => ({
      paraTarget: peerId === manager.peerId ? 7 : -1,
    }));
    provider.serveBlobs({
      get: async (key) => (key === 'k' ? { bytes: Uint8Array.of(1, 2) } : undefined),
    });
    const client = manager.client(provider.peerId);
    expect((await client.call('GetDataProviderInfo', {})).paraTarget).toBe(7);
    expect((await client.call('GetBlobByKey', { key: 'k' })).data).toEqual(Uint8Array.of(1, 2));
    expect(await client.getBlob('k')).toEqual(Uint8Array.of(1, 2));
    expect(await client.getBlob('other')).toBeUndefined();
    const unserved = await client.call('ListPool', {}).catch((error: unknown) => error);
    expect(unserved).toMatchObject({
      code: 'NOT_FOUND',
      message: `${provider.peerId} does not serve ListPool: Handler not implemented.`,
      facts: { method: 'ListPool', peer: provider.peerId },
    });
    const wrapper = await client.exchange('ListPool', new Uint8Array());
    expect(wrapper.error?.message).toBe('Handler not implemented.');

    provider.handle('ListPool', () => new Promise(() => {}));
    provider.handle('KickWorker', () => new Promise(() => {}));
    const reading = client.call('ListPool', {});
    const changing = client.call('KickWorker', {});
    await provider.stop();
    // Reading is asked once more, and nobody is there; a change is never sent twice.
    await expect(reading).rejects.toMatchObject({ code: 'UNREACHABLE' });
    await expect(changing).rejects.toMatchObject({ code: 'INTERRUPTED' });
    expect(manager.peers.list()).toEqual([]);
    await expect(client.call('Hello', {})).rejects.toMatchObject({ code: 'UNREACHABLE' });
  });

  it('applies limits, deadlines and access as the network does', async () => {
    const network = new MemoryNetwork();
    const server = network.node({ limits: { maxMessageBytes: 5000, handlerTimeoutMs: 20 } });
    const far = network.node({ address: '/ip4/203.0.113.9/tcp/1' });
    await Promise.all([server.start(), far.start()]);
    const client = far.client(server.addresses[0]!);
    server.handle('KickWorker', () => ({}));
    server.handle('ListPool', () => new Promise(() => {}));
    await expect(client.call('KickWorker', {})).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
    await expect(client.call('ListPool', {})).rejects.toMatchObject({ code: 'SERVER' });
    const late = client.call('ListPool', {}, { timeoutMs: 1 });
    await expect(late).rejects.toMatchObject({ code: 'TIMEOUT' });
    const large = client.call('GetWorkerStatus', { ids: ['x'.repeat(9000)] });
    await expect(large).rejects.toMatchObject({ code: 'INTERRUPTED' });
    const given = client.call('ListPool', {}, { signal: AbortSignal.abort() });
    await expect(given).rejects.toMatchObject({ code: 'ABORTED' });
  });
});
