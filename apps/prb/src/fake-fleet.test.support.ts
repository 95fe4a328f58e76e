import {
  createAccessPolicy,
  AlertSeverity,
  DataProviderStatus,
  OrderKind,
  SharedSecret,
  TransactionStatus,
  WalkieRoles,
  WorkerStatus,
  type RequestOf,
  type ResponseInit,
} from '@runtime-bridge/walkie-protocol';
import { MemoryNetwork, type MemoryWalkieOptions } from '@runtime-bridge/walkie-protocol/testing';
import type { Connect } from './session.js';

type PoolRow = RequestOf<'CreatePool'>['pools'][number];
type WorkerRow = RequestOf<'CreateWorker'>['workers'][number];
type Fields<T> = Partial<Omit<T, '$typeName' | '$unknown'>>;

/** Everybody is from far away. */
export const createAccessPolicyForTest = () => createAccessPolicy({ hostAddresses: () => [] });

/** A manager and a provider in memory which remember what they are told. */
export interface FakeFleet {
  readonly connect: Connect;
  readonly calls: string[];
  /** Requests to import, and what is answered. */
  readonly imports: RequestOf<'ImportInventory'>[];
  importAnswer: ResponseInit<'ImportInventory'>;
  webhookAnswer: ResponseInit<'TestWebhook'>;
  worker(name: string): Fields<WorkerRow> | undefined;
  pool(pid: bigint): Fields<PoolRow> | undefined;
  addWorkers(count: number): void;
  stop(): Promise<void>;
}

