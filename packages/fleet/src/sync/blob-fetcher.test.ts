import { silentLogger, silentMetrics } from '@runtime-bridge/base';
import { beforeEach, describe, expect, it } from 'vitest';

import type { ProviderView } from '../runner/messages.js';
import { BlobFetcher, type BlobFetcherOptions } from './blob-fetcher.js';

type Answer = Uint8Array | undefined | 'fail' | 'hang';
let answers: Record<string, (key: string) => Answer>;
let asked: string[];
let closed: string[];
let nowMs: number;

const view = (peerId: string, over: Partial<ProviderView> = {}): ProviderView => ({
  peerId,
  host: peerId,
  port: 1,
  paraId: 1,
  relayTarget: 10,
  relayHeight: 10,
  paraTarget: 10,
  paraHeight: 10,
  ...over,
});
const bytes = (...values: number[]) => Uint8Array.from(values);

function fetcher(peers: string[], over: Partial<BlobFetcherOptions> = {}): BlobFetcher {
  const made = new BlobFetcher(
    {
      concurrency: 4,
      requestTimeoutMs: 100,
      cacheMaxItems: 10,
      cacheMaxBytes: 10,
      cacheMaxAgeMs: 1_000,
      ...over,
    },
    {
      connect: ({ peerId }) => ({
        get: async (key, { signal }) => {
          asked.push(`${peerId} ${key}`);
          const answer = answers[peerId]?.(key);
          if (answer === 'hang')
            await new Promise((_resolve, reject) => signal.addEventListener('abort', reject));
          if (answer === 'fail') throw new Error('connection refused');
          await Promise.resolve();
          return answer as Uint8Array | undefined;
        },
        close: async () => {
          closed.push(peerId);
        },
      }),
      logger: silentLogger,
      metrics: silentMetrics,
      clock: { now: () => nowMs, sleep: () => Promise.resolve() },
      random: () => 0,
    },
  );
  made.setProviders(peers.map((peer) => view(peer)));
  return made;
}

beforeEach(() => {
  answers = {};
  asked = [];
  closed = [];
  nowMs = 0;
});
const { signal } = new AbortController();

describe('BlobFetcher', () => {
  it('asks the next provider at once when one fails or lacks the blob, and lets the failed one rest', async () => {
    answers = { a: () => 'fail', b: () => undefined, c: () => bytes(1) };
    const blobs = fetcher(['a', 'b', 'c']);
    expect(await blobs.get('k', { signal })).toEqual({ bytes: bytes(1), from: 'c' });
    expect(asked).toEqual(['a k', 'b k', 'c k']);
    asked = [];
    await blobs.get('l', { signal });
    expect(asked).toEqual(['b l', 'c l']);
    nowMs = 60_000;
    asked = [];
    await blobs.get('m', { signal });
    expect(asked[0]).toBe('a m');
  });

  it('tells "nobody has it" from "nobody can be reached"', async () => {
    answers = { a: () => undefined, b: () => 'fail' };
    expect(await fetcher(['a', 'b']).get('k', { signal })).toBeUndefined();
    await expect(fetcher(['b']).get('k', { signal })).rejects.toMatchObject({
      code: 'BLOB_UNAVAILABLE',
    });
    await expect(fetcher([]).get('k', { signal })).rejects.toMatchObject({
      code: 'BLOB_UNAVAILABLE',
    });
  });

  it('fetches once for all who ask at the same time, and then from the cache', async () => {
    answers = { a: () => bytes(1, 2) };
    const blobs = fetcher(['a']);
    const all = await Promise.all([1, 2, 3].map(() => blobs.get('k', { signal })));
    expect(new Set(all.map((blob) => blob?.bytes)).size).toBe(1);
    await blobs.get('k', { signal });
    expect(asked).toHaveLength(1);
    await blobs.get('k', { signal, cache: false });
    expect(asked).toHaveLength(2);
  });

  it('does not let one who gives up spoil it for the others', async () => {
    answers = { a: () => bytes(1) };
    const blobs = fetcher(['a']);
    const leaving = new AbortController();
    const left = blobs.get('k', { signal: leaving.signal });
    const stays = blobs.get('k', { signal });
    leaving.abort();
    await expect(left).rejects.toMatchObject({ code: 'ABORTED' });
    expect((await stays)?.from).toBe('a');
  });

  it('keeps no more bytes and no older ones than it may', async () => {
    answers = { a: () => bytes(1, 2, 3, 4) };
    const blobs = fetcher(['a']);
    for (const key of ['k', 'l', 'm']) await blobs.get(key, { signal });
    asked = [];
    await blobs.get('m', { signal });
    expect(asked).toEqual([]);
    await blobs.get('k', { signal });
    expect(asked).toEqual(['a k']);
    nowMs = 2_000;
    asked = [];
    await blobs.get('m', { signal });
    expect(asked).toEqual(['a m']);
  });

  it('fetches what was refused anew, from another provider', async () => {
    answers = { a: () => bytes(1), b: () => bytes(2) };
    const blobs = fetcher(['a', 'b']);
    const first = await blobs.get('k', { signal });
    blobs.refuse(['k'], first!.from);
    expect((await blobs.get('k', { signal }))?.from).not.toBe(first!.from);
  });

  it('prefers the provider that gave the index, then those that are far enough', async () => {
    answers = { a: () => bytes(1), b: () => bytes(2), c: () => bytes(3) };
    const blobs = fetcher(['a', 'b', 'c']);
    expect((await blobs.get('k', { signal, from: 'c' }))?.from).toBe('c');
    blobs.setProviders([view('a', { relayHeight: 1 }), view('b'), view('c')]);
    const serves = (provider: ProviderView) => provider.relayHeight >= 5;
    expect((await blobs.get('l', { signal, serves }))?.from).toBe('b');
  });

  it('closes connections to providers that are gone or have moved', async () => {
    const blobs = fetcher(['a', 'b']);
    blobs.setProviders([view('b', { port: 2 })]);
    await Promise.resolve();
    expect(closed.sort()).toEqual(['a', 'b']);
  });
});
