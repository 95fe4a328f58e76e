import {
  BaseErrorCode,
  silentLogger,
  systemClock,
  Watched,
  type BridgeError,
} from '@runtime-bridge/base';
import { afterEach, describe, expect, it } from 'vitest';
import { ChainClientError, ChainClientErrorCode } from '../errors.js';
import type { RpcEndpoint } from './endpoint.js';
import { parseEndpoints } from './endpoint-list.js';
import type { JsonRpcClientOptions } from './client-options.js';
import { JsonRpcClient } from './json-rpc-client.js';
import { ScriptedNode, type Script } from './scripted-node.test.support.js';

const clients: JsonRpcClient[] = [];
const nodes: ScriptedNode[] = [];

async function node(script: Script): Promise<ScriptedNode> {
  const one = new ScriptedNode(script);
  nodes.push(one);
  await one.start();
  return one;
}

async function client(
  endpoints: readonly (ScriptedNode | string)[],
  options: Partial<JsonRpcClientOptions> = {},
): Promise<JsonRpcClient> {
  const one = new JsonRpcClient(
    {
      name: 'relay',
      endpoints: endpoints.map((entry) => (typeof entry === 'string' ? entry : entry.url)),
      reconnectMinMs: 10,
      reconnectMaxMs: 50,
      ...options,
    },
    { logger: silentLogger },
  );
  clients.push(one);
  await one.start();
  return one;
}

const connected = (one: JsonRpcClient, count: number) =>
  expect.poll(() => one.endpoints.filter((endpoint) => endpoint.connected).length).toBe(count);

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'no error',
    (error: BridgeError) => error.code,
  );

afterEach(async () => {
  await Promise.all(clients.splice(0).map((one) => one.stop()));
  await Promise.all(nodes.splice(0).map((one) => one.stop()));
});

const echo: Script = ({ method, params, reply }) => reply([method, params]);

