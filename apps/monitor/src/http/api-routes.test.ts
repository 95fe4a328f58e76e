import { TransactionStatus, WorkerStatus } from '@runtime-bridge/walkie-protocol';
import type { MemoryWalkie } from '@runtime-bridge/walkie-protocol/testing';
import { describe, expect, it } from 'vitest';
import type { FleetState, WorkerDetail } from '../api/index.js';
import { useMonitor } from '../monitor.test.support.js';

const rig = useMonitor();
const { http } = rig;

const SESSION = {
  state: 'WorkerIdle',
  v: '3000.12345678',
  ve: '2500.00000000',
  stats: { totalReward: '1.2345 PHA' },
  raw: {
    benchmark: { pInit: 1200, pInstant: 1180 },
    stats: { totalReward: '0x0000000000000000000001200000000f' },
  },
  runtimeInfo: {
    version: '2.0.1',
    gitRevision: 'abc',
    memoryUsage: { rustUsed: '104857600', totalPeakUsed: '314572800' },
  },
};

/** A manager with one worker that computes. */
function serve(manager: MemoryWalkie, name = 'w'): void {
  const worker = {
    uuid: `${name}-uuid`,
    pid: 2n,
    name,
    endpoint: 'http://10.0.0.1:8000',
    enabled: true,
    stake: '1500000000000',
  };
  manager.handle('ListPool', () => ({
    pools: [{ uuid: 'pool', pid: 2n, name: 'mine', enabled: true, owner: { ss58Phala: '45R' } }],
  }));
  manager.handle('ListWorker', () => ({ workers: [worker] }));
  manager.handle('GetWorkerStatus', () => ({
    workerStates: [
      {
        worker,
        status: WorkerStatus.S_ACTIVE,
        parentHeaderSynchedTo: 2000,
        paraHeaderSynchedTo: 1001,
        paraBlockDispatchedTo: 1000,
        initialized: true,
        publicKey: 'aa',
        lastMessage: '[2022-01-01T00:00:00+00:00] Now the worker should be active.',
        sessionInfoJson: JSON.stringify(SESSION),
        workerAccountId: '3z',
      },
    ],
  }));
}

const fleetNow = async (): Promise<FleetState> =>
  (await http('GET', '/api/fleet')).json as unknown as FleetState;

