import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { silentLogger } from '@runtime-bridge/base';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { Inventory } from './inventory.js';
import type { InventorySnapshot, PoolInput, WorkerInput } from './rows.js';
import { accountOfSs58, ss58OfAccount } from './ss58.js';

const ALICE = '45R2pfjQUW2s9PQRHU48HQKLKHVMaDja7N3wpBtmF28UYDs2';
const PHA = 1_000_000_000_000n;
const directories: string[] = [];
let inventory: Inventory;
let directory: string;

const collaborators = {
  sealOperator: (mnemonic: string) => {
    if (!mnemonic.startsWith('//')) throw new Error(`no phrase: ${mnemonic}`);
    return { publicKey: new Uint8Array(32).fill(mnemonic.length), sealed: Buffer.from(mnemonic) };
  },
  logger: silentLogger,
};

async function freshDirectory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'inventory-'));
  directories.push(path);
  return path;
}

beforeEach(async () => {
  directory = await freshDirectory();
  inventory = await Inventory.open({ directory }, collaborators);
});
afterEach(async () => {
  await inventory.close();
  await Promise.all(
    directories.splice(0).map((path) => rm(path, { recursive: true, force: true })),
  );
});

const pool = (over: Partial<PoolInput> = {}): PoolInput => ({
  poolId: 1n,
  name: 'p',
  enabled: true,
  syncOnly: false,
  proxiedAccount: '',
  mnemonic: '//Alice',
  ...over,
});
const worker = (over: Partial<WorkerInput> = {}): WorkerInput => ({
  poolId: 1n,
  name: 'w',
  endpoint: 'http://10.0.0.2:8000',
  stake: PHA.toString(),
  enabled: true,
  syncOnly: false,
  ...over,
});

