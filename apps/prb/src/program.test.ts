import {
  createAccessPolicyForTest,
  startFleet,
  type FakeFleet,
} from './fake-fleet.test.support.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SharedSecret } from '@runtime-bridge/walkie-protocol';
import { run } from './program.js';
import { formatPha, parsePha } from './units.js';

let fleet: FakeFleet;
let out: string[];
let err: string[];
let files: Map<string, string>;
let environment: Record<string, string>;

beforeEach(async () => {
  fleet = await startFleet();
  out = [];
  err = [];
  files = new Map();
  environment = {};
});
afterEach(() => fleet.stop());

function prb(...words: string[]): Promise<number> {
  out = [];
  err = [];
  return run(
    ['--timeout', '1', ...words],
    {
      out: (line) => out.push(line),
      err: (line) => err.push(line),
      isTty: false,
      environment,
      readFile: async (path) => {
        const text = files.get(path);
        if (text === undefined) throw new Error(`no file ${path}`);
        return text;
      },
      writeFile: async (path, text) => void files.set(path, text),
      signal: new AbortController().signal,
    },
    fleet.connect,
  );
}
const json = () => JSON.parse(out.join('\n')) as never;

describe('prb', () => {
  it('shows what is there', async () => {
    expect(await prb('discover')).toBe(0);
    expect(out.join('\n')).toMatch(/lifecycle_manager +QmManager/);
    expect(await prb('--json', 'info')).toBe(0);
    expect(json()).toMatchObject([{ status: 'S_IDLE', parentProcessedHeight: 100 }]);
    expect(await prb('pools')).toBe(0);
    expect(out[1]).toMatch(/^ +2 +pool-2 +yes +no/);
    expect(await prb('workers', '--pool', '2')).toBe(0);
    expect(out[1]).toMatch(/^w1 +2 +yes +no +1,500\.5 +http/);
    expect(await prb('--json', 'workers')).toBe(0);
    expect(json()).toMatchObject([{ name: 'w1', pid: '2', stake: '1500500000000000' }, {}]);
  });

  it.each([
    ['stop', 'StopWorker'],
    ['drain', 'DrainWorker'],
    ['reclaim', 'ReclaimWorker'],
    ['resume', 'ResumeWorker'],
  ])('%s shows what would happen, and has it happen with --yes', async (name, method) => {
    expect(await prb(name, 'w1')).toBe(0);
    expect(out).toEqual(['  w1: Why.', 'Nothing ordered; --yes does it']);
    expect(fleet.calls).toEqual([`${method} uuid-w1 `]);
    expect(await prb(name, 'w1', '--yes')).toBe(0);
    expect(out.at(-1)).toBe(`${name}: ordered for 1 workers`);
    expect(fleet.calls.at(-1)).toBe(`${method} uuid-w1 sure`);
    expect(await prb(name, 'w1', 'w2', '--yes')).toBe(1);
    expect(out).toEqual(['! w1: Why.', '! w2: Why.']);
    expect(fleet.calls.at(-1)).toBe(`${method} uuid-w1,uuid-w2 `);
  });

  it('shows alerts, and how the webhook does', async () => {
    expect(await prb('alerts')).toBe(0);
    expect(out[1]).toMatch(/^1970-01-01T00:00:00.001Z +warning +worker_stalled +w2 stalls$/);
    expect(out[2]).toBe('Webhook: HTTP 500; 3 notices wait, 0 were given up');
    expect(await prb('--json', 'alerts', '--all')).toBe(0);
    expect(json()).toMatchObject({ alerts: [{ until: '1970-01-01T00:00:00.002Z' }] });
  });

  it('tries the webhook', async () => {
    fleet.webhookAnswer = { delivered: true, httpStatus: 204, tookMs: 12 };
    expect(await prb('webhook', 'test')).toBe(0);
    expect(out).toEqual(['Taken with HTTP 204 after 12 ms']);
    fleet.webhookAnswer = { delivered: false, error: 'HTTP 401' };
    expect(await prb('webhook', 'test')).toBe(1);
    expect(err[0]).toContain('HTTP 401');
  });

  it('shows the orders that stand', async () => {
    expect(await prb('orders')).toBe(0);
    expect(out[1]).toMatch(/^w1 +stop +1970-01-01T00:00:00.001Z +no +Stopped\.$/);
  });

  it('shows states, the wrong ones first, and filters', async () => {
    expect(await prb('status')).toBe(0);
    expect(out[0]).toBe('2 workers: 1 S_ERROR, 1 S_ACTIVE');
    expect(out[2]).toMatch(/^w2 .*S_ERROR/);
    expect(await prb('--json', 'status', '--state', 'active')).toBe(0);
    expect(json()).toMatchObject([{ name: 'w1', paraBlock: 50 }]);
    expect(await prb('status', 'w9')).toBe(3);
    expect(err[0]).toContain('w9');
  });

  it('stays readable at 1,000 workers', async () => {
    fleet.addWorkers(1_000);
    expect(await prb('status')).toBe(0);
    expect(out).toHaveLength(1_004);
    expect(Math.max(...out.map((line) => line.length))).toBeLessThan(200);
  });

  it('shows what workers and transactions went through', async () => {
    expect(await prb('events', 'w1', '--limit', '5', '--before', '1970-01-01T00:00:02Z')).toBe(0);
    expect(out[1]).toMatch(/^1970-01-01T00:00:01\.000Z +w1 +S_ERROR +went wrong$/);
    expect(out[2]).toBe('There are older ones: --before 1970-01-01T00:00:01.000Z');
    expect(await prb('transactions', '--worker', 'w1', '--state', 'failed')).toBe(0);
    expect(out[1]).toMatch(/^1970-01-01T00:00:01\.000Z +ADD_WORKER +2 +w1 +failed .*CALL_FAILED$/);
    expect(await prb('--json', 'transactions')).toBe(0);
    expect(json()).toMatchObject({
      transactions: [{ status: 'failed', pid: '2' }],
      hasMore: false,
    });
    expect(fleet.calls).toEqual([
      'ListWorkerEvents uuid-w1 2000 5',
      'ListTransactions uuid-w1 4',
      'ListTransactions  ',
    ]);
    for (const bad of [
      ['events', '--limit', '0'],
      ['events', '--before', 'soon'],
      ['transactions', '--state', 'lost'],
    ]) {
      expect(await prb(...bad)).toBe(2);
    }
    expect(await prb('events', 'w9')).toBe(3);
  });

  it('restarts, renews and kicks by name', async () => {
    for (const command of ['restart', 'refresh-ra', 'kick']) {
      expect(await prb(command, 'w1', 'uuid-w2')).toBe(0);
    }
    expect(fleet.calls).toEqual([
      'RestartWorker uuid-w1,uuid-w2',
      'RefreshRaAndRestartWorker uuid-w1,uuid-w2',
      'KickWorker uuid-w1,uuid-w2',
    ]);
  });

  it('adds, changes and removes pools and workers, in PHA', async () => {
    const worker = ['--pid', '2', '--endpoint', 'http://h:8000', '--stake', '10.5'];
    expect(await prb('create', 'worker', 'w3', ...worker)).toBe(0);
    expect(fleet.worker('w3')).toMatchObject({ stake: '10500000000000', enabled: true, pid: 2n });
    expect(await prb('update', 'worker', 'w3', '--enabled', 'no')).toBe(0);
    expect(fleet.worker('w3')).toMatchObject({ stake: '10500000000000', enabled: false });
    expect(await prb('delete', 'worker', 'w3')).toBe(2);
    expect(await prb('delete', 'worker', 'w3', '--yes')).toBe(0);
    expect(fleet.worker('w3')).toBeUndefined();
    files.set('key', 'a phrase\n');
    expect(await prb('create', 'pool', '7', '--name', 'seven', '--mnemonic-file', 'key')).toBe(0);
    expect(fleet.pool(7n)).toMatchObject({ name: 'seven', owner: { mnemonic: 'a phrase' } });
    expect(await prb('update', 'pool', '7', '--name', 'sieben', '--proxied', '3x')).toBe(0);
    expect(fleet.pool(7n)).toMatchObject({ name: 'sieben', realPhalaSs58: '3x' });
    expect(await prb('delete', 'pool', 'sieben', '--yes')).toBe(0);
    expect(await prb('create', 'worker', 'w4', ...worker.slice(0, -1), 'much')).toBe(2);
  });

  it('exports, and imports with a view of what differs', async () => {
    expect(await prb('export', 'fleet.json')).toBe(0);
    const exported = JSON.parse(files.get('fleet.json')!) as { workers: object[]; pools: object[] };
    expect(exported.workers).toHaveLength(2);
    expect(await prb('import', 'fleet.json')).toBe(0);
    expect(out).toEqual(['Nothing differs']);
    exported.workers[0] = { ...exported.workers[0], stake: '2' };
    exported.workers.splice(1, 1, { name: 'w5', pid: 2, endpoint: 'http://h', stake: '3' });
    files.set('fleet.json', JSON.stringify(exported));
    expect(await prb('import', 'fleet.json', '--dry-run', '--prune')).toBe(0);
    expect(out).toEqual([
      '~ worker w1',
      '    stake: 1500500000000000 → 2',
      '+ worker w5',
      '- worker w2',
      '3 changes, none made',
    ]);
    expect(fleet.worker('w5')).toBeUndefined();
    expect(await prb('import', 'fleet.json')).toBe(0);
    expect(fleet.worker('w1')).toMatchObject({ stake: '2' });
    expect(fleet.worker('w5')).toMatchObject({ pid: 2n });
    expect(fleet.worker('w2')).toBeDefined();
    for (const bad of [
      '{',
      '[1]',
      '{"workers":[{"name":"x"}]}',
      '{"pools":[{"pid":"8","name":"n"}]}',
    ]) {
      files.set('bad', bad);
      expect(await prb('import', 'bad')).toBe(2);
    }
  });

  it('proves the shared secret, and says when it is refused', async () => {
    await fleet.stop();
    const secret = SharedSecret.generate();
    fleet = await startFleet({ secret, access: createAccessPolicyForTest() });
    expect(await prb('kick', 'w1')).toBe(4);
    expect(err[0]).toContain('PHALA_WALKIE_PSK');
    expect(await prb('pools')).toBe(0);
    files.set('psk', secret.toText());
    expect(await prb('--psk-file', 'psk', 'kick', 'w1')).toBe(0);
    environment['PHALA_WALKIE_PSK'] = SharedSecret.generate().toText();
    expect(await prb('kick', 'w1')).toBe(4);
    environment['PHALA_WALKIE_PSK'] = 'short';
    expect(await prb('kick', 'w1')).toBe(2);
    expect(fleet.calls).toEqual(['KickWorker uuid-w1']);
  });

  it('makes secrets and completions, helps, and knows wrong use', async () => {
    expect(await prb('secret')).toBe(0);
    expect(SharedSecret.parse(out[0]!).toText()).toBe(out[0]);
    for (const shell of ['bash', 'zsh', 'fish']) {
      expect(await prb('completion', shell)).toBe(0);
      expect(out.join('\n')).toContain('refresh-ra');
    }
    expect(await prb('completion', 'tcsh')).toBe(2);
    expect(await prb('--help')).toBe(0);
    expect(out.join('\n')).toContain('Examples:');
    expect(await prb('explode')).toBe(2);
    expect(await prb('--peer', 'QmNobody', 'pools')).toBe(3);
  });
});

describe('amounts', () => {
  it('are exact both ways', () => {
    for (const [text, amount] of [
      ['0', 0n],
      ['1.5', 1_500_000_000_000n],
      ['12,345.000000000001', 12_345_000_000_000_001n],
    ] as const) {
      expect(parsePha(text)).toBe(amount);
      expect(formatPha(amount)).toBe(text);
    }
    expect(parsePha('3 PHA')).toBe(3_000_000_000_000n);
    for (const bad of ['', '-1', '1e3', '1.0000000000001', '.5', '1 KSM']) {
      expect(() => parsePha(bad)).toThrow();
    }
  });
});
