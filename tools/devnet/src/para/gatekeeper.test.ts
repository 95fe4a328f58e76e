import { Keyring } from '@polkadot/keyring';
import { beforeEach, describe, expect, it } from 'vitest';

import { concatBytes, scale, toHex, utf8 } from '../primitives/index.js';
import { TestChain } from './chain.test.kit.js';
import { fromInt, PHA } from './fixed-point.js';
import { assetAccount, WPHA } from './pallets/assets.js';
import { ownerRewardAccount, pools, sessionAccount } from './pallets/base-pool.js';
import { heartbeatPaused, sessions, tokenomicParameters } from './pallets/computation-decl.js';
import { gatekeeper, gatekeeperLaunchedAt } from './pallets/registry-storage.js';
import { DEFAULT_TOKENOMICS, heartbeatTarget } from './pallets/tokenomics.js';
import { paraCodecs } from './types.js';
import type { StakePool } from './values.js';
import { expectOk, RELAY_GENESIS, TestWorker } from './worker.test.kit.js';

let chain: TestChain;
let worker: TestWorker;
const session = () => sessions.get(chain.state, sessionAccount(1n, worker.key));

beforeEach(async () => {
  chain = await TestChain.create({ relayGenesisHashes: [RELAY_GENESIS] });
  worker = new TestWorker(chain, 'w');
  worker.registerWithScore();
});

function startWorker(): void {
  const { Alice } = chain.pairs;
  const key = toHex(worker.key);
  expectOk(chain.run(chain.call('phalaStakePoolv2', 'addWorker', 1, key), Alice));
  const start = chain.call('phalaStakePoolv2', 'startComputing', 1, key, 5000n * PHA);
  expectOk(chain.run(start, Alice));
}

interface Challenge {
  type: string;
  seed: bigint;
  onlineTarget: bigint;
}
const challenges = () =>
  chain
    .messages()
    .map((m) => m.payload as Challenge)
    .filter((p) => p.type === 'HeartbeatChallenge');

describe('heartbeats', () => {
  it('are asked for at the end of each block, by lot', () => {
    chain.block();
    expect(challenges()).toMatchObject([{ onlineTarget: 0n }]);
    startWorker();
    const [first] = challenges();
    expect(first?.onlineTarget).toBe(heartbeatTarget(20, 1));
    chain.block();
    expect(challenges()[0]?.seed).not.toBe(first?.seed);
    // One worker, two heartbeats an hour, 300 blocks an hour.
    const share = Number(heartbeatTarget(20, 1) >> 200n) / 2 ** 56;
    expect(share).toBeCloseTo(2 / 300, 5);
    const crowded = Number(heartbeatTarget(20, 30_000) >> 200n) / 2 ** 56;
    expect(crowded).toBeCloseTo(20 / 30_000, 5);
  });

  it('can be paused, and forced', () => {
    const pause = chain.call('phalaComputation', 'setHeartbeatPaused', true);
    expect(chain.sudo(pause).result).toBe('ok');
    expect(heartbeatPaused.get(chain.state)).toBe(true);
    expect(challenges()).toEqual([]);
    expect(chain.sudo(chain.call('phalaComputation', 'forceHeartbeat')).result).toBe('ok');
    expect(challenges()).toEqual([
      { type: 'HeartbeatChallenge', seed: 0n, onlineTarget: (1n << 256n) - 1n },
    ]);
  });

  it('update what is known of the worker', () => {
    startWorker();
    const { Ferdie } = chain.pairs;
    const beat = (iterations: number) =>
      expectOk(chain.run(worker.heartbeat(chain.timestampMs, iterations), Ferdie));
    const first = beat(1_000_000);
    expect(first.events).toContain('phalaComputation.BenchmarkUpdated');
    const before = session()?.benchmark;
    expect(before?.iterations).toBe(1_000_000n);
    beat(1_000_000 + 100 * 24);
    // 2,400 iterations in the 24 s between the last challenge and now.
    expect(session()?.benchmark.pInstant).toBe(600);
    beat(9_000_000);
    expect(session()?.benchmark.pInstant).toBe(720);
    beat(5);
    expect(session()?.benchmark).toMatchObject({ pInstant: 0, iterations: 5n });
  });

  it('of workers that are in no pool are ignored', () => {
    const outcome = expectOk(chain.run(worker.heartbeat(chain.timestampMs, 5), chain.pairs.Eve));
    expect(outcome.events).not.toContain('phalaComputation.BenchmarkUpdated');
    expect(chain.messages().map((m) => m.topic)).toContain('phala/mining/report');
  });
});

