import { beforeEach, describe, expect, it } from 'vitest';

import {
  FOREIGN_SIGNING_CERT,
  FOREIGN_SIGNING_KEY,
} from '../attestation/foreign-keys.test.data.js';
import { DEV_MEASUREMENT } from '../attestation/index.js';
import { concatBytes, toHex } from '../primitives/index.js';
import { BLOCK_MS, TestChain } from './chain.test.kit.js';
import { benchmarkDuration, workerAddedAt, workers } from './pallets/registry-storage.js';
import { offchainIngress } from './pallets/mq.js';
import { paraCodecs } from './types.js';
import { expectOk, RELAY_GENESIS, TestWorker, type RegisterOptions } from './worker.test.kit.js';

const genesis = { relayGenesisHashes: [RELAY_GENESIS] };
let chain: TestChain;
let worker: TestWorker;
beforeEach(async () => {
  chain = await TestChain.create(genesis);
  chain.block();
  worker = new TestWorker(chain, 'w');
});

const ingress = (w: TestWorker): bigint | undefined =>
  offchainIngress.get(chain.state, { type: 'Worker', value: w.key });

describe('registering a worker', () => {
  it('enters it and starts its benchmark', () => {
    const outcome = expectOk(worker.register());
    expect(outcome.events).toContain('phalaRegistry.WorkerAdded');
    expect(workers.get(chain.state, worker.key)).toMatchObject({
      pubkey: worker.key,
      operator: chain.pairs.Alice.publicKey,
      attestationProvider: { type: 'Ias' },
      confidenceLevel: 1,
      initialScore: undefined,
      runtimeVersion: 1,
      lastUpdated: BigInt(chain.timestampMs / 1000),
      features: [4, 1],
    });
    expect(workerAddedAt.get(chain.state, worker.key)).toBe(chain.number);
    expect(chain.messages().slice(0, 2)).toEqual([
      {
        sender: 'PhalaRegistry',
        topic: 'phala/system/event',
        payload: {
          type: 'WorkerEvent',
          pubkey: worker.key,
          event: { type: 'Registered', confidenceLevel: 1 },
        },
      },
      {
        sender: 'PhalaRegistry',
        topic: 'phala/system/event',
        payload: {
          type: 'WorkerEvent',
          pubkey: worker.key,
          event: { type: 'BenchStart', duration: 8 },
        },
      },
    ]);
  });

  it('again keeps score and ECDH key', () => {
    worker.registerWithScore();
    const before = workers.get(chain.state, worker.key);
    const bob = chain.pairs.Bob.publicKey;
    const outcome = expectOk(
      worker.register({ operator: bob, report: { quoteStatus: 'GROUP_OUT_OF_DATE' } }),
    );
    expect(outcome.events).toContain('phalaRegistry.WorkerUpdated');
    expect(workers.get(chain.state, worker.key)).toMatchObject({
      initialScore: before?.initialScore,
      ecdhPubkey: before?.ecdhPubkey,
      operator: bob,
      confidenceLevel: 5,
    });
  });

  it('may be done by anybody, and without operator', () => {
    expectOk(worker.register({ signer: chain.pairs.Eve, operator: undefined }));
    expect(workers.get(chain.state, worker.key)?.operator).toBeUndefined();
  });

  const nowhere = new Uint8Array(32).fill(9);
  const signer = { key: FOREIGN_SIGNING_KEY, cert: FOREIGN_SIGNING_CERT };
  const measurement = { ...DEV_MEASUREMENT, mrEnclave: nowhere };
  const cases: [string, RegisterOptions, string][] = [
    ['a report of another CA', { report: { signer } }, 'InvalidIASSigningCert'],
    ['an unknown quote status', { report: { quoteStatus: 'REVOKED' } }, 'InvalidQuoteStatus'],
    ['an unknown program', { report: { measurement } }, 'PRuntimeRejected'],
    ['an old report', { report: { timestampMs: 1_600_000_000_000 } }, 'OutdatedIASReport'],
    ['a report of something else', { report: { reportData: nowhere } }, 'InvalidRuntimeInfoHash'],
    ['another relay chain', { genesisBlockHash: nowhere }, 'GenesisBlockHashRejected'],
  ];
  for (const version of [1, 2] as const) {
    it.each(cases)(`v${version} refuses %s`, (_, options, error) => {
      expect(worker.register({ ...options, version }).result).toBe(`phalaRegistry.${error}`);
      expect(workers.has(chain.state, worker.key)).toBe(false);
    });
  }

  it('v2 checks the parachain and whether a report may be missing', async () => {
    expect(worker.register({ version: 2, paraId: 2035 }).result).toBe(
      'phalaRegistry.ParachainIdMismatch',
    );
    expect(worker.register({ version: 2, report: null }).result).toBe(
      'phalaRegistry.NoneAttestationDisabled',
    );
    expectOk(worker.register({ version: 2 }));
    chain = await TestChain.create(genesis, { noneAttestationEnabled: true });
    worker = new TestWorker(chain, 'w');
    expectOk(worker.register({ version: 2, report: null }));
    expect(workers.get(chain.state, worker.key)).toMatchObject({
      attestationProvider: undefined,
      confidenceLevel: 128,
    });
  });

  it('follows the lists that root keeps', () => {
    const call = (name: string, ...args: unknown[]) =>
      chain.sudo(chain.call('phalaRegistry', name, ...args)).result;
    const hash = toHex(RELAY_GENESIS);
    expect(call('addRelaychainGenesisBlockHash', hash)).toBe(
      'phalaRegistry.GenesisBlockHashAlreadyExists',
    );
    expect(call('removeRelaychainGenesisBlockHash', hash)).toBe('ok');
    expect(call('removeRelaychainGenesisBlockHash', hash)).toBe(
      'phalaRegistry.GenesisBlockHashNotFound',
    );
    expect(worker.register().result).toBe('phalaRegistry.GenesisBlockHashRejected');
    expect(call('addRelaychainGenesisBlockHash', hash)).toBe('ok');
    expectOk(worker.register());
    expect(call('addPruntime', '0x01')).toBe('ok');
    expect(call('addPruntime', '0x01')).toBe('phalaRegistry.PRuntimeAlreadyExists');
    expect(call('removePruntime', '0x01')).toBe('ok');
    expect(call('removePruntime', '0x01')).toBe('phalaRegistry.PRuntimeNotFound');
    expect(call('forceSetBenchmarkDuration', 3)).toBe('ok');
    expect(benchmarkDuration.get(chain.state)).toBe(3);
    expect(call('setMinimumPruntimeVersion', 2, 0, 1)).toBe('ok');
    expect(call('setPruntimeConsensusVersion', 1)).toBe('ok');
    const notRoot = chain.call('phalaRegistry', 'addPruntime', '0x02');
    expect(chain.run(notRoot, chain.pairs.Bob).result).toBe('BadOrigin');
  });

  it('by force gives no benchmark', () => {
    const { Alice } = chain.pairs;
    const force = chain.call(
      'phalaRegistry',
      'forceRegisterWorker',
      toHex(worker.key),
      toHex(worker.key),
      Alice.address,
    );
    expect(chain.sudo(force).result).toBe('ok');
    const types = chain
      .messages()
      .map((m) => (m.payload as { event?: { type: string } }).event?.type);
    expect(types).toContain('Registered');
    expect(types).not.toContain('BenchStart');
    expect(workers.get(chain.state, worker.key)?.confidenceLevel).toBe(128);
  });
});

