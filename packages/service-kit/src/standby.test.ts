import { silentLogger, silentMetrics, sleep, Watched, type Service } from '@runtime-bridge/base';
import { describe, expect, it } from 'vitest';
import {
  createMetrics,
  Health,
  renewableMetrics,
  StandbyService,
  type Turn,
  type TurnSource,
} from './index.js';

/** A source moved by hand. */
class HandSource implements TurnSource<Turn> {
  readonly name = 'by hand';
  readonly state = new Watched<{ kind: string; detail?: string }>({
    kind: 'standby',
    detail: 'standby: another one works',
  });
  stopped = 0;
  #lost = new AbortController();
  #epoch = 0;

  start(): Promise<void> {
    return Promise.resolve();
  }

  stop(): Promise<void> {
    this.stopped += 1;
    return Promise.resolve();
  }

  async acquire(signal: AbortSignal): Promise<Turn> {
    await this.state.until(({ kind }) => kind === 'held', signal);
    return { epoch: this.#epoch, lost: this.#lost.signal };
  }

  give(): void {
    this.#epoch += 1;
    this.#lost = new AbortController();
    this.state.set({ kind: 'held' });
  }

  take(): void {
    this.state.set({ kind: 'standby', detail: 'standby: another one works' });
    this.#lost.abort();
  }
}

async function untilSo(isSo: () => boolean): Promise<void> {
  const end = Date.now() + 10_000;
  while (!isSo()) {
    if (Date.now() > end) throw new Error('it never came to that');
    await sleep(5);
  }
}

function standbyWith(build: (turn: Turn) => Promise<Service>) {
  const source = new HandSource();
  const health = new Health();
  const service = new StandbyService<Turn>(
    { name: 'x' },
    { source, build, health, logger: silentLogger, metrics: silentMetrics },
  );
  return { source, health, service };
}

describe('a service that takes turns', () => {
  it('works only in its turn, anew each time, and says when it stands by', async () => {
    const events: string[] = [];
    const { source, health, service } = standbyWith(({ epoch }) =>
      Promise.resolve({
        name: 'work',
        start: async () => void events.push(`start ${epoch}`),
        stop: async () => void events.push(`stop ${epoch}`),
      }),
    );
    await service.start();
    expect(health.ready).toBe(false);
    expect(health.parts['lease']?.detail).toContain('standby');
    source.give();
    await untilSo(() => events.includes('start 1'));
    expect(health.ready).toBe(true);
    source.take();
    await untilSo(() => events.includes('stop 1'));
    expect(health.ready).toBe(false);
    source.give();
    await untilSo(() => events.includes('start 2'));
    await service.stop();
    expect(events).toEqual(['start 1', 'stop 1', 'start 2', 'stop 2']);
    expect(source.stopped).toBe(1);
  });

  it('tries again when the work cannot begin, and says why meanwhile', async () => {
    let tries = 0;
    const { source, health, service } = standbyWith(() => {
      tries += 1;
      if (tries === 1) return Promise.reject(new Error('disk is full'));
      return Promise.resolve({ name: 'work', start: async () => {}, stop: async () => {} });
    });
    const told: string[] = [];
    const set = health.set.bind(health);
    health.set = (part, state) => {
      told.push(state.detail);
      set(part, state);
    };
    await service.start();
    source.give();
    await untilSo(() => tries === 2 && health.ready);
    expect(told).toContain('cannot begin: disk is full');
    await service.stop();
  });

  it('ends the turn of work that does not stop by itself', async () => {
    let turn: Turn | undefined;
    const { source, service } = standbyWith((given) => {
      turn = given;
      const stop = () =>
        new Promise<void>((resolve) =>
          given.lost.addEventListener('abort', () => resolve(), { once: true }),
        );
      return Promise.resolve({ name: 'work', start: async () => {}, stop });
    });
    await service.start();
    source.give();
    await untilSo(() => turn !== undefined);
    await service.stop();
    expect(turn!.lost.aborted).toBe(true);
  });
});

describe('metrics that are made again', () => {
  it('go on counting, and read what the last one says', async () => {
    const metrics = createMetrics({ service: 'x' });
    const register = renewableMetrics(metrics);
    for (const value of [1, 2]) {
      register.counter({ name: 'a_total', help: 'a' }).inc();
      register.gauge({ name: 'b_count', help: 'b', collect: (gauge) => gauge.set(value) });
      register.histogram({ name: 'c_seconds', help: 'c', buckets: [1] }).observe(0.5);
    }
    const text = await metrics.expose();
    expect(text).toMatch(/a_total\{[^}]*\} 2/);
    expect(text).toMatch(/b_count\{[^}]*\} 2/);
    expect(text).toMatch(/c_seconds_count\{[^}]*\} 2/);
  });
});
