import { sr25519Verify } from '@polkadot/util-crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { bytesEqual, concatBytes, fromHex, scale, toHex, utf8 } from '../primitives/index.js';
import { startWorkers, type RunningWorkers, type WorkersOptions } from './index.js';
import {
  BlocksSchema,
  CombinedHeadersToSyncSchema,
  HeadersSyncedToSchema,
  HeadersToSyncSchema,
  ParaHeadersToSyncSchema,
  SyncedToSchema,
} from './gen/pruntime_rpc_pb.js';
import { SampleChain, blockToDispatch, justificationOf, voterSet } from './testing/sample-chain.js';
import { WorkerClient } from './testing/worker-client.js';

const MIB = 1024 * 1024;
let running: RunningWorkers | undefined;

afterEach(async () => {
  await running?.stop();
  running = undefined;
});

async function start(options: Partial<WorkersOptions> = {}): Promise<WorkerClient> {
  running = await startWorkers({
    count: 1,
    basePort: 0,
    dataDir: undefined,
    pruntime: ['0.2.6'],
    seed: 'test',
    ...options,
  });
  return new WorkerClient(running.urls[0] ?? '');
}

/** Relay 1..6 with set changes at 3 and 5; para 1..6, one per relay block. */
function sampleChain(options: ConstructorParameters<typeof SampleChain>[0] = {}): SampleChain {
  const chain = new SampleChain(options);
  for (let n = 1; n <= 6; n++) {
    chain.addPara([[utf8('block'), scale.u32(n)]]);
    const nextSet = n === 3 ? voterSet(1n) : n === 5 ? voterSet(2n) : undefined;
    chain.addRelay(nextSet === undefined ? {} : { nextSet });
  }
  return chain;
}

const message = async (promise: Promise<Record<string, unknown>>): Promise<unknown> =>
  (await promise)['message'];

