import { connect, createServer, type Socket } from 'node:net';
import { once } from 'node:events';
import { fromHex, silentLogger, silentMetrics } from '@runtime-bridge/base';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { BlobClient, type BlobClientOptions } from './blob-client.js';
import { crc32c, encodeBlobRequest, encodeBlobResponseHead, FrameReader } from './blob-frames.js';
import { BlobServer, type BlobServerOptions } from './blob-server.js';
import type { BlobSource } from './blob-stream.js';

const MIB = 1024 * 1024;
const host = '127.0.0.1';
const cleanUps: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const blobs: BlobSource = {
  get: async (key) => {
    const size = Number(/^size:(\d+)$/.exec(key)?.[1] ?? -1);
    if (size >= 0) return { bytes: new Uint8Array(size).fill(size % 251) };
    if (key === 'genesis:2004:pb') return { bytes: Buffer.from('hello') };
    if (key === 'broken') throw new Error('disk');
    return undefined;
  },
};

async function startServer(options: Partial<BlobServerOptions> = {}, source = blobs) {
  const server = new BlobServer(
    { host, port: 0, sessionMaxBytes: 4 * MIB, totalMaxBytes: 8 * MIB, ...options },
    { source, logger: silentLogger, metrics: silentMetrics },
  );
  await server.start();
  cleanUps.push(() => server.stop());
  return server;
}

function clientOf(port: number, options: Partial<BlobClientOptions> = {}): BlobClient {
  const client = new BlobClient({ host, port, ...options }, { logger: silentLogger });
  cleanUps.push(() => client.close());
  return client;
}

async function rawSocket(port: number): Promise<Socket> {
  const socket = connect(port, host);
  cleanUps.push(() => void socket.destroy());
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

async function read(socket: Socket, length: number): Promise<string> {
  let bytes = Buffer.alloc(0);
  while (bytes.length < length) {
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    bytes = Buffer.concat([bytes, chunk]);
  }
  return bytes.toString('hex');
}

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'no error',
    (error: unknown) => (error as { code?: string }).code,
  );

