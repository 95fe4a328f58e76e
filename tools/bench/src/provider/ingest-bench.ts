import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Bench, Figure } from '../harness/report.js';
import { summary } from '../harness/stats.js';
import { DevnetProcess, runDevnet } from './devnet-process.js';
import type { RawResult } from './raw-loop.js';

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 3);
/** As many as a data provider asks of a para node at once by default. */
const IN_FLIGHT = 16;
const child = fileURLToPath(new URL('./sync-child.js', import.meta.url));

/** Chains as they are recorded for a mode. */
const shapes = {
  // Small blocks, and one set of 60 relay blocks after another: what is measured is the work per block.
  headers: { relayBlocks: Number(process.env['BENCH_INGEST_BLOCKS'] ?? 4_000), ballastBytes: 0 },
  // 200 changes of 1 KiB in each block.
  full: {
    relayBlocks: Number(process.env['BENCH_INGEST_FULL_BLOCKS'] ?? 600),
    ballastBytes: 204_800,
  },
} as const;

interface ProviderResult {
  seconds: number;
  cpuSeconds: number;
  relayHeight: number;
  paraHeight: number;
}

/**
 * Blocks per second of a data provider that fills its store, beside a loop that reads the same by the fewest calls and
 * throws it away. Both read from the dev network's replay server, which is a process of its own, with the same number of
 * calls under way.
 */
export const ingestBench: Bench = async (add) => {
  for (const mode of ['headers', 'full'] as const) {
    const folder = await mkdtemp(join(tmpdir(), 'rb-bench-ingest-'));
    try {
      const recording = await recordChains(folder, shapes[mode]);
      const replay = await DevnetProcess.start([
        'replay',
        ...['--from', recording, '--relay-port', '0', '--para-port', '0'],
      ]);
      try {
        await measure(mode, folder, replay, add);
      } finally {
        await replay.stop();
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
};

async function recordChains(
  folder: string,
  shape: { relayBlocks: number; ballastBytes: number },
): Promise<string> {
  const out = join(folder, 'recording');
  const { relayBlocks, ballastBytes } = shape;
  const chains = await DevnetProcess.start([
    'chains',
    ...['--data', join(folder, 'chains'), '--relay-port', '0', '--para-port', '0'],
    ...['--clock', 'stepped', '--session-blocks', '60', '--authorities', '20'],
    ...['--history-blocks', String(relayBlocks), '--ballast-bytes', String(ballastBytes)],
  ]);
  try {
    await runDevnet([
      'record',
      ...['--relay', chains.urls.relay, '--para', chains.urls.para, '--out', out],
      // The newest blocks are not final.
      ...['--count', String(relayBlocks - 4)],
    ]);
  } finally {
    await chains.stop();
  }
  return out;
}

async function measure(
  mode: 'headers' | 'full',
  folder: string,
  replay: DevnetProcess,
  add: (figure: Figure) => void,
): Promise<void> {
  const { relay, para } = replay.urls;
  const rates = { raw: [] as number[], provider: [] as number[] };
  const changes: number[] = [];
  const cpu: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const raw = await run<RawResult>(['raw', relay, para, String(IN_FLIGHT)]);
    const path = join(folder, `store-${round}`);
    const target = String(raw.relayHeight);
    const provider = await run<ProviderResult>(['provider', relay, para, path, mode, target]);
    await rm(path, { recursive: true, force: true });
    const blocks = provider.relayHeight + provider.paraHeight;
    rates.raw.push((raw.relayHeight + raw.paraHeight) / raw.seconds);
    rates.provider.push(blocks / provider.seconds);
    changes.push(raw.storageChanges / provider.seconds);
    cpu.push((provider.cpuSeconds / blocks) * 1_000);
  }
  add({
    name: `${mode}: relay and para blocks`,
    ...summary(rates.provider),
    unit: 'blocks/s',
    raw: summary(rates.raw).value,
    ...(mode === 'headers' ? { reach: { atLeast: 0.6 } } : {}),
  });
  add({
    name: `${mode}: storage changes`,
    ...summary(changes),
    unit: 'changes/s',
    ...(mode === 'full' ? { reach: { atLeast: 10_000 } } : {}),
  });
  add({ name: `${mode}: CPU per 1,000 blocks`, ...summary(cpu), unit: 's' });
}

async function run<T>(args: readonly string[]): Promise<T> {
  const { stdout } = await promisify(execFile)(process.execPath, [child, ...args]);
  return JSON.parse(stdout) as T;
}