describe('Inventory', () => {
  it('keeps what it was told over a restart', async () => {
    await inventory.createPools([pool({ proxiedAccount: ALICE })]);
    await inventory.createWorkers([worker({ endpoint: 'http://10.0.0.2:8000/' })]);
    const before = inventory.snapshot;
    await inventory.close();
    inventory = await Inventory.open({ directory }, collaborators);
    expect(plain(inventory.snapshot)).toEqual(plain(before));
    expect([...inventory.snapshot.workers.values()][0]).toMatchObject({
      endpoint: 'http://10.0.0.2:8000',
      stake: PHA,
    });
  });

  it('is refused to a second process on the same volume, and says why', async () => {
    await expect(Inventory.open({ directory }, collaborators)).rejects.toMatchObject({
      code: 'BAD_STORE',
      message: expect.stringContaining('in use') as string,
    });
  });

  it.each([
    ['empty name', { name: ' ' }, 'name'],
    ['control character', { name: 'a\nb' }, 'name'],
    ['long name', { name: 'x'.repeat(201) }, 'name'],
    ['no SS58', { proxiedAccount: 'abc' }, 'realPhalaSs58'],
    ['wrong checksum', { proxiedAccount: `${ALICE.slice(0, -1)}3` }, 'realPhalaSs58'],
    ['no phrase', { mnemonic: '' }, 'owner.mnemonic'],
    ['bad phrase', { mnemonic: 'secret words' }, 'owner.mnemonic'],
  ])('refuses a pool with a field that is wrong: %s', async (_id, over, field) => {
    const creating = inventory.createPools([pool({ name: 'first', poolId: 9n }), pool(over)]);
    const error = await creating.then(
      () => undefined,
      (reason: unknown) => reason as { code: string; facts: object; message: string },
    );
    expect(error).toMatchObject({ code: 'INVALID_FIELD', facts: { field } });
    expect(error!.message).toContain('pools[1]');
    expect(error!.message).not.toContain('secret words');
    expect(inventory.snapshot.pools.size).toBe(0);
  });

  it.each([
    ['stake too small', { stake: (PHA - 1n).toString() }, 'stake'],
    ['stake with a point', { stake: '1.5' }, 'stake'],
    ['negative stake', { stake: '-1' }, 'stake'],
    ['stake beyond 128 bits', { stake: (1n << 128n).toString() }, 'stake'],
    ['no URL', { endpoint: '10.0.0.2:8000' }, 'endpoint'],
    ['other scheme', { endpoint: 'ftp://10.0.0.2' }, 'endpoint'],
    ['query', { endpoint: 'http://10.0.0.2:8000/?a' }, 'endpoint'],
    ['password', { endpoint: 'http://a:b@10.0.0.2:8000' }, 'endpoint'],
    ['empty name', { name: '' }, 'name'],
  ])('refuses a worker with a field that is wrong: %s', async (_id, over, field) => {
    await inventory.createPools([pool()]);
    await expect(inventory.createWorkers([worker(over)])).rejects.toMatchObject({
      code: 'INVALID_FIELD',
      facts: { field },
    });
  });

  it('tells what is not there', async () => {
    await inventory.createPools([pool()]);
    await expect(inventory.createWorkers([worker({ poolId: 2n })])).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    await expect(
      inventory.updatePools([{ id: { kind: 'poolId', poolId: 3n }, input: pool() }]),
    ).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(
      inventory.updateWorkers([{ id: { kind: 'uuid', uuid: 'x' }, deleted: true }]),
    ).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(inventory.updateWorkers([{ id: undefined, deleted: true }])).rejects.toMatchObject(
      { code: 'INVALID_FIELD' },
    );
  });

  it('deletes no pool that has workers, but both together', async () => {
    await inventory.createPools([pool()]);
    await inventory.createWorkers([worker()]);
    const deletion = { id: { kind: 'name' as const, name: 'p' }, deleted: true as const };
    await expect(inventory.updatePools([deletion])).rejects.toMatchObject({ code: 'POOL_IN_USE' });
    await inventory.updateWorkers([{ id: { kind: 'name', name: 'w' }, deleted: true }]);
    expect(await inventory.updatePools([deletion])).toEqual([]);
    expect(inventory.snapshot.pools.size).toBe(0);
  });

  it('keeps the key when a change brings none, and lets rows swap names', async () => {
    await inventory.createPools([pool(), pool({ poolId: 2n, name: 'q', mnemonic: '//Bob' })]);
    const changed = await inventory
      .updatePools([
        { id: { kind: 'name', name: 'p' }, input: pool({ name: 'q', mnemonic: '' }) },
        {
          id: { kind: 'name', name: 'q' },
          input: pool({ name: 'p', poolId: 2n, mnemonic: '//Charlie' }),
        },
      ])
      .catch((error: unknown) => error);
    // The second item finds both rows named q: the name points at the first that has it, so ids are better.
    expect(changed).toMatchObject({ code: 'DUPLICATED' });
    const [p, q] = [...inventory.snapshot.pools.values()];
    await inventory.updatePools([
      { id: { kind: 'uuid', uuid: p!.uuid }, input: pool({ name: 'q', mnemonic: '' }) },
      { id: { kind: 'uuid', uuid: q!.uuid }, input: pool({ name: 'p', poolId: 2n, mnemonic: '' }) },
    ]);
    expect(inventory.snapshot.pools.get(p!.uuid)).toMatchObject({
      name: 'q',
      sealedOperator: Buffer.from('//Alice'),
      operatorPublicKey: p!.operatorPublicKey,
    });
  });

  it('holds its rules through any batches, each all or nothing', async () => {
    const name = fc.constantFrom('a', 'b', 'c', 'd');
    const poolId = fc.constantFrom(1n, 2n, 3n);
    const poolInput = fc
      .record({ name, poolId, mnemonic: fc.constantFrom('//A', '', 'x') })
      .map((over) => pool(over));
    const workerInput = fc
      .record({ name, poolId, stake: fc.constantFrom(PHA.toString(), '1') })
      .map((over) => worker(over));
    const identity = name.map((value) => ({ kind: 'name' as const, name: value }));
    const update = <T>(input: fc.Arbitrary<T>) =>
      fc.oneof(
        fc.record({ id: identity, input }),
        fc.record({ id: identity, deleted: fc.constant(true as const) }),
      );
    const batch = fc.oneof(
      fc.array(poolInput, { maxLength: 3 }).map((items) => () => inventory.createPools(items)),
      fc
        .array(update(poolInput), { maxLength: 3 })
        .map((items) => () => inventory.updatePools(items)),
      fc.array(workerInput, { maxLength: 3 }).map((items) => () => inventory.createWorkers(items)),
      fc
        .array(update(workerInput), { maxLength: 3 })
        .map((items) => () => inventory.updateWorkers(items)),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(batch, { maxLength: 12 }), async (batches) => {
        for (const run of batches) {
          const before = inventory.snapshot;
          const failed = await run().then(
            () => false,
            () => true,
          );
          if (failed) expect(inventory.snapshot).toBe(before);
          checkRules(inventory.snapshot);
        }
        const before = plain(inventory.snapshot);
        await inventory.close();
        inventory = await Inventory.open({ directory }, collaborators);
        expect(plain(inventory.snapshot)).toEqual(before);
      }),
      { numRuns: 40 },
    );
  });

  it('refuses a store of another version', async () => {
    await inventory.close();
    const { ClassicLevel } = await import('classic-level');
    const level = new ClassicLevel<Uint8Array, Uint8Array>(directory, {
      keyEncoding: 'view',
      valueEncoding: 'view',
    });
    await level.put(Buffer.from([0, ...Buffer.from('schema')]), Buffer.from('{"version":99}'));
    await level.close();
    await expect(Inventory.open({ directory }, collaborators)).rejects.toMatchObject({
      code: 'BAD_STORE',
    });
    inventory = await Inventory.open({ directory: await freshDirectory() }, collaborators);
  });
});

