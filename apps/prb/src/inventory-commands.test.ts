import { InventoryAction, InventoryFormat, InventoryKind } from '@runtime-bridge/walkie-protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startFleet, type FakeFleet } from './fake-fleet.test.support.js';
import { startPrbv3 } from './prbv3.test.support.js';
import { run } from './program.js';

let fleet: FakeFleet;
let out: string[];
let err: string[];
let files: Map<string, string>;

beforeEach(async () => {
  fleet = await startFleet();
  files = new Map();
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
      environment: {},
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

const change = {
  kind: InventoryKind.K_WORKER,
  action: InventoryAction.A_CHANGE,
  name: 'w1',
  pid: 2n,
  fields: [{ field: 'stake', before: '1', after: '2' }],
};
const fault = { place: 'line 3', field: 'stake', rule: 'must be at least 1 PHA' };

describe('prb inventory', () => {
  it('exports in the form that is asked for, or that the file is named after', async () => {
    expect(await prb('inventory', 'export')).toBe(0);
    expect(out).toEqual([`form ${InventoryFormat.F_YAML}`]);
    expect(await prb('inventory', 'export', 'a.CSV')).toBe(0);
    expect(files.get('a.CSV')).toBe(`form ${InventoryFormat.F_CSV}\n`);
    expect(await prb('inventory', 'export', 'a.json', '--format', 'prbv3')).toBe(0);
    expect(files.get('a.json')).toBe(`form ${InventoryFormat.F_PRBV3}\n`);
    expect(await prb('inventory', 'export', '--format', 'xml')).toBe(2);
  });

  it('shows in a dry run what differs, and does just that otherwise', async () => {
    files.set('f.yaml', 'text');
    files.set('two.txt', ' some words \n');
    fleet.importAnswer = { changes: [change], unchanged: 3, planId: 'p1' };
    expect(await prb('inventory', 'import', 'f.yaml', '--dry-run')).toBe(0);
    expect(out).toEqual([
      '~ worker w1 (pool 2)',
      '    stake: 1 → 2',
      '1 changes, none made; 3 unchanged',
    ]);
    expect(fleet.imports).toMatchObject([{ dryRun: true, text: 'text', prune: false }]);

    fleet.imports.length = 0;
    const more = ['--prune', '--mnemonic-file', '2=two.txt', '--proxied', '2=5Grw'];
    expect(await prb('--json', 'inventory', 'import', 'f.yaml', ...more)).toBe(0);
    const owners = [{ pid: 2n, mnemonic: 'some words', realPhalaSs58: '5Grw' }];
    expect(fleet.imports).toMatchObject([
      { dryRun: true, prune: true, planId: '', owners },
      { dryRun: false, prune: true, planId: 'p1', owners },
    ]);
    expect(JSON.parse(out.join('\n'))).toMatchObject({
      applied: true,
      changes: [{ kind: 'worker', action: 'change', pid: '2' }],
    });
  });

  it('changes nothing when an entry is faulty, unless told to skip it', async () => {
    files.set('f.csv', 'text');
    fleet.importAnswer = { changes: [change], faults: [fault], planId: 'p1' };
    expect(await prb('inventory', 'import', 'f.csv')).toBe(1);
    expect(out).toContain('! line 3 stake must be at least 1 PHA');
    expect(fleet.imports.map(({ dryRun }) => dryRun)).toEqual([true]);
    expect(await prb('inventory', 'import', 'f.csv', '--skip-faulty')).toBe(0);
    expect(fleet.imports.map(({ dryRun }) => dryRun)).toEqual([true, true, false]);
  });

  it.each([
    [['f']],
    [['f.yaml', '--mnemonic-file', 'x.txt']],
    [['f.yaml', '--proxied', 'a=5G']],
    [['large.yaml']],
  ])('says what is wrong with %j', async (words) => {
    files.set('f', 'text');
    files.set('f.yaml', 'text');
    files.set('large.yaml', ' '.repeat(4_000_000));
    expect(await prb('inventory', 'import', ...words)).toBe(2);
    expect(fleet.imports).toEqual([]);
  });
});

describe('prb inventory push-prbv3', () => {
  it('adds and changes what differs there, gives pools their operators, and is content then', async () => {
    const prbv3 = await startPrbv3();
    try {
      files.set('two.txt', 'some words');
      const push = (...words: string[]) => prb('inventory', 'push-prbv3', prbv3.url, ...words);
      expect(await push('--dry-run')).toBe(0);
      expect(out).toEqual(['+ pool 2 pool-2', '+ worker w1', '+ worker w2']);
      expect(prbv3.pools.size).toBe(0);

      expect(await push('--mnemonic-file', '2=two.txt')).toBe(0);
      expect(prbv3.pools.get(2)).toMatchObject({ name: 'pool-2', enabled: true });
      expect(prbv3.operators.get(2)).toMatchObject({ account: 'some words' });
      expect(prbv3.workers.get('w1')).toMatchObject({
        endpoint: 'http://w1:8000/',
        stake: '1500500000000000',
        enabled: true,
        gatekeeper: false,
      });
      expect(await push()).toBe(0);
      expect(out).toEqual(['Nothing differs']);

      prbv3.workers.get('w2')!['stake'] = '1';
      prbv3.pools.get(2)!['enabled'] = false;
      expect(await push()).toBe(0);
      expect(out).toEqual(['~ pool 2 pool-2', '~ worker w2']);
      expect(prbv3.workers.get('w2')).toMatchObject({ stake: '1500500000000000' });
    } finally {
      await prbv3.stop();
    }
    expect(await prb('inventory', 'push-prbv3', prbv3.url)).toBe(1);
    expect(err[0]).toContain('GetAllPoolsWithWorkers');
  });
});
