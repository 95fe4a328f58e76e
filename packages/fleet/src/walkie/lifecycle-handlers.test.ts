import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { silentLogger } from '@runtime-bridge/base';
import { MemoryNetwork, type MemoryWalkie } from '@runtime-bridge/walkie-protocol/testing';
import { WalkieRoles, WorkerStatus, type WalkieClient } from '@runtime-bridge/walkie-protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { FleetError } from '../errors.js';
import { Inventory } from '../inventory/inventory.js';
import type { WorkerSnapshot } from '../runner/messages.js';
import { serveLifecycle } from './lifecycle-handlers.js';

let directory: string;
let inventory: Inventory;
let manager: MemoryWalkie;
let caller: MemoryWalkie;
let client: WalkieClient;
let snapshots: Map<string, WorkerSnapshot>;
let commands: string[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'handlers-'));
  inventory = await Inventory.open(
    { directory },
    {
      sealOperator: () => ({
        publicKey: new Uint8Array(32).fill(1),
        sealed: Uint8Array.of(1, 2, 3),
      }),
      logger: silentLogger,
    },
  );
  snapshots = new Map();
  commands = [];
  const network = new MemoryNetwork();
  manager = network.node({ role: WalkieRoles.WR_LIFECYCLE_MANAGER });
  caller = network.node();
  await manager.start();
  await caller.start();
  client = caller.client(manager.peerId);
  serve(true);
});
afterEach(async () => {
  await caller.stop();
  await manager.stop();
  await inventory.close();
  await rm(directory, { recursive: true, force: true });
});

function serve(driven: boolean): void {
  serveLifecycle(manager, {
    inventory,
    fleet: driven
      ? {
          snapshot: (uuid) => snapshots.get(uuid),
          workerFacts: () => undefined,
          command: async (uuid, command) => {
            if (!snapshots.has(uuid))
              throw new FleetError('WORKER_DISABLED', 'The worker or its pool is disabled');
            commands.push(`${command} ${uuid}`);
          },
        }
      : undefined,
  });
}

async function seed(): Promise<{ pool: string; worker: string }> {
  const { pools } = await client.call('CreatePool', {
    pools: [{ pid: 7n, name: 'p', enabled: true, owner: { mnemonic: '//Alice' } }],
  });
  const { workers } = await client.call('CreateWorker', {
    workers: [
      {
        pid: 7n,
        name: 'w',
        endpoint: 'http://10.0.0.2:8000',
        enabled: true,
        stake: '1000000000000',
      },
    ],
  });
  return { pool: pools[0]!.uuid, worker: workers[0]!.uuid };
}

