import { execFile } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { appendFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
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

interface Hooked {
  event: string;
  isSigned: boolean;
  data: { changes?: { name: string; to: string }[] };
}

/** An endpoint for the webhook, which checks signatures as its documentation says. */
async function startHook() {
  const notices: Hooked[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (part) => (body += String(part)));
    request.on('end', () => {
      const signed = `${String(request.headers['x-runtime-bridge-timestamp'])}.${body}`;
      const right = `v1=${createHmac('sha256', 'secret').update(signed).digest('hex')}`;
      const { event, data } = JSON.parse(body) as Hooked;
      const isSigned = request.headers['x-runtime-bridge-signature'] === right;
      notices.push({ event, data, isSigned });
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    notices,
    stop: () => new Promise((resolve) => server.close(resolve)),
  };
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
    const hook = await startHook();
    const serviceEnv = {
      PHALA_WEBHOOK_URL: hook.url,
      PHALA_WEBHOOK_SECRET: 'secret',
      PHALA_WEBHOOK_EVENTS: 'alerts,states',
    };
    const test = async (demo: Demo) => {
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
        stdout: expect.stringContaining('"place": "line 5"') as string,
      });
      expect(await prb.json('inventory', 'import', table, '--skip-faulty')).toMatchObject({
        changes: [],
        unchanged: 3,
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

      await until(
        'the worker computes',
        async () => (await prb.json('status')) as { status: string }[],
        ([state]) => state?.status === 'S_ACTIVE',
        120_000,
      );
      expect(await prb.run('drain', 'worker-1')).toContain('Stops computing, cools down');
      expect(await prb.json('orders')).toEqual([]);
      await prb.run('drain', 'worker-1', '--yes');
      await until(
        'it is drained: stopped on chain, its messages there, disabled',
        async () => (await prb.json('orders')) as { done: boolean; cooledDown: string }[],
        ([order]) => order?.done === true && order.cooledDown !== '',
        120_000,
      );
      expect(await prb.json('workers')).toMatchObject([{ name: 'worker-1', enabled: false }]);
      await expect(prb.run('stop', 'nobody')).rejects.toMatchObject({ code: 3 });

      expect(await prb.json('webhook', 'test')).toMatchObject({ delivered: true });
      expect(await prb.json('alerts')).toMatchObject({
        alerts: [],
        webhook: { configured: true, lost: 0, error: '' },
      });
      expect(hook.notices.every(({ isSigned }) => isSigned)).toBe(true);
      expect(hook.notices.map(({ event }) => event)).toContain('test');
      const states = hook.notices.flatMap(({ data }) => data.changes ?? []);
      expect(states).toContainEqual(expect.objectContaining({ name: 'worker-1', to: 'S_ACTIVE' }));
    };
    try {
      await withDemo({ workers: 1 }, test, { serviceEnv });
    } finally {
      await hook.stop();
    }
  });
});
