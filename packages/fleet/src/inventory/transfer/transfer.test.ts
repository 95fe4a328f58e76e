import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { InventorySnapshot, PoolRow, WorkerRow } from '../rows.js';
import { formatCsv, parseCsv } from './csv.js';
import { formatInventory, parseInventory, type TransferFormat } from './document.js';
import { planTransfer } from './dry-run.js';

const formats = ['yaml', 'json', 'csv'] as const;
const ALICE = '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY';

const nameText = fc
  .oneof(
    fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' }),
    fc.constantFrom('true', '007', 'null', ' a,b ', 'say "hi"', '- x: y', '1e3', '0x10', '~', '#'),
  )
  .filter((text) => text.trim() !== '' && ![...text].some((l) => l < ' ' || l === '\u007f'));

/** Any inventory with up to five pools and ten workers. */
const snapshots: fc.Arbitrary<InventorySnapshot> = fc
  .record({
    pools: fc.uniqueArray(
      fc.record({
        poolId: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
        name: nameText,
        enabled: fc.boolean(),
        syncOnly: fc.boolean(),
        proxiedAccount: fc.constantFrom('', ALICE),
      }),
      { maxLength: 5, selector: ({ name }) => name },
    ),
    workers: fc.uniqueArray(
      fc.record({
        pool: fc.nat(),
        name: nameText,
        port: fc.integer({ min: 1, max: 65_535 }),
        stake: fc.bigInt({ min: 1_000_000_000_000n, max: (1n << 128n) - 1n }),
        enabled: fc.boolean(),
        syncOnly: fc.boolean(),
      }),
      { maxLength: 10, selector: ({ name }) => name },
    ),
  })
  .map(({ pools, workers }) => {
    const seen = new Set<bigint>();
    const times = { createdAtMs: 0, updatedAtMs: 0 };
    const poolRows = pools
      .filter(({ poolId }) => !seen.has(poolId) && seen.add(poolId))
      .map((pool, index): PoolRow => ({
        ...pool,
        ...times,
        uuid: `p${index}`,
        operatorPublicKey: '0x01',
        sealedOperator: Uint8Array.of(7, 7, 7),
      }));
    const workerRows =
      poolRows.length === 0
        ? []
        : workers.map(({ pool, port, ...worker }, index): WorkerRow => ({
            ...worker,
            ...times,
            uuid: `w${index}`,
            poolUuid: poolRows[pool % poolRows.length]!.uuid,
            endpoint: `http://10.0.0.1:${port}`,
          }));
    return snapshotOf(poolRows, workerRows);
  });

function snapshotOf(pools: PoolRow[], workers: WorkerRow[]): InventorySnapshot {
  return {
    pools: new Map(pools.map((row) => [row.uuid, row])),
    workers: new Map(workers.map((row) => [row.uuid, row])),
  };
}

const EMPTY = snapshotOf([], []);
const plan = (text: string, format: TransferFormat, now: InventorySnapshot, prune = false) =>
  planTransfer(parseInventory(text, format), now, { prune });

describe.each(formats)('export and import as %s', (format) => {
  it('changes nothing where everything is there already', () => {
    fc.assert(
      fc.property(snapshots, fc.boolean(), (now, prune) => {
        const text = formatInventory(now, format);
        expect(text).not.toContain('sealed');
        const { changes, faults, unchanged } = plan(text, format, now, prune);
        expect({ changes, faults }).toEqual({ changes: [], faults: [] });
        expect(unchanged).toBe(now.pools.size + now.workers.size);
      }),
      { numRuns: 60 },
    );
  });

  it('makes everything anew in an empty inventory once the pools have their keys', () => {
    fc.assert(
      fc.property(snapshots, (now) => {
        const { rows } = parseInventory(formatInventory(now, format), format);
        const keyed = rows.map((row) =>
          row.kind === 'pool' ? { ...row, fields: { ...row.fields, mnemonic: 'x' } } : row,
        );
        const { steps, faults } = planTransfer({ rows: keyed, faults: [] }, EMPTY);
        expect(faults).toEqual([]);
        expect(steps.createPools.map(({ poolId, name }) => [poolId, name])).toEqual(
          [...now.pools.values()].map(({ poolId, name }) => [poolId, name]),
        );
        expect(steps.createWorkers).toEqual(
          [...now.workers.values()].map((row) => ({
            poolId: now.pools.get(row.poolUuid)!.poolId,
            name: row.name,
            endpoint: row.endpoint,
            stake: row.stake.toString(),
            enabled: row.enabled,
            syncOnly: row.syncOnly,
          })),
        );
        // Without keys each pool is a fault, and so are the workers that would have no pool.
        const bare = planTransfer({ rows, faults: [] }, EMPTY);
        expect(bare.faults).toHaveLength(rows.length);
      }),
      { numRuns: 60 },
    );
  });

  it('shows exactly what differs, and with prune what would go', () => {
    fc.assert(
      fc.property(snapshots, fc.nat(), (now, pick) => {
        fc.pre(now.workers.size > 0);
        const victim = [...now.workers.values()][pick % now.workers.size]!;
        const pool = now.pools.get(victim.poolUuid)!;
        const other = { ...victim, stake: victim.stake ^ 1n, enabled: !victim.enabled };
        const changed = new Map([...now.workers, [victim.uuid, other]]);
        const text = formatInventory({ pools: now.pools, workers: changed }, format);
        const poolId = pool.poolId;
        expect(plan(text, format, now, true).changes).toEqual([
          {
            kind: 'worker',
            action: 'change',
            name: victim.name,
            poolId,
            fields: [
              { field: 'stake', before: `${victim.stake}`, after: `${other.stake}` },
              { field: 'enabled', before: `${victim.enabled}`, after: `${other.enabled}` },
            ],
          },
        ]);
        const fewer = new Map([...now.workers].filter(([uuid]) => uuid !== victim.uuid));
        const without = formatInventory({ pools: now.pools, workers: fewer }, format);
        expect(plan(without, format, now).changes).toEqual([]);
        expect(plan(without, format, now, true).steps).toMatchObject({
          updateWorkers: [{ id: { kind: 'uuid', uuid: victim.uuid }, deleted: true }],
          deletePools: [],
        });
        const nothing = formatInventory(EMPTY, format);
        const gone = plan(nothing, format, now, true).steps;
        expect(gone.updateWorkers).toHaveLength(now.workers.size);
        expect(gone.deletePools).toHaveLength(now.pools.size);
      }),
      { numRuns: 40 },
    );
  });
});