describe('a 0.2.6 worker on /bin_api', () => {
  it('is empty at first, initialized once, and follows headers and blocks', async () => {
    const chain = sampleChain();
    const worker = await start();
    expect(await worker.heights()).toEqual([0, 0, 0]);
    expect((await worker.info()).initialized).toBe(false);
    const response = await worker.init(chain);
    const info = await worker.info();
    expect(info.initialized).toBe(true);
    expect(info.publicKey).toBe(toHex(response.encodedPublicKey).slice(2));
    expect(info.genesisBlockHash).toBe(toHex(chain.relayAt(0).hash).slice(2));
    expect(info.version).toBe('0.2.6');
    expect(await worker.heights()).toEqual([1, 1, 1]);
    await expect(worker.init(chain)).rejects.toThrow('500 Runtime already initialized');

    expect(
      await worker.bin('sync_combined_headers', chain.combined({ relay: [1, 2], para: [1, 2] })),
    ).toEqual({ relaychain_synced_to: 2, parachain_synced_to: 2 });
    expect(
      await worker.bin(
        'sync_combined_headers',
        chain.combined({ relay: [3, 3], para: [3, 3], change: true }),
      ),
    ).toEqual({ relaychain_synced_to: 3, parachain_synced_to: 3 });
    expect(await worker.bin('dispatch_block', chain.blocks(1, 2))).toEqual({ dispatched_to: 2 });
    expect(await worker.bin('dispatch_block', chain.blocks(1, 3))).toEqual({ dispatched_to: 3 });
    expect(await worker.heights()).toEqual([4, 4, 4]);
    expect((await worker.info()).stateRoot).toBe(toHex(chain.paraAt(3).state.root()).slice(2));
    // The second set signs from 4 on.
    expect(
      await worker.bin(
        'sync_combined_headers',
        chain.combined({ relay: [4, 5], para: [4, 5], change: true }),
      ),
    ).toEqual({ relaychain_synced_to: 5, parachain_synced_to: 5 });
    expect(await worker.bin('sync_combined_headers', chain.combined({ relay: [6, 6] }))).toEqual({
      relaychain_synced_to: 6,
      parachain_synced_to: 5,
    });
    expect(await worker.bin('dispatch_block', chain.blocks(4, 5))).toEqual({ dispatched_to: 5 });
    expect(await worker.heights()).toEqual([7, 6, 6]);
  });

  it('drops old headers and blocks, and takes nothing new for an answer', async () => {
    const chain = sampleChain();
    const worker = await start();
    await worker.init(chain);
    const first = chain.combined({ relay: [1, 2], para: [1, 2] });
    await worker.bin('sync_combined_headers', first);
    expect(await worker.bin('sync_combined_headers', first)).toEqual({
      relaychain_synced_to: 2,
      parachain_synced_to: 2,
    });
    expect(await worker.bin('sync_header', concatBytes(Uint8Array.of(0, 0)))).toEqual({
      synced_to: 2,
    });
    // Old ones in front of new ones are dropped.
    const mixed = concatBytes(chain.relayHeaders(1, 3), Uint8Array.of(0));
    expect(await worker.bin('sync_header', mixed)).toEqual({ synced_to: 3 });
    expect(await worker.bin('dispatch_block', Uint8Array.of(0))).toEqual({ dispatched_to: 0 });
  });

  it('refuses in pRuntime’s words, and moves no height', async () => {
    const chain = sampleChain();
    const worker = await start();
    const header = (bytes: Uint8Array): Promise<unknown> =>
      message(worker.bin('sync_header', concatBytes(bytes, Uint8Array.of(0))));
    const BAD = 'HeaderValidateFailed(bad justification for header: ';
    expect(await header(chain.relayHeaders(1, 2))).toBe('Runtime not initialized');
    await worker.init(chain);
    expect(await header(chain.relayHeaders(2, 2))).toBe('BlockNumberMismatch');
    const unjustified = concatBytes(Uint8Array.of(4), chain.relayAt(1).header, Uint8Array.of(0));
    expect(await header(unjustified)).toBe('MissingJustification');
    const gap = concatBytes(
      Uint8Array.of(8),
      concatBytes(chain.relayAt(1).header, Uint8Array.of(0)),
      chain.relayHeaders(3, 3).subarray(1),
    );
    expect(await header(gap)).toBe('HeaderHashMismatch');
    expect(await header(chain.relayHeaders(1, 2, chain.justification(2, 2)))).toBe(
      `${BAD}invalid commit in grandpa justification)`,
    );
    expect(await header(chain.relayHeaders(1, 2, chain.justification(1)))).toBe(
      `${BAD}invalid commit target in grandpa justification)`,
    );
    expect(await header(chain.relayHeaders(1, 2, new Uint8Array(0)))).toBe(
      'HeaderValidateFailed(error decoding justification for header)',
    );
    const other = new SampleChain({ pairs: [[utf8('x'), utf8('y')]] });
    for (let n = 0; n < 2; n++) {
      other.addPara();
      other.addRelay();
    }
    // Another chain’s block 2 on the true block 1: justified by the same voters.
    const forked = concatBytes(Uint8Array.of(4), other.relayHeaders(2, 2).subarray(1));
    await worker.bin('sync_header', concatBytes(chain.relayHeaders(1, 1), Uint8Array.of(0)));
    expect(await header(forked)).toBe('HeaderValidateFailed(invalid ancestry proof)');
    const set9 = voterSet(9n);
    const target = chain.relayAt(2);
    const votes = set9.voters.map((voter) => ({ voter, ...target }));
    const strange = justificationOf({ round: 1n, setId: 9n, target, votes });
    expect(await header(chain.relayHeaders(2, 2, strange))).toBe(
      `${BAD}invalid commit in grandpa justification)`,
    );
    expect(await worker.heights()).toEqual([2, 1, 1]);
    expect(await header(Uint8Array.of(0xfe, 0xff, 0xff, 0xff))).toBe(
      'Decode input parameter failed',
    );
  });

  it('has the para head proven, and lets the relay part stand when it is not', async () => {
    const chain = sampleChain();
    const worker = await start();
    await worker.init(chain);
    const para = (from: number, to: number, nodes: Uint8Array[]): Promise<unknown> =>
      message(
        worker.bin(
          'sync_para_header',
          concatBytes(chain.paraHeaders(from, to), scale.vec(nodes.map(scale.bytes))),
        ),
      );
    expect(await para(1, 1, chain.headProof(1))).toBe('RelaychainHeaderNotSynced');
    const wrongHead = concatBytes(
      chain.relayHeaders(1, 2),
      Uint8Array.of(0),
      chain.paraHeaders(1, 1),
      scale.vec(chain.headProof(2).map(scale.bytes)),
    );
    expect(await message(worker.bin('sync_combined_headers', wrongHead))).toBe(
      'StorageProofFailed(storage value mismatch)',
    );
    expect(await worker.heights()).toEqual([3, 1, 1]);
    expect(await para(2, 2, chain.headProof(2))).toBe('BlockNumberMismatch');
    expect(await para(1, 2, [])).toBe('StorageProofFailed(storage root mismatch)');
    expect(await para(1, 2, chain.headProof(2).slice(0, 1))).toBe(
      'StorageProofFailed(storage value unavailable)',
    );
    const gap = concatBytes(Uint8Array.of(8), chain.paraAt(1).header, chain.paraAt(2).header);
    const broken = gap.slice();
    broken[1 + 40] = (broken[1 + 40] ?? 0) ^ 1; // state root of para header 1
    const nodes = scale.vec(chain.headProof(2).map(scale.bytes));
    expect(await message(worker.bin('sync_para_header', concatBytes(broken, nodes)))).toBe(
      'HeaderHashMismatch',
    );
    expect(await worker.heights()).toEqual([3, 1, 1]);
    // The para headers go alone afterwards.
    expect(await worker.bin('sync_para_header', concatBytes(gap, nodes))).toEqual({ synced_to: 2 });
    expect(await worker.heights()).toEqual([3, 3, 1]);
  });

  it('has every block give its header’s state root, and keeps those before a bad one', async () => {
    const chain = sampleChain();
    const worker = await start();
    await worker.init(chain);
    const dispatch = (body: Uint8Array): Promise<unknown> =>
      message(worker.bin('dispatch_block', body));
    expect(await dispatch(chain.blocks(1, 1))).toBe('NoStateRoot');
    await worker.bin('sync_combined_headers', chain.combined({ relay: [1, 2], para: [1, 2] }));
    expect(await dispatch(chain.blocks(2, 2))).toBe('BlockNumberMismatch');
    const swapped = scale.vec([2, 1].map((n) => blockToDispatch(chain.paraAt(n))));
    expect(await dispatch(swapped)).toBe('BlockNumberMismatch');
    const bad = chain.paraAt(2);
    const lie = blockToDispatch(bad, [...bad.changes, [utf8('more'), utf8('x')]]);
    const batch = scale.vec([blockToDispatch(chain.paraAt(1)), lie]);
    const actual = bad.state.with([[utf8('more'), utf8('x')]]).root();
    expect(await dispatch(batch)).toBe(
      `StateRootMismatch block=2 expected=${toHex(bad.state.root())} actual=${toHex(actual)}`,
    );
    expect(await worker.heights()).toEqual([3, 3, 2]);
    expect(await worker.bin('dispatch_block', chain.blocks(2, 2))).toEqual({ dispatched_to: 2 });
    expect(await dispatch(chain.blocks(3, 3))).toBe('NoStateRoot');
  });

  it('has the faults of 0.2.6 about set changes', async () => {
    const chain = sampleChain();
    const worker = await start();
    await worker.init(chain);
    const combined = (body: Uint8Array): Promise<unknown> =>
      message(worker.bin('sync_combined_headers', body));
    // A change with a wrong id is refused, but the header counts as finalized from then on.
    const wrongId = chain.authoritySetChange(3);
    wrongId[1 + 4 * 40] = 2;
    const body = (change: Uint8Array): Uint8Array =>
      concatBytes(chain.relayHeaders(1, 3), Uint8Array.of(1), change, Uint8Array.of(0, 0));
    expect(await combined(body(wrongId))).toBe('HeaderValidateFailed(unexpected validator set id)');
    expect(await worker.heights()).toEqual([1, 1, 1]);
    expect(await combined(body(chain.authoritySetChange(3)))).toBe(
      'HeaderValidateFailed(invalid ancestry proof)',
    );
  });

  it('accepts a batch that ends at a set change without it, and is stuck after that', async () => {
    const chain = sampleChain();
    const worker = await start();
    await worker.init(chain);
    expect(await worker.bin('sync_combined_headers', chain.combined({ relay: [1, 3] }))).toEqual({
      relaychain_synced_to: 3,
      parachain_synced_to: 0,
    });
    expect(
      await message(worker.bin('sync_combined_headers', chain.combined({ relay: [4, 4] }))),
    ).toBe(
      'HeaderValidateFailed(bad justification for header: invalid commit in grandpa justification)',
    );
    expect(await worker.heights()).toEqual([4, 1, 1]);
  });

  it('refuses a set that the state does not hold', async () => {
    const chain = sampleChain();
    const worker = await start();
    await worker.init(chain);
    const change = chain.authoritySetChange(3);
    change[1] = (change[1] ?? 0) ^ 1;
    const body = concatBytes(
      chain.relayHeaders(1, 3),
      Uint8Array.of(1),
      change,
      Uint8Array.of(0, 0),
    );
    expect(await message(worker.bin('sync_combined_headers', body))).toBe(
      'HeaderValidateFailed(validator set mismatch)',
    );
  });

  it('signs its answers, once it has a key', async () => {
    const worker = await start();
    expect((await worker.binWrapper('dispatch_block', Uint8Array.of(0))).signature).toBe(null);
    const chain = sampleChain();
    await worker.init(chain);
    const { payload, signature, status } = await worker.binWrapper(
      'dispatch_block',
      Uint8Array.of(0),
    );
    expect(status).toBe('ok');
    const key = fromHex((await worker.info()).publicKey ?? '');
    expect(sr25519Verify(utf8(payload), fromHex(signature ?? ''), key)).toBe(true);
  });

  it('tells its info as JSON, by GET and by POST', async () => {
    const worker = await start();
    await worker.init(sampleChain());
    const byGet = (await (await fetch(`${worker.url}/get_info`)).json()) as { payload: string };
    const info = JSON.parse(byGet.payload) as Record<string, unknown>;
    expect(info).toMatchObject({ initialized: true, headernum: 1, para_headernum: 1, blocknum: 1 });
    expect(info['machine_id']).toMatch(/^[0-9a-f]{32}$/);
    const body = utf8('{"input":{},"nonce":{}}');
    expect((await worker.post('/get_info', body, 'application/json')).status).toBe(200);
    expect((await worker.post('/get_info', body)).status).toBe(404);
  });
});

