import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bench } from '../harness/report.js';
import { summary } from '../harness/stats.js';
import { LoadClient, measureLoad, ServerProcess } from './serve-load.js';

const BLOB_BYTES = 256 * 1024;
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 3);
const ROUND_MS = 1_000;
const IN_FLIGHT = 16;
/** length 3, id 8, checksum 8, value: count 1, header 99 or 100, changes */
const HEADER_BYTES = 32 + 32 + 32 + 1;
const frameBytes = (blocks: number) =>
  3 + 16 + 1 + HEADER_BYTES + (blocks < 64 ? 1 : 2) + BLOB_BYTES - 200;

/**
 * MiB/s of blobs of 256 KiB by 1, 10 and 100 sessions, from the cache and from the store, beside a bare TCP server that
 * sends the same from memory. All three take turns.
 */
export const serveBench: Bench = async (add) => {
  const folder = await mkdtemp(join(tmpdir(), 'rb-bench-serve-'));
  const changes = String(BLOB_BYTES - 200);
  const servers = {
    cache: await ServerProcess.start([
      'provider',
      join(folder, 'a'),
      '60',
      changes,
      String(2 ** 26),
    ]),
    store: await ServerProcess.start(['provider', join(folder, 'b'), '600', changes, '1']),
    raw: await ServerProcess.start(['raw', folder, '0', String(BLOB_BYTES), '0']),
  };
  try {
    for (const sessions of [1, 10, 100]) {
      const rates: Record<'cache' | 'store' | 'raw', number[]> = { cache: [], store: [], raw: [] };
      for (let round = 0; round < ROUNDS; round += 1) {
        for (const kind of ['raw', 'cache', 'store'] as const) {
          const blocks = kind === 'cache' ? 60 : 600;
          const bytes = kind === 'raw' ? 3 + 16 + BLOB_BYTES : frameBytes(blocks);
          rates[kind].push(
            await measureLoad(servers[kind].port, sessions, {
              blocks,
              frameBytes: bytes,
              inFlight: IN_FLIGHT,
              ms: ROUND_MS,
            }),
          );
        }
      }
      const raw = summary(rates.raw).value;
      for (const kind of ['cache', 'store'] as const) {
        const reach = sessions === 100 ? { atLeast: kind === 'cache' ? 0.8 : 0.4 } : undefined;
        add({
          name: `${sessions} sessions, from the ${kind}`,
          ...summary(rates[kind]),
          unit: 'MiB/s',
          raw,
          ...(reach ? { reach } : {}),
        });
      }
    }
  } finally {
    await Promise.all(Object.values(servers).map((server) => server.stop()));
    await rm(folder, { recursive: true, force: true });
  }
};

/** Memory of the server under 1,000 sessions that read, and under 100 that ask for 2 GiB together and read nothing. */
export const memoryBench: Bench = async (add) => {
  const folder = await mkdtemp(join(tmpdir(), 'rb-bench-memory-'));
  const blocks = 400;
  const args = ['provider', folder, String(blocks), String(BLOB_BYTES - 200), String(2 ** 26)];
  try {
    const reading = await ServerProcess.start(args);
    add({ name: 'idle', value: (await reading.rssMiB()).now, unit: 'MiB' });
    const rate = await measureLoad(reading.port, 1_000, {
      blocks,
      frameBytes: frameBytes(blocks),
      inFlight: 4,
      ms: 6_000,
    });
    const { peak } = await reading.rssMiB();
    add({ name: '1,000 sessions', value: peak, unit: 'MiB RSS', reach: { atMost: 400 } });
    add({ name: '1,000 sessions served', value: rate, unit: 'MiB/s' });
    await reading.stop();

    const stalled = await ServerProcess.start(['provider', `${folder}/b`, ...args.slice(2)]);
    const clients = await Promise.all(
      Array.from({ length: 100 }, () => LoadClient.open(stalled.port)),
    );
    for (const client of clients) {
      client.pause();
      for (let count = 0; count < 82; count += 1) client.request(1 + (count % blocks));
    }
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    const rss = await stalled.rssMiB();
    add({
      name: '100 readers that stop',
      value: rss.peak,
      unit: 'MiB RSS',
      reach: { atMost: 400 },
    });
    const other = await LoadClient.open(stalled.port);
    const startedAtMs = performance.now();
    other.keepAsking({ blocks, frameBytes: frameBytes(blocks), inFlight: 1 });
    while (other.bytes < frameBytes(blocks) && performance.now() - startedAtMs < 20_000) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    add({
      name: 'first blob of another client meanwhile',
      value: performance.now() - startedAtMs,
      unit: 'ms',
    });
    for (const client of [...clients, other]) client.close();
    await stalled.stop();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};