describe('messages of workers', () => {
  it('count up, and reach the workers unless marked ^', () => {
    const { Ferdie } = chain.pairs;
    expectOk(chain.run(worker.message('some/topic', Uint8Array.of(1)), Ferdie));
    expect(ingress(worker)).toBe(1n);
    expect(chain.messages().map((m) => m.topic)).toContain('some/topic');
    expectOk(chain.run(worker.message('^some/topic', Uint8Array.of(1)), Ferdie));
    expect(ingress(worker)).toBe(2n);
    expect(chain.messages().map((m) => m.topic)).not.toContain('^some/topic');
    chain.block();
    expect(chain.messages().map((m) => m.topic)).not.toContain('some/topic');
  });

  it.each([
    [
      'an empty topic',
      (w: TestWorker) => w.message('', Uint8Array.of(1)),
      'phalaMq.BadDestination',
    ],
    [
      'a reserved topic',
      (w: TestWorker) => w.message('/a', Uint8Array.of(1)),
      'phalaMq.BadDestination',
    ],
    [
      'a sender on the chain',
      (w: TestWorker) => w.message('a', Uint8Array.of(1), { sender: { AccountId: toHex(w.key) } }),
      'phalaMq.BadSender',
    ],
    [
      'another worker as sender',
      (w: TestWorker) =>
        w.message('a', Uint8Array.of(1), { sender: { Worker: `0x${'11'.repeat(32)}` } }),
      'phalaRegistry.InvalidSignature',
    ],
    [
      'a short signature',
      (w: TestWorker) => w.message('a', Uint8Array.of(1), { signature: new Uint8Array(63) }),
      'phalaRegistry.InvalidSignatureLength',
    ],
    [
      'a signature of nothing',
      (w: TestWorker) => w.message('a', Uint8Array.of(1), { signature: new Uint8Array(64) }),
      'phalaRegistry.InvalidSignature',
    ],
    [
      'a gatekeeper before there is one',
      (w: TestWorker) => w.message('a', Uint8Array.of(1), { sender: 'Gatekeeper' }),
      'phalaRegistry.MasterKeyUninitialized',
    ],
    [
      'a cluster that is not known',
      (w: TestWorker) => w.message('a', Uint8Array.of(1), { sender: { Cluster: toHex(w.key) } }),
      'phalaRegistry.UnknownCluster',
    ],
    [
      'a contract that is not known',
      (w: TestWorker) => w.message('a', Uint8Array.of(1), { sender: { Contract: toHex(w.key) } }),
      'phalaRegistry.UnknownContract',
    ],
  ])('with %s fail', (_, make, error) => {
    expect(chain.run(make(worker), chain.pairs.Alice).result).toBe(error);
    expect(ingress(worker)).toBeUndefined();
  });

  it('out of order fail in a batch, with all that follow', () => {
    const { Alice } = chain.pairs;
    const one = Uint8Array.of(1);
    const [m0, m1, m2] = [0n, 1n, 2n].map((sequence) => worker.message('^t', one, { sequence }));
    const batch = chain.call('utility', 'forceBatch', [m0, m2, m1, m1]);
    const outcome = expectOk(chain.run(batch, Alice));
    expect(chain.itemErrors()).toEqual(['phalaMq.BadSequence', 'phalaMq.BadSequence']);
    expect(outcome.events.filter((e) => e.startsWith('utility'))).toEqual([
      'utility.ItemCompleted',
      'utility.ItemFailed',
      'utility.ItemCompleted',
      'utility.ItemFailed',
      'utility.BatchCompletedWithErrors',
    ]);
    expect(ingress(worker)).toBe(2n);
  });

  it('alone in an extrinsic are checked before it runs', () => {
    const { Alice, Bob } = chain.pairs;
    const one = Uint8Array.of(1);
    const message = (sequence: bigint) => worker.message('^t', one, { sequence });
    expect(chain.run(message(1n), Alice).result).toBe('invalid Future');
    expectOk(chain.run(message(0n), Alice));
    expect(chain.run(message(0n), Alice).result).toBe('invalid Stale');
    const validate = (sequence: bigint) =>
      chain.runtime.validate(chain.sign(message(sequence), Bob), chain.state, chain.best);
    const tag = (sequence: number) =>
      toHex(
        concatBytes(
          chain.registry.createType('Text', 'PhalaMqOffchainMessages').toU8a(),
          paraCodecs.encode('MessageOrigin', { type: 'Worker', value: worker.key }),
          chain.registry.createType('u64', sequence).toU8a(),
        ),
      );
    expect(validate(1n).requires).toEqual([]);
    expect(validate(3n).requires.map(toHex)).toEqual([tag(2)]);
    expect(validate(3n).provides.map(toHex)).toContain(tag(3));
    expect(() => validate(0n)).toThrow(/Stale/);
  });

  it('pushed by accounts and by root carry their origin', () => {
    const { Alice } = chain.pairs;
    expectOk(chain.run(chain.call('phalaMq', 'pushMessage', '0x6161', '0x01'), Alice));
    expect(chain.messages()).toContainEqual({
      sender: 'AccountId',
      topic: 'aa',
      payload: Uint8Array.of(1),
    });
    const forced = chain.call('phalaMq', 'forcePushPalletMessage', '0x6161', '0x01');
    expect(chain.run(forced, Alice).result).toBe('BadOrigin');
    expect(chain.sudo(forced).result).toBe('ok');
    expect(chain.messages()[0]?.sender).toBe('ForcePushed');
  });
});

