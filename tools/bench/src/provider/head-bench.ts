import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';
import { fromHex } from '@runtime-bridge/base';
import { justificationTarget } from '@runtime-bridge/blob-codec';
import type { Bench } from '../harness/report.js';
import { quantile } from '../harness/stats.js';
import { DevnetProcess } from './devnet-process.js';

const AUTHORITIES = 1_000;
const BLOCK_MS = 1_000;
const SAMPLES = Number(process.env['BENCH_HEAD_SAMPLES'] ?? 60);
const WARM_UP = 5;

/**
 * Milliseconds from a node's announcement that a relay block is final, as any other subscriber hears it, until the data
 * provider gives the headers blob that ends there and the blob of its para block. All is verified in between.
 */
export const headBench: Bench = async (add) => {
  const folder = await mkdtemp(join(tmpdir(), 'rb-bench-head-'));
  const chains = await DevnetProcess.start([
    'chains',
    ...['--data', join(folder, 'chains'), '--relay-port', '0', '--para-port', '0'],
    ...['--authorities', String(AUTHORITIES), '--session-blocks', '20'],
    ...['--block-ms', String(BLOCK_MS), '--history-blocks', '20'],
  ]);
  const script = fileURLToPath(new URL('./sync-child.js', import.meta.url));
  const { relay, para } = chains.urls;
  const provider = spawn(process.execPath, [script, 'head', relay, para, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const announced = new Map<number, number>();
  const delays: number[] = [];
  const socket = announcements(relay, (height, atMs) => announced.set(height, atMs));
  try {
    let seen = 0;
    for await (const line of createInterface({ input: provider.stdout })) {
      const [height, atMs] = line.split(' ').map(Number) as [number, number];
      const since = announced.get(height);
      if (since === undefined || ++seen <= WARM_UP) continue;
      delays.push(Math.max(0, atMs - since));
      if (delays.length >= SAMPLES) break;
    }
  } finally {
    provider.kill('SIGKILL');
    socket.close();
    await chains.stop();
    await rm(folder, { recursive: true, force: true });
  }
  const name = `final to readable, ${AUTHORITIES} authorities`;
  add({ name: `${name}, p50 of ${delays.length}`, value: quantile(delays, 0.5), unit: 'ms' });
  add({ name: `${name}, p99`, value: quantile(delays, 0.99), unit: 'ms', reach: { atMost: 150 } });
};

/** Hears of finality as any subscriber does. */
function announcements(url: string, heard: (height: number, atMs: number) => void): WebSocket {
  const socket = new WebSocket(url, { perMessageDeflate: false });
  socket.on('open', () =>
    socket.send(
      JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'grandpa_subscribeJustifications',
        params: [],
      }),
    ),
  );
  socket.on('message', (data: Buffer) => {
    const atMs = performance.timeOrigin + performance.now();
    const { params } = JSON.parse(data.toString('utf8')) as { params?: { result: string } };
    if (params) heard(justificationTarget(fromHex(params.result)).number, atMs);
  });
  return socket;
}