describe('calls', () => {
  it('are answered, out of order too', async () => {
    const held: (() => void)[] = [];
    const one = await client([
      await node(({ params, reply }) => {
        held.push(() => reply(params[0]));
        if (held.length === 3) held.reverse().forEach((release) => release());
      }),
    ]);
    expect(await Promise.all([1, 2, 3].map((value) => one.call('m', [value])))).toEqual([1, 2, 3]);
  });

  it.each([
    ['an error', -32000, 'State discarded', ChainClientErrorCode.RPC_ERROR],
    ['a missing method', -32601, 'Method not found', ChainClientErrorCode.METHOD_UNAVAILABLE],
    [
      'an unsafe method',
      -32000,
      'RPC call is unsafe to be called externally',
      ChainClientErrorCode.METHOD_UNAVAILABLE,
    ],
    [
      'the unavailable one of 2022',
      10000,
      'This RPC is unavailable. Please restart with archive',
      ChainClientErrorCode.METHOD_UNAVAILABLE,
    ],
    ['a too large one', -32702, 'Response is too big', ChainClientErrorCode.RESPONSE_TOO_LARGE],
  ])('tell of %s by its code, with method and endpoint', async (_what, code, message, expected) => {
    const server = await node(({ fail }) => fail(code, message));
    const one = await client([server]);
    const error: unknown = await one.call('state_getPairs', []).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ChainClientError);
    expect(error).toMatchObject({
      code: expected,
      facts: { endpoint: server.url, method: 'state_getPairs', rpcCode: code },
    });
  });

  it('end at their deadline', async () => {
    const one = await client([await node(() => {})]);
    await connected(one, 1);
    expect(await codeOf(one.call('m', [], { timeoutMs: 30 }))).toBe(
      ChainClientErrorCode.CALL_TIMEOUT,
    );
  });

  it('end with their signal, also before there is a connection', async () => {
    const one = await client([await node(() => {}), 'ws://127.0.0.1:1']);
    const waiting = new AbortController();
    const early = codeOf(
      (await client(['ws://127.0.0.1:1'])).call('m', [], { signal: waiting.signal }),
    );
    const under = codeOf(one.call('m', [], { signal: waiting.signal }));
    await connected(one, 1);
    waiting.abort();
    expect(await early).toBe(BaseErrorCode.ABORTED);
    expect(await under).toBe(BaseErrorCode.ABORTED);
  });

  it('go to a node only so many at once', async () => {
    let open = 0;
    let most = 0;
    const server = await node(({ reply }) => {
      open += 1;
      most = Math.max(most, open);
      setTimeout(() => {
        open -= 1;
        reply(0);
      }, 5);
    });
    const one = await client([server], { maxInFlight: 4 });
    await Promise.all(Array.from({ length: 40 }, () => one.call('m', [])));
    expect(most).toBe(4);
  });

  it('fail when the answer is above the limit, and others go on', async () => {
    const server = await node(({ method, reply }) =>
      reply(method === 'big' ? 'x'.repeat(20_000) : 'small'),
    );
    const one = await client([server], { maxResponseBytes: 10_000 });
    expect(await codeOf(one.call('big', []))).toBe(ChainClientErrorCode.RESPONSE_TOO_LARGE);
    expect(await one.call('small', [])).toBe('small');
    expect(server.connections).toBe(2);
  });

  it('fail when the node sends something else than JSON', async () => {
    const one = await client([await node(({ socket }) => socket.send('hello'))]);
    expect(await codeOf(one.call('m', []))).toBe(ChainClientErrorCode.BAD_RESPONSE);
  });

  it('fail when the connection goes, and it is made again', async () => {
    let drop = true;
    const server = await node((call) => {
      if (drop) call.socket.terminate();
      else echo(call);
      drop = false;
    });
    const one = await client([server]);
    expect(await codeOf(one.call('m', []))).toBe(ChainClientErrorCode.DISCONNECTED);
    expect(await one.call('m', [7])).toEqual(['m', [7]]);
  });

  it('end when the client is stopped', async () => {
    const one = await client([await node(() => {})]);
    await connected(one, 1);
    const calls = [codeOf(one.call('m', [])), codeOf(one.call('m', []))];
    await new Promise((resolve) => setTimeout(resolve, 20));
    await one.stop();
    for (const code of await Promise.all(calls)) expect(code).toBe(BaseErrorCode.ABORTED);
    expect(await codeOf(one.call('m', []))).toBe(ChainClientErrorCode.CLOSED);
  });

  it('drop a connection on which nothing is heard', async () => {
    const server = await node(({ socket }) => socket.pause());
    const one = await client([server], { heartbeatMs: 40 });
    expect(await codeOf(one.call('m', []))).toBe(ChainClientErrorCode.DISCONNECTED);
    await expect.poll(() => server.connections).toBeGreaterThan(1);
  });

  it('wait for a node that is not there yet', async () => {
    const server = await node(echo);
    await server.stop();
    const one = await client([server]);
    const answer = one.call('m', [1]);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await server.start();
    expect(await answer).toEqual(['m', [1]]);
  });
});