describe('gatekeepers', () => {
  const master = new Keyring({ type: 'sr25519' }).addFromUri('//master');
  let sequence = 0n;
  const registerGatekeeper = (w: TestWorker) =>
    chain.sudo(chain.call('phalaRegistry', 'registerGatekeeper', toHex(w.key))).result;
  const masterKey = (w: TestWorker, key = master.publicKey) =>
    w.message(
      '^phala/registry/event',
      paraCodecs.encode('RegistryEvent', { type: 'MasterPubkey', masterPubkey: key }),
    );
  const say = (update: Record<string, unknown>) => {
    const message = {
      sender: { type: 'Gatekeeper' },
      destination: utf8('^phala/mining/update'),
      payload: paraCodecs.encode('WorkingInfoUpdateEvent', {
        blockNumber: 1,
        timestampMs: BigInt(chain.timestampMs) + 12_000n,
        offline: [],
        recoveredToOnline: [],
        settle: [],
        ...update,
      }),
    };
    const signed = concatBytes(paraCodecs.encode('Message', message), scale.u64(sequence));
    return chain.run(
      chain.call('phalaMq', 'syncOffchainMessage', {
        message: {
          sender: 'Gatekeeper',
          destination: toHex(message.destination),
          payload: toHex(message.payload),
        },
        sequence: sequence++,
        signature: toHex(master.sign(signed)),
      }),
      chain.pairs.Alice,
    );
  };

  function launch(): void {
    sequence = 0n;
    expect(registerGatekeeper(worker)).toBe('ok');
    expectOk(chain.run(masterKey(worker), chain.pairs.Alice));
  }

  it('are registered by root, and launch with a master key', () => {
    const stranger = new TestWorker(chain, 'stranger');
    expect(registerGatekeeper(stranger)).toBe('phalaRegistry.WorkerNotFound');
    expect(registerGatekeeper(worker)).toBe('ok');
    expect(chain.messages().map((m) => m.topic)).toContain('phala/gatekeeper/launch');
    stranger.registerWithScore();
    expect(registerGatekeeper(stranger)).toBe('phalaRegistry.MasterKeyUninitialized');
    expectOk(chain.run(masterKey(stranger), chain.pairs.Alice));
    expect(gatekeeperLaunchedAt.get(chain.state)).toBeUndefined();
    const outcome = expectOk(chain.run(masterKey(worker), chain.pairs.Alice));
    expect(outcome.events).toContain('phalaRegistry.GatekeeperLaunched');
    expect(gatekeeperLaunchedAt.get(chain.state)?.[0]).toBe(chain.number);
    expect(registerGatekeeper(stranger)).toBe('ok');
    expect(gatekeeper.get(chain.state)).toHaveLength(2);
    const drop = (w: TestWorker) =>
      chain.sudo(chain.call('phalaRegistry', 'unregisterGatekeeper', toHex(w.key))).result;
    expect(drop(stranger)).toBe('ok');
    expect(drop(stranger)).toBe('phalaRegistry.InvalidGatekeeper');
    expect(drop(worker)).toBe('phalaRegistry.CannotRemoveLastGatekeeper');
  });

  it('say who is gone and who is back, for free', () => {
    launch();
    startWorker();
    const gone = expectOk(say({ offline: [worker.key] }));
    expect(gone.events).toContain('phalaComputation.WorkerEnterUnresponsive');
    expect(session()?.state.type).toBe('WorkerUnresponsive');
    const paid = gone.data['transactionPayment.TransactionFeePaid'] as { toBigInt(): bigint }[];
    expect(paid[1]?.toBigInt()).toBe(0n);
    expectOk(say({ recoveredToOnline: [worker.key] }));
    expect(session()?.state.type).toBe('WorkerIdle');
    const events = chain.messages().map((m) => (m.payload as { event?: { type: string } }).event);
    expect(events).toContainEqual({ type: 'ExitUnresponsive' });
    // A worker that is unresponsive can be stopped as well.
    expectOk(say({ offline: [worker.key] }));
    const stop = chain.call('phalaStakePoolv2', 'stopComputing', 1, toHex(worker.key));
    expectOk(chain.run(stop, chain.pairs.Alice));
    expectOk(say({ recoveredToOnline: [worker.key] }));
    expect(session()?.state.type).toBe('WorkerCoolingDown');
  });

  it('pay workers into their pool', () => {
    launch();
    startWorker();
    const { Alice } = chain.pairs;
    expectOk(chain.run(chain.call('phalaStakePoolv2', 'setPayoutPref', 1, 100_000), Alice));
    const before = (pools.get(chain.state, 1n)?.value as StakePool).basepool.totalValue;
    const settle = [
      { pubkey: worker.key, v: fromInt(6000), payout: fromInt(10), treasury: fromInt(2) },
    ];
    const outcome = expectOk(say({ settle }));
    expect(outcome.events).toEqual(
      expect.arrayContaining([
        'phalaComputation.SessionSettled',
        'phalaStakePoolv2.RewardReceived',
      ]),
    );
    expect(session()).toMatchObject({ v: fromInt(6000), stats: { totalReward: 10n * PHA } });
    const after = (pools.get(chain.state, 1n)?.value as StakePool).basepool.totalValue;
    expect(after - before).toBe(9n * PHA);
    const owner = ownerRewardAccount(1n, Alice.publicKey);
    expect(assetAccount.get(chain.state, [WPHA, owner])?.balance).toBe(PHA);
    const late = expectOk(say({ settle, timestampMs: 1000n }));
    expect(late.events).toContain('phalaComputation.SessionSettlementDropped');
    const claim = chain.call('phalaStakePoolv2', 'claimOwnerRewards', 1, chain.pairs.Eve.address);
    expectOk(chain.run(claim, Alice));
  });

  it('must sign with the master key', () => {
    launch();
    const forged = chain.call('phalaMq', 'syncOffchainMessage', {
      message: { sender: 'Gatekeeper', destination: '0x61', payload: '0x' },
      sequence: 0,
      signature: `0x${'00'.repeat(64)}`,
    });
    expect(chain.run(forged, chain.pairs.Alice).result).toBe('phalaRegistry.InvalidSignature');
  });
});

describe('tokenomics', () => {
  it('are told to gatekeepers at the start and when they change', async () => {
    const fresh = await TestChain.create();
    fresh.block();
    expect(fresh.messages()[0]?.topic).toBe('phala/gatekeeper/event');
    const next = { ...DEFAULT_TOKENOMICS, k: fromInt(50) };
    const update = chain.call('phalaComputation', 'updateTokenomic', next);
    const outcome = chain.sudo(update);
    expect(outcome.result).toBe('ok');
    expect(tokenomicParameters.get(chain.state)).toEqual(next);
    expect(chain.messages().map((m) => m.topic)).toContain('phala/gatekeeper/event');
    expect(chain.events().map(({ event }) => event.method)).toContain('TokenomicParametersChanged');
  });
});