describe('pools and workers over Walkie', () => {
  it('creates, lists, changes and deletes, and never gives a key away', async () => {
    const { pool, worker } = await seed();
    const { pools } = await client.call('ListPool', {});
    expect(pools[0]).toMatchObject({
      uuid: pool,
      pid: 7n,
      name: 'p',
      enabled: true,
      deleted: false,
      syncOnly: false,
    });
    expect(pools[0]!.owner).toMatchObject({ mnemonic: '', polkadotJson: '' });
    expect(pools[0]!.owner!.ss58Phala).toBe('3ze76qZeEktzKBwduFta9RvrQACd7aUsnmT4K17G9mdUv3hL');
    const changed = await client.call('UpdateWorker', {
      items: [
        {
          id: { identity: { case: 'name', value: 'w' } },
          worker: {
            pid: 7n,
            name: 'v',
            endpoint: 'http://10.0.0.3:8000',
            stake: '2000000000000',
            syncOnly: true,
          },
        },
      ],
    });
    expect(changed.workers[0]).toMatchObject({
      uuid: worker,
      name: 'v',
      enabled: false,
      syncOnly: true,
    });
    const deleted = await client.call('UpdateWorker', {
      items: [{ id: { identity: { case: 'uuid', value: worker } }, worker: { deleted: true } }],
    });
    expect(deleted.workers).toEqual([]);
    await client.call('UpdatePool', {
      items: [{ id: { identity: { case: 'pid', value: 7n } }, pool: { deleted: true } }],
    });
    expect((await client.call('ListPool', {})).pools).toEqual([]);
  });

  it.each([
    [
      'a pool without a key',
      'CreatePool',
      { pools: [{ pid: 8n, name: 'q' }] },
      'SERVER',
      /pools\[0\].*owner\.mnemonic/,
    ],
    [
      'a pool id that is taken',
      'CreatePool',
      { pools: [{ pid: 7n, name: 'q', owner: { mnemonic: 'x' } }] },
      'DUPLICATED',
      /pid 7/,
    ],
    [
      'a worker of no pool',
      'CreateWorker',
      { workers: [{ pid: 9n, name: 'x', endpoint: 'http://a', stake: '1000000000000' }] },
      'NOT_FOUND',
      /pool 9/,
    ],
    [
      'a stake too small',
      'CreateWorker',
      { workers: [{ pid: 7n, name: 'x', endpoint: 'http://a', stake: '1' }] },
      'SERVER',
      /workers\[0\] \(x\): stake/,
    ],
    [
      'an unknown worker',
      'UpdateWorker',
      { items: [{ id: { identity: { case: 'name', value: 'no' } }, worker: { deleted: true } }] },
      'NOT_FOUND',
      /Worker no not found!/,
    ],
    [
      'a change without a worker',
      'UpdateWorker',
      { items: [{ id: { identity: { case: 'name', value: 'w' } } }] },
      'SERVER',
      /worker is missing/,
    ],
    [
      'a change without an id',
      'UpdatePool',
      { items: [{ pool: { deleted: true } }] },
      'SERVER',
      /items\[0\]: id/,
    ],
    [
      'to delete a pool in use',
      'UpdatePool',
      { items: [{ id: { identity: { case: 'pid', value: 7n } }, pool: { deleted: true } }] },
      'SERVER',
      /still has worker w/,
    ],
    [
      'an unknown id in a query',
      'GetWorkerStatus',
      { ids: ['no'] },
      'NOT_FOUND',
      /Worker no not found!/,
    ],
    [
      'an unknown id in a command',
      'RestartWorker',
      { ids: ['no'] },
      'NOT_FOUND',
      /Worker no not found!/,
    ],
  ] as const)('refuses %s', async (_id, method, request, code, text) => {
    await seed();
    const error = await client.call(method, request as never).then(
      () => undefined,
      (reason: unknown) => reason as { code: string; message: string },
    );
    expect(error?.code).toBe(code);
    expect(error?.message).toMatch(text);
  });

  it('changes nothing when one item of a batch is wrong', async () => {
    await seed();
    const worker = { pid: 7n, endpoint: 'http://a', stake: '1000000000000' };
    await expect(
      client.call('CreateWorker', {
        workers: [
          { ...worker, name: 'x' },
          { ...worker, name: 'w' },
        ],
      }),
    ).rejects.toMatchObject({ code: 'DUPLICATED' });
    expect((await client.call('ListWorker', {})).workers).toHaveLength(1);
  });
});

describe('states and commands over Walkie', () => {
  it('tells the state of a driven worker in last heights', async () => {
    const { worker } = await seed();
    snapshots.set(worker, {
      uuid: worker,
      status: 'S_ACTIVE',
      position: { nextRelay: 101, nextPara: 51, nextBlock: 51 },
      initialized: true,
      publicKey: '0xaa',
      lastMessage: '[2022-01-01T00:00:00+00:00] x',
      runtimeInfo: { version: '0.2.6' },
      error: undefined,
      sinceMs: 0,
    });
    const { workerStates } = await client.call('GetWorkerStatus', { ids: [] });
    expect(workerStates).toHaveLength(1);
    expect(workerStates[0]).toMatchObject({
      status: WorkerStatus.S_ACTIVE,
      parentHeaderSynchedTo: 100,
      paraHeaderSynchedTo: 50,
      paraBlockDispatchedTo: 50,
      initialized: true,
      publicKey: 'aa',
      lastMessage: '[2022-01-01T00:00:00+00:00] x',
      worker: { uuid: worker, pid: 7n, name: 'w' },
    });
    expect(JSON.parse(workerStates[0]!.sessionInfoJson)).toEqual({
      runtimeInfo: { version: '0.2.6' },
    });
    await client.call('KickWorker', { ids: [worker] });
    expect(commands).toEqual([`kick ${worker}`]);
  });

  it('answers for workers that nobody drives', async () => {
    const { worker } = await seed();
    const { workerStates } = await client.call('GetWorkerStatus', { ids: [worker] });
    expect(workerStates[0]).toMatchObject({
      status: WorkerStatus.S_IDLE,
      paraBlockDispatchedTo: -1,
    });
    await expect(client.call('RestartWorker', { ids: [worker] })).rejects.toMatchObject({
      code: 'SERVER',
    });
    serve(false);
    const idle = await client.call('GetWorkerStatus', { ids: [] });
    expect(idle.workerStates[0]!.lastMessage).toContain('Config mode');
    await expect(client.call('RestartWorker', { ids: [worker] })).rejects.toMatchObject({
      code: 'SERVER',
    });
  });
});
