import { silentLogger, sleep, Watched, type Clock, type Logger } from '@runtime-bridge/base';
import { describe, expect, it } from 'vitest';
import { ChainClientError, ChainClientErrorCode } from '../errors.js';
import type { RpcEndpoint } from './endpoint.js';
import { JsonRpcClient } from './json-rpc-client.js';

/** A clock that is moved by hand. */
class HandClock implements Clock {
  ms = 1_000_000;
  now = () => this.ms;
  sleep = (ms: number, signal?: AbortSignal) => sleep(ms, signal);
}

class PaperEndpoint implements RpcEndpoint {
  readonly connected = new Watched(true);
  readonly lastError = undefined;
  constructor(readonly url: string) {}
  async start() {}
  async stop() {}
  async call() {
    return this.url;
  }
  async subscribe() {}
}

const A = 'ws://a.test';
const B = 'ws://b.test';

function clientOf(...urls: string[]) {
  const clock = new HandClock();
  const client = new JsonRpcClient(
    { name: 'relay', endpoints: urls },
    { logger: silentLogger, clock, openEndpoint: ({ url }) => new PaperEndpoint(url) },
  );
  return { client, clock };
}

/** Each second of some: what both say is final. */
function pass(
  { client, clock }: ReturnType<typeof clientOf>,
  seconds: number,
  heights: (second: number) => [a: number, b: number],
) {
  for (let second = 0; second < seconds; second += 1) {
    clock.ms += 1_000;
    const [a, b] = heights(second);
    client.noteHead(A, a);
    client.noteHead(B, b);
  }
}