export async function startFleet(options: MemoryWalkieOptions = {}): Promise<FakeFleet> {
  const network = new MemoryNetwork();
  const address = '/ip4/203.0.113.7/tcp/1';
  const manager = network.node({
    peerId: 'QmManager',
    hostname: 'manager-1',
    role: WalkieRoles.WR_LIFECYCLE_MANAGER,
    access: createAccessPolicy({ allowUnauthenticated: true }),
    ...options,
  });
  const provider = network.node({ peerId: 'QmDp', role: WalkieRoles.WR_DATA_PROVIDER_INT });
  const calls: string[] = [];
  let pools: Fields<PoolRow>[] = [{ uuid: 'uuid-p', pid: 2n, name: 'pool-2', enabled: true }];
  let workers: Fields<WorkerRow>[] = ['w1', 'w2'].map(workerNamed);
  manager.handle('ListPool', () => ({ pools }));
  manager.handle('ListWorker', () => ({ workers }));
  manager.handle('GetWorkerStatus', ({ ids }) => ({
    workerStates: workers
      .filter(({ uuid }) => ids.length === 0 || ids.includes(uuid!))
      .map((worker) => ({
        worker,
        status: worker.name === 'w2' ? WorkerStatus.S_ERROR : WorkerStatus.S_ACTIVE,
        paraBlockDispatchedTo: 50,
        lastMessage: `[2022-01-01T00:00:00+00:00] ${'long '.repeat(50)}`,
      })),
  }));
  for (const method of ['RestartWorker', 'RefreshRaAndRestartWorker', 'KickWorker'] as const) {
    manager.handle(method, ({ ids }) => {
      calls.push(`${method} ${ids.join(',')}`);
      return {};
    });
  }
  manager.handle('CreatePool', (request) => {
    pools = [...pools, ...request.pools.map((pool) => ({ ...pool, uuid: `uuid-${pool.pid}` }))];
    return { pools };
  });
  manager.handle('UpdatePool', ({ items }) => {
    for (const { id, pool } of items) {
      const uuid = id!.identity.value as string;
      pools = pools.filter((row) => row.uuid !== uuid);
      if (!pool!.deleted) pools.push({ ...pool, uuid });
    }
    return { pools };
  });
  manager.handle('CreateWorker', (request) => {
    workers = [...workers, ...request.workers.map((row) => ({ ...row, uuid: `uuid-${row.name}` }))];
    return { workers };
  });
  manager.handle('UpdateWorker', ({ items }) => {
    for (const { id, worker } of items) {
      const uuid = id!.identity.value as string;
      workers = workers.filter((row) => row.uuid !== uuid);
      if (!worker!.deleted) workers.push({ ...worker, uuid });
    }
    return { workers };
  });
  manager.handle('ListWorkerEvents', ({ ids, beforeMs, limit }) => {
    calls.push(`ListWorkerEvents ${ids.join(',')} ${beforeMs} ${limit}`);
    const event = { workerUuid: 'uuid-w1', timeMs: 1_000n, status: WorkerStatus.S_ERROR };
    return { events: [{ ...event, message: 'went wrong' }], hasMore: true };
  });
  manager.handle('ListTransactions', ({ workerUuid, statuses }) => {
    calls.push(`ListTransactions ${workerUuid} ${statuses.join(',')}`);
    const job = {
      jobId: 'ADD_WORKER:0xaa:1',
      action: 'ADD_WORKER',
      pid: 2n,
      workerUuid: 'uuid-w1',
    };
    const status = TransactionStatus.TS_FAILED;
    return { transactions: [{ ...job, status, queuedMs: 1_000n, errorCode: 'CALL_FAILED' }] };
  });
  for (const method of ['StopWorker', 'DrainWorker', 'ReclaimWorker', 'ResumeWorker'] as const) {
    manager.handle(method, ({ ids, confirmation }) => {
      calls.push(`${method} ${ids.join(',')} ${confirmation}`);
      const possible = !ids.includes('uuid-w2');
      return {
        accepted: possible && confirmation === 'sure',
        confirmation: possible && confirmation === '' ? 'sure' : '',
        effects: ids.map((id) => ({ workerUuid: id, name: id.slice(5), possible, text: 'Why.' })),
      };
    });
  }
  manager.handle('ListStandingOrders', () => ({
    orders: [{ workerUuid: 'uuid-w1', kind: OrderKind.OK_STOP, sinceMs: 1n, text: 'Stopped.' }],
  }));
  manager.handle('ListAlerts', ({ onlyActive }) => ({
    alerts: [
      {
        kind: 'worker_stalled',
        severity: AlertSeverity.SV_WARNING,
        message: 'w2 stalls',
        firedMs: 1n,
        clearedMs: onlyActive ? 0n : 2n,
      },
    ],
    webhook: { configured: true, waiting: 3, error: 'HTTP 500' },
  }));
  manager.handle('TestWebhook', () => fleet.webhookAnswer);
  const imports: RequestOf<'ImportInventory'>[] = [];
  manager.handle('ExportInventory', ({ format }) => ({ format, text: `form ${format}\n` }));
  manager.handle('ImportInventory', (request) => {
    imports.push(request);
    return { ...fleet.importAnswer, applied: !request.dryRun };
  });
  provider.handle('GetDataProviderInfo', () => ({
    status: DataProviderStatus.S_IDLE,
    parentProcessedHeight: 100,
  }));
  await manager.start();
  await provider.start();
  const fleet: FakeFleet = {
    importAnswer: {},
    webhookAnswer: {},
    imports,
    connect: async ({ psk }) =>
      network.node({ address, secret: psk === undefined ? undefined : SharedSecret.parse(psk) }),
    calls,
    worker: (name) => workers.find((row) => row.name === name),
    pool: (pid) => pools.find((row) => row.pid === pid),
    addWorkers: (count) => {
      workers = [...workers, ...Array.from({ length: count }, (_, i) => workerNamed(`n${i}`))];
    },
    stop: async () => {
      await provider.stop();
      await manager.stop();
    },
  };
  return fleet;
}

const workerNamed = (name: string): Fields<WorkerRow> => ({
  uuid: `uuid-${name}`,
  pid: 2n,
  name,
  endpoint: `http://${name}:8000`,
  enabled: true,
  stake: '1500500000000000',
});
