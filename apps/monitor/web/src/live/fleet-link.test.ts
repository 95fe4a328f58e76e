import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { apiLimits, type FleetSnapshot } from '../../../src/api/contract.js';
import { FleetLink, type EventStream, type LinkStatus } from './fleet-link.js';
import { FleetStore } from './fleet-store.js';

/** A stream that the test speaks through. */
class PlayedStream implements EventStream {
  readonly #listeners = new Map<string, (event: { data?: unknown }) => void>();
  isClosed = false;

  addEventListener(type: string, listener: (event: { data?: unknown }) => void): void {
    this.#listeners.set(type, listener);
  }

  close(): void {
    this.isClosed = true;
  }

  say(type: string, data?: unknown): void {
    this.#listeners.get(type)?.({ data: JSON.stringify(data) });
  }
}

const snapshot = (atMs: number): FleetSnapshot => ({
  reason: 'start',
  atMs,
  chains: [],
  providers: [],
  managers: [],
  pools: [],
  workers: [],
  queues: [],
  operators: [],
  alerts: [],
});

describe('the link to the monitor', () => {
  let streams: PlayedStream[];
  let link: FleetLink;
  let statuses: LinkStatus['kind'][];
  const latest = () => streams.at(-1)!;

  beforeEach(() => {
    vi.useFakeTimers();
    streams = [];
    statuses = [];
    link = new FleetLink({
      open: () => {
        streams.push(new PlayedStream());
        return latest();
      },
      now: () => 42,
    });
  });
  afterEach(() => {
    link.stop();
    vi.useRealTimers();
  });

  const start = () => {
    const store = new FleetStore({ link });
    const tell = link.onStatus;
    link.onStatus = (status) => {
      statuses.push(status.kind);
      tell(status);
    };
    link.start();
    return store;
  };

  it('is live with the first snapshot, and what it says is the fleet', () => {
    const store = start();
    expect(store.getView().model).toBeUndefined();
    latest().say('snapshot', snapshot(7));
    expect(store.getView().link.kind).toBe('live');
    expect(store.getView().model?.atMs).toBe(7);
    latest().say('delta', { atMs: 8 });
    expect(store.getView().model?.atMs).toBe(8);
  });

  it('is lost when it breaks, keeps what was known, and is live again with a new snapshot', () => {
    const store = start();
    latest().say('snapshot', snapshot(7));
    latest().say('error');
    expect(store.getView().link).toEqual({ kind: 'lost', sinceMs: 42, attempt: 1 });
    expect(store.getView().model?.atMs).toBe(7);
    expect(streams).toHaveLength(1);
    vi.advanceTimersByTime(500);
    expect(streams).toHaveLength(2);
    latest().say('snapshot', snapshot(9));
    expect(statuses).toEqual(['connecting', 'live', 'lost', 'live']);
    expect(store.getView().model?.atMs).toBe(9);
  });

  it('tries again with growing pauses, and at once when asked', () => {
    start();
    for (const [attempt, waitMs] of [500, 1_000, 2_000, 4_000, 8_000, 8_000].entries()) {
      latest().say('error');
      vi.advanceTimersByTime(waitMs - 1);
      expect(streams).toHaveLength(attempt + 1);
      vi.advanceTimersByTime(1);
      expect(streams).toHaveLength(attempt + 2);
    }
    latest().say('error');
    link.tryNow();
    expect(streams).toHaveLength(8);
  });

  it('takes long silence for a loss, and a ping for a sign of life', () => {
    start();
    latest().say('snapshot', snapshot(1));
    vi.advanceTimersByTime(apiLimits.heartbeatMs * 2);
    latest().say('ping', { atMs: 2 });
    vi.advanceTimersByTime(apiLimits.heartbeatMs * 2);
    expect(link.status.kind).toBe('live');
    vi.advanceTimersByTime(apiLimits.heartbeatMs);
    expect(link.status.kind).toBe('lost');
    expect(streams[0]?.isClosed).toBe(true);
  });

  it('does not listen to a stream that it has given up', () => {
    const store = start();
    const [first] = streams;
    first?.say('error');
    vi.advanceTimersByTime(500);
    first?.say('snapshot', snapshot(1));
    expect(store.getView().model).toBeUndefined();
  });

  it('is over when the session is, and comes back from a restart of the monitor', () => {
    start();
    latest().say('bye', { reason: 'stopping' });
    expect(link.status.kind).toBe('lost');
    vi.advanceTimersByTime(500);
    latest().say('bye', { reason: 'logged-out' });
    expect(link.status.kind).toBe('over');
    vi.advanceTimersByTime(600_000);
    expect(streams).toHaveLength(2);
  });

  it('tells views of many deltas at once, and changes only the revisions of what changed', () => {
    const store = start();
    latest().say('snapshot', snapshot(1));
    const before = store.getView().revisions;
    let told = 0;
    store.subscribe(() => (told += 1));
    vi.advanceTimersByTime(1_000);
    for (let i = 0; i < 100; i += 1) latest().say('delta', { atMs: 2, alerts: { gone: [] } });
    vi.advanceTimersByTime(1_000);
    expect(told).toBe(1);
    const after = store.getView().revisions;
    expect(after.alerts).toBe(before.alerts + 100);
    expect(after.workers).toBe(before.workers);
  });
});
