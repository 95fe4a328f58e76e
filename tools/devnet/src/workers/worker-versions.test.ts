import { toJsonString } from '@bufbuild/protobuf';
import { afterEach, describe, expect, it } from 'vitest';
import { concatBytes, scale, toHex, utf8 } from '../primitives/index.js';
import { startWorkers, type PruntimeVersion, type RunningWorkers } from './index.js';
import { SampleChain, voterSet } from './testing/sample-chain.js';
import { InitRuntimeResponseSchema } from './gen/pruntime_rpc_pb.js';
import { WorkerClient } from './testing/worker-client.js';

let running: RunningWorkers | undefined;

afterEach(async () => {
  await running?.stop();
  running = undefined;
});

async function start(version: PruntimeVersion): Promise<WorkerClient> {
  running = await startWorkers({
    count: 1,
    basePort: 0,
    dataDir: undefined,
    pruntime: [version],
    seed: 'versions',
    restartDelayMs: null,
  });
  return new WorkerClient(running.urls[0] ?? '');
}

function sampleChain(
  options: ConstructorParameters<typeof SampleChain>[0] & { delay?: number } = {},
): SampleChain {
  const chain = new SampleChain(options);
  for (let n = 1; n <= 5; n++) {
    chain.addPara([[utf8('block'), scale.u32(n)]]);
    const nextSet = n === 3 ? voterSet(1n) : undefined;
    chain.addRelay(nextSet === undefined ? {} : { nextSet, delay: options.delay ?? 0 });
  }
  return chain;
}

const IAS = Uint8Array.of(1);

describe.each(['0.2.7', '2.x'] as const)('a %s worker', (version) => {
  it('takes the next set from the digest, whatever the request says', async () => {
    const chain = sampleChain();
    const worker = await start(version);
    await worker.init(chain);
    const nonsense = concatBytes(Uint8Array.of(0), scale.u64(77), Uint8Array.of(0));
    const body = concatBytes(
      chain.relayHeaders(1, 3),
      Uint8Array.of(1),
      nonsense,
      Uint8Array.of(0, 0),
    );
    expect(await worker.bin('sync_combined_headers', body)).toMatchObject({
      relaychain_synced_to: 3,
    });
    expect(
      await worker.bin('sync_combined_headers', chain.combined({ relay: [4, 5] })),
    ).toMatchObject({ relaychain_synced_to: 5 });
  });

  it('refuses a change with a delay, and takes nothing for finalized by that', async () => {
    const chain = sampleChain({ delay: 2 });
    const worker = await start(version);
    await worker.init(chain);
    for (let i = 0; i < 2; i++) {
      expect(await worker.bin('sync_combined_headers', chain.combined({ relay: [1, 3] }))).toEqual({
        message: 'HeaderValidateFailed(scheduled change should not have delay)',
      });
    }
    expect((await worker.heights())[0]).toBe(1);
  });

  it('starts from either authorities key', async () => {
    const worker = await start(version);
    await worker.init(sampleChain({ authoritiesKey: 'new' }));
    await running?.stop();
    const other = await start(version);
    await other.init(sampleChain());
  });

  it('tells a missing proof node with the trie’s own error', async () => {
    const chain = sampleChain();
    const worker = await start(version);
    await worker.init(chain);
    await worker.bin('sync_combined_headers', chain.combined({ relay: [1, 1] }));
    const from = version === '2.x' ? 0 : 1;
    const body = concatBytes(
      chain.paraHeaders(from, 1),
      scale.vec(chain.headProof(1).slice(0, 1).map(scale.bytes)),
    );
    expect((await worker.bin('sync_para_header', body))['message']).toMatch(
      /^StorageProofFailed\(Failed to read value from trie: IncompleteDatabase\(0x[0-9a-f]{64}\)\)$/,
    );
  });
});

describe('a 0.2.6 worker', () => {
  it('dies of a relay chain without :grandpa_authorities', async () => {
    const worker = await start('0.2.6');
    await expect(worker.init(sampleChain({ authoritiesKey: 'new' }))).rejects.toThrow(
      'fetch failed',
    );
  });
});

