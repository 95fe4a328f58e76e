import { EventEmitter } from 'node:events';
import { constants, gunzipSync } from 'node:zlib';
import { silentLogger, silentMetrics, sleep, type Clock } from '@runtime-bridge/base';
import { beforeEach, describe, expect, it } from 'vitest';
import type { FleetDelta, FleetState } from '../api/index.js';
import { defaultStreamHubOptions, StreamHub } from './stream-hub.js';

/** Takes bytes as fast as told. */
class TestOutlet extends EventEmitter {
  readonly chunks: Buffer[] = [];
  writableLength = 0;
  isStuck = false;
  isEnded = false;
  isDestroyed = false;

  write(bytes: Buffer): boolean {
    this.chunks.push(bytes);
    if (this.isStuck) this.writableLength += bytes.length;
    return !this.isStuck;
  }

  drain(): void {
    this.isStuck = false;
    this.writableLength = 0;
  }

  end(): void {
    this.isEnded = true;
  }

  destroy(): void {
    this.isDestroyed = true;
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString('utf8');
  }

  /** Type, id and data of each event. */
  get events(): { type: string; id: string | undefined; data: Record<string, unknown> }[] {
    return parse(this.text);
  }
}

function parse(text: string) {
  return text
    .split('\n\n')
    .filter((part) => part !== '')
    .map((part) => {
      const field = (name: string) =>
        part
          .split('\n')
          .find((line) => line.startsWith(`${name}: `))
          ?.slice(name.length + 2);
      return {
        type: field('event') ?? '',
        id: field('id'),
        data: JSON.parse(field('data') ?? 'null') as Record<string, unknown>,
      };
    });
}

let nowMs: number;
let pending: FleetDelta | 'void' | undefined;
let watchers: number;
let hub: StreamHub;
const clock: Clock = { now: () => nowMs, sleep };
const state = (): FleetState => ({
  atMs: nowMs,
  chains: [],
  providers: [],
  managers: [],
  pools: [],
  workers: [],
  queues: [],
  operators: [],
  alerts: [],
});
const welcome = { gzip: false, sessionId: undefined, isWelcome: () => true };
const change = (atMs: number) => {
  pending = { atMs, queues: { gone: ['x'.repeat(50)] } };
};

beforeEach(() => {
  nowMs = 1_000_000;
  pending = undefined;
  watchers = 0;
  hub = new StreamHub(
    { ...defaultStreamHubOptions, maxClients: 3, maxBacklogBytes: 1_000, maxKeptBytes: 1_000 },
    {
      source: {
        state,
        takeDelta: () => {
          const taken = pending;
          pending = undefined;
          return taken;
        },
        watch: () => {
          watchers += 1;
          return () => {
            watchers -= 1;
          };
        },
      },
      clock,
      logger: silentLogger,
      metrics: silentMetrics,
    },
  );
});

describe('a client', () => {
  it('gets everything, then what changes, and pings when nothing does', () => {
    const outlet = new TestOutlet();
    hub.add(welcome, outlet);
    change(1);
    hub.flush();
    hub.flush();
    nowMs += 10_000;
    hub.flush();
    expect(outlet.events.map(({ type }) => type)).toEqual(['snapshot', 'delta', 'ping']);
    expect(outlet.events[0]!.data).toEqual({ reason: 'start', ...state(), atMs: 1_000_000 });
    expect(outlet.events[1]!.data).toMatchObject({ atMs: 1 });
  });

  it('gets what others are told at the moment when it comes only once', () => {
    const [first, second] = [new TestOutlet(), new TestOutlet()];
    hub.add(welcome, first);
    change(1);
    hub.add(welcome, second);
    hub.flush();
    expect(first.events.map(({ type }) => type)).toEqual(['snapshot', 'delta']);
    expect(second.events.map(({ type }) => type)).toEqual(['snapshot']);
    expect(second.events[0]!.id).toBe(first.events[1]!.id);
  });

  it('has the fleet looked after as long as it is there', () => {
    const [first, second] = [
      hub.add(welcome, new TestOutlet()),
      hub.add(welcome, new TestOutlet()),
    ];
    expect(watchers).toBe(1);
    first!();
    first!();
    expect(watchers).toBe(1);
    second!();
    expect(watchers).toBe(0);
    expect(hub.size).toBe(0);
  });

  it('is not taken in when there are as many as may be', () => {
    for (let i = 0; i < 3; i += 1) expect(hub.add(welcome, new TestOutlet())).toBeDefined();
    expect(hub.isFull).toBe(true);
    expect(hub.add(welcome, new TestOutlet())).toBeUndefined();
  });

  it('that takes gzip gets one valid gzip stream of pieces made for all', () => {
    const [plain, squeezed] = [new TestOutlet(), new TestOutlet()];
    hub.add(welcome, plain);
    hub.add({ ...welcome, gzip: true }, squeezed);
    for (let i = 0; i < 5; i += 1) {
      change(i);
      hub.flush();
    }
    const text = gunzipSync(Buffer.concat(squeezed.chunks), {
      finishFlush: constants.Z_SYNC_FLUSH,
    }).toString('utf8');
    expect(parse(text)).toEqual(plain.events);
    expect(plain.events).toHaveLength(6);
  });
});