describe('several endpoints', () => {
  it('are asked in turn when one fails, and the first again later', async () => {
    let isBad = true;
    const first = await node((call) =>
      isBad ? call.fail(1, 'State discarded') : call.reply('first'),
    );
    const second = await node(({ reply }) => reply('second'));
    const one = await client([first, second]);
    await connected(one, 2);
    expect(await one.call('m', [])).toBe('second');
    expect(one.endpoints[0]).toMatchObject({ failures: 1, lies: 0 });
    isBad = false;
    await expect.poll(() => one.call('m', []), { timeout: 3_000 }).toBe('first');
  });

  it('are asked for a whole piece of work each', async () => {
    const first = await node(({ method, reply, fail }) =>
      method === 'a' ? reply('a1') : fail(1, 'no'),
    );
    const second = await node(({ method, reply }) => reply(`${method}2`));
    const one = await client([first, second]);
    await connected(one, 2);
    const both = await one.use(async (rpc) => [await rpc.call('a', []), await rpc.call('b', [])]);
    expect(both).toEqual(['a2', 'b2']);
  });

  it('are set aside for long when they lie, and named', async () => {
    const first = await node(({ reply }) => reply('lie'));
    const second = await node(({ reply }) => reply('truth'));
    const one = await client([first, second]);
    await connected(one, 2);
    class Lie extends Error {}
    const ask = () =>
      one.use(
        async (rpc) => {
          const answer = await rpc.call('m', []);
          if (answer === 'lie') throw new Lie('does not add up');
          return answer;
        },
        { faultOf: (error) => (error instanceof Lie ? 'lie' : undefined) },
      );
    expect(await ask()).toBe('truth');
    const [status] = one.endpoints;
    expect(status).toMatchObject({ url: first.url, lies: 1, reason: 'does not add up' });
    expect(status!.setAsideUntilMs - Date.now()).toBeGreaterThan(10_000);
    expect(await one.call('m', [])).toBe('truth');
    expect(first.calls).toHaveLength(1);
  });

  it('leave an error alone that says nothing of them', async () => {
    const first = await node(echo);
    const one = await client([first, await node(echo)]);
    await connected(one, 2);
    await expect(one.use(() => Promise.reject(new Error('disk full')))).rejects.toThrow(
      'disk full',
    );
    expect(one.endpoints[0]).toMatchObject({ failures: 0, lies: 0, setAsideUntilMs: 0 });
  });

  it('give a second opinion', async () => {
    const [first, second] = [await node(echo), await node(echo)];
    const one = await client([first, second]);
    await connected(one, 2);
    expect(one.beside(first.url)?.url).toBe(second.url);
    expect((await client([first])).beside(first.url)).toBeUndefined();
  });
});

describe('subscriptions', () => {
  const subscribable: Script = ({ method, reply, params, socket }) => {
    if (method === 'sub') {
      // The first notification may come in the same packet as the answer.
      reply('s1');
      socket.send(JSON.stringify({ method: 'x', params: { subscription: 's1', result: 'first' } }));
    } else reply([method, params]);
  };
  const request = { method: 'sub', unsubscribe: 'unsub' };

  it('hand on what comes, go on after a lost connection, and are ended', async () => {
    const server = await node(subscribable);
    const one = await client([server]);
    await connected(one, 1);
    const items: unknown[] = [];
    const stop = new AbortController();
    const following = one.follow(request, (item) => items.push(item), {
      signal: stop.signal,
      retryMs: 10,
    });
    await expect.poll(() => items).toEqual(['first']);
    server.notify('s1', 'second');
    server.notify('other', 'not mine');
    await expect.poll(() => items).toEqual(['first', 'second']);
    server.dropAll();
    await expect.poll(() => items).toEqual(['first', 'second', 'first']);
    stop.abort();
    await following;
    await expect.poll(() => server.calls).toContain('unsub');
    server.notify('s1', 'late');
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(items).toHaveLength(3);
  });

  it('are had of every endpoint that offers them, but not of a liar', async () => {
    const refusing = await node(({ fail }) => fail(-32601, 'Method not found'));
    const first = await node(subscribable);
    const second = await node(subscribable);
    const one = await client([refusing, first, second]);
    const from: string[] = [];
    const stop = new AbortController();
    // From the first connection on, however long a refused one would be waited for.
    const following = one.follow(request, (_item, url) => from.push(url), {
      signal: stop.signal,
      retryMs: 600_000,
    });
    await expect.poll(() => [...from].sort()).toEqual([first.url, second.url].sort());
    one.blame(first.url, 'lie', new Error('found out later'));
    await expect.poll(() => first.calls).toContain('unsub');
    expect(second.calls).not.toContain('unsub');
    stop.abort();
    await following;
  });
});

