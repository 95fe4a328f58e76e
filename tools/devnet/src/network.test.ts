import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startChains, type RunningChains } from './chain/start.js';
import { silentLog } from './log.js';
import {
  RelayKey,
  ScaleReader,
  concatBytes,
  decodeHeader,
  encodeHeader,
  fromHex,
  readAuthorityList,
  readHeader,
  scale,
  scheduledChange,
  storagePrefix,
  toHex,
  encodeAuthorityList,
} from './primitives/index.js';
import {
  InitRuntimeRequestSchema,
  InitRuntimeResponseSchema,
} from './workers/gen/pruntime_rpc_pb.js';
import { startWorkers, type RunningWorkers } from './workers/index.js';
import { WorkerClient } from './workers/testing/worker-client.js';

/** A node over HTTP: what a bridge sees of it, and nothing else. */
class Node {
  constructor(private readonly url: string) {}

  async ask<T = string>(method: string, ...params: unknown[]): Promise<T> {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
    const response = await fetch(this.url, { method: 'POST', body });
    const { result, error } = (await response.json()) as { result: T; error?: { code: number } };
    if (error !== undefined) throw new Error(`${method} ${error.code}`);
    return result;
  }

  hash = (number: number) => this.ask('chain_getBlockHash', number);

  async header(number: number): Promise<Uint8Array> {
    const json = await this.ask<{
      parentHash: string;
      number: string;
      stateRoot: string;
      extrinsicsRoot: string;
      digest: { logs: string[] };
    }>('chain_getHeader', await this.hash(number));
    // Digest items are told in SCALE: a header is put together without knowing them.
    const logs = json.digest.logs.map(fromHex);
    return concatBytes(
      fromHex(json.parentHash),
      scale.compact(Number(json.number)),
      fromHex(json.stateRoot),
      fromHex(json.extrinsicsRoot),
      scale.vec(logs),
    );
  }

  async value(key: Uint8Array, at: string): Promise<Uint8Array> {
    return fromHex(await this.ask('state_getStorage', toHex(key), at));
  }

  async proof(keys: Uint8Array[], at: string): Promise<Uint8Array> {
    const { proof } = await this.ask<{ proof: string[] }>(
      'state_getReadProof',
      keys.map(toHex),
      at,
    );
    return scale.vec(proof.map((node) => scale.bytes(fromHex(node))));
  }
}

let directory: string;
let chains: RunningChains;
let workers: RunningWorkers;
let relay: Node;
let para: Node;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'devnet-network-'));
  chains = await startChains(
    {
      directory,
      host: '127.0.0.1',
      relayPort: 0,
      paraPort: 0,
      relay: 'old',
      seed: 'network',
      paraId: 2004,
      authorities: 7,
      sessionBlocks: 6,
      blockMs: 100,
      finalityLag: 2,
      justificationPeriod: 0,
    },
    { log: silentLog },
  );
  workers = await startWorkers({
    count: 3,
    basePort: 0,
    dataDir: undefined,
    pruntime: ['0.2.6', '0.2.7', '2.x'],
    seed: 'network',
  });
  relay = new Node(chains.relayUrl.replace('ws:', 'http:'));
  para = new Node(chains.paraUrl.replace('ws:', 'http:'));
}, 30_000);

afterAll(async () => {
  await workers?.stop();
  await chains?.stop();
  await rm(directory, { recursive: true, force: true });
});

async function authoritySet(at: string): Promise<Uint8Array> {
  const versioned = await relay.value(RelayKey.grandpaAuthoritiesOld, at);
  const list = readAuthorityList(new ScaleReader(versioned, 1));
  return concatBytes(
    encodeAuthorityList(list),
    await relay.value(RelayKey.grandpaCurrentSetId, at),
  );
}

