import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { workerColumns } from './worker-columns.js';
import {
  byManagerOf,
  countStates,
  etaOf,
  lagOf,
  matcherOf,
  nameOfPeer,
  NameRanks,
  sortWorkers,
} from './worker-list.js';
import { defaultQuery, type WorkerQuery } from './worker-query.js';
import { frame, session, workerRow } from './worker-rows.test.support.js';

const found = (query: Partial<WorkerQuery>, ...workers: ReturnType<typeof workerRow>[]) =>
  workers.filter(matcherOf({ ...defaultQuery, ...query }, frame)).map(({ n }) => n);
const sorted = (sort: WorkerQuery['sort'], workers: ReturnType<typeof workerRow>[]) =>
  sortWorkers(workers, sort, frame, new NameRanks()).map(({ n }) => n);

describe('finding workers', () => {
  it('by words that must all be there, wherever they stand', () => {
    const one = workerRow(1, { name: 'Rack-7', message: '[t] UNREACHABLE: refused' });
    const other = workerRow(2, { name: 'rack-8', endpoint: 'http://HOST-b:8000' });
    expect(found({ text: 'rack' }, one, other)).toEqual([1, 2]);
    expect(found({ text: 'RACK unreach' }, one, other)).toEqual([1]);
    expect(found({ text: 'host-B' }, one, other)).toEqual([2]);
    expect(found({ text: 'rack nothing' }, one, other)).toEqual([]);
  });

  it('by state, session, pool and manager: any of each, all together', () => {
    const a = workerRow(1, { state: 'S_ERROR', pid: '7' });
    const b = workerRow(2, { state: 'S_KICKED', session: null });
    const c = workerRow(3, { manager: 'QmOther', session: session('WorkerUnresponsive') });
    expect(found({ states: ['S_ERROR', 'S_KICKED'] }, a, b, c)).toEqual([1, 2]);
    expect(found({ states: ['S_ERROR', 'S_KICKED'], pools: ['7'] }, a, b, c)).toEqual([1]);
    expect(found({ sessions: ['WorkerUnresponsive', 'none'] }, a, b, c)).toEqual([2, 3]);
    expect(found({ managers: ['QmOther'] }, a, b, c)).toEqual([3]);
  });

  it('by what is wrong with them', () => {
    const behind = workerRow(1, { paraBlock: 490 });
    const near = workerRow(2, { paraBlock: 491 });
    const lost = workerRow(3, { session: session('WorkerCoolingDown') });
    const off = workerRow(4, { enabled: false, state: 'S_IDLE', session: null });
    const shy = workerRow(5, { syncOnly: true });
    const all = [behind, near, lost, off, shy];
    expect(found({ flags: ['behind'] }, ...all)).toEqual([1]);
    expect(found({ flags: ['disagree'] }, ...all)).toEqual([3]);
    expect(found({ flags: ['disabled'] }, ...all)).toEqual([4]);
    expect(found({ flags: ['syncOnly'] }, ...all)).toEqual([5]);
  });
});

describe('sorting workers', () => {
  it('has trouble first by default', () => {
    const workers = [
      workerRow(1),
      workerRow(2, { state: 'S_SYNCHING' }),
      workerRow(3, { state: 'S_KICKED' }),
      workerRow(4, { state: 'S_ERROR' }),
    ];
    expect(sorted(defaultQuery.sort, workers)).toEqual([4, 3, 2, 1]);
  });

  it('has numbers in names as numbers, and equal ones by name', () => {
    const workers = [10, 9, 100, 1].map((n) => workerRow(n));
    expect(sorted({ by: 'name', descending: false }, workers)).toEqual([1, 9, 10, 100]);
    expect(sorted({ by: 'pool', descending: true }, workers)).toEqual([1, 9, 10, 100]);
  });

  it('has those without a value last, whichever way', () => {
    const workers = [
      workerRow(1, { paraBlock: null }),
      workerRow(2, { paraBlock: 100 }),
      workerRow(3, { paraBlock: 400 }),
    ];
    expect(sorted({ by: 'lag', descending: true }, workers)).toEqual([2, 3, 1]);
    expect(sorted({ by: 'lag', descending: false }, workers)).toEqual([3, 2, 1]);
  });

  it('loses nobody and is the same twice, by any column', () => {
    const column = fc.constantFrom(...workerColumns.map(({ id }) => id));
    const rows = fc.uniqueArray(fc.nat(500), { maxLength: 40 }).map((ns) =>
      ns.map((n) =>
        workerRow(n, {
          name: `w${n % 7}`,
          paraBlock: n % 3 === 0 ? null : n,
          session: n % 2 === 0 ? null : session('Ready'),
        }),
      ),
    );
    fc.assert(
      fc.property(rows, column, fc.boolean(), (workers, by, descending) => {
        const names = new NameRanks();
        const once = sortWorkers(workers, { by, descending }, frame, names);
        expect(new Set(once)).toEqual(new Set(workers));
        expect(sortWorkers(once, { by, descending }, frame, names)).toEqual(once);
      }),
    );
  });

  it('learns names that it has not seen', () => {
    const names = new NameRanks();
    const sort = { by: 'name', descending: false } as const;
    sortWorkers([workerRow(5)], sort, frame, names);
    const after = sortWorkers([workerRow(5), workerRow(3)], sort, frame, names);
    expect(after.map(({ n }) => n)).toEqual([3, 5]);
  });
});

describe('what a worker is measured against', () => {
  it('is the head of its manager’s chain', () => {
    expect(lagOf(workerRow(1, { paraBlock: 100 }), frame)).toBe(400);
    expect(lagOf(workerRow(1, { paraBlock: 501 }), frame)).toBe(0);
    expect(lagOf(workerRow(1, { paraBlock: null }), frame)).toBeUndefined();
    expect(lagOf(workerRow(1, { manager: 'QmOther' }), frame)).toBeUndefined();
  });

  it('gives a time only to those that move and are behind', () => {
    expect(etaOf(workerRow(1, { paraBlock: 100, perMinute: 200 }), frame)).toBe(120);
    expect(etaOf(workerRow(1, { paraBlock: 100, perMinute: 0 }), frame)).toBeUndefined();
    expect(etaOf(workerRow(1, { paraBlock: 498, perMinute: 200 }), frame)).toBeUndefined();
  });

  it('tells managers on one host apart', () => {
    const peers = [
      { peerId: 'QmAAAA1111', hostname: 'lm' },
      { peerId: 'QmBBBB2222', hostname: 'lm' },
      { peerId: 'QmCCCC3333', hostname: 'other' },
    ];
    expect(peers.map((peer) => nameOfPeer(peer, peers))).toEqual(['lm …1111', 'lm …2222', 'other']);
  });

  it('counts and groups', () => {
    const workers = [workerRow(1), workerRow(2, { state: 'S_ERROR', manager: 'QmOther' })];
    expect(Object.fromEntries(countStates(workers))).toEqual({ S_ACTIVE: 1, S_ERROR: 1 });
    expect([...byManagerOf(workers).keys()]).toEqual(['QmManager', 'QmOther']);
  });
});
