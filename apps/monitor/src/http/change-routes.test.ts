import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { WalkieError, WalkieRoles, WorkerStatus } from '@runtime-bridge/walkie-protocol';
import type { MemoryWalkie } from '@runtime-bridge/walkie-protocol/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import type { ActionPreview, ActionProgress, AuditPage } from '../api/index.js';
import { useMonitor } from '../monitor.test.support.js';

const rig = useMonitor();
const { http } = rig;

interface Row {
  uuid: string;
  pid: bigint;
  name: string;
  endpoint: string;
  stake: string;
  enabled: boolean;
}

/** A manager that keeps its workers, as real ones do. */
class FakeManager {
  readonly workers = new Map<string, Row>();
  readonly calls: string[] = [];

  constructor(
    readonly node: MemoryWalkie,
    names: readonly string[],
  ) {
    for (const name of names) {
      const uuid = `${node.peerId}-${name}`;
      this.workers.set(uuid, {
        uuid,
        pid: 1n,
        name,
        endpoint: 'http://10.0.0.1:8000',
        stake: '1000000000000',
        enabled: name !== 'off',
      });
    }
    node.handle('ListPool', () => ({
      pools: [1n, 2n].map((pid) => ({ uuid: `pool-${pid}`, pid, name: `${pid}`, enabled: true })),
    }));
    node.handle('ListWorker', () => ({ workers: [...this.workers.values()] }));
    node.handle('GetWorkerStatus', () => ({
      workerStates: [...this.workers.values()].map((worker) => ({
        worker,
        status: WorkerStatus.S_ACTIVE,
      })),
    }));
    for (const method of ['RestartWorker', 'RefreshRaAndRestartWorker', 'KickWorker'] as const) {
      node.handle(method, ({ ids }) => {
        for (const id of ids) {
          if (this.workers.get(id)?.name === 'stuck')
            throw new WalkieError('SERVER', 'it is stuck');
        }
        this.calls.push(`${method} ${ids.join()}`);
        return {};
      });
    }
    node.handle('UpdateWorker', ({ items }) => {
      for (const { id, worker } of items) {
        const uuid = id?.identity.value as string;
        if (worker?.deleted) this.workers.delete(uuid);
        else if (worker) this.workers.set(uuid, { ...this.workers.get(uuid)!, ...worker, uuid });
      }
      return { workers: items.flatMap(({ worker }) => worker ?? []) };
    });
  }

  key(name: string) {
    return { manager: this.node.peerId, uuid: `${this.node.peerId}-${name}` };
  }

  row(name: string): Row | undefined {
    return this.workers.get(`${this.node.peerId}-${name}`);
  }
}

let one: FakeManager;
let two: FakeManager;

beforeEach(async () => {
  one = new FakeManager(rig.manager, ['a', 'b', 'off', 'stuck']);
  const node = await rig.join({ peerId: 'QmTwo', role: WalkieRoles.WR_LIFECYCLE_MANAGER });
  two = new FakeManager(node, ['a']);
  await rig.restart({});
  await http('GET', '/api/fleet');
});

const act = (body: object) => http('POST', '/api/actions', { json: body });
const preview = async (body: object) =>
  (await act({ ...body, preview: true })).json as unknown as ActionPreview;
/** Does it and waits for its end. */
const done = async (body: object): Promise<ActionProgress> => {
  const begun = await act(body);
  expect(begun.status).toBe(202);
  const { id } = begun.json as unknown as ActionProgress;
  for (;;) {
    const now = (await http('GET', `/api/actions/${id}`)).json as unknown as ActionProgress;
    if (now.endedMs !== null) return now;
  }
};
const audit = async (): Promise<AuditPage['entries']> =>
  ((await http('GET', '/api/audit')).json as unknown as AuditPage).entries;