it('names exactly the faulty ones of a thousand rows, and takes the others', () => {
  const pool = { pid: 7, name: 'pool', mnemonic: 'x' };
  const good = (index: number) => ({
    pid: 7,
    name: `w${index}`,
    endpoint: `http://10.0.0.1:${1_000 + index}`,
    stake: '1000000000000',
  });
  const bad: [number, string, Record<string, unknown>][] = [
    [10, 'endpoint', { endpoint: 'ftp://x' }],
    [11, 'stake', { stake: '999' }],
    [12, 'stake', { stake: 1.5 }],
    [13, 'pid', { pid: 8 }],
    [14, 'pid', { pid: '-1' }],
    [15, 'name', { name: '' }],
    [16, 'name', { name: 'w3' }],
    [17, 'enabled', { enabled: 'perhaps' }],
    [18, 'stak', { stak: '1' }],
    [999, 'endpoint', { endpoint: undefined }],
  ];
  const workers = Array.from({ length: 1_000 }, (_, index) => {
    const change = bad.find(([at]) => at === index)?.[2];
    return { ...good(index), ...change };
  });
  const { faults, steps } = plan(JSON.stringify({ pools: [pool], workers }), 'json', EMPTY);
  expect(faults.map(({ place, field }) => [place, field])).toEqual(
    bad.map(([at, field]) => [`workers[${at}]`, field]),
  );
  expect(steps.createWorkers).toHaveLength(990);
});

describe('a document that is none', () => {
  it.each([
    ['yaml', 'pools: [{mnemonic: secret words, name: "'],
    ['json', '{"pools": [{"mnemonic": "secret words'],
    ['json', '[1]'],
    ['yaml', '"secret words'],
    ['csv', 'pid,name\n1,a'],
    ['csv', 'kind,pid,name\npool,1,"secret words'],
    ['csv', 'kind,pid,name\npool,1,a,secret words'],
    ['csv', 'kind,pid,nmae\npool,1,secret words'],
    ['csv', 'kind,pid\nsecret words,1'],
    ['json', '{"pools": {}, "worker": []}'],
  ] as const)('is a fault that does not quote it, and prunes nothing: %s %s', (format, text) => {
    const row = { createdAtMs: 0, updatedAtMs: 0, operatorPublicKey: '0x01' } as const;
    const pool = { ...row, uuid: 'p', poolId: 1n, name: 'a', enabled: true, syncOnly: false };
    const now = snapshotOf([{ ...pool, proxiedAccount: '', sealedOperator: new Uint8Array() }], []);
    const { faults, changes } = plan(text, format, now, true);
    expect(faults.length).toBeGreaterThan(0);
    expect(JSON.stringify(faults)).not.toContain('secret');
    expect(changes).toEqual([]);
  });
});

it('lets pools swap their names, but not two have one', () => {
  const row = { createdAtMs: 0, updatedAtMs: 0, operatorPublicKey: '0x01' } as const;
  const pool = (poolId: bigint, name: string): PoolRow => ({
    ...row,
    uuid: name,
    poolId,
    name,
    enabled: true,
    syncOnly: false,
    proxiedAccount: '',
    sealedOperator: new Uint8Array(),
  });
  const now = snapshotOf([pool(1n, 'a'), pool(2n, 'b'), pool(3n, 'c')], []);
  const swap = plan('pools: [{pid: 1, name: b}, {pid: 2, name: a}]', 'yaml', now);
  expect(swap.faults).toEqual([]);
  expect(swap.steps.updatePools).toHaveLength(2);
  const taken = plan('pools: [{pid: 1, name: c}, {pid: 2, name: d}]', 'yaml', now);
  expect(taken.faults).toMatchObject([{ place: 'pools[0]', field: 'name' }]);
});

it('reads the CSV that it writes, whatever is in the cells', () => {
  const cell = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r', ' ', '\ufeff', 'ü') });
  fc.assert(
    fc.property(
      fc.array(fc.array(cell, { minLength: 2, maxLength: 4 }), { minLength: 1, maxLength: 5 }),
      (records) => {
        expect(parseCsv(formatCsv(records)).map(({ cells }) => cells)).toEqual(records);
      },
    ),
    { numRuns: 200 },
  );
});
