import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { audit, compare } from './audit.js';
import type { ChainReader, MessageCount, WorkerOnChain } from './chain-reader.js';
import { parseExpectation } from './expectation.js';

const KEY = 'aa'.repeat(32);
const asAsked: WorkerOnChain = {
  score: 900,
  poolId: 1n,
  sessionState: 'WorkerIdle',
  stake: 10n,
  ingress: 2n,
};
const expected = { endpoint: 'http://w', poolId: 1n, stake: 10n };
const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** A worker that says where it stands. */
async function worker(info: () => object): Promise<string> {
  const server = createServer((_request, response) => {
    response.end(JSON.stringify({ status: 'ok', payload: JSON.stringify(info()) }));
  }).listen(0, '127.0.0.1');
  servers.push(server);
  await new Promise((resolve) => server.once('listening', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Chains that grow by a block each time they are asked. */
function chains(onChain: () => WorkerOnChain, messages: MessageCount): ChainReader {
  let height = 10;
  const first = new Map([[KEY, messages]]);
  return {
    paraFinalized: () => Promise.resolve({ number: (height += 1), hash: '0x' }),
    relayFinalized: () => Promise.resolve(2 * height),
    worker: () => Promise.resolve(onChain()),
    messagesIn: (from: number) => Promise.resolve(from === 1 ? first : new Map()),
    height: () => height,
  } as unknown as ChainReader;
}

const options = { holdBlocks: 3, timeoutMs: 2000, allowedLag: 3, pollMs: 1 };
const healthy = (lag = 0) => ({
  initialized: true,
  registered: true,
  public_key: KEY,
  headernum: 10_000 - lag,
  para_headernum: 10_000,
  blocknum: 10_000,
  pending_messages: 0,
});

describe('audit', () => {
  it('is content once everything is as asked and has stayed so', async () => {
    const endpoint = await worker(() => healthy());
    const reader = chains(() => asAsked, { asked: 2, taken: 2 });
    const result = await audit([{ ...expected, endpoint }], reader, options, () => {});
    expect(result).toMatchObject({ content: true });
  });

  it.each([
    ['a worker that stands behind', () => ({ ...healthy(), blocknum: 5 }), asAsked, /block 4/],
    [
      'a worker that is not registered',
      () => ({ ...healthy(), registered: false }),
      asAsked,
      /registered/,
    ],
    ['another stake', () => healthy(), { ...asAsked, stake: 9n }, /stake is 9/],
    [
      'a message taken twice or lost',
      () => healthy(),
      { ...asAsked, ingress: 3n },
      /2 messages in blocks/,
    ],
    [
      'messages that pile up',
      () => ({ ...healthy(), pending_messages: 99 }),
      asAsked,
      /99 messages wait/,
    ],
  ])('is not content with %s', async (_what, info, onChain, reason) => {
    const endpoint = await worker(info);
    const reader = chains(() => onChain, { asked: 2, taken: 2 });
    const result = await audit(
      [{ ...expected, endpoint }],
      reader,
      { ...options, timeoutMs: 100 },
      () => {},
    );
    expect(result).toMatchObject({ content: false });
    expect((result as { reasons: string[] }).reasons.join()).toMatch(reason);
  });

  it('begins to count anew when something was wrong in between', async () => {
    const endpoint = await worker(() => healthy());
    let asked = 0;
    const reader = chains(() => ((asked += 1) === 5 ? { ...asAsked, score: undefined } : asAsked), {
      asked: 2,
      taken: 2,
    });
    const lines: string[] = [];
    await audit([{ ...expected, endpoint }], reader, options, (line) => lines.push(line));
    expect(lines.filter((line) => line.startsWith('All 1 workers'))).toHaveLength(2);
  });
});

describe('compare', () => {
  it('names each thing that is not as asked', () => {
    expect(compare(expected, asAsked)).toEqual([]);
    const nothing = {
      score: undefined,
      poolId: undefined,
      sessionState: undefined,
      stake: undefined,
      ingress: 0n,
    };
    expect(compare(expected, nothing)).toHaveLength(4);
  });
});

describe('parseExpectation', () => {
  it('reads an endpoint, a pool and a stake', () => {
    expect(parseExpectation('http://w:8000/,7,100')).toEqual({
      endpoint: 'http://w:8000',
      poolId: 7n,
      stake: 100n,
    });
  });

  it.each(['', 'w,1,2', 'http://w', 'http://w,1', 'http://w,1,x', 'http://w,1,2,3'])(
    'refuses %j',
    (text) => {
      expect(() => parseExpectation(text)).toThrow();
    },
  );
});