describe('an action', () => {
  it('says before what it would do, and does nothing then', async () => {
    const targets = [one.key('a'), one.key('off'), two.key('a'), one.key('nobody')];
    const found = await preview({ kind: 'restart', targets });
    expect(found).toMatchObject({ will: 2, wont: 2, isGrave: false, confirmation: null });
    expect(found.items.map(({ name, will }) => [name, will])).toEqual([
      ['a', true],
      ['off', false],
      ['a', true],
      ['', false],
    ]);
    expect([...one.calls, ...two.calls]).toEqual([]);
  });

  it.each([
    ['restart', 'RestartWorker'],
    ['refreshRa', 'RefreshRaAndRestartWorker'],
    ['kick', 'KickWorker'],
  ])('%s is done one by one at several managers, with a result for each', async (kind, method) => {
    const targets = ['a', 'stuck', 'off', 'b', 'a'].map((name) => one.key(name));
    const { results, ...brief } = await done({ kind, targets: [...targets, two.key('a')] });
    // The one that was named twice counts once.
    expect(brief).toMatchObject({ total: 5, done: 3, failed: 1, skipped: 1 });
    expect(one.calls.sort()).toEqual([`${method} QmManager-a`, `${method} QmManager-b`]);
    expect(two.calls).toEqual([`${method} QmTwo-a`]);
    expect(results).toHaveLength(5);
    expect(results.find(({ name }) => name === 'stuck')).toMatchObject({
      outcome: 'failed',
      code: 'SERVER',
      message: 'it is stuck',
    });
    expect(results.find(({ name }) => name === 'off')).toMatchObject({ outcome: 'skipped' });
    const [ended, begun] = await audit();
    expect(begun).toMatchObject({ what: kind, outcome: 'begun', targetCount: 5, user: 'local' });
    expect(ended).toMatchObject({ what: kind, outcome: 'partly' });
  });

  it('changes rows without touching what else is in them', async () => {
    const before = { ...one.row('a')! };
    await done({ kind: 'disable', targets: [one.key('a')] });
    expect(one.row('a')).toMatchObject({ ...before, enabled: false });
    await done({ kind: 'move', targets: [one.key('a')], pid: '2' });
    expect(one.row('a')).toMatchObject({ ...before, enabled: false, pid: 2n });
    await done({ kind: 'enable', targets: [one.key('off')] });
    expect(one.row('off')).toMatchObject({ enabled: true });
    await done({ kind: 'delete', targets: [one.key('b')] });
    expect(one.row('b')).toBeUndefined();
    expect(await preview({ kind: 'move', targets: [one.key('off')], pid: '9' })).toMatchObject({
      wont: 1,
    });
  });

  it('asks a manager that lets it change nothing only once or so', async () => {
    let asked = 0;
    one.node.handle('RestartWorker', () => {
      asked += 1;
      throw new WalkieError('UNAUTHORIZED', 'no');
    });
    for (let i = 0; i < 50; i += 1) {
      one.workers.set(`w${i}`, { ...one.row('a')!, uuid: `w${i}`, name: `w${i}` });
    }
    await rig.restart({});
    await http('GET', '/api/fleet');
    const targets = Array.from({ length: 50 }, (_, i) => ({ manager: 'QmManager', uuid: `w${i}` }));
    const { failed, results } = await done({ kind: 'restart', targets });
    expect(failed).toBe(50);
    expect(new Set(results.map(({ code }) => code))).toEqual(new Set(['UNAUTHORIZED']));
    expect(asked).toBeLessThanOrEqual(8);
  });

  it('can be stopped', async () => {
    let release: () => void = () => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    one.node.handle('RestartWorker', async () => {
      await held;
      return {};
    });
    for (let i = 0; i < 30; i += 1) {
      one.workers.set(`w${i}`, { ...one.row('a')!, uuid: `w${i}`, name: `w${i}` });
    }
    await rig.restart({});
    await http('GET', '/api/fleet');
    const targets = Array.from({ length: 30 }, (_, i) => ({ manager: 'QmManager', uuid: `w${i}` }));
    const begun = (await act({ kind: 'restart', targets })).json as unknown as ActionProgress;
    await http('DELETE', `/api/actions/${begun.id}`);
    release();
    let now: ActionProgress;
    do now = (await http('GET', `/api/actions/${begun.id}`)).json as unknown as ActionProgress;
    while (now.endedMs === null);
    expect(now.done).toBeLessThanOrEqual(8);
    expect(now.skipped).toBeGreaterThanOrEqual(22);
  });

  it.each([
    ['no kind that there is', { kind: 'explode', targets: [{ manager: 'm', uuid: 'u' }] }, 'kind'],
    ['no targets', { kind: 'restart', targets: [] }, 'targets'],
    ['a target that is none', { kind: 'restart', targets: ['u'] }, 'targets'],
    ['a move to nowhere', { kind: 'move', targets: [{ manager: 'm', uuid: 'u' }] }, 'pid'],
    ['something besides', { kind: 'kick', targets: [{ manager: 'm', uuid: 'u' }], x: 1 }, 'x'],
  ])('with %s is refused', async (_what, body, field) => {
    const { status, json } = await act(body);
    expect(status).toBe(400);
    expect(json.error).toMatchObject({ code: 'BAD_REQUEST', field });
  });
});