describe('benchmark reports', () => {
  const score = () => workers.get(chain.state, worker.key)?.initialScore;
  const report = (startMs: number, iterations: number) =>
    expectOk(chain.run(worker.benchReport(startMs, iterations), chain.pairs.Ferdie));
  beforeEach(() => {
    expectOk(worker.register());
  });

  it('set the score: iterations in six seconds', () => {
    const startMs = chain.timestampMs;
    const outcome = report(startMs, 12 * 350 + 11);
    expect(score()).toBe(350 * 6);
    expect(outcome.events).toContain('phalaRegistry.InitialScoreSet');
    expect(chain.messages()[0]?.payload).toEqual({
      type: 'WorkerEvent',
      pubkey: worker.key,
      event: { type: 'BenchScore', value: 2100 },
    });
  });

  it('are capped', () => {
    report(chain.timestampMs, 10_000_000);
    expect(score()).toBe(6000);
  });

  it('from the future or of no length are swallowed, but their sequence counts', () => {
    report(chain.timestampMs + BLOCK_MS, 5000);
    report(chain.timestampMs + BLOCK_MS - 500, 5000);
    expect(score()).toBeUndefined();
    expect(ingress(worker)).toBe(2n);
  });

  it('that cannot be read are swallowed', () => {
    expectOk(
      chain.run(worker.message('^phala/registry/event', Uint8Array.of(0, 1)), chain.pairs.Eve),
    );
    expect(score()).toBeUndefined();
  });

  it('of workers that are not registered change nothing', () => {
    const stranger = new TestWorker(chain, 'stranger');
    expectOk(chain.run(stranger.benchReport(chain.timestampMs, 5000), chain.pairs.Eve));
    expect(workers.has(chain.state, stranger.key)).toBe(false);
  });
});