describe('blob server', () => {
  it('speaks the frames of 2022, empty and short messages skipped, half-close awaited', async () => {
    const { port } = await startServer();
    const socket = await rawSocket(port);
    const request = '170102030405060708' + '67656e657369733a323030343a7062';
    socket.write(fromHex('00' + '080102030405060708' + request));
    const found = '150102030405060708' + '000000009a71bb4c' + '68656c6c6f';
    expect(await read(socket, found.length / 2)).toBe(found);
    for (const key of ['nothing', 'broken', 'size:0']) {
      socket.write(encodeBlobRequest(Buffer.alloc(8, 7), `${key} `));
      expect(await read(socket, 9)).toBe('080707070707070707');
    }
    socket.end(fromHex(request));
    expect(await read(socket, found.length / 2)).toBe(found);
    await once(socket, 'close');
  });

  it('answers many at once, whole', async () => {
    const { port } = await startServer();
    const client = clientOf(port);
    const sizes = [1, 100, 0, 70_000, 300_000, 3 * MIB, 5 * MIB, 17, MIB];
    const all = [...sizes, ...sizes, ...sizes];
    const values = await Promise.all(all.map((size) => client.get(`size:${size}`)));
    values.forEach((value, i) => {
      const size = all[i]!;
      if (size === 0) expect(value).toBeUndefined();
      else expect(Buffer.compare(value!, Buffer.alloc(size, size % 251))).toBe(0);
    });
    // A small value does not keep the chunk it came in.
    expect(values[0]!.buffer.byteLength).toBe(1);
  });

  it.each([
    ['gigabytes', 'ffffffff0f'],
    ['more than a key may have', '8910'],
    ['an endless prefix', '808080808080'],
  ])('drops a client that announces %s, and serves the others', async (_what, prefix) => {
    const { port } = await startServer();
    const socket = await rawSocket(port);
    socket.write(fromHex(prefix));
    await once(socket, 'close');
    expect(await clientOf(port).get('size:3')).toHaveLength(3);
  });

  it('holds no more than a session may, when a client asks for gigabytes and reads nothing', async () => {
    let readCount = 0;
    const source: BlobSource = {
      get: (key, signal) => {
        readCount += 1;
        return blobs.get(key, signal);
      },
    };
    const server = await startServer({}, source);
    const socket = await rawSocket(server.port);
    socket.pause();
    const request = encodeBlobRequest(Buffer.alloc(8, 1), `size:${MIB}`);
    for (let i = 0; i < 4096; i += 1) socket.write(request);
    await vi.waitFor(() => expect(readCount).toBeGreaterThan(3));
    let most = 0;
    for (let i = 0; i < 20; i += 1) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      most = Math.max(most, server.waitingBytes);
    }
    expect(most).toBeGreaterThan(0);
    // One value and the guess for the next one, whatever the session might hold.
    expect(most).toBeLessThanOrEqual(2 * MIB);
    // What the network took besides is little; the other 4,000 MiB were never read.
    expect(readCount).toBeLessThan(60);
    // Others are not disturbed.
    expect(await clientOf(server.port).get('size:100')).toHaveLength(100);
    socket.destroy();
    await vi.waitFor(() => expect(server.waitingBytes).toBe(0));
  });

  it('holds no more than allowed in all, and drops those who take nothing while others wait', async () => {
    // Nothing is read for the last one before the others, of whom each has one value stuck, are dropped.
    const server = await startServer({ totalMaxBytes: 3 * MIB, pressureStallTimeoutMs: 1_000 });
    const request = encodeBlobRequest(Buffer.alloc(8, 1), `size:${MIB}`);
    const greedy = await Promise.all([1, 2, 3, 4].map(() => rawSocket(server.port)));
    for (const socket of greedy) {
      socket.pause();
      for (let i = 0; i < 64; i += 1) socket.write(request);
    }
    await vi.waitFor(() => expect(server.waitingBytes).toBeGreaterThanOrEqual(2 * MIB));
    const value = clientOf(server.port).get(`size:${2 * MIB}`);
    expect(server.waitingBytes).toBeLessThanOrEqual(3 * MIB);
    expect(await value).toHaveLength(2 * MIB);
  });

  it('serves an honest reader promptly beside 1,000 that stopped, and what they did not take comes later', async () => {
    const totalMaxBytes = 32 * MIB;
    const server = await startServer({
      totalMaxBytes,
      maxSessions: 1_100,
      // Nobody is dropped here: room comes from putting back what is not taken.
      stallTimeoutMs: 600_000,
      pressureStallTimeoutMs: 600_000,
    });
    const asked = 40;
    const size = 256 * 1024;
    const request = encodeBlobRequest(Buffer.alloc(8, 1), `size:${size}`);
    const stopped = await Promise.all(Array.from({ length: 1_000 }, () => rawSocket(server.port)));
    for (const socket of stopped) {
      socket.pause();
      for (let i = 0; i < asked; i += 1) socket.write(request);
    }
    await vi.waitFor(() => expect(server.waitingBytes).toBeGreaterThan(24 * MIB), 20_000);
    const honest = clientOf(server.port);
    for (let i = 0; i < 20; i += 1) {
      expect(await honest.get(`size:${MIB}`)).toHaveLength(MIB);
      expect(server.waitingBytes).toBeLessThanOrEqual(totalMaxBytes);
    }
    // A stopped one that goes on gets every byte of every answer, wherever it had been left.
    for (const socket of stopped.slice(1)) socket.destroy();
    const frame = encodeBlobResponseHead(Buffer.alloc(8, 1), {
      length: size,
      crc32c: crc32c(new Uint8Array(size).fill(size % 251)),
    });
    const [reader] = stopped;
    const whole = Buffer.concat([frame, Buffer.alloc(size, size % 251)]);
    let got = Buffer.alloc(0);
    let count = 0;
    await new Promise<void>((resolve, reject) => {
      reader!.on('data', (chunk) => {
        got = Buffer.concat([got, chunk]);
        for (; got.length >= whole.length; got = got.subarray(whole.length)) {
          if (!got.subarray(0, whole.length).equals(whole)) reject(new Error('torn'));
          count += 1;
          if (count === asked) resolve();
        }
      });
      reader!.resume();
    });
    await vi.waitFor(() => expect(server.waitingBytes).toBe(0));
  }, 60_000);

  it('gives a value larger than a session may hold when it is alone', async () => {
    const { port } = await startServer({ sessionMaxBytes: 1000 });
    const client = clientOf(port);
    const values = await Promise.all([1, 2, 3].map(() => client.get(`size:${2 * MIB}`)));
    expect(values.map((value) => value?.length)).toEqual([2 * MIB, 2 * MIB, 2 * MIB]);
  });

  it('drops idle clients, turns away too many, frees its port', async () => {
    const server = await startServer({ idleTimeoutMs: 300, maxSessions: 1 });
    const socket = await rawSocket(server.port);
    const refused = await rawSocket(server.port);
    await once(refused, 'close');
    await once(socket, 'close');
    const { port } = server;
    await server.stop();
    const next = await startServer({ port });
    expect(next.port).toBe(port);
    await expect(startServer({ port })).rejects.toMatchObject({ code: 'LISTEN_FAILED' });
  });
});

