import { randomBytes } from 'node:crypto';
import { mkdtemp, open, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toHex } from '@runtime-bridge/base';
import { encodeHeader, headerHash } from '@runtime-bridge/blob-codec';
import { BlockStore } from '@runtime-bridge/block-store';
import type { Bench } from '../harness/report.js';

const PARA_BLOCKS = Number(process.env['BENCH_STORE_BLOCKS'] ?? 4_000);
const CHANGES_BYTES = 64 * 1024;
const RELAY_PER_PARA = 2;
const BATCH_BLOCKS = 32;

/**
 * What a block costs on disk: incompressible storage changes of 64 KiB with relay headers beside them, as a sync with
 * `headers` writes them. The raw limit is the same bytes appended to one file.
 */
export const storeBench: Bench = async (add) => {
  const folder = await mkdtemp(join(tmpdir(), 'rb-bench-store-'));
  try {
    const path = join(folder, 'store');
    const mib = (name: string) => {
      const value = process.env[name];
      return value === undefined ? undefined : Number(value) * 2 ** 20;
    };
    const writeBufferBytes = mib('BENCH_STORE_BUFFER_MIB');
    const maxTableBytes = mib('BENCH_STORE_TABLE_MIB');
    const store = new BlockStore({
      path,
      ...(writeBufferBytes === undefined ? {} : { writeBufferBytes }),
      ...(maxTableBytes === undefined ? {} : { maxTableBytes }),
    });
    await store.start();
    const zero = new Uint8Array(32);
    const genesis = header(0, zero);
    await store.putGenesis({
      chain: {
        paraId: 2004,
        paraBlock1: toHex(zero),
        paraGenesis: toHex(headerHash(genesis)),
        relayGenesisHeight: 0,
        relayGenesis: toHex(headerHash(genesis)),
      },
      info: zero,
      state: zero,
      paraHeader: genesis,
    });
    let stored = 0;
    let relay = { hash: headerHash(genesis), number: 0 };
    let para = relay;
    const writtenBefore = await writtenBytes();
    const startedAtMs = performance.now();
    for (let at = 0; at < PARA_BLOCKS; at += BATCH_BLOCKS) {
      const headers = Array.from({ length: BATCH_BLOCKS * RELAY_PER_PARA }, () => {
        const raw = header(relay.number + 1, relay.hash, 80);
        relay = { hash: headerHash(raw), number: relay.number + 1 };
        stored += raw.length;
        return raw;
      });
      const proof = {
        justification: randomBytes(6_000),
        setId: 0n,
        paraHead: { number: para.number + BATCH_BLOCKS, proof: randomBytes(3_000) },
        authoritySetChange: undefined,
      };
      stored += 9_000;
      await store.appendRange({ headers, proof });
      const blocks = Array.from({ length: BATCH_BLOCKS }, () => {
        const raw = header(para.number + 1, para.hash);
        para = { hash: headerHash(raw), number: para.number + 1 };
        stored += raw.length + CHANGES_BYTES;
        return { header: raw, storageChanges: randomBytes(CHANGES_BYTES) };
      });
      await store.appendParaBlocks(blocks, undefined);
    }
    const seconds = (performance.now() - startedAtMs) / 1000;
    await store.stop();
    // What LevelDB still has to rewrite counts too.
    await store.start();
    await settled(path);
    await store.stop();
    const written = (await writtenBytes()) - writtenBefore;
    const kept = await folderBytes(path);
    const raw = await appendRaw(join(folder, 'raw'), stored);
    add({ name: 'stored', value: stored / 2 ** 20, unit: 'MiB' });
    add({ name: 'kept per byte', value: kept / stored, unit: '', reach: { atMost: 1.1 } });
    add({ name: 'written per byte', value: written / stored, unit: '', reach: { atMost: 5 } });
    add({ name: 'rate', value: stored / 2 ** 20 / seconds, unit: 'MiB/s', raw });
    add({ name: 'files', value: (await readdir(path)).length, unit: '' });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

function header(number: number, parentHash: Uint8Array, logBytes = 0): Uint8Array {
  return encodeHeader({
    parentHash,
    number,
    stateRoot: randomBytes(32),
    extrinsicsRoot: randomBytes(32),
    logs: logBytes > 0 ? [{ kind: 'other', data: randomBytes(logBytes) }] : [],
  });
}

/** Bytes that this process has had written to disks. */
async function writtenBytes(): Promise<number> {
  const text = await readFile('/proc/self/io', 'utf8');
  return Number(/^write_bytes: (\d+)$/m.exec(text)?.[1]);
}

async function folderBytes(path: string): Promise<number> {
  let bytes = 0;
  // Files that go away meanwhile count nothing.
  for (const name of await readdir(path)) {
    bytes += await stat(join(path, name)).then(
      ({ size }) => size,
      () => 0,
    );
  }
  return bytes;
}

/** Waits until the files have not changed for a second. */
async function settled(path: string): Promise<void> {
  for (let last = -1, now = await folderBytes(path); now !== last;) {
    last = now;
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    now = await folderBytes(path);
  }
}

async function appendRaw(path: string, bytes: number): Promise<number> {
  const part = randomBytes(2 ** 20);
  const file = await open(path, 'w');
  const startedAtMs = performance.now();
  for (let done = 0; done < bytes; done += part.length) await file.write(part);
  await file.sync();
  await file.close();
  return bytes / 2 ** 20 / ((performance.now() - startedAtMs) / 1000);
}