describe('an order on chain', () => {
  const orders: string[] = [];
  beforeEach(() => {
    orders.length = 0;
    one.node.handle('DrainWorker', ({ ids, confirmation }) => {
      const effects = ids.map((workerUuid) => ({
        workerUuid,
        name: workerUuid.split('-')[1]!,
        text: 'will be drained',
        possible: !workerUuid.endsWith('off'),
      }));
      const isWhole = effects.every(({ possible }) => possible);
      if (confirmation === '') {
        return { effects, confirmation: isWhole ? `sure of ${ids.join()}` : '' };
      }
      const accepted = isWhole && confirmation === `sure of ${ids.join()}`;
      if (accepted) orders.push(...ids);
      return { effects, accepted };
    });
  });

  it('needs the confirmation of a preview of the same, and takes it once', async () => {
    const targets = [one.key('a'), one.key('off'), two.key('a')];
    const found = await preview({ kind: 'drain', targets });
    expect(found).toMatchObject({ will: 1, wont: 2, isGrave: true });
    expect(found.items[0]).toMatchObject({ name: 'a', why: 'will be drained' });
    // The second manager is an older one.
    expect(found.items[2]).toMatchObject({ will: false });
    const { confirmation } = found;
    for (const wrong of [
      { kind: 'drain', targets },
      { kind: 'drain', targets, confirmation: 'made up' },
      { kind: 'drain', targets: [one.key('b')], confirmation },
      { kind: 'stop', targets, confirmation },
    ]) {
      expect((await act(wrong)).status).toBe(400);
    }
    expect(orders).toEqual([]);
    const ended = await done({ kind: 'drain', targets, confirmation });
    expect(ended).toMatchObject({ done: 1, skipped: 2, failed: 0 });
    expect(orders).toEqual(['QmManager-a']);
    await done({ kind: 'drain', targets, confirmation });
    expect(orders).toEqual(['QmManager-a']);
  });
});

const PHRASE = 'bottom drive obey lake curtain smoke basket hold race lonely fit walk';
const POOL = { pid: '7', name: 'mine', enabled: true, syncOnly: false, proxiedAccount: '' };
const WORKER = {
  pid: '1',
  name: 'new',
  endpoint: 'http://10.0.0.9:8000',
  stake: '1500000000000',
  enabled: true,
  syncOnly: false,
};