describe('a 0.2.6 worker on /prpc', () => {
  it('does the same as on /bin_api, with the errors of pRPC', async () => {
    const chain = sampleChain();
    const worker = await start();
    await worker.init(chain);
    await expect(
      worker.prpc('SyncHeader', HeadersToSyncSchema, SyncedToSchema, {
        encodedHeaders: chain.relayHeaders(2, 2),
      }),
    ).rejects.toThrow('500 BlockNumberMismatch');
    await expect(
      worker.prpc('SyncHeader', HeadersToSyncSchema, SyncedToSchema, {}),
    ).rejects.toThrow(/^400 DecodeError\(/);
    await expect(
      worker.prpc('NoSuchMethod', HeadersToSyncSchema, SyncedToSchema, {}),
    ).rejects.toThrow('404 Method Not Found');
    await expect(
      worker.prpc('LoadChainState', HeadersToSyncSchema, SyncedToSchema, {}),
    ).rejects.toThrow('404 Method Not Found');
    expect((await worker.post('/prpc/PhactoryAPI.SyncHeader', Uint8Array.of(0xff))).status).toBe(
      400,
    );
    const synced = await worker.prpc(
      'SyncCombinedHeaders',
      CombinedHeadersToSyncSchema,
      HeadersSyncedToSchema,
      {
        encodedRelaychainHeaders: chain.relayHeaders(1, 3),
        authoritySetChange: chain.authoritySetChange(3),
        encodedParachainHeaders: chain.paraHeaders(1, 3),
        proof: chain.headProof(3),
      },
    );
    expect([synced.relaychainSyncedTo, synced.parachainSyncedTo]).toEqual([3, 3]);
    const dispatched = await worker.prpc('DispatchBlocks', BlocksSchema, SyncedToSchema, {
      encodedBlocks: chain.blocks(1, 3),
    });
    expect(dispatched.syncedTo).toBe(3);
    await worker.prpc('SyncHeader', HeadersToSyncSchema, SyncedToSchema, {
      encodedHeaders: chain.relayHeaders(4, 4),
    });
    const para = await worker.prpc('SyncParaHeader', ParaHeadersToSyncSchema, SyncedToSchema, {
      encodedHeaders: chain.paraHeaders(4, 4),
      proof: chain.headProof(4),
    });
    expect(para.syncedTo).toBe(4);
  });

  it('gives runtime info with an attestation over it, unless RA is skipped', async () => {
    const chain = sampleChain();
    const worker = await start();
    await expect(worker.runtimeInfo()).rejects.toThrow('500 Uninitiated runtime info');
    const operator = new Uint8Array(32).fill(9);
    const first = await worker.init(chain, { encodedOperator: operator });
    expect(first.attestation).toBe(undefined);
    const info = await worker.runtimeInfo();
    expect(info.encodedRuntimeInfo).toEqual(first.encodedRuntimeInfo);
    expect(bytesEqual(info.encodedRuntimeInfo.slice(-32), operator)).toBe(true);
    expect(info.attestation).toMatchObject({ version: 1, provider: 'SGX' });
    const report = JSON.parse(info.attestation?.payload?.report ?? '') as Record<string, string>;
    expect(report['isvEnclaveQuoteStatus']).toBe('OK');
    const again = await worker.runtimeInfo();
    expect(again.attestation?.payload?.report).toBe(info.attestation?.payload?.report);
    const forced = await worker.runtimeInfo({
      encodedOperator: new Uint8Array(32).fill(8),
    });
    expect(forced.attestation?.payload?.report).not.toBe(info.attestation?.payload?.report);
  });

  it('takes a debug key only without RA', async () => {
    const chain = sampleChain();
    const worker = await start();
    const debugSetKey = new Uint8Array(32);
    debugSetKey[31] = 1;
    await expect(worker.init(chain, { debugSetKey })).rejects.toThrow(
      '500 RA is disallowed when debug_set_key is enabled',
    );
    await worker.init(chain, { debugSetKey, skipRa: true });
    expect((await worker.info()).devMode).toBe(true);
    expect((await worker.runtimeInfo({ forceRefreshRa: true })).attestation).toBe(undefined);
  });

  it('dies of a genesis that proves nothing, and comes back empty', async () => {
    const chain = sampleChain();
    const worker = await start({ restartDelayMs: 50 });
    const encodedGenesisInfo = chain.genesisInfo();
    const inFirstId = chain.relayAt(0).header.length + 3;
    encodedGenesisInfo[inFirstId] = (encodedGenesisInfo[inFirstId] ?? 0) ^ 1;
    await expect(worker.init(chain, { encodedGenesisInfo })).rejects.toThrow('fetch failed');
    await expect
      .poll(async () => (await worker.info().catch(() => undefined))?.initialized, {
        timeout: 5000,
      })
      .toBe(false);
    await worker.init(chain);
  });
});

describe('bodies above the limit', () => {
  it('are cut off by 0.2.6 and refused by 2.x', async () => {
    const body = Buffer.alloc(100 * MIB + 1);
    body.set([0xfe, 0xff, 0xff, 0xff]);
    const old = await start();
    expect(await message(old.bin('dispatch_block', body))).toBe('Decode input parameter failed');
    await running?.stop();
    const recent = await start({ pruntime: ['2.x'] });
    const wrapper = await recent.binWrapper('dispatch_block', body);
    expect(wrapper).toEqual({ status: 'error', payload: 'Entity too large' });
    const big = await recent.post('/prpc/PhactoryAPI.GetInfo', new Uint8Array(1025));
    expect(big.status).toBe(413);
    expect(await big.text()).toBe('Entity too large');
  });
});
