import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { silentLogger } from '@runtime-bridge/base';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { WorkerEvent } from '../runner/messages.js';
import { historyLimits, WorkerHistory } from './worker-history.js';

let directory: string;
let history: WorkerHistory;

const open = (maxPerWorker = 5) =>
  WorkerHistory.open({ directory, maxPerWorker }, { logger: silentLogger });
const event = (uuid: string, timeMs: number, message = `${uuid} at ${timeMs}`): WorkerEvent => ({
  uuid,
  timeMs,
  status: 'S_ACTIVE',
  message,
});

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'history-'));
  history = await open();
});
afterEach(async () => {
  await history.close();
  await rm(directory, { recursive: true, force: true });
});

describe('WorkerHistory', () => {
  it('gives the newest first, of all workers or of some, and says whether there are more', async () => {
    history.record([event('a', 10), event('b', 11), event('a', 12), event('c', 13)]);
    const texts = async (query: Parameters<WorkerHistory['list']>[0]) => {
      const { events, hasMore } = await history.list(query);
      return [...events.map(({ message }) => message), hasMore];
    };
    expect(await texts({})).toEqual(['c at 13', 'a at 12', 'b at 11', 'a at 10', false]);
    expect(await texts({ workers: ['a', 'a', 'x'] })).toEqual(['a at 12', 'a at 10', false]);
    expect(await texts({ workers: ['a', 'c'], limit: 2 })).toEqual(['c at 13', 'a at 12', true]);
    expect(await texts({ beforeMs: 12, limit: 1 })).toEqual(['b at 11', true]);
    expect(await texts({ beforeMs: 0 })).toEqual([false]);
  });

  it('is there after a restart, error codes included, and goes on', async () => {
    history.record([{ ...event('a', 10), status: 'S_ERROR', errorCode: 'WORKER_STALLED' }]);
    await history.close();
    history = await open();
    // A clock that was set back does not put an event before an older one.
    history.record([event('a', 3, 'later')]);
    expect((await history.list()).events).toEqual([
      { ...event('a', 11, 'later') },
      { ...event('a', 10), status: 'S_ERROR', errorCode: 'WORKER_STALLED' },
    ]);
  });

  it('keeps the newest of each worker, also over a restart, and takes no more at once than it may', async () => {
    const many = Array.from({ length: 12 }, (_, index) => event('a', index));
    history.record([...many, event('b', 1)]);
    await history.close();
    history = await open();
    history.record([event('a', 20)]);
    const { events } = await history.list({ workers: ['a'] });
    expect(events.map(({ timeMs }) => timeMs)).toEqual([20, 11, 10, 9, 8]);
    expect((await history.list()).events).toHaveLength(6);

    await history.close();
    history = await open(historyLimits.maxWaiting * 2);
    history.record(Array.from({ length: historyLimits.maxWaiting + 10 }, () => event('c', 1, 'x')));
    const page = await history.list({ workers: ['c'], limit: 10 });
    // Each has its own time, one after the other.
    expect(page.events[0]?.timeMs).toBe(historyLimits.maxWaiting);
  }, 20_000);

  it('forgets workers that are no longer there', async () => {
    history.record([event('a', 1), event('ab', 2), event('b', 3), event('c', 4)]);
    await history.list();
    await history.retain(new Set(['ab', 'c']));
    expect((await history.list()).events.map(({ uuid }) => uuid)).toEqual(['c', 'ab']);
    expect((await history.list({ workers: ['a', 'b'] })).events).toEqual([]);
  });

  it('loses no event between pages and gives none twice', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.constantFrom('p', 'q', 'r', 's'), fc.integer({ min: 0, max: 6 })), {
          maxLength: 20,
        }),
        fc.integer({ min: 4, max: 9 }),
        fc.boolean(),
        async (raw, limit, some) => {
          await history.retain(new Set());
          history.record(raw.map(([uuid, timeMs]) => event(uuid, timeMs)));
          const workers = some ? ['p', 'q', 'r', 's'] : [];
          const all = (await history.list({ workers, limit: 1_000 })).events;
          const paged: WorkerEvent[] = [];
          for (let beforeMs: number | undefined; ;) {
            const { events, hasMore } = await history.list({
              workers,
              limit,
              ...(beforeMs === undefined ? {} : { beforeMs }),
            });
            expect(events.length).toBeLessThanOrEqual(limit);
            paged.push(...events);
            if (!hasMore) break;
            beforeMs = events.at(-1)!.timeMs;
          }
          const name = ({ uuid, timeMs }: WorkerEvent) => `${uuid} ${timeMs}`;
          expect(paged.map(name).sort()).toEqual(all.map(name).sort());
        },
      ),
      { numRuns: 40 },
    );
  });
});