describe('a 2.x worker', () => {
  it('wants para header 0 first and holds the genesis state against it', async () => {
    const chain = sampleChain();
    const worker = await start('2.x');
    await worker.init(chain);
    expect(await worker.heights()).toEqual([1, 0, 1]);
    expect(await worker.bin('sync_combined_headers', chain.combined({ relay: [1, 1] }))).toEqual({
      relaychain_synced_to: 1,
      parachain_synced_to: 4294967295,
    });
    expect((await worker.info()).waitingForParaheaders).toBe(true);
    expect(
      await worker.bin('sync_combined_headers', chain.combined({ relay: [2, 2], para: [1, 2] })),
    ).toEqual({ message: 'BlockNumberMismatch' });
    const proof = scale.vec(chain.headProof(2).map(scale.bytes));
    const para = concatBytes(chain.paraHeaders(0, 2), proof);
    expect(await worker.bin('sync_para_header', para)).toEqual({ synced_to: 2 });
    expect((await worker.info()).waitingForParaheaders).toBe(false);
    expect(await worker.bin('dispatch_block', chain.blocks(1, 2))).toEqual({ dispatched_to: 2 });
    expect(await worker.heights()).toEqual([3, 3, 3]);
  });

  it('says at the first dispatch that the genesis state is another one', async () => {
    const chain = sampleChain();
    const worker = await start('2.x');
    const wrong = new SampleChain({ pairs: [[utf8('x'), utf8('y')]] });
    await worker.init(chain, { encodedGenesisState: wrong.genesisState() });
    await worker.bin('sync_combined_headers', chain.combined({ relay: [1, 2], para: [0, 2] }));
    const [expected, actual] = [chain, wrong].map((c) => toHex(c.paraAt(0).state.root()));
    expect(await worker.bin('dispatch_block', chain.blocks(1, 1))).toEqual({
      message: `StateRootMismatch block=0 expected=${expected} actual=${actual}`,
    });
  });

  it('attests only after a dispatched block, in encoded_report', async () => {
    const chain = sampleChain();
    const worker = await start('2.x');
    await expect(worker.runtimeInfo()).rejects.toThrow('500 Runtime not initialized');
    await worker.init(chain, { attestationProvider: IAS });
    expect((await worker.runtimeInfo({ forceRefreshRa: true })).attestation).toBe(undefined);
    await worker.bin('sync_combined_headers', chain.combined({ relay: [1, 2], para: [0, 2] }));
    await worker.bin('dispatch_block', chain.blocks(1, 1));
    const info = await worker.runtimeInfo({ forceRefreshRa: true });
    expect(info.attestation, toJsonString(InitRuntimeResponseSchema, info)).toMatchObject({
      provider: '"ias"',
    });
    expect([...(info.attestation?.encodedReport.subarray(0, 2) ?? [])]).toEqual([1, 0]);
    expect(info.attestation?.payload).toBe(undefined);
    // V2: packed version in front, para id and consensus version at the end.
    expect(toHex(info.encodedRuntimeInfo.slice(0, 4))).toBe('0x00020200');
    expect(toHex(info.encodedRuntimeInfo.slice(-8))).toBe('0xd407000000000000');
  });

  it('answers None without a provider, and refuses a debug key with one', async () => {
    const chain = sampleChain();
    const worker = await start('2.x');
    const debugSetKey = new Uint8Array(32).fill(1);
    await expect(worker.init(chain, { debugSetKey, attestationProvider: IAS })).rejects.toThrow(
      '500 RA is disallowed when debug_set_key is enabled',
    );
    await worker.init(chain, { debugSetKey });
    await worker.bin('sync_combined_headers', chain.combined({ relay: [1, 2], para: [0, 2] }));
    await worker.bin('dispatch_block', chain.blocks(1, 1));
    expect((await worker.runtimeInfo()).attestation?.encodedReport).toEqual(Uint8Array.of(0));
  });

  it('speaks JSON on /prpc too', async () => {
    const worker = await start('2.x');
    const info = (await (await fetch(`${worker.url}/prpc/PhactoryAPI.GetInfo`)).json()) as object;
    expect(info).toMatchObject({ initialized: false, headernum: 0, version: '2.2.0' });
    const refused = await worker.post(
      '/prpc/PhactoryAPI.GetRuntimeInfo?json=true',
      new Uint8Array(),
    );
    expect(refused.status).toBe(500);
    expect(await refused.json()).toEqual({ error: 'Runtime not initialized' });
  });
});