describe('the inventory', () => {
  it('has pools made, changed and deleted, with phrases that go to the manager alone', async () => {
    const seen: unknown[] = [];
    one.node.handle('CreatePool', ({ pools }) => {
      seen.push(pools[0]);
      const { pid, name } = pools[0]!;
      return { pools: [{ pid, name, uuid: 'new', owner: { ss58Phala: '45R' } }] };
    });
    one.node.handle('UpdatePool', ({ items }) => {
      seen.push(items[0]);
      return { pools: items.flatMap(({ pool }) => (pool?.deleted ? [] : [pool!])) };
    });
    const path = '/api/managers/QmManager/pools';
    const made = await http('POST', path, { json: { ...POOL, mnemonic: PHRASE } });
    expect(made.json).toMatchObject({ uuid: 'new', pid: '7', operator: '45R' });
    expect(made.text).not.toContain('bottom');
    await http('PUT', `${path}/new`, { json: POOL });
    expect((await http('DELETE', `${path}/new`)).status).toBe(204);
    expect(seen).toMatchObject([
      { pid: 7n, name: 'mine', enabled: true, owner: { mnemonic: PHRASE } },
      { id: { identity: { case: 'uuid', value: 'new' } }, pool: { owner: { mnemonic: '' } } },
      { pool: { deleted: true } },
    ]);
    await rig.monitor.stop();
    const log = await readFile(join(rig.folder, 'audit.jsonl'), 'utf8');
    expect(log).toContain('pool.create');
    expect(log).toContain('set anew');
    expect(log).not.toContain('bottom');
  });

  it('tells field and place of what a manager refuses', async () => {
    one.node.handle('CreateWorker', () => {
      throw new WalkieError('SERVER', 'workers[1]: stake must be at least 1 PHA');
    });
    const answer = await http('POST', '/api/managers/QmManager/workers', {
      json: { workers: [WORKER, WORKER] },
    });
    expect(answer.status).toBe(422);
    expect(answer.json.error).toMatchObject({ code: 'INVALID_FIELD', field: 'stake', index: 1 });
    const [entry] = await audit();
    expect(entry).toMatchObject({ what: 'worker.create', outcome: 'failed', targetCount: 2 });
  });

  it.each([
    ['a stake with a point', { ...WORKER, stake: '1.5' }, 'stake'],
    ['a pid that is a number', { ...WORKER, pid: 1 }, 'pid'],
    ['no name', { ...WORKER, name: undefined }, 'name'],
    ['a flag in words', { ...WORKER, enabled: 'yes' }, 'enabled'],
  ])('refuses a worker with %s by itself', async (_what, worker, field) => {
    const { status, json } = await http('PUT', '/api/managers/QmManager/workers/u', {
      json: worker,
    });
    expect(status).toBe(400);
    expect(json.error).toMatchObject({ field });
  });

  it('keeps passwords in endpoints out of the log', async () => {
    one.node.handle('UpdateWorker', () => {
      throw new WalkieError('SERVER', 'items[0]: endpoint must not contain a user or password');
    });
    const endpoint = 'http://ann:hunter2@10.0.0.9:8000';
    await http('PUT', '/api/managers/QmManager/workers/u', { json: { ...WORKER, endpoint } });
    expect(JSON.stringify(await audit())).not.toContain('hunter2');
  });

  it('comes and goes as a text', async () => {
    one.node.handle('ExportInventory', ({ format }) => ({ text: `format ${format}` }));
    const { text, headers } = await http('GET', '/api/managers/QmManager/inventory?format=csv');
    expect(text).toBe('format 3');
    expect(headers['content-disposition']).toBe('attachment; filename="inventory.csv"');
    expect((await http('GET', '/api/managers/QmManager/inventory?format=xml')).status).toBe(400);
    let asked: unknown;
    one.node.handle('ImportInventory', (request) => {
      asked = request;
      return {
        applied: !request.dryRun,
        planId: 'plan',
        unchanged: 3,
        changes: [
          { kind: 1, action: 2, name: 'old', pid: 1n },
          { kind: 0, action: 1, name: 'p', pid: 2n, fields: [{ field: 'name', after: 'p' }] },
        ],
        faults: [{ place: 'line 3', field: 'stake', rule: 'must be …' }],
      };
    });
    const body = { format: 'yaml', text: `mnemonic: ${PHRASE}`, prune: true, dryRun: true };
    const dry = await http('POST', '/api/managers/QmManager/inventory', { json: body });
    expect(dry.json).toEqual({
      applied: false,
      planId: 'plan',
      unchanged: 3,
      changes: [
        { kind: 'worker', action: 'delete', name: 'old', pid: '1', fields: [] },
        {
          kind: 'pool',
          action: 'change',
          name: 'p',
          pid: '2',
          fields: [{ field: 'name', before: '', after: 'p' }],
        },
      ],
      faults: [{ place: 'line 3', field: 'stake', rule: 'must be …' }],
    });
    await http('POST', '/api/managers/QmManager/inventory', {
      json: { ...body, dryRun: false, planId: 'plan' },
    });
    expect(asked).toMatchObject({ format: 1, prune: true, planId: 'plan', skipFaulty: false });
    const entries = await audit();
    expect(entries).toMatchObject([{ what: 'inventory.import', outcome: 'done' }]);
    expect(JSON.stringify(entries)).not.toContain('bottom');
  });

  it('is not offered by an older manager', async () => {
    const answer = await http('GET', '/api/managers/QmTwo/inventory');
    expect(answer.status).toBe(404);
  });
});