describe('blob client', () => {
  async function fakeServer(onRequest: (socket: Socket, payload: Uint8Array) => void) {
    const server = createServer((socket) => {
      const reader = new FrameReader(2000);
      socket.on('error', () => {});
      socket.on('data', (chunk) => {
        for (const payload of reader.push(chunk)) onRequest(socket, payload);
      });
    });
    server.listen(0, host);
    await once(server, 'listening');
    cleanUps.push(() => void server.close());
    return (server.address() as { port: number }).port;
  }
  const idOf = (payload: Uint8Array) => payload.subarray(0, 8);

  it('refuses a value that does not fit its checksum, and only that', async () => {
    let count = 0;
    const port = await fakeServer((socket, payload) => {
      count += 1;
      socket.write(encodeBlobResponseHead(idOf(payload), { length: 5, crc32c: 0x9a71bb4c }));
      socket.write(count === 1 ? 'hellp' : 'hello');
    });
    const client = clientOf(port);
    expect(await codeOf(client.get('a'))).toBe('CRC_MISMATCH');
    expect(Buffer.from((await client.get('a'))!).toString()).toBe('hello');
  });

  it('ignores answers that nobody asked for', async () => {
    const port = await fakeServer((socket, payload) => {
      socket.write(encodeBlobResponseHead(Buffer.alloc(8, 0xee), undefined));
      socket.write(fromHex('03aabbcc'));
      socket.write(encodeBlobResponseHead(idOf(payload), undefined));
    });
    expect(await clientOf(port).get('a')).toBeUndefined();
  });

  it('refuses a server that announces too much', async () => {
    const port = await fakeServer((socket) => socket.write(fromHex('ffffffff0f')));
    expect(await codeOf(clientOf(port).get('a'))).toBe('TOO_LARGE');
  });

  it('has deadlines, gives up with a signal, and leaves a connection that went dead', async () => {
    let connections = 0;
    const server = createServer((socket) => {
      connections += 1;
      socket.on('error', () => {});
      socket.resume();
    });
    server.listen(0, host);
    await once(server, 'listening');
    cleanUps.push(() => void server.close());
    const client = clientOf((server.address() as { port: number }).port);
    expect(await codeOf(client.get('a', { timeoutMs: 50 }))).toBe('TIMEOUT');
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await codeOf(client.get('a', { signal: AbortSignal.timeout(50) }))).toBe('ABORTED');
    expect(connections).toBe(2);
  });

  it('asks again once on a new connection when a kept one is lost', async () => {
    const server = await startServer();
    const client = clientOf(server.port);
    expect(await client.get('size:1')).toHaveLength(1);
    const { port } = server;
    await server.stop();
    await startServer({ port });
    expect(await client.get('size:2')).toHaveLength(2);
  });

  it('fails at once when nobody is there, when full, when closed', async () => {
    const server = await startServer({}, { get: () => new Promise(() => {}) });
    const client = clientOf(server.port, { maxPendingRequests: 1 });
    const first = codeOf(client.get('a'));
    expect(await codeOf(client.get('b'))).toBe('BUSY');
    await new Promise((resolve) => setTimeout(resolve, 50));
    await client.close();
    expect(await first).toBe('NOT_RUNNING');
    expect(await codeOf(client.get('c'))).toBe('NOT_RUNNING');
    const { port } = server;
    await server.stop();
    expect(await codeOf(clientOf(port).get('a'))).toBe('UNREACHABLE');
  });
});
