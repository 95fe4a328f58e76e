/** The workers on the dev network's own chains, fed by the plainest bridge there can be. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiPromise, Keyring, WsProvider } from '@polkadot/api';
import type { ApiOptions, SubmittableExtrinsic } from '@polkadot/api/types';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { startChains, type RunningChains } from '../chain/start.js';
import { silentLog } from '../log.js';
import {
  RelayKey,
  ScaleReader,
  blake2b256,
  concatBytes,
  decodeHeader,
  encodeHeader,
  fromHex,
  scale,
  scheduledChange,
  storagePrefix,
  toHex,
} from '../primitives/index.js';
import { startWorkers, type RunningWorkers } from './index.js';
import { readRawHeader } from './requests.js';
import { WorkerClient } from './testing/worker-client.js';

const PARA_ID = 2004;
const POOL = 1;
const STAKE = 20_000_000_000_000_000n; // 20,000 PHA
const VERSIONS = ['0.2.6', '0.2.7', '2.x'] as const;

let directory = '';
let chains: RunningChains;
let running: RunningWorkers;
let relay: Node;
let para: Node;
let api: ApiPromise;
const operator = () => new Keyring({ type: 'sr25519' }).addFromUri('//Alice');

/** Raw JSON-RPC. */
class Node {
  private readonly provider: WsProvider;

  constructor(url: string) {
    this.provider = new WsProvider(url);
  }

  ready = (): Promise<unknown> => this.provider.isReady;
  close = (): Promise<void> => this.provider.disconnect();
  ask = <T>(method: string, ...params: unknown[]): Promise<T> =>
    this.provider.send<T>(method, params);
  hashAt = (number: number): Promise<string> => this.ask('chain_getBlockHash', number);

  async storage(key: Uint8Array, at: string): Promise<Uint8Array> {
    return fromHex((await this.ask<string | null>('state_getStorage', toHex(key), at)) ?? '0x');
  }

  async proof(keys: Uint8Array[], at: string): Promise<Uint8Array> {
    const { proof } = await this.ask<{ proof: string[] }>(
      'state_getReadProof',
      keys.map(toHex),
      at,
    );
    return scale.vec(proof.map((node) => scale.bytes(fromHex(node))));
  }

  async header(number: number): Promise<Uint8Array> {
    const hash = await this.hashAt(number);
    const json = await this.ask<Record<string, string> & { digest: { logs: string[] } }>(
      'chain_getHeader',
      hash,
    );
    const withoutLogs = encodeHeader({
      parentHash: fromHex(json['parentHash'] ?? ''),
      number,
      stateRoot: fromHex(json['stateRoot'] ?? ''),
      extrinsicsRoot: fromHex(json['extrinsicsRoot'] ?? ''),
      logs: [],
    });
    const raw = concatBytes(withoutLogs.subarray(0, -1), scale.vec(json.digest.logs.map(fromHex)));
    expect(toHex(blake2b256(raw))).toBe(hash);
    return raw;
  }

  async headers(from: number, to: number): Promise<Uint8Array[]> {
    const numbers = Array.from({ length: to - from + 1 }, (_, i) => from + i);
    return Promise.all(numbers.map((number) => this.header(number)));
  }
}

/** Value and proof of the authorities at a relay block. */
async function authoritySet(at: string, keys: Uint8Array[]): Promise<Uint8Array> {
  const list = await relay.storage(RelayKey.grandpaAuthoritiesOld, at);
  const id = await relay.storage(RelayKey.grandpaCurrentSetId, at);
  return concatBytes(list.subarray(1), id, await relay.proof(keys, at));
}