describe('an endpoint', () => {
  it('that stands still while another goes on is left before 30 s, in the middle of work', async () => {
    const both = clientOf(A, B);
    pass(both, 10, (second) => [100 + second, 100 + second]);
    const used: string[] = [];
    const work = both.client.use(
      (rpc, signal) =>
        new Promise<string>((resolve, reject) => {
          used.push(rpc.url);
          if (rpc.url === B) resolve('done');
          signal?.addEventListener('abort', () => reject(new Error('gone')), { once: true });
        }),
      { leaveWhenBehind: true },
    );
    pass(both, 14, (second) => [109, 110 + second]);
    expect(used).toEqual([A]);
    pass(both, 4, (second) => [109, 124 + second]);
    expect(await work).toBe('done');
    expect(used).toEqual([A, B]);
    expect(both.client.endpoints[0]).toMatchObject({ headHeight: 109 });
    expect(both.client.endpoints[0]!.lagMs).toBeLessThan(30_000);
  });

  it('that is always a block later is not left', () => {
    const both = clientOf(A, B);
    pass(both, 120, (second) => [100 + Math.floor((second - 5) / 6), 100 + Math.floor(second / 6)]);
    expect(both.client.usable.map(({ url }) => url)).toEqual([A, B]);
  });

  it('that lags is asked when no other can be', () => {
    const both = clientOf(A, B);
    pass(both, 40, (second) => [100, 100 + second]);
    expect(both.client.usable.map(({ url }) => url)).toEqual([B, A]);
    both.client.blame(B, 'failure', new Error('gone'));
    expect(both.client.usable.map(({ url }) => url)).toEqual([A]);
  });

  it('that claims a height it does not deliver loses its word until it proves something', async () => {
    const both = clientOf(A, B);
    pass(both, 20, (second) => [100 + second, 9_000_000]);
    expect(both.client.usable[0]!.url).toBe(B);
    both.client.blame(B, 'stalled', new Error('nothing came'));
    expect(both.client.isTrusted(B)).toBe(false);
    pass(both, 20, (second) => [120 + second, 9_000_000]);
    expect(both.client.usable[0]!.url).toBe(A);
    expect(both.client.endpoints[0]!.lagMs).toBe(0);
    both.client.praise(B);
    expect(both.client.isTrusted(B)).toBe(true);
  });

  it('that was doubted is heard again when the other one stands still', () => {
    const both = clientOf(A, B);
    pass(both, 10, (second) => [100 + second, 100 + second]);
    both.client.blame(B, 'lie', new Error('once, long ago'));
    pass(both, 200, (second) => [110 + second, 110 + second]);
    expect(both.client.isTrusted(B)).toBe(false);
    expect(both.client.usable.map(({ url }) => url)).toEqual([A, B]);
    pass(both, 29, (second) => [309, 310 + second]);
    expect(both.client.usable.map(({ url }) => url)).toEqual([A, B]);
    pass(both, 3, (second) => [309, 340 + second]);
    expect(both.client.isTrusted(B)).toBe(true);
    expect(both.client.usable.map(({ url }) => url)).toEqual([B, A]);
  });

  it('that was doubted is heard again in time when the other one goes on, but far behind', () => {
    const both = clientOf(A, B);
    pass(both, 10, (second) => [100 + second, 200 + second]);
    both.client.blame(B, 'lie', new Error('once, long ago'));
    pass(both, 290, (second) => [110 + second, 210 + second]);
    expect(both.client.usable.map(({ url }) => url)).toEqual([A, B]);
    pass(both, 20, (second) => [400 + second, 500 + second]);
    expect(both.client.usable.map(({ url }) => url)).toEqual([B, A]);
  });

  it('that is doubted is heard while all are', () => {
    const both = clientOf(A, B);
    pass(both, 10, (second) => [100 + second, 100 + second]);
    for (const url of [A, B]) both.client.blame(url, 'stalled', new Error('nothing came'));
    expect([A, B].map((url) => both.client.isTrusted(url))).toEqual([true, true]);
  });

  it('that does not say what is final in time counts as slow', () => {
    const { client } = clientOf(A, B);
    client.noteHead(A, 5, 30);
    client.noteHead(B, 5, 30);
    for (const _ of [1, 2, 3]) client.noteSilence(A, 10_000);
    client.review();
    expect(client.usable.map(({ url }) => url)).toEqual([B, A]);
  });

  it('that is much slower than another comes after it', () => {
    const { client } = clientOf(A, B);
    client.noteHead(A, 5, 9_000);
    client.noteHead(B, 5, 30);
    expect(client.usable.map(({ url }) => url)).toEqual([B, A]);
  });

  it('alone is never left', async () => {
    const { client, clock } = clientOf(A);
    client.noteHead(A, 5, 60_000);
    clock.ms += 3_600_000;
    client.review();
    expect(client.usable.map(({ url }) => url)).toEqual([A]);
  });

  it('left says so when there is no other', async () => {
    const both = clientOf(A, B);
    const work = both.client.use(
      (rpc, signal) =>
        rpc.url === B
          ? Promise.reject(
              new ChainClientError(ChainClientErrorCode.RPC_ERROR, 'no', { facts: {} }),
            )
          : new Promise((_, reject) =>
              signal?.addEventListener('abort', () => reject(new Error('gone')), { once: true }),
            ),
      { leaveWhenBehind: true },
    );
    pass(both, 20, (second) => [100, 100 + second]);
    await expect(work).rejects.toMatchObject({ code: ChainClientErrorCode.RPC_ERROR });
  });

  it('that is preferred takes over when it comes, and gives back when it goes', async () => {
    const peer = new PaperEndpoint('prb://peer');
    peer.connected.set(false);
    const clock = new HandClock();
    const client = new JsonRpcClient(
      { name: 'relay', endpoints: [A] },
      {
        logger: silentLogger,
        clock,
        preferred: [peer],
        openEndpoint: ({ url }) => new PaperEndpoint(url),
      },
    );
    await client.start();
    const used: string[] = [];
    const end = new AbortController();
    const work = client.use(
      (rpc, signal) =>
        new Promise<void>((resolve, reject) => {
          used.push(rpc.url);
          if (used.length === 3) resolve();
          const gone = new ChainClientError(ChainClientErrorCode.NOT_CONNECTED, 'gone');
          if (rpc.url !== A) peer.connected.subscribe(() => reject(gone));
          signal?.addEventListener('abort', () => reject(new Error('left')), { once: true });
        }),
      { leaveWhenBehind: true, signal: end.signal },
    );
    expect(used).toEqual([A]);
    // It has less than the node, and has had for long.
    client.noteHead(A, 9_000);
    client.noteHead('prb://peer', 5_000);
    clock.ms += 60_000;
    peer.connected.set(true);
    await expect.poll(() => used).toEqual([A, 'prb://peer']);
    expect(client.endpoints[1]).toMatchObject({ failures: 0, setAsideUntilMs: 0 });
    peer.connected.set(false);
    await work;
    expect(used).toEqual([A, 'prb://peer', A]);
    await client.stop();
  });

  it('that is preferred is asked although its head stands still far below that of nodes', async () => {
    const clock = new HandClock();
    const client = new JsonRpcClient(
      { name: 'relay', endpoints: [A] },
      {
        logger: silentLogger,
        clock,
        preferred: [new PaperEndpoint(B)],
        openEndpoint: ({ url }) => new PaperEndpoint(url),
      },
    );
    const used: string[] = [];
    const end = new AbortController();
    const work = client.use(
      (rpc, signal) =>
        new Promise<void>((_, reject) => {
          used.push(rpc.url);
          signal?.addEventListener('abort', () => reject(new Error('left')), { once: true });
        }),
      { leaveWhenBehind: true, signal: end.signal },
    );
    pass({ client, clock }, 60, (second) => [9_000 + second, 5_000]);
    expect(client.usable.map(({ url }) => url)).toEqual([B, A]);
    end.abort();
    await expect(work).rejects.toThrow('left');
    expect(used).toEqual([B]);
  });
});