describe('coming back', () => {
  const leave = () => {
    const outlet = new TestOutlet();
    const remove = hub.add(welcome, outlet);
    change(1);
    hub.flush();
    remove!();
    return outlet.events.at(-1)!.id!;
  };
  const comeBack = (id: string) => {
    const outlet = new TestOutlet();
    hub.add(welcome, outlet, id);
    return outlet.events;
  };

  it('gives what was missed, also when nobody listened meanwhile', () => {
    const id = leave();
    hub.flush();
    change(2);
    const events = comeBack(id);
    expect(events.map(({ type }) => type)).toEqual(['delta', 'ping']);
    expect(events[0]!.data).toMatchObject({ atMs: 2 });
    expect(comeBack(events[0]!.id!).map(({ type }) => type)).toEqual(['ping']);
  });

  it('gives everything when too much was missed', () => {
    const id = leave();
    const other = new TestOutlet();
    hub.add(welcome, other);
    for (let i = 0; i < 30; i += 1) {
      change(i);
      hub.flush();
    }
    const [first] = comeBack(id);
    expect(first).toMatchObject({ type: 'snapshot', data: { reason: 'lost' } });
  });

  it.each(['', 'nonsense', '000000000000-1', '0-0', '../../x'])(
    'gives everything for the id %j',
    (id) => {
      leave();
      expect(comeBack(id)[0]).toMatchObject({ type: 'snapshot', data: { reason: 'lost' } });
    },
  );

  it('gives everything for an id of the future, and after everything was declared void', () => {
    const id = leave();
    const [run, seq] = id.split('-');
    expect(comeBack(`${run}-${Number(seq) + 1}`)[0]).toMatchObject({ type: 'snapshot' });
    pending = 'void';
    hub.flush();
    expect(comeBack(id)[0]).toMatchObject({ type: 'snapshot', data: { reason: 'lost' } });
  });
});

describe('one that does not keep up', () => {
  it('misses what others get, and is given everything when it has caught up', () => {
    const [slow, quick] = [new TestOutlet(), new TestOutlet()];
    hub.add(welcome, slow);
    hub.add(welcome, quick);
    slow.isStuck = true;
    for (let i = 0; i < 100; i += 1) {
      change(i);
      hub.flush();
    }
    expect(quick.events).toHaveLength(101);
    // The backlog is bounded by the limit and one event more.
    expect(slow.writableLength).toBeLessThan(1_200);
    slow.drain();
    hub.flush();
    expect(slow.events.at(-1)).toMatchObject({ type: 'snapshot', data: { reason: 'slow' } });
    change(200);
    hub.flush();
    expect(slow.events.at(-1)).toMatchObject({ type: 'delta', data: { atMs: 200 } });
  });

  it('is dropped when it does not catch up at all', () => {
    const slow = new TestOutlet();
    hub.add(welcome, slow);
    slow.isStuck = true;
    slow.writableLength = 5_000;
    change(1);
    hub.flush();
    nowMs += 59_000;
    hub.flush();
    expect(slow.isDestroyed).toBe(false);
    nowMs += 2_000;
    hub.flush();
    expect(slow.isDestroyed).toBe(true);
    expect(hub.size).toBe(0);
  });
});

describe('the end', () => {
  it('comes with the session, for its own streams only', () => {
    const [mine, other] = [new TestOutlet(), new TestOutlet()];
    hub.add({ ...welcome, sessionId: 'mine' }, mine);
    hub.add({ ...welcome, sessionId: 'other' }, other);
    hub.endSession('mine');
    expect(mine.events.at(-1)).toEqual({
      type: 'bye',
      id: undefined,
      data: { reason: 'logged-out' },
    });
    expect([mine.isEnded, other.isEnded]).toEqual([true, false]);
  });

  it('comes when the session is over by itself', () => {
    const outlet = new TestOutlet();
    let isWelcome = true;
    hub.add({ ...welcome, isWelcome: () => isWelcome }, outlet);
    hub.flush();
    expect(outlet.isEnded).toBe(false);
    isWelcome = false;
    hub.flush();
    expect(outlet.events.at(-1)).toMatchObject({ type: 'bye' });
    expect(outlet.isEnded).toBe(true);
  });

  it('comes when the monitor stops', async () => {
    const outlet = new TestOutlet();
    await hub.start();
    hub.add(welcome, outlet);
    await hub.stop();
    expect(outlet.events.at(-1)).toMatchObject({ type: 'bye', data: { reason: 'stopping' } });
    expect(outlet.isEnded).toBe(true);
    expect([hub.size, watchers]).toEqual([0, 0]);
  });
});

describe('actions', () => {
  it('are told as they are in the end of each moment', () => {
    const outlet = new TestOutlet();
    hub.add(welcome, outlet);
    const brief = {
      id: 'a',
      kind: 'restart' as const,
      startedMs: 1,
      endedMs: null,
      total: 9,
      done: 0,
      failed: 0,
      skipped: 0,
    };
    for (let done = 0; done < 9; done += 1) hub.tellAction({ ...brief, done });
    hub.flush();
    expect(outlet.events.slice(1)).toMatchObject([{ type: 'action', data: { id: 'a', done: 8 } }]);
  });
});
