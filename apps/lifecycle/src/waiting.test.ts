import { fork } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { silentLogger, silentMetrics } from '@runtime-bridge/base';
import { loadOrCreateIdentity } from '@runtime-bridge/keystore';
import { Health, readSettings } from '@runtime-bridge/service-kit';
import { InventoryFormat, WalkieNode, WalkieRoles } from '@runtime-bridge/walkie-protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { createLifecycle, type Lifecycle } from './service.js';
import { lifecycleSettings } from './settings.js';

let directory: string;
let health: Health;
let manager: Lifecycle;
let caller: WalkieNode;
/** Processes that were started. */
let forked: string[];
/** A node that takes connections and says nothing. */
const mute = createServer((socket) => {
  sockets.add(socket);
  socket.on('error', () => undefined);
});
const sockets = new Set<Socket>();

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'waiting-'));
  await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
  health = new Health();
  forked = [];
  const idle = join(directory, 'idle.mjs');
  await writeFile(idle, "process.on('disconnect', () => process.exit());");
  const { values } = readSettings(lifecycleSettings, {
    PHALA_CHAIN_ENDPOINT: `ws://127.0.0.1:${(mute.address() as AddressInfo).port}`,
    PHALA_LOCAL_DB_PATH: join(directory, 'local.db'),
    PHALA_PEER_ID_PREFIX: join(directory, 'id'),
    PHALA_TRADER_DB_PATH: join(directory, 'trade'),
    PHALA_WALKIE_LISTEN_ADDRESSES: '/ip4/127.0.0.1/tcp/0',
    PHALA_WALKIE_DISABLE_MDNS_DISCOVERY: 'true',
    PHALA_QUEUE_PAGE_PORT: '0',
    USE_BUILT_IN_TRADER: 'true',
  });
  manager = await createLifecycle(values, {
    fork: (entry) => {
      forked.push(entry);
      return fork(idle, { serialization: 'advanced' });
    },
    logger: silentLogger,
    metrics: silentMetrics,
    health,
  });
  await manager.start();
  const end = Date.now() + 20_000;
  while (manager.addresses.length === 0 && Date.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const identity = await loadOrCreateIdentity(
    { directory: join(directory, 'caller'), name: 'TRADE' },
    { logger: silentLogger },
  );
  caller = new WalkieNode(
    {
      role: WalkieRoles.WR_CLIENT,
      privateKey: identity.privateKey,
      chainIdentity: 'client',
      bridgeIdentity: 'default',
      hostname: 'test',
      listenAddresses: [],
      bootNodes: [],
      mdns: false,
    },
    { logger: silentLogger },
  );
  await caller.start();
}, 30_000);
afterEach(async () => {
  await caller.stop();
  await manager.stop();
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => mute.close(resolve));
  await rm(directory, { recursive: true, force: true });
});

describe('while the parachain node does not answer', () => {
  it('is there by Walkie, says what it waits for, and takes pools and workers', async () => {
    const client = caller.client(manager.addresses[0]!);
    const mnemonic = 'bottom drive obey lake curtain smoke basket hold race lonely fit walk';
    const answer = await client.call('ImportInventory', {
      format: InventoryFormat.F_JSON,
      text: JSON.stringify({
        pools: [{ pid: 1, name: 'p', mnemonic }],
        workers: [{ pid: 1, name: 'w', endpoint: 'http://10.0.0.1:8000', stake: '1000000000000' }],
      }),
    });
    expect(answer).toMatchObject({ applied: true, faults: [] });
    const { workerStates } = await client.call('GetWorkerStatus', {});
    expect(workerStates).toMatchObject([
      { lastMessage: expect.stringContaining('Waiting for the parachain node.') as string },
    ]);
    const ids = [workerStates[0]!.worker!.uuid];
    for (const method of ['RestartWorker', 'StopWorker'] as const) {
      await expect(client.call(method, { ids })).rejects.toThrow('waiting for the parachain node');
    }
    expect((await client.call('ListAlerts', {})).alerts).toEqual([]);
    expect((await client.call('ListWorkerEvents', {})).events).toEqual([]);
    expect(health.ready).toBe(false);
    expect(health.parts['chain']).toEqual({ ready: false, detail: 'Waiting for a para node' });
    expect(forked).toEqual(['trader']);
  });
});