/** Brings a worker as far as finality allows; returns its next para block. */
async function feed(worker: WorkerClient): Promise<number> {
  const ok = async (route: string, body: Uint8Array): Promise<void> => {
    expect(await worker.bin(route, body)).not.toHaveProperty('message');
  };
  for (;;) {
    const [h, q, b] = await worker.heights();
    // An error says that the block is not final yet.
    const finality = await relay.ask<string | null>('grandpa_proveFinality', h).catch(() => null);
    if (finality !== null) {
      const proof = new ScaleReader(fromHex(finality));
      const target = toHex(proof.take(32));
      const justification = proof.bytes();
      const unknown = proof.vec(readRawHeader);
      const end = unknown.at(-1)?.header.number ?? h;
      expect(toHex(unknown.at(-1)?.hash ?? fromHex(await relay.hashAt(h)))).toBe(target);
      const headers = await relay.headers(h, end);
      const last = headers.at(-1) ?? new Uint8Array();
      const change =
        scheduledChange(decodeHeader(last)) === undefined
          ? undefined
          : await authoritySet(target, [RelayKey.grandpaAuthoritiesOld]);
      const headsKey = RelayKey.parasHeads(PARA_ID);
      const head = await relay.storage(headsKey, target);
      const paraEnd = head.length === 0 ? 0 : decodeHeader(new ScaleReader(head).bytes()).number;
      const paraHeaders = paraEnd < q ? [] : await para.headers(q, paraEnd);
      await ok(
        'sync_combined_headers',
        concatBytes(
          scale.vec(
            headers.map((header, i) =>
              concatBytes(
                header,
                scale.option(i < headers.length - 1 ? undefined : scale.bytes(justification)),
              ),
            ),
          ),
          scale.option(change),
          scale.vec(paraHeaders),
          await relay.proof([headsKey], target),
        ),
      );
    }
    const [, nextPara] = await worker.heights();
    const blocks: Uint8Array[] = [];
    for (let n = b; n < nextPara; n++) {
      const changes = await para.ask<string>('pha_getStorageChangesAt', await para.hashAt(n));
      blocks.push(concatBytes(await para.header(n), fromHex(changes)));
    }
    if (blocks.length > 0) await ok('dispatch_block', scale.vec(blocks));
    if (finality === null) return (await worker.heights())[2];
  }
}

/** Feeds until a condition holds. */
async function feedUntil(worker: WorkerClient, holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error('not within a minute');
    await feed(worker);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

let lastTransaction: Promise<unknown> = Promise.resolve();

/** Sends one call after the other; resolves when it is in a block, rejects when it failed there. */
function send(call: string, ...args: unknown[]): Promise<void> {
  const [pallet = '', method = ''] = call.split('.');
  const sent = lastTransaction.then(async () => {
    const extrinsic = api.tx[pallet]?.[method]?.(...args) as SubmittableExtrinsic<'promise'>;
    await new Promise<void>((resolve, reject) => {
      extrinsic
        .signAndSend(operator(), { nonce: -1 }, ({ status, dispatchError }) => {
          if (dispatchError?.isModule === true) {
            reject(new Error(api.registry.findMetaError(dispatchError.asModule).name));
          } else if (dispatchError !== undefined) reject(new Error(dispatchError.toString()));
          if (status.isInBlock) resolve();
        })
        .catch(reject);
    });
  });
  lastTransaction = sent.catch(() => undefined);
  return sent;
}

async function query(item: string, key: string | Uint8Array): Promise<Record<string, unknown>> {
  const [pallet = '', name = ''] = item.split('.');
  const value = await api.query[pallet]?.[name]?.(key);
  return (value?.toJSON() ?? {}) as Record<string, unknown>;
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'devnet-with-chains-'));
  chains = await startChains(
    {
      directory,
      host: '127.0.0.1',
      relayPort: 0,
      paraPort: 0,
      relay: 'old',
      seed: 'with workers',
      paraId: PARA_ID,
      authorities: 4,
      sessionBlocks: 10,
      blockMs: 200,
      finalityLag: 2,
      justificationPeriod: 8,
    },
    { log: silentLog },
  );
  running = await startWorkers({
    count: VERSIONS.length,
    basePort: 0,
    dataDir: undefined,
    pruntime: VERSIONS,
    seed: 'with chains',
  });
  relay = new Node(chains.relayUrl);
  para = new Node(chains.paraUrl);
  await Promise.all([relay.ready(), para.ready()]);
  api = await ApiPromise.create({
    provider: new WsProvider(chains.paraUrl) as unknown as NonNullable<ApiOptions['provider']>,
    noInitWarn: true,
  });
  // The parachain's first block names the relay block that workers start at.
  const isThere = async (): Promise<void> => expect(await para.hashAt(1)).not.toBe(null);
  await vi.waitFor(isThere, { timeout: 20_000, interval: 100 });
}, 60_000);

