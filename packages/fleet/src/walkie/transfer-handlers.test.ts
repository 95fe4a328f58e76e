import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { silentLogger } from '@runtime-bridge/base';
import {
  createAccessPolicy,
  InventoryAction,
  InventoryFormat,
  InventoryKind,
  WalkieRoles,
  type RequestInit,
  type WalkieClient,
} from '@runtime-bridge/walkie-protocol';
import { MemoryNetwork, type MemoryWalkie } from '@runtime-bridge/walkie-protocol/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { Inventory } from '../inventory/inventory.js';
import { serveTransfer } from './transfer-handlers.js';

const ALICE = '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY';
const { F_YAML, F_JSON, F_CSV, F_PRBV3 } = InventoryFormat;

let directory: string;
let inventory: Inventory;
let network: MemoryNetwork;
let manager: MemoryWalkie;
let caller: MemoryWalkie;
let client: WalkieClient;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'transfer-'));
  inventory = await Inventory.open(
    { directory },
    {
      sealOperator: (mnemonic) => {
        if (!mnemonic.startsWith('words')) throw new Error('no mnemonic');
        return { publicKey: new Uint8Array(32).fill(mnemonic.length), sealed: Uint8Array.of(1) };
      },
      logger: silentLogger,
    },
  );
  network = new MemoryNetwork();
  manager = network.node({
    role: WalkieRoles.WR_LIFECYCLE_MANAGER,
    access: createAccessPolicy({ hostAddresses: () => [] }),
  });
  caller = network.node();
  serveTransfer(manager, { inventory });
  await manager.start();
  await caller.start();
  client = caller.client(manager.peerId);
});
afterEach(async () => {
  await caller.stop();
  await manager.stop();
  await inventory.close();
  await rm(directory, { recursive: true, force: true });
});

const importing = (request: RequestInit<'ImportInventory'>) =>
  client.call('ImportInventory', { format: F_YAML, ...request });
const exporting = async (format: InventoryFormat) =>
  (await client.call('ExportInventory', { format })).text;
const names = () => [...inventory.snapshot.workers.values()].map(({ name }) => name).sort();

const fleet = `
pools:
  - { pid: 7, name: p, mnemonic: words one, realPhalaSs58: ${ALICE} }
workers:
  - { pid: 7, name: a, endpoint: "http://10.0.0.1:8000", stake: 1500000000000000 }
  - { pid: 7, name: b, endpoint: "http://10.0.0.2:8000", stake: "2000000000000000", syncOnly: true }
`;

describe('ImportInventory', () => {
  it('shows in a dry run what it then does', async () => {
    const shown = await importing({ text: fleet, dryRun: true });
    expect(shown).toMatchObject({ applied: false, faults: [], unchanged: 0 });
    expect(shown.changes.map(({ kind, action, name, pid }) => [kind, action, name, pid])).toEqual([
      [InventoryKind.K_POOL, InventoryAction.A_CREATE, 'p', 7n],
      [InventoryKind.K_WORKER, InventoryAction.A_CREATE, 'a', 7n],
      [InventoryKind.K_WORKER, InventoryAction.A_CREATE, 'b', 7n],
    ]);
    expect(names()).toEqual([]);

    const done = await importing({ text: fleet, planId: shown.planId });
    expect(done).toMatchObject({ applied: true, planId: shown.planId });
    expect(names()).toEqual(['a', 'b']);
    const [pool] = inventory.snapshot.pools.values();
    expect(pool).toMatchObject({ poolId: 7n, proxiedAccount: ALICE, enabled: true });
    expect([...inventory.snapshot.workers.values()][1]).toMatchObject({ syncOnly: true });
  });

  it('does nothing when something else would be done by now', async () => {
    const { planId } = await importing({ text: fleet, dryRun: true });
    await inventory.createPools([
      {
        poolId: 7n,
        name: 'another',
        enabled: true,
        syncOnly: false,
        proxiedAccount: '',
        mnemonic: 'words',
      },
    ]);
    await expect(importing({ text: fleet, planId })).rejects.toMatchObject({
      message: expect.stringContaining('something else'),
    });
    expect(names()).toEqual([]);
  });

  it('keeps everything as it is for one fault, unless told to skip what is faulty', async () => {
    const text = `${fleet}  - { pid: 7, name: c, endpoint: "ftp://x", stake: "1" }\n`;
    const refused = await importing({ text });
    expect(refused.applied).toBe(false);
    expect(refused.faults).toMatchObject([{ place: 'workers[2]', field: 'stake' }]);
    expect(names()).toEqual([]);
    expect(await importing({ text, skipFaulty: true })).toMatchObject({ applied: true });
    expect(names()).toEqual(['a', 'b']);
  });

  it('names the pool whose mnemonic is none, without quoting it', async () => {
    const answer = await importing({ text: 'pools: [{pid: 1, name: x, mnemonic: secret}]' });
    expect(answer.faults).toMatchObject([{ place: 'pools[0]', field: 'mnemonic' }]);
    expect(JSON.stringify(answer.faults)).not.toContain('secret');
  });

  it('removes what is not in the text, only with prune, all or nothing', async () => {
    await importing({ text: fleet });
    const fewer = 'workers: [{pid: 7, name: a}]';
    expect((await importing({ text: fewer })).changes).toEqual([]);
    expect(names()).toEqual(['a', 'b']);
    const pruned = await importing({ text: 'pools: [{pid: 7}]\nworkers: []', prune: true });
    expect(pruned.changes.map(({ action, name }) => [action, name])).toEqual([
      [InventoryAction.A_DELETE, 'a'],
      [InventoryAction.A_DELETE, 'b'],
    ]);
    expect(inventory.snapshot.workers.size).toBe(0);
    expect(inventory.snapshot.pools.size).toBe(1);
  });

  it('moves workers to a pool of the same text', async () => {
    await importing({ text: fleet });
    const text = 'pools: [{pid: 8, name: q, mnemonic: words two}]\nworkers: [{pid: 8, name: a}]';
    const { changes } = await importing({ text });
    expect(changes[1]!.fields).toMatchObject([{ field: 'pid', before: '7', after: '8' }]);
    const moved = [...inventory.snapshot.workers.values()].find(({ name }) => name === 'a')!;
    expect(inventory.snapshot.pools.get(moved.poolUuid)).toMatchObject({ poolId: 8n });
  });

  it('is refused from other hosts, also as a dry run', async () => {
    const stranger = network.node({ address: '/ip4/203.0.113.7/tcp/1' });
    await stranger.start();
    const call = stranger
      .client(manager.peerId)
      .call('ImportInventory', { format: F_YAML, text: fleet, dryRun: true });
    await expect(call).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
    await stranger.stop();
  });

  it('refuses a form that it does not know', async () => {
    await expect(importing({ format: InventoryFormat.F_UNKNOWN, text: fleet })).rejects.toThrow();
  });
});