describe('SS58', () => {
  it('reads and writes the address of Alice on Khala', () => {
    const account = accountOfSs58(ALICE)!;
    expect(account).toBe('0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d');
    expect(ss58OfAccount(Buffer.from(account.slice(2), 'hex'), 30)).toBe(ALICE);
  });

  it('reads back every address of every network, and no changed one', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.integer({ min: 0, max: 16_383 }).filter((prefix) => prefix !== 46 && prefix !== 47),
        fc.nat(),
        (account, prefix, at) => {
          const text = ss58OfAccount(account, prefix);
          expect(accountOfSs58(text)).toBe(`0x${Buffer.from(account).toString('hex')}`);
          const place = at % text.length;
          const other = text[place] === 'z' ? 'y' : 'z';
          const changed = text.slice(0, place) + other + text.slice(place + 1);
          // Two bytes of checksum let one in 65,536 through.
          const read = accountOfSs58(changed);
          if (read !== undefined)
            expect(read).not.toBe(`0x${Buffer.from(account).toString('hex')}`);
        },
      ),
    );
  });
});

function checkRules({ pools, workers }: InventorySnapshot): void {
  const poolRows = [...pools.values()];
  const workerRows = [...workers.values()];
  expect(new Set(poolRows.map((row) => row.name)).size).toBe(poolRows.length);
  expect(new Set(poolRows.map((row) => row.poolId)).size).toBe(poolRows.length);
  expect(new Set(workerRows.map((row) => row.name)).size).toBe(workerRows.length);
  for (const row of workerRows) {
    expect(pools.has(row.poolUuid)).toBe(true);
    expect(row.stake).toBeGreaterThanOrEqual(PHA);
  }
}

function plain({ pools, workers }: InventorySnapshot) {
  const bytes = (row: { sealedOperator: Uint8Array }) => ({
    ...row,
    sealedOperator: [...row.sealedOperator],
  });
  return {
    pools: Object.fromEntries([...pools].map(([uuid, row]) => [uuid, bytes(row)])),
    workers: Object.fromEntries(workers),
  };
}
