import { WalkieError, WorkerStatus } from '@runtime-bridge/walkie-protocol';
import { expect, it } from 'vitest';
import type { FleetState } from '../api/index.js';
import { useMonitor } from '../monitor.test.support.js';

const rig = useMonitor();
const names = async () => {
  const { json } = await rig.http('GET', '/api/fleet');
  return (json as unknown as FleetState).workers.map(({ name }) => name).sort();
};

it('asks a manager of thousands for some at a time, and gets over one that goes meanwhile', async () => {
  const workers = new Map(
    Array.from({ length: 500 }, (_, i) => [`u${i}`, { uuid: `u${i}`, name: `w${i}`, pid: 1n }]),
  );
  const asked: number[] = [];
  rig.manager.handle('ListPool', () => ({}));
  rig.manager.handle('ListWorkerEvents', () => ({}));
  rig.manager.handle('ListWorker', () => ({ workers: [...workers.values()] }));
  rig.manager.handle('GetWorkerStatus', ({ ids }) => {
    asked.push(ids.length);
    const wanted = ids.length === 0 ? [...workers.keys()] : ids;
    return {
      workerStates: wanted.map((id) => {
        const worker = workers.get(id);
        if (worker === undefined) throw new WalkieError('NOT_FOUND', `Worker ${id} not found!`);
        return { worker, status: WorkerStatus.S_ACTIVE };
      }),
    };
  });
  await rig.restart({ fleetWatch: { idlePeriodMs: 1_000_000 } });
  expect(await names()).toHaveLength(500);
  expect(asked).toEqual(Array.from({ length: 10 }, () => 50));

  workers.delete('u450');
  workers.set('new', { uuid: 'new', name: 'new', pid: 1n });
  await rig.restart({ fleetWatch: { idlePeriodMs: 1_000_000 } });
  // Between the list and the questions another one goes.
  rig.manager.handle('ListWorker', () => {
    const listed = [...workers.values()];
    workers.delete('u10');
    return { workers: listed };
  });
  await rig.restart({ fleetWatch: { idlePeriodMs: 1_000_000 } });
  const found = await names();
  expect(found).toHaveLength(499);
  expect(found).toContain('new');
  expect(found).not.toContain('w10');
  expect(asked.at(-1)).toBe(0);
});