describe('the endpoint chosen for work that goes on for long', () => {
  /** Endpoints to choose from, and the choice as it goes on from one to the next. */
  const choosing = (...urls: string[]) => {
    const endpoints = urls.map((url) => new PaperEndpoint(url));
    const clock = new HandClock();
    const client = new JsonRpcClient(
      { name: 'para', endpoints: urls },
      {
        logger: silentLogger,
        clock,
        openEndpoint: ({ url }) => endpoints.find((endpoint) => endpoint.url === url)!,
      },
    );
    let current: RpcEndpoint | undefined;
    const choice = () => (current = client.choose(current))?.url;
    return { client, clock, endpoints, choice };
  };

  it('is left when it stands still while another goes on, and not returned to', () => {
    const both = choosing(A, B);
    expect(both.choice()).toBe(A);
    pass(both, 10, (second) => [100 + second, 100 + second]);
    pass(both, 14, (second) => [109, 110 + second]);
    expect(both.choice()).toBe(A);
    pass(both, 4, (second) => [109, 124 + second]);
    expect(both.choice()).toBe(B);
    pass(both, 60, (second) => [128 + second, 128 + second]);
    expect(both.client.usable.map(({ url }) => url)).toEqual([A, B]);
    expect(both.choice()).toBe(B);
  });

  it.each(['lie', 'failure', 'stalled'] as const)('is left for a %s', (fault) => {
    const { client, choice } = choosing(A, B);
    expect(choice()).toBe(A);
    client.blame(A, fault, new Error('seen'));
    expect(choice()).toBe(B);
  });

  it('is kept, whatever is held against it, while there is no other', () => {
    const { client, clock, endpoints, choice } = choosing(A, B);
    for (const url of [A, B]) client.blame(url, 'failure', new Error('seen'));
    expect(choice()).toBe(A);
    endpoints[0]!.connected.set(false);
    expect(choice()).toBe(B);
    endpoints[0]!.connected.set(true);
    expect(choice()).toBe(B);
    client.blame(B, 'lie', new Error('seen'));
    clock.ms += 1_000;
    expect(choice()).toBe(A);
    for (const endpoint of endpoints) endpoint.connected.set(false);
    expect(choice()).toBeUndefined();
  });

  it('is never one that has not been admitted, and whoever chooses hears of it when it is', async () => {
    const { client, endpoints, choice } = choosing(A, B);
    const passes = new Map<string, () => void>();
    client.admitOnly((rpc) => new Promise((resolve) => passes.set(rpc.url, resolve)));
    expect(choice()).toBeUndefined();
    const heard: (string | undefined)[] = [];
    const stop = client.onReview(() => heard.push(choice()));
    await expect.poll(() => passes.size).toBe(2);
    passes.get(B)!();
    await expect.poll(() => heard.at(-1)).toBe(B);
    // The only one that is connected has not been admitted.
    endpoints[1]!.connected.set(false);
    expect(choice()).toBeUndefined();
    stop();
    for (const admit of passes.values()) admit();
    await client.stop();
  });
});

describe('that an endpoint does not deliver', () => {
  const clientWith = (...urls: string[]) => {
    const clock = new HandClock();
    const warned: string[] = [];
    const logger: Logger = {
      ...silentLogger,
      child: () => logger,
      warn: (_message, facts) => void warned.push(String(facts?.['endpoint'])),
    };
    const client = new JsonRpcClient(
      { name: 'relay', endpoints: urls },
      { logger, clock, openEndpoint: ({ url }) => new PaperEndpoint(url) },
    );
    return { client, clock, warned };
  };
  const overloaded = new ChainClientError(ChainClientErrorCode.RPC_ERROR, 'Overloaded');
  const unknown = new ChainClientError(ChainClientErrorCode.BLOCK_UNKNOWN, 'Not here yet');

  it('is said once a minute where there is another', () => {
    const { client, clock, warned } = clientWith(A, B);
    client.blame(A, 'failure', overloaded);
    client.blame(A, 'failure', overloaded);
    client.blame(B, 'failure', unknown);
    expect(warned).toEqual([A]);
    client.blame(B, 'failure', overloaded);
    clock.ms += 61_000;
    client.blame(A, 'failure', overloaded);
    expect(warned).toEqual([A, B, A]);
  });

  it('is left to those who cannot go on where there is none', () => {
    const { client, warned } = clientWith(A);
    client.blame(A, 'failure', overloaded);
    expect(warned).toEqual([]);
  });
});
