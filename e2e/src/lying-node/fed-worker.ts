import { startWorkers, type PruntimeVersion } from '@runtime-bridge/devnet/workers';
import { WorkerClient, type SampleChain } from '@runtime-bridge/devnet/testing';
import type { BlobReader } from './blob-reader.js';
import { RecordFields } from './record-fields.js';

/** Where a worker stands: next relay header, next para header, next block. */
export interface WorkerHeights {
  relay: number;
  para: number;
  block: number;
}

export interface FeedOptions {
  paraId: number;
  pruntime?: PruntimeVersion;
  /** Relay height to stop behind. */
  relayHeight: number;
}

/**
 * A worker of the dev network, which checks everything for itself, is initialised and fed from a blob server alone, by
 * 2022's keys. Throws what the worker says when it refuses anything.
 */
export async function feedWorker(blobs: BlobReader, options: FeedOptions): Promise<WorkerHeights> {
  const running = await startWorkers({
    count: 1,
    basePort: 0,
    dataDir: undefined,
    pruntime: [options.pruntime ?? '0.2.6'],
    seed: 'fed',
  });
  try {
    const worker = new WorkerClient(running.urls[0]!);
    const genesis = new RecordFields(await need(blobs, `genesis:${options.paraId}:pb`));
    const chain = {
      genesisInfo: () => genesis.bytes(4),
      genesisState: () => genesis.bytes(5),
    } as unknown as SampleChain;
    await worker.init(chain, { skipRa: true });
    for (;;) {
      const [relay, para, block] = await worker.heights();
      if (relay > options.relayHeight) return { relay, para, block };
      await feedRange(worker, blobs, relay, para);
      await feedBlocks(worker, blobs, block);
    }
  } finally {
    await running.stop();
  }
}

async function feedRange(
  worker: WorkerClient,
  blobs: BlobReader,
  relay: number,
  para: number,
): Promise<void> {
  const meta = new RecordFields(await need(blobs, `rangeByParentBlock:${relay}:pb`));
  const [end, head] = [meta.int(2), meta.int(4)];
  // The client's own form: from where this worker stands.
  const span = head < para ? '-1:-1' : `${para}:${head}`;
  const body = await need(blobs, `drySyncHeader:${relay}:${end}:${span}`);
  const { relaychain_synced_to: synced, message } = await worker.bin('sync_combined_headers', body);
  if (synced !== end) throw new Error(`Headers ${relay} to ${end}: ${String(message ?? synced)}`);
}

async function feedBlocks(worker: WorkerClient, blobs: BlobReader, block: number): Promise<void> {
  const [, synced] = await worker.heights();
  for (let next = block; next < synced; next += 1) {
    const body = await need(blobs, `dryParaBlock:${next}`);
    const { dispatched_to: done, message } = await worker.bin('dispatch_block', body);
    if (done !== next) throw new Error(`Block ${next}: ${String(message ?? done)}`);
  }
}

async function need(blobs: BlobReader, key: string): Promise<Uint8Array> {
  const blob = await blobs.get(key);
  if (!blob) throw new Error(`No blob ${key}`);
  return blob;
}