describe('/api/fleet', () => {
  it('has everything that peers tell, as the dashboard shows it', async () => {
    serve(rig.manager);
    rig.provider.handle('GetDataProviderInfo', () => ({
      status: 2,
      paraId: 2004,
      parentTarget: 2010,
      parentFetchedHeight: 2010,
      parentProcessedHeight: 2009,
      paraTarget: 1003,
      paraFetchedHeight: 1003,
      paraProcessedHeight: -1,
      paraCommittedHeight: -1,
    }));
    await rig.restart({});
    const fleet = await fleetNow();
    expect(fleet.chains).toEqual([
      { chainIdentity: '0xabc', relay: 2010, para: 1003, grewMs: expect.any(Number) as number },
    ]);
    expect(fleet.providers).toMatchObject([
      {
        peerId: 'QmProvider',
        isThere: true,
        problem: null,
        state: 'idle',
        paraId: 2004,
        relay: { target: 2010, fetched: 2010, done: 2009, etaSec: 0 },
        para: { target: 1003, done: null, etaSec: null },
      },
    ]);
    expect(fleet.managers).toMatchObject([{ peerId: 'QmManager', problem: null, features: [] }]);
    expect(fleet.operators).toMatchObject([{ manager: 'QmManager', account: '45R', pids: ['2'] }]);
    expect(fleet.workers).toEqual([
      {
        n: expect.any(Number) as number,
        manager: 'QmManager',
        uuid: 'w-uuid',
        name: 'w',
        pid: '2',
        endpoint: 'http://10.0.0.1:8000',
        stake: '1500000000000',
        enabled: true,
        syncOnly: false,
        state: 'S_ACTIVE',
        sinceMs: null,
        message: 'Now the worker should be active.',
        messageMs: Date.UTC(2022, 0, 1),
        relayHeader: 2000,
        paraHeader: 1001,
        paraBlock: 1000,
        perMinute: null,
        publicKey: 'aa',
        session: {
          state: 'WorkerIdle',
          v: '3000.12345678',
          ve: '2500.00000000',
          pInit: 1200,
          pInstant: 1180,
          reward: 0x1200000000fn.toString(),
          account: '3z',
        },
        runtime: { version: '2.0.1', gitRevision: 'abc', memoryMib: 100, peakMemoryMib: 300 },
        order: null,
      },
    ]);
  });

  it('tells what a manager of today offers, since when, and what stands', async () => {
    serve(rig.manager);
    rig.manager.handle('ListWorkerEvents', () => ({
      events: [
        { workerUuid: 'w-uuid', timeMs: 300n, status: WorkerStatus.S_ACTIVE, message: 'b' },
        { workerUuid: 'w-uuid', timeMs: 200n, status: WorkerStatus.S_ACTIVE, message: 'a' },
        { workerUuid: 'w-uuid', timeMs: 100n, status: WorkerStatus.S_ERROR, message: 'oh' },
      ],
    }));
    rig.manager.handle('ListStandingOrders', () => ({
      orders: [{ workerUuid: 'w-uuid', kind: 2, sinceMs: 250n, text: 'cooling down' }],
    }));
    rig.manager.handle('ListAlerts', () => ({}));
    const { TS_QUEUED, TS_RUNNING, TS_FAILED } = TransactionStatus;
    const all = [
      { jobId: 'a', status: TS_QUEUED, queuedMs: 500n },
      { jobId: 'b', status: TS_QUEUED, queuedMs: 400n },
      { jobId: 'c', status: TS_RUNNING, queuedMs: 300n },
      { jobId: 'd', status: TS_FAILED, endedMs: BigInt(Date.now()) },
      { jobId: 'e', status: TS_FAILED, endedMs: 1n },
    ];
    rig.manager.handle('ListTransactions', ({ statuses }) => ({
      transactions: all.filter(({ status }) => statuses.includes(status)),
    }));
    await rig.restart({});
    const { workers, managers, queues } = await fleetNow();
    expect(managers[0]!.features).toEqual([
      'alerts',
      'events',
      'inventory',
      'orders',
      'transactions',
    ]);
    expect(workers[0]).toMatchObject({
      sinceMs: 200,
      order: { kind: 'drain', sinceMs: 250, text: 'cooling down', isDone: false },
    });
    expect(queues).toEqual([
      {
        manager: 'QmManager',
        queued: 2,
        running: 1,
        failedLately: 1,
        oldestQueuedMs: 400,
        isMore: false,
        problem: null,
      },
    ]);
  });

  it('shows the others when one manager fails, and what was known of it', async () => {
    serve(rig.manager);
    const other = await rig.join({ peerId: 'QmOther', role: 3, chainIdentity: '0xabc' });
    serve(other, 'other');
    await rig.restart({});
    expect((await fleetNow()).workers.map(({ name }) => name).sort()).toEqual(['other', 'w']);
    await other.stop();
    const { managers, workers } = await fleetNow();
    expect(managers.find(({ peerId }) => peerId === 'QmOther')).toMatchObject({ isThere: false });
    expect(workers).toHaveLength(2);
  });

  it('lists the workers of a manager of 2022 whose states cannot be had', async () => {
    serve(rig.manager);
    rig.manager.handle('GetWorkerStatus', () => {
      throw new TypeError("Cannot read properties of undefined (reading 'worker')");
    });
    await rig.restart({});
    const { managers, workers } = await fleetNow();
    expect(managers[0]!.problem).toMatchObject({ code: 'SERVER' });
    expect(workers).toMatchObject([{ name: 'w', state: 'S_UNKNOWN', paraBlock: null }]);
  });
});