describe('ExportInventory', () => {
  it.each([F_YAML, F_JSON, F_CSV])('gives form %s, which can be imported again', async (format) => {
    await importing({ text: fleet });
    const text = await exporting(format);
    expect(text).not.toMatch(/words|mnemonic: ./);
    const again = await importing({ format, text, prune: true, dryRun: true });
    expect(again).toMatchObject({ changes: [], faults: [], unchanged: 3 });
  });
});

describe('PRBv3', () => {
  /** As its GetAllPoolsWithWorkers prints it (phala-blockchain 654b1b699 standalone/prb/src/inv_db.rs). */
  const prbv3 = JSON.stringify(
    [
      {
        id: '5b3f…',
        name: 'p',
        pid: 7,
        enabled: true,
        sync_only: false,
        workers: [
          {
            id: '1',
            name: 'a',
            endpoint: 'http://10.0.0.1:8000/',
            stake: '1500000000000000',
            pid: 7,
            enabled: false,
            sync_only: true,
            gatekeeper: false,
          },
        ],
      },
      { id: '2', name: 'empty', pid: 9, enabled: false, sync_only: true, workers: null },
    ],
    undefined,
    2,
  );
  const owners = [
    { pid: 7n, mnemonic: 'words seven', realPhalaSs58: ALICE },
    { pid: 9n, mnemonic: 'words nine' },
  ];

  it('is imported, with the keys that it does not tell', async () => {
    const bare = await importing({ format: F_PRBV3, text: prbv3, dryRun: true });
    expect(bare.faults.map(({ place, field }) => [place, field])).toEqual([
      ['pools[0]', 'mnemonic'],
      ['pools[1]', 'mnemonic'],
      ['pools[0].workers[0]', 'pid'],
    ]);
    expect(await importing({ format: F_PRBV3, text: prbv3, owners })).toMatchObject({
      applied: true,
      faults: [],
    });
    expect([...inventory.snapshot.pools.values()]).toMatchObject([
      { poolId: 7n, name: 'p', enabled: true, syncOnly: false, proxiedAccount: ALICE },
      { poolId: 9n, name: 'empty', enabled: false, syncOnly: true, proxiedAccount: '' },
    ]);
    expect([...inventory.snapshot.workers.values()]).toMatchObject([
      {
        name: 'a',
        endpoint: 'http://10.0.0.1:8000',
        stake: 1_500_000_000_000_000n,
        enabled: false,
        syncOnly: true,
      },
    ]);
  });

  it('reports gatekeepers, and what is no such list', async () => {
    const gatekeeper = prbv3.replace('"gatekeeper": false', '"gatekeeper": true');
    const answer = await importing({ format: F_PRBV3, text: gatekeeper, owners, skipFaulty: true });
    expect(answer.faults).toMatchObject([{ place: 'pools[0].workers[0]', field: 'gatekeeper' }]);
    expect(names()).toEqual([]);
    const none = await importing({ format: F_PRBV3, text: '{"pools": []}' });
    expect(none.faults).toMatchObject([{ place: 'document' }]);
  });

  it('is exported as the commands of its configuration API, pools first and without keys', async () => {
    await importing({
      text: fleet
        .replaceAll('pid: 7', 'pid: 18446744073709551615')
        .replace('name: p', `name: '"pid":"1"'`),
    });
    const text = await exporting(F_PRBV3);
    // As a Rust u64 reads it: not as a text, and not rounded.
    expect(text).toContain('"pid":18446744073709551615');
    expect(text).not.toContain('words');
    expect(JSON.parse(text.replaceAll('18446744073709551615', '7'))).toEqual([
      { AddPool: { name: '"pid":"1"', pid: 7, disabled: false, sync_only: false } },
      {
        AddWorker: {
          name: 'a',
          endpoint: 'http://10.0.0.1:8000',
          stake: '1500000000000000',
          pid: 7,
          disabled: false,
          sync_only: false,
          gatekeeper: false,
        },
      },
      {
        AddWorker: {
          name: 'b',
          endpoint: 'http://10.0.0.2:8000',
          stake: '2000000000000000',
          pid: 7,
          disabled: false,
          sync_only: true,
          gatekeeper: false,
        },
      },
    ]);
  });
});
