import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  BaseErrorCode,
  BoundedQueue,
  ByteLru,
  Limiter,
  SingleFlight,
  sleep,
  Watched,
} from './index.js';

const code = (expected: string) => expect.objectContaining({ code: expected }) as Error;

describe('BoundedQueue', () => {
  it('keeps order and bounds whatever the sizes and the pace', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(20), { maxLength: 40 }),
        fc.integer({ min: 1, max: 5 }),
        async (sizes, maxItems) => {
          const queue = new BoundedQueue<number>({ maxItems, maxBytes: 16, sizeOf: (n) => n });
          const got: number[] = [];
          const writer = (async () => {
            for (const size of sizes) {
              await queue.push(size);
              expect(queue.length).toBeLessThanOrEqual(maxItems);
              if (queue.length > 1) expect(queue.bytes).toBeLessThanOrEqual(16);
            }
            queue.close();
          })();
          for await (const item of queue) got.push(item);
          await writer;
          expect(got).toEqual(sizes);
          expect(queue.bytes).toBe(0);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('does not admit a push that was given up, and admits the one behind it', async () => {
    const queue = new BoundedQueue<string>({ maxItems: 1 });
    await queue.push('a');
    const controller = new AbortController();
    const b = queue.push('b', controller.signal);
    const c = queue.push('c');
    controller.abort();
    await expect(b).rejects.toThrow(code(BaseErrorCode.ABORTED));
    expect(await queue.shift()).toBe('a');
    await c;
    expect(await queue.shift()).toBe('c');
  });

  it('fails readers with the error it was closed with, after what it held', async () => {
    const queue = new BoundedQueue<string>({ maxItems: 2 });
    await queue.push('a');
    queue.close(new Error('node lost'));
    await expect(queue.push('b')).rejects.toThrow(code(BaseErrorCode.CLOSED));
    expect(await queue.shift()).toBe('a');
    await expect(queue.shift()).rejects.toThrow('node lost');
  });

  it('gives up a read with its signal and hands the item to the next reader', async () => {
    const queue = new BoundedQueue<string>({ maxItems: 1 });
    const controller = new AbortController();
    const first = queue.shift(controller.signal);
    const second = queue.shift();
    controller.abort();
    await expect(first).rejects.toThrow(code(BaseErrorCode.ABORTED));
    expect(queue.tryPush('x')).toBe(true);
    expect(await second).toBe('x');
  });
});

describe('Limiter', () => {
  it('lets so many run, larger priorities first, equals in order', async () => {
    const limiter = new Limiter({ concurrency: 1 });
    const order: string[] = [];
    const run = (name: string, priority: number) =>
      limiter.run(
        async () => {
          expect(limiter.active).toBe(1);
          order.push(name);
          await sleep(1);
        },
        { priority },
      );
    await Promise.all([run('first', 0), run('low', 1), run('high', 9), run('low2', 1)]);
    expect(order).toEqual(['first', 'high', 'low', 'low2']);
  });

  it('refuses beyond its queue, and frees the turn of one that gave up or failed', async () => {
    const limiter = new Limiter({ concurrency: 1, maxQueued: 1 });
    const controller = new AbortController();
    const running = limiter.run(() =>
      sleep(5).then(() => Promise.reject(new Error('work failed'))),
    );
    const waiting = limiter.run(() => Promise.resolve('never'), { signal: controller.signal });
    await expect(limiter.run(() => Promise.resolve())).rejects.toThrow(
      code(BaseErrorCode.QUEUE_FULL),
    );
    controller.abort();
    await expect(waiting).rejects.toThrow(code(BaseErrorCode.ABORTED));
    await expect(running).rejects.toThrow('work failed');
    expect(await limiter.run(() => Promise.resolve('next'))).toBe('next');
    expect(limiter.active).toBe(0);
  });
});

describe('SingleFlight', () => {
  it('runs once for all who ask, and again after that', async () => {
    const flights = new SingleFlight<string, number>();
    let runs = 0;
    const work = async () => {
      await sleep(1);
      return (runs += 1);
    };
    expect(await Promise.all([flights.do('k', work), flights.do('k', work)])).toEqual([1, 1]);
    expect(await flights.do('k', work)).toBe(2);
    expect(flights.size).toBe(0);
  });

  it('aborts the work only when everybody gave up, and a later caller begins anew', async () => {
    const flights = new SingleFlight<string, string>();
    const signals: AbortSignal[] = [];
    const work = async (signal: AbortSignal) => {
      signals.push(signal);
      await sleep(20, signal);
      return 'done';
    };
    const first = new AbortController();
    const second = new AbortController();
    const a = flights.do('k', work, first.signal);
    const b = flights.do('k', work, second.signal);
    first.abort();
    await expect(a).rejects.toThrow(code(BaseErrorCode.ABORTED));
    expect(signals[0]?.aborted).toBe(false);
    second.abort();
    await expect(b).rejects.toThrow(code(BaseErrorCode.ABORTED));
    expect(signals[0]?.aborted).toBe(true);
    expect(await flights.do('k', work)).toBe('done');
  });
});

describe('ByteLru', () => {
  it('never holds more than it may, and drops what was not used for longest', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(9), fc.nat(60))), (writes) => {
        const cache = new ByteLru<number, number>({ maxBytes: 100, maxItems: 4, sizeOf: (n) => n });
        for (const [key, size] of writes) {
          cache.set(key, size);
          expect(cache.bytes).toBeLessThanOrEqual(100);
          expect(cache.size).toBeLessThanOrEqual(4);
          expect(cache.get(key)).toBe(size);
        }
      }),
    );
    const cache = new ByteLru<string, number>({ maxBytes: 3, sizeOf: () => 1 });
    for (const key of ['a', 'b', 'c']) cache.set(key, 1);
    cache.get('a');
    cache.set('d', 1);
    expect([cache.get('a'), cache.get('b')]).toEqual([1, undefined]);
  });

  it('forgets what is too old and refuses what is too large', () => {
    let now = 0;
    const cache = new ByteLru<string, number>({
      maxBytes: 10,
      maxAgeMs: 5,
      sizeOf: (n) => n,
      clock: { now: () => now },
    });
    cache.set('k', 4);
    cache.set('large', 11);
    expect(cache.get('large')).toBeUndefined();
    now = 5;
    expect(cache.get('k')).toBeUndefined();
    expect(cache.bytes).toBe(0);
  });
});

describe('Watched', () => {
  it('wakes those whose predicate holds, and only then', async () => {
    const height = new Watched(1);
    const reached = height.until((value) => value >= 3);
    height.set(2);
    height.update((value) => value + 1);
    expect(await reached).toBe(3);
    const controller = new AbortController();
    const never = height.until((value) => value > 9, controller.signal);
    controller.abort();
    await expect(never).rejects.toThrow(code(BaseErrorCode.ABORTED));
  });

  it('gives a slow reader the newest value', async () => {
    const height = new Watched(1);
    const seen: number[] = [];
    for await (const value of height.changes()) {
      seen.push(value);
      if (value === 5) break;
      for (const next of [value + 1, 5]) height.set(next);
    }
    expect(seen).toEqual([1, 5]);
  });
});