describe('endpoints', () => {
  const payload = (w: TestWorker, signingTime: number) => ({
    pubkey: toHex(w.key),
    versionedEndpoints: { V1: ['http://worker'] },
    signingTime,
  });
  const update = (w: TestWorker, signingTime: number, signature?: string) => {
    const encoded = paraCodecs.encode('WorkerEndpointPayload', {
      pubkey: w.key,
      versionedEndpoints: { type: 'V1', value: ['http://worker'] },
      signingTime: BigInt(signingTime),
    });
    const good = toHex(w.pair.sign(concatBytes(Uint8Array.of(255, 2), encoded)));
    const call = chain.call(
      'phalaRegistry',
      'updateWorkerEndpoint',
      payload(w, signingTime),
      signature ?? good,
    );
    return chain.run(call, chain.pairs.Alice).result;
  };

  it('must be signed, fresh, and of a registered worker', () => {
    expect(update(worker, chain.timestampMs)).toBe('phalaRegistry.InvalidPubKey');
    expectOk(worker.register());
    expect(update(worker, chain.timestampMs)).toBe('ok');
    expect(update(worker, chain.timestampMs, '0x00')).toBe('phalaRegistry.InvalidSignatureLength');
    expect(update(worker, chain.timestampMs, `0x${'00'.repeat(64)}`)).toBe(
      'phalaRegistry.InvalidSignature',
    );
    const late = 'phalaRegistry.InvalidEndpointSigningTime';
    expect(update(worker, chain.timestampMs + 2 * BLOCK_MS)).toBe(late);
    expect(update(worker, chain.timestampMs - 4 * 3_600_000)).toBe(late);
  });
});
