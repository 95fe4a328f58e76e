/**
 * The server side of `serve` and `memory`, in a process of its own so that its memory and time are its own.
 * Arguments: `raw`, `provider` or `fill`, folder, blocks, bytes of a block, bytes of cache. Says its port on stdout.
 */
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { silentLogger, silentMetrics } from '@runtime-bridge/base';
import { BlobViews, BlockStore } from '@runtime-bridge/block-store';
import { BlobServer } from '@runtime-bridge/walkie-protocol';
import { fillParaBlocks } from './filled-store.js';

const [mode, folder, blocks, blockBytes, cacheBytes] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
];

/** Answers each request with the same bytes from memory: the most that a socket can do. */
async function serveRaw(): Promise<number> {
  const payload = 16 + Number(blockBytes);
  const length: number[] = [];
  for (let left = payload; ; left = Math.floor(left / 128)) {
    length.push(left < 128 ? left : (left % 128) | 128);
    if (left < 128) break;
  }
  const frame = Buffer.concat([Buffer.from(length), Buffer.alloc(payload, 7)]);
  const server = createServer((socket) => {
    socket.setNoDelay(true);
    let held = Buffer.alloc(0);
    socket.on('error', () => {});
    socket.on('data', (data) => {
      held = held.length > 0 ? Buffer.concat([held, data]) : data;
      let requests = 0;
      let at = 0;
      // Requests are shorter than 128 bytes, so that their length is one byte.
      while (at < held.length && held.length - at > held[at]!) {
        at += 1 + held[at]!;
        requests += 1;
      }
      held = held.subarray(at);
      for (let count = 0; count < requests; count += 1) {
        if (!socket.write(frame)) socket.pause();
      }
    });
    socket.on('drain', () => socket.resume());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

async function serveProvider(): Promise<number> {
  const store = new BlockStore({ path: join(folder, 'store') });
  await store.start();
  if (mode === 'fill') {
    await fillParaBlocks(store, Number(blocks), Number(blockBytes));
    await store.stop();
    return 0;
  }
  const views = new BlobViews({ cacheBytes: Number(cacheBytes) }, { store });
  const server = new BlobServer(
    {
      host: '127.0.0.1',
      port: 0,
      sessionMaxBytes: 64 * 2 ** 20,
      totalMaxBytes: 256 * 2 ** 20,
      maxSessions: 2_048,
    },
    {
      source: views,
      logger: silentLogger,
      metrics: silentMetrics,
    },
  );
  await server.start();
  return server.port;
}

console.log(mode === 'raw' ? await serveRaw() : await serveProvider());
