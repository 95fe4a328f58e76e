import { execFile } from 'node:child_process';
import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Demo } from '@runtime-bridge/demo';
import { describe, expect, it } from 'vitest';
import { until, withDemo } from './with-demo.js';

const PROGRAM = fileURLToPath(new URL('../../apps/prb/dist/main.js', import.meta.url));

interface Event {
  time: string;
  name: string;
  status: string;
}
interface Transaction {
  action: string;
  worker: string;
  status: string;
  hash: string;
}

/** The tool as an operator runs it on the manager's host. */
function prbOf(demo: Demo) {
  const { provider, manager } = demo.addresses;
  const run = async (...words: string[]): Promise<string> => {
    const where = ['--no-mdns', '--boot', manager, '--boot', provider];
    const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM, ...where, ...words]);
    return stdout;
  };
  const json = async (...words: string[]) => JSON.parse(await run('--json', ...words)) as unknown;
  return { run, json };
}

describe('prb at a real manager', () => {
  it('finds it, shows and restarts a worker, tells what happened, exports and imports', async () => {
    await withDemo({ workers: 1 }, async (demo) => {
      const prb = prbOf(demo);
      const { provider, manager } = demo.peers;
      await until(
        'prb discovers both services',
        async () => (await prb.json('discover')) as { role: string; peerId: string }[],
        (peers) =>
          peers.some((one) => one.role === 'lifecycle_manager' && one.peerId === manager) &&
          peers.some((one) => one.role === 'data_provider_int' && one.peerId === provider),
        20_000,
      );
      const [wanted] = demo.workers;
      expect(await prb.json('workers')).toMatchObject([
        { name: 'worker-1', pid: '1', endpoint: wanted!.endpoint, stake: wanted!.stake },
      ]);

      await until(
        'the worker is driven',
        async () => (await prb.json('status')) as { status: string }[],
        ([state]) => state !== undefined && !['S_IDLE', 'S_STARTING'].includes(state.status),
        30_000,
      );
      const restartedAt = new Date().toISOString();
      expect(await prb.run('restart', 'worker-1')).toContain('worker-1');
      await until(
        'the worker starts again',
        async () => ((await prb.json('events', 'worker-1')) as { events: Event[] }).events,
        (events) =>
          events.some(({ status, time }) => status === 'S_STARTING' && time >= restartedAt),
        20_000,
      );

      const file = join(demo.folder, 'fleet.json');
      await prb.run('export', file);
      expect(await prb.run('import', file)).toBe('Nothing differs\n');

      const table = join(demo.folder, 'fleet.csv');
      await prb.run('inventory', 'export', table);
      await appendFile(table, 'worker,1,faulty,,,,,nowhere,1\n');
      await expect(prb.json('inventory', 'import', table, '--dry-run')).rejects.toMatchObject({
        stdout: expect.stringContaining('"place": "line 4"') as string,
      });
      expect(await prb.json('inventory', 'import', table, '--skip-faulty')).toMatchObject({
        changes: [],
        unchanged: 2,
      });

      const transactions = await until(
        'a transaction of the worker is done',
        async () =>
          (
            (await prb.json('transactions', '--worker', 'worker-1')) as {
              transactions: Transaction[];
            }
          ).transactions,
        (all) => all.some(({ status }) => status === 'done'),
        60_000,
      );
      expect(transactions.find(({ status }) => status === 'done')).toMatchObject({
        worker: 'worker-1',
        hash: expect.stringMatching(/^0x[0-9a-f]{64}$/) as string,
      });
    });
  });
});