async function init(worker: WorkerClient): Promise<number> {
  const first = await para.hash(1);
  const data = await para.value(storagePrefix('ParachainSystem', 'ValidationData'), first);
  const reader = new ScaleReader(data);
  reader.bytes();
  const start = reader.u32() - 1;
  const at = await relay.hash(start);
  const pairs = await para.ask<[string, string][]>('state_getPairs', '0x', await para.hash(0));
  await worker.prpc('InitRuntime', InitRuntimeRequestSchema, InitRuntimeResponseSchema, {
    isParachain: true,
    skipRa: true,
    encodedGenesisInfo: concatBytes(
      await relay.header(start),
      await authoritySet(at),
      // Newer pRuntimes look for Grandpa.Authorities first: the second key's path shows its absence.
      await relay.proof([RelayKey.grandpaAuthoritiesOld, RelayKey.grandpaCurrentSetId], at),
    ),
    encodedGenesisState: scale.vec(
      pairs.map(([k, v]) => concatBytes(scale.bytes(fromHex(k)), scale.bytes(fromHex(v)))),
    ),
  });
  return start;
}

/** The headers from `from` to a justified one and its justification, or undefined: not yet. */
async function justifiedRange(from: number) {
  const proof = await relay.ask<string | null>('grandpa_proveFinality', from).catch(() => null);
  if (proof === null) return undefined;
  const reader = new ScaleReader(fromHex(proof));
  reader.take(32);
  const justification = reader.bytes();
  const headers = [await relay.header(from), ...reader.vec(readHeader).map(encodeHeader)];
  return { headers, justification };
}

/** One step of a bridge: a range, the para headers it proves, and their blocks. */
async function feed(worker: WorkerClient): Promise<void> {
  const [h, q, b] = await worker.heights();
  const range = await justifiedRange(h);
  if (range === undefined) {
    await sleep(100);
    return;
  }
  const last = decodeHeader(range.headers.at(-1) ?? new Uint8Array());
  const at = await relay.hash(last.number);
  const headKey = RelayKey.parasHeads(2004);
  const head = decodeHeader(new ScaleReader(await relay.value(headKey, at)).bytes()).number;
  const paraHeaders: Uint8Array[] = [];
  for (let n = q; n <= head; n++) paraHeaders.push(await para.header(n));
  const change =
    scheduledChange(last) === undefined
      ? undefined
      : concatBytes(
          await authoritySet(at),
          await relay.proof([RelayKey.grandpaAuthoritiesOld], at),
        );
  const synced = await worker.bin(
    'sync_combined_headers',
    concatBytes(
      scale.vec(
        range.headers.map((header, i) =>
          concatBytes(
            header,
            scale.option(
              i === range.headers.length - 1 ? scale.bytes(range.justification) : undefined,
            ),
          ),
        ),
      ),
      scale.option(change),
      scale.vec(paraHeaders),
      paraHeaders.length === 0 ? scale.vec([]) : await relay.proof([headKey], at),
    ),
  );
  expect(synced).toEqual({
    relaychain_synced_to: last.number,
    parachain_synced_to: Math.max(head, q - 1),
  });
  const blocks: Uint8Array[] = [];
  for (let n = b; n <= head; n++) {
    const changes = await para.ask('pha_getStorageChangesAt', await para.hash(n));
    blocks.push(concatBytes(await para.header(n), fromHex(changes)));
  }
  if (blocks.length === 0) return;
  expect(await worker.bin('dispatch_block', scale.vec(blocks))).toEqual({ dispatched_to: head });
}

describe('chains and workers, without a bridge', () => {
  it.each([0, 1, 2])(
    'worker %i accepts the chains across set changes',
    async (index) => {
      const worker = new WorkerClient(workers.urls[index] ?? '');
      while ((await para.ask<string | null>('chain_getBlockHash', 1)) === null) await sleep(50);
      const start = await init(worker);
      expect((await worker.heights())[0]).toBe(start + 1);
      let fed = 0;
      while ((await worker.heights())[0] <= 20) {
        await feed(worker);
        expect((fed += 1)).toBeLessThan(500);
      }
      const [h, q, b] = await worker.heights();
      expect(h).toBeGreaterThan(20);
      expect(b).toBe(q);
      expect(b).toBeGreaterThan(8);
    },
    40_000,
  );
});
