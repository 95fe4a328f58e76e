import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  applyDelta,
  modelOf,
  type FleetDelta,
  type FleetModel,
  type QueueRow,
  type WorkerRow,
} from '../api/index.js';
import { FleetStore } from './fleet-store.js';

const row = (uuid: string, fields: Partial<WorkerRow> = {}): Omit<WorkerRow, 'n'> => ({
  manager: 'm',
  uuid,
  name: uuid,
  pid: '1',
  endpoint: '',
  stake: '0',
  enabled: true,
  syncOnly: false,
  state: 'S_ACTIVE',
  sinceMs: null,
  message: '',
  messageMs: null,
  relayHeader: null,
  paraHeader: null,
  paraBlock: null,
  perMinute: null,
  publicKey: '',
  session: null,
  runtime: null,
  order: null,
  ...fields,
});
const put = (store: FleetStore, uuid: string, fields: Partial<WorkerRow> = {}) =>
  store.setWorker({ manager: 'm', uuid, ...fields }, () => row(uuid, fields));
const queue = (manager: string, queued: number): QueueRow => ({
  manager,
  queued,
  running: 0,
  failedLately: 0,
  oldestQueuedMs: null,
  isMore: false,
  problem: null,
});
const asPlain = (model: FleetModel) =>
  JSON.parse(
    JSON.stringify(model, (_key, value: unknown) =>
      value instanceof Map ? [...value].sort(([a], [b]) => (a < b ? -1 : 1)) : value,
    ),
  ) as unknown;
const deltaOf = (store: FleetStore): FleetDelta => {
  const delta = store.takeDelta(0);
  if (delta === undefined || delta === 'void') throw new Error(`no delta but ${delta}`);
  return JSON.parse(JSON.stringify(delta)) as FleetDelta;
};

describe('deltas', () => {
  const uuid = fc.constantFrom('a', 'b', 'c', 'd', 'e');
  const height = fc.option(fc.integer({ min: 0, max: 3 }));
  const change = fc.oneof(
    fc.record({
      kind: fc.constant('put' as const),
      uuid,
      fields: fc.record(
        {
          relayHeader: height,
          paraHeader: height,
          paraBlock: height,
          message: fc.constantFrom('', 'x'),
          session: fc.option(
            fc.record({
              state: fc.constantFrom('Ready', 'WorkerIdle'),
              v: fc.constantFrom('1', '2'),
              ve: fc.constant(null),
              pInit: fc.constant(null),
              pInstant: fc.constant(null),
              reward: fc.constant(null),
              account: fc.constant(null),
            }),
          ),
        },
        { requiredKeys: [] },
      ),
    }),
    fc.record({ kind: fc.constant('keep' as const), uuids: fc.uniqueArray(uuid) }),
    fc.record({ kind: fc.constant('queue' as const), uuid, queued: fc.nat(2) }),
    fc.record({ kind: fc.constant('unqueue' as const), uuid }),
    fc.record({ kind: fc.constant('take' as const) }),
  );

  it('bring whoever has a snapshot to the state as it is', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
        const store = new FleetStore();
        put(store, 'a');
        store.takeDelta(0);
        const model = modelOf(store.state(0));
        const take = () => {
          const delta = store.takeDelta(0);
          if (delta === undefined) return;
          expect(delta).not.toBe('void');
          applyDelta(model, JSON.parse(JSON.stringify(delta)) as FleetDelta);
          expect(asPlain(model)).toEqual(asPlain(modelOf(store.state(0))));
        };
        for (const one of changes) {
          if (one.kind === 'put') put(store, one.uuid, one.fields);
          else if (one.kind === 'keep') store.keepWorkers('m', new Set(one.uuids));
          else if (one.kind === 'queue') store.set('queues', queue(one.uuid, one.queued));
          else if (one.kind === 'unqueue') store.delete('queues', one.uuid);
          else take();
        }
        take();
        expect(asPlain(model)).toEqual(asPlain(modelOf(store.state(0))));
      }),
    );
  });

  it('are none when nothing is another', () => {
    const store = new FleetStore();
    const session = {
      state: 'Ready',
      v: '1',
      ve: null,
      pInit: 1,
      pInstant: 1,
      reward: null,
      account: null,
    };
    put(store, 'a', { paraBlock: 5, session });
    store.set('queues', queue('m', 1));
    expect(store.takeDelta(0)).toBeDefined();
    put(store, 'a', { paraBlock: 5, session: { ...session } });
    store.set('queues', queue('m', 1));
    expect(store.takeDelta(0)).toBeUndefined();
  });

  it('tell heights of thousands that move together in few bytes', () => {
    const store = new FleetStore();
    const names = Array.from({ length: 5_000 }, (_, i) => `w${i}`);
    for (const name of names) put(store, name, { relayHeader: 1, paraHeader: 1, paraBlock: 1 });
    store.takeDelta(0);
    for (const name of names) put(store, name, { relayHeader: 3, paraHeader: 2, paraBlock: 2 });
    put(store, 'w17', { paraBlock: 1 });
    const { workers } = deltaOf(store);
    expect(workers).toEqual({
      heights: [
        { at: [3, 2, 2], runs: [0, 17, 18, 4_982] },
        { at: [3, 2, 1], runs: [17, 1] },
      ],
    });
  });

  it('leave the objects of rows alone that did not change', () => {
    const store = new FleetStore();
    put(store, 'a');
    const still = put(store, 'b');
    store.takeDelta(0);
    const model = modelOf(store.state(0));
    const before = model.workers.get(still);
    put(store, 'a', { message: 'new' });
    expect([...applyDelta(model, deltaOf(store))]).toEqual([0]);
    expect(model.workers.get(still)).toBe(before);
  });

  it('are replaced by everything when more are gone than are worth telling', () => {
    const store = new FleetStore();
    for (let i = 0; i < 10_001; i += 1) put(store, `w${i}`);
    store.takeDelta(0);
    store.keepWorkers('m', new Set());
    expect(store.takeDelta(0)).toBe('void');
    expect(store.takeDelta(0)).toBeUndefined();
  });
});