afterAll(async () => {
  await api?.disconnect();
  await relay?.close();
  await para?.close();
  await running?.stop();
  await chains?.stop();
  await rm(directory, { recursive: true, force: true });
});

it.concurrent.each(VERSIONS)(
  'a %s worker follows them through set changes, registers, is scored and computes',
  async (version) => {
    const worker = new WorkerClient(running.urls[VERSIONS.indexOf(version)] ?? '');
    const firstHash = await para.hashAt(1);
    const validationData = new ScaleReader(
      await para.storage(storagePrefix('ParachainSystem', 'ValidationData'), firstHash),
    );
    validationData.bytes();
    const start = validationData.u32() - 1;
    const startHash = await relay.hashAt(start);
    const keys = [
      RelayKey.grandpaAuthoritiesOld,
      RelayKey.grandpaAuthorities,
      RelayKey.grandpaCurrentSetId,
    ];
    const pairs = await para.ask<[string, string][]>('state_getPairs', '0x', await para.hashAt(0));
    const { encodedPublicKey: key } = await worker.prpcInit({
      encodedGenesisInfo: concatBytes(
        await relay.header(start),
        await authoritySet(startHash, keys),
      ),
      encodedGenesisState: scale.vec(
        pairs.map(([k, v]) => concatBytes(scale.bytes(fromHex(k)), scale.bytes(fromHex(v)))),
      ),
      encodedOperator: operator().publicKey,
      isParachain: true,
      attestationProvider: Uint8Array.of(1),
    });
    await feedUntil(worker, async () => (await worker.heights())[2] > 4);

    const info = await worker.runtimeInfo({ forceRefreshRa: true });
    const { attestation } = info;
    if (version === '2.x') {
      const report = attestation?.encodedReport;
      await send('phalaRegistry.registerWorkerV2', info.encodedRuntimeInfo, report);
    } else {
      const { report, signature, signingCert } = attestation?.payload ?? {};
      await send('phalaRegistry.registerWorker', info.encodedRuntimeInfo, {
        SgxIas: {
          raReport: toHex(Buffer.from(report ?? '')),
          signature: toHex(signature ?? new Uint8Array()),
          rawSigningCert: toHex(signingCert ?? new Uint8Array()),
        },
      });
    }
    await feedUntil(worker, async () => (await worker.egress()).length > 0);
    expect((await worker.info()).registered).toBe(true);
    const [report] = await worker.egress();
    if (report === undefined) throw new Error('no report');
    expect(report.destination).toBe('^phala/registry/event');
    await send(
      'phalaMq.syncOffchainMessage',
      concatBytes(report.signed, scale.bytes(report.signature)),
    );
    const { initialScore } = await query('phalaRegistry.workers', key);
    expect(initialScore).toBeGreaterThan(50);
    // The chain has it, so the worker lets go of it.
    await feedUntil(worker, async () =>
      (await worker.egress()).every((message) => message.sequence > 0n),
    );

    await send('phalaStakePoolv2.addWorker', POOL, key);
    await send('phalaStakePoolv2.startComputing', POOL, key, STAKE);
    const session = await api.query['phalaComputation']?.['workerBindings']?.(key);
    const { state } = await query('phalaComputation.sessions', session?.toString() ?? '');
    expect(state).toBe('WorkerIdle');
    const before = (await worker.heights())[0];
    await feedUntil(worker, async () => (await worker.heights())[0] > before + 12);
  },
  120_000,
);