describe('one worker', () => {
  it('is told in full', async () => {
    serve(rig.manager);
    await rig.restart({});
    await fleetNow();
    const { status, json } = await http('GET', '/api/workers/QmManager/w-uuid');
    expect(status).toBe(200);
    const detail = json as unknown as WorkerDetail;
    const { runtimeInfo, ...session } = SESSION;
    expect(detail).toMatchObject({ initialized: true, session, runtime: runtimeInfo });
    expect(detail.worker).toMatchObject({ name: 'w', state: 'S_ACTIVE' });
    expect(detail.pool).toMatchObject({ pid: '2', name: 'mine' });
    const heights = await http('GET', '/api/workers/QmManager/w-uuid/heights?points=5');
    expect(heights.json).toMatchObject({ paraBlock: [1000], relayHeader: [2000] });
  });

  it.each(['QmNobody/w-uuid', 'QmProvider/w-uuid', 'QmManager/nobody'])(
    'is not there as %s',
    async (path) => {
      serve(rig.manager);
      const { status, json } = await http('GET', `/api/workers/${path}`);
      expect(status).toBe(404);
      expect(json.error).toMatchObject({ code: 'NOT_FOUND' });
    },
  );

  it('has its events in pages', async () => {
    let asked: unknown;
    rig.manager.handle('ListWorkerEvents', (request) => {
      asked = request;
      return { events: [{ timeMs: 5n, status: 5, message: 'm' }], hasMore: true };
    });
    const { json } = await http('GET', '/api/workers/QmManager/u/events?beforeMs=9&limit=1');
    expect(json).toEqual({
      events: [{ timeMs: 5, state: 'S_ACTIVE', message: 'm' }],
      hasMore: true,
    });
    expect(asked).toMatchObject({ ids: ['u'], beforeMs: 9n, limit: 1 });
    for (const wrong of ['limit=x', 'limit=100000', 'beforeMs=-1', 'limit=1&limit=2']) {
      const answer = await http('GET', `/api/workers/QmManager/u/events?${wrong}`);
      expect(answer.status).toBe(400);
      expect(answer.json.error).toMatchObject({ code: 'BAD_REQUEST' });
    }
  });
});

describe('/api/transactions', () => {
  it('merges managers, newest first, and divides no moment', async () => {
    const other = await rig.join({ peerId: 'QmOther', role: 3 });
    const broken = await rig.join({ peerId: 'QmBroken', role: 3 });
    broken.handle('ListTransactions', () => {
      throw new Error('no queue');
    });
    const tell = (node: MemoryWalkie, times: bigint[]) =>
      node.handle('ListTransactions', ({ beforeMs, limit }) => {
        const older = times.filter((ms) => beforeMs === 0n || ms < beforeMs);
        return {
          transactions: older
            .slice(0, limit)
            .map((queuedMs) => ({ jobId: `${node.peerId}-${queuedMs}`, queuedMs })),
          hasMore: older.length > limit,
        };
      });
    tell(rig.manager, [90n, 70n, 50n, 30n]);
    tell(other, [80n, 70n, 60n]);
    const page = async (query: string) =>
      (await http('GET', `/api/transactions?${query}`)).json as unknown as {
        transactions: { jobId: string; queuedMs: number }[];
        hasMore: boolean;
        missing: unknown[];
      };
    const seen: string[] = [];
    let beforeMs = '';
    for (let pages = 0; pages < 10; pages += 1) {
      const { transactions, hasMore, missing } = await page(`limit=2${beforeMs}`);
      expect(missing).toMatchObject([{ manager: 'QmBroken', code: 'SERVER' }]);
      seen.push(...transactions.map(({ jobId }) => jobId));
      if (!hasMore) break;
      beforeMs = `&beforeMs=${transactions.at(-1)!.queuedMs}`;
    }
    expect(seen.map((id) => Number(id.split('-')[1]))).toEqual([90, 80, 70, 70, 60, 50, 30]);
    expect(new Set(seen).size).toBe(7);
  });

  it('says why one failed and what to do, and refuses states that there are not', async () => {
    rig.manager.handle('ListTransactions', () => ({
      transactions: [{ jobId: 'j', status: 4, errorCode: 'BALANCE_TOO_LOW', errorMessage: 'm' }],
    }));
    const { json } = await http('GET', '/api/transactions?states=failed&manager=QmManager');
    expect(json).toMatchObject({
      transactions: [
        {
          state: 'failed',
          error: { code: 'BALANCE_TOO_LOW', remedy: expect.stringContaining('Send PHA') as string },
        },
      ],
    });
    expect((await http('GET', '/api/transactions?states=odd')).status).toBe(400);
  });
});

describe('settings', () => {
  it('are told without secrets', async () => {
    await rig.restart({
      settings: {
        token: 'very-secret-token',
        queuePageUrl: ['http://queue.example:4567/'],
      },
    });
    const { json, text } = await http('GET', '/api/settings', {
      headers: { authorization: 'Bearer very-secret-token' },
    });
    expect(text).not.toContain('very-secret');
    expect(json).toMatchObject({
      links: [{ url: 'http://queue.example:4567/' }],
      settings: expect.arrayContaining([
        expect.objectContaining({ env: 'PHALA_MONITOR_TOKEN', value: 'set', isDefault: false }),
        expect.objectContaining({ env: 'PHALA_WALKIE_PSK', value: 'not set' }),
        expect.objectContaining({ env: 'HOST', value: '127.0.0.1', isDefault: true }),
      ]) as unknown,
    });
  });
});
