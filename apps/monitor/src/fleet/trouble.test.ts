import { silentLogger, type Clock } from '@runtime-bridge/base';
import { beforeEach, describe, expect, it } from 'vitest';
import type { ManagerRow, PeerRow, ProviderRow, WorkerRow } from '../api/index.js';
import { AlertBook } from './alert-book.js';
import { FleetStore } from './fleet-store.js';

const MINUTE_MS = 60_000;
let nowMs: number;
let store: FleetStore;
let book: AlertBook;
const clock: Clock = { now: () => nowMs, sleep: () => Promise.resolve() };
const peer = (peerId: string, fields: Partial<PeerRow> = {}): PeerRow => ({
  peerId,
  hostname: peerId,
  chainIdentity: '0x1',
  bridgeIdentity: 'b',
  multiaddr: '',
  isThere: true,
  answeredMs: null,
  latencyMs: null,
  problem: null,
  ...fields,
});
const progress = (target: number, done: number) => ({
  target,
  done,
  fetched: done,
  perMinute: null,
  etaSec: null,
});
const setProvider = (fields: Partial<ProviderRow> = {}) =>
  store.set('providers', {
    ...peer('provider'),
    state: 'idle',
    paraId: 1,
    relay: progress(100, 100),
    para: progress(50, 50),
    ...fields,
  });
const setManager = (fields: Partial<ManagerRow> = {}) =>
  store.set('managers', { ...peer('manager'), features: null, ...fields });
const setWorker = (uuid: string, fields: Partial<WorkerRow> = {}) => {
  const all: Omit<WorkerRow, 'n'> = {
    manager: 'manager',
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
    relayHeader: 100,
    paraHeader: 50,
    paraBlock: 50,
    perMinute: null,
    publicKey: '',
    session: null,
    runtime: null,
    order: null,
    ...fields,
  };
  store.setWorker(all, () => all);
};
const session = (state: string) => ({
  state,
  v: null,
  ve: null,
  pInit: null,
  pInstant: null,
  reward: null,
  account: null,
});
const kinds = (afterMs = 0) => {
  nowMs += afterMs;
  book.judge(store);
  return [...store.rows('alerts').values()].map(({ kind }) => kind).sort();
};

beforeEach(() => {
  nowMs = 1_800_000_000_000;
  store = new FleetStore();
  book = new AlertBook({ clock, logger: silentLogger });
  store.set('chains', { chainIdentity: '0x1', relay: 100, para: 50, grewMs: nowMs });
  setProvider();
  setManager();
  setWorker('w');
});

it('is found nowhere in a fleet that is well', () => {
  expect(kinds()).toEqual([]);
  expect(kinds(MINUTE_MS)).toEqual([]);
});

describe('an alert', () => {
  it('comes when trouble has lasted, once, and goes into the history with it', () => {
    setWorker('w', { state: 'S_ERROR', message: 'No answer' });
    expect(kinds()).toEqual([]);
    expect(kinds(MINUTE_MS / 2)).toEqual([]);
    expect(kinds(MINUTE_MS / 2)).toEqual(['workers-in-error']);
    const [alert] = [...store.rows('alerts').values()];
    expect(alert).toMatchObject({
      severity: 'critical',
      count: 1,
      peer: 'manager',
      detail: 'No answer',
      workers: [{ manager: 'manager', uuid: 'w' }],
      sinceMs: nowMs - MINUTE_MS,
    });
    setWorker('other', { state: 'S_ERROR', message: 'No answer' });
    kinds(1_000);
    expect([...store.rows('alerts').values()]).toMatchObject([{ id: alert!.id, count: 2 }]);
    setWorker('w');
    setWorker('other');
    expect(kinds(1_000)).toEqual([]);
    expect(book.page(store, Infinity, 10).alerts).toMatchObject([
      { id: alert!.id, endedMs: nowMs },
    ]);
  });

  it('does not come for trouble that passes', () => {
    setWorker('w', { state: 'S_ERROR' });
    kinds();
    kinds(MINUTE_MS / 2);
    setWorker('w');
    kinds(1_000);
    setWorker('w', { state: 'S_ERROR' });
    kinds(1_000);
    expect(kinds(MINUTE_MS / 2)).toEqual([]);
  });

  it('can be silenced until a time, as long as the trouble lasts', () => {
    setWorker('w', { state: 'S_KICKED' });
    kinds();
    const { id } = book.page(store, Infinity, 1).alerts[0]!;
    const untilMs = nowMs + MINUTE_MS;
    expect(book.silence(store, id, untilMs)).toMatchObject({ silencedUntilMs: untilMs });
    kinds(MINUTE_MS / 2);
    expect([...store.rows('alerts').values()]).toMatchObject([{ silencedUntilMs: untilMs }]);
    kinds(MINUTE_MS);
    expect([...store.rows('alerts').values()]).toMatchObject([{ silencedUntilMs: null }]);
    expect(book.silence(store, 'nonsense', 1)).toBeUndefined();
  });

  it.each([
    ['peer-gone', () => setManager({ isThere: false })],
    [
      'peer-failing',
      () => setManager({ problem: { code: 'TIMEOUT', message: 'm', sinceMs: nowMs } }),
    ],
    ['provider-behind', () => setProvider({ relay: progress(200, 100) })],
    ['no-provider', () => setProvider({ isThere: false })],
    ['no-manager', () => setManager({ isThere: false })],
    ['workers-behind', () => setWorker('w', { paraBlock: 10 })],
    ['workers-kicked', () => setWorker('w', { state: 'S_KICKED' })],
    ['workers-unresponsive', () => setWorker('w', { session: session('WorkerUnresponsive') })],
    ['views-disagree', () => setWorker('w', { session: session('WorkerCoolingDown') })],
    [
      'operator-balance-low',
      () =>
        store.set('operators', {
          manager: 'manager',
          account: 'a',
          pids: ['1'],
          free: '5',
          atMs: 1,
        }),
    ],
    [
      'transactions-failing',
      () =>
        store.set('queues', {
          manager: 'manager',
          queued: 0,
          running: 0,
          failedLately: 1,
          oldestQueuedMs: null,
          isMore: false,
          problem: null,
        }),
    ],
    [
      'queue-stuck',
      () =>
        store.set('queues', {
          manager: 'manager',
          queued: 1,
          running: 0,
          failedLately: 0,
          oldestQueuedMs: nowMs - 20 * MINUTE_MS,
          isMore: false,
          problem: null,
        }),
    ],
  ] as const)('%s is found', (kind, cause) => {
    cause();
    kinds();
    // The chain grows meanwhile.
    nowMs += 3 * MINUTE_MS;
    store.set('chains', { chainIdentity: '0x1', relay: 100, para: 50, grewMs: nowMs });
    expect(kinds()).toContain(kind);
  });

  it('tells that the chain stands', () => {
    expect(kinds(4 * MINUTE_MS)).toEqual(['chain-stalled']);
  });

  it('is not made of workers that are meant to be so', () => {
    setWorker('disabled', { enabled: false, state: 'S_ERROR' });
    setWorker('sync-only', { syncOnly: true, session: session('Ready') });
    setWorker('ordered', {
      session: session('WorkerCoolingDown'),
      order: { kind: 'stop', sinceMs: 1, text: '', isDone: true, cooledDownMs: null },
    });
    kinds();
    nowMs += 3 * MINUTE_MS;
    store.set('chains', { chainIdentity: '0x1', relay: 100, para: 50, grewMs: nowMs });
    expect(kinds()).toEqual([]);
  });
});