describe('endpoints that have to pass a check', () => {
  it('are asked when they did, and set aside and named when they did not', async () => {
    const wrong = await node(({ reply }) => reply('other'));
    const right = await node(({ reply }) => reply('ours'));
    const one = await client([wrong, right]);
    const check = async (rpc: { call: (method: string, params: []) => Promise<unknown> }) => {
      const chain = await rpc.call('chain', []);
      if (chain !== 'ours') {
        throw new ChainClientError(ChainClientErrorCode.BAD_RESPONSE, `of ${String(chain)}`);
      }
    };
    one.admitOnly(check);
    expect(await one.call('m', [])).toBe('ours');
    await expect.poll(() => one.endpoints[0]!.lies).toBe(1);
    expect(one.endpoints[0]!.reason).toBe('of other');
    // At each connection anew: it may be another node by then.
    right.script = ({ reply }) => reply('other');
    right.dropAll();
    await expect.poll(() => one.endpoints[1]!.lies).toBe(1);
    expect(one.usable).toEqual([]);
  });
});

describe('long work', () => {
  const subscribable: Script = ({ method, reply, socket }) => {
    reply(method === 'sub' ? 's1' : null);
    if (method === 'sub')
      socket.send(JSON.stringify({ method: 'x', params: { subscription: 's1', result: 'item' } }));
  };

  it('leaves an endpoint that lies elsewhere, while what is checked is still heard of it', async () => {
    const [first, second] = [await node(subscribable), await node(subscribable)];
    const one = await client([first, second]);
    await connected(one, 2);
    const from: string[] = [];
    const stop = new AbortController();
    const following = one.follow(
      { method: 'sub', unsubscribe: 'unsub' },
      (_item, url) => from.push(url),
      { signal: stop.signal, isChecked: true },
    );
    await expect.poll(() => [...from].sort()).toEqual([first.url, second.url].sort());
    const at: string[] = [];
    let fail = (_error: Error) => {};
    const done = one.use(
      (rpc, signal) => {
        at.push(rpc.url);
        return new Promise((_resolve, reject) => {
          fail = reject;
          signal?.addEventListener('abort', () => reject(signal.reason as Error));
        });
      },
      { leaveWhenBehind: true, faultOf: () => 'failure' },
    );
    one.blame(first.url, 'lie', new Error('wrong head'));
    await expect.poll(() => at).toEqual([first.url, second.url]);
    // There is nobody else to go to: what it serves is checked anyhow.
    one.blame(second.url, 'lie', new Error('wrong head'));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(at).toEqual([first.url, second.url]);
    expect(one.endpoints.map(({ lies }) => lies)).toEqual([1, 1]);
    expect([...first.calls, ...second.calls]).not.toContain('unsub');
    fail(new Error('the end'));
    await expect(done).rejects.toThrow('the end');
    stop.abort();
    await following;
  });
});

describe('waiting for set-aside endpoints', () => {
  it('asks again as soon as the time is over', async () => {
    let failures = 0;
    const endpoint: RpcEndpoint = {
      url: 'ws://one.test',
      connected: new Watched(true),
      lastError: undefined,
      start: async () => {},
      stop: async () => {},
      subscribe: async () => {},
      call: async () => {
        failures += 1;
        if (failures > 3) return 'at last';
        throw new ChainClientError(ChainClientErrorCode.RPC_ERROR, 'busy');
      },
    };
    const one = new JsonRpcClient(
      { name: 'relay', endpoints: [endpoint.url] },
      { logger: silentLogger, clock: systemClock, openEndpoint: () => endpoint },
    );
    clients.push(one);
    await one.start();
    for (let attempt = 0; attempt < 3; attempt += 1) {
      expect(await codeOf(one.call('m', []))).toBe(ChainClientErrorCode.RPC_ERROR);
    }
    expect(await one.call('m', [])).toBe('at last');
  });
});

describe('parseEndpoints', () => {
  it('splits lists and drops blanks', () => {
    expect(parseEndpoints(' ws://a:9944 , wss://b ,')).toEqual(['ws://a:9944', 'wss://b']);
  });

  it.each(['', 'http://a', 'a:9944', 'ws://a,nonsense'])('refuses %j', (list) => {
    let code = 'no error';
    try {
      parseEndpoints(list);
    } catch (error) {
      code = (error as ChainClientError).code;
    }
    expect(code).toBe(ChainClientErrorCode.BAD_ENDPOINT);
  });
});
