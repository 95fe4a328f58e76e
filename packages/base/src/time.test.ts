import { describe, expect, it } from 'vitest';
import { Backoff, BaseErrorCode, retry, sleep, withTimeout } from './index.js';

const code = (expected: string) => expect.objectContaining({ code: expected }) as Error;

describe('sleep', () => {
  it('ends at once with its signal, aborted before or during', async () => {
    const controller = new AbortController();
    const during = sleep(60_000, controller.signal);
    controller.abort();
    await expect(during).rejects.toThrow(code(BaseErrorCode.ABORTED));
    await expect(sleep(60_000, controller.signal)).rejects.toThrow(code(BaseErrorCode.ABORTED));
  });
});

describe('withTimeout', () => {
  it('names the work, aborts it and settles even if the work does not heed that', async () => {
    let inner: AbortSignal | undefined;
    const late = withTimeout(5, 'a blob', (signal) => {
      inner = signal;
      return new Promise<never>(() => {});
    });
    await expect(late).rejects.toMatchObject({
      code: BaseErrorCode.TIMEOUT,
      facts: { what: 'a blob', timeoutMs: 5 },
    });
    expect(inner?.aborted).toBe(true);
  });

  it('passes on results, errors and the caller’s own abort', async () => {
    expect(await withTimeout(1000, 'x', () => Promise.resolve(7))).toBe(7);
    await expect(withTimeout(1000, 'x', () => Promise.reject(new Error('no')))).rejects.toThrow(
      'no',
    );
    const controller = new AbortController();
    const waiting = withTimeout(1000, 'x', (signal) => sleep(500, signal), controller.signal);
    controller.abort();
    await expect(waiting).rejects.toThrow(code(BaseErrorCode.ABORTED));
  });
});

describe('retry', () => {
  const quick = { minDelayMs: 1, maxDelayMs: 2 };

  it('tries so often and no more, and throws the last error', async () => {
    const seen: number[] = [];
    const failing = retry(
      (attempt) => {
        seen.push(attempt);
        return Promise.reject(new Error(`failure ${attempt}`));
      },
      { ...quick, attempts: 3 },
    );
    await expect(failing).rejects.toThrow('failure 3');
    expect(seen).toEqual([1, 2, 3]);
  });

  it('does not repeat what is not worth it', async () => {
    let tries = 0;
    const hopeless = retry(() => Promise.reject(new Error(String((tries += 1)))), {
      ...quick,
      shouldRetry: () => false,
    });
    await expect(hopeless).rejects.toThrow('1');
  });

  it('ends with its signal while waiting', async () => {
    const controller = new AbortController();
    const waiting = retry(() => Promise.reject(new Error('again')), {
      minDelayMs: 60_000,
      maxDelayMs: 60_000,
      signal: controller.signal,
      onRetry: () => controller.abort(),
    });
    await expect(waiting).rejects.toThrow(code(BaseErrorCode.ABORTED));
  });
});

describe('Backoff', () => {
  it('grows to its bound and begins again', () => {
    const backoff = new Backoff({ minMs: 100, maxMs: 1000, jitter: 0 });
    expect([1, 2, 3, 4, 5].map(() => backoff.next())).toEqual([100, 200, 400, 800, 1000]);
    backoff.reset();
    expect(backoff.next()).toBe(100);
  });

  it('spreads delays over the jitter', () => {
    const low = new Backoff({ minMs: 100, maxMs: 100, jitter: 0.5, random: () => 0 });
    const high = new Backoff({ minMs: 100, maxMs: 100, jitter: 0.5, random: () => 1 });
    expect([low.next(), high.next()]).toEqual([50, 100]);
  });
});
