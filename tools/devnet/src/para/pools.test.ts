import { beforeEach, describe, expect, it } from 'vitest';

import { toHex } from '../primitives/index.js';
import { TestChain } from './chain.test.kit.js';
import { PHA } from './fixed-point.js';
import { assetAccount, WPHA } from './pallets/assets.js';
import { lockAccount, poolAccount, pools, sessionAccount } from './pallets/base-pool.js';
import {
  coolDownPeriod,
  nextSessionId,
  onlineWorkers,
  sessionBindings,
  sessions,
  stakes,
  tokenomicParameters,
  workerBindings,
} from './pallets/computation-decl.js';
import { gatekeeperLaunchedAt, workers } from './pallets/registry-storage.js';
import { subAccountPreimages, workerAssignments } from './pallets/stake-pool.js';
import { initialValue, minimalStake } from './pallets/tokenomics.js';
import type { StakePool } from './values.js';
import { expectOk, RELAY_GENESIS, TestWorker } from './worker.test.kit.js';

const genesis = { relayGenesisHashes: [RELAY_GENESIS] };
const PID = 1;
let chain: TestChain;
let worker: TestWorker;
let session: Uint8Array;
beforeEach(async () => {
  chain = await TestChain.create(genesis);
  worker = new TestWorker(chain, 'w');
  session = sessionAccount(1n, worker.key);
});

const alice = () => chain.pairs.Alice;
const pool = (name: string, ...args: unknown[]) => chain.call('phalaStakePoolv2', name, ...args);
const add = (w = worker, pid = PID) => pool('addWorker', pid, toHex(w.key));
const start = (stake: bigint, w = worker, pid = PID) =>
  pool('startComputing', pid, toHex(w.key), stake);
const restart = (stake: bigint, w = worker, pid = PID) =>
  pool('restartComputing', pid, toHex(w.key), stake);
const stop = (w = worker, pid = PID) => pool('stopComputing', pid, toHex(w.key));
const remove = (w = worker, pid = PID) => pool('removeWorker', pid, toHex(w.key));
const reclaim = (w = worker, pid = PID) => pool('reclaimPoolWorker', pid, toHex(w.key));
const result = (call: ReturnType<typeof pool>, signer = alice()) => chain.run(call, signer).result;
const state = () => sessions.get(chain.state, session)?.state.type;
const balance = (who: Uint8Array) => assetAccount.get(chain.state, [WPHA, who])?.balance ?? 0n;
const stakePool = (pid = 1n) => pools.get(chain.state, pid)?.value as StakePool;
const freeStake = () => balance(poolAccount(1n, alice().publicKey));
const locked = () => balance(lockAccount(1n, alice().publicKey));
const workerEvents = () =>
  chain
    .messages()
    .map((m) => m.payload as { pubkey?: Uint8Array; event?: unknown })
    .filter((p) => p.pubkey && toHex(p.pubkey) === toHex(worker.key))
    .map((p) => p.event);
const setScore = (score: number | undefined) =>
  chain.patch((s) => {
    const info = workers.get(s, worker.key);
    if (!info) throw new Error('not registered');
    workers.put(s, worker.key, { ...info, initialScore: score });
  });
const STAKE = 5000n * PHA;

describe('the life of a worker', () => {
  it('goes from registration to computing and back', () => {
    expectOk(worker.register());
    const startedMs = chain.timestampMs;
    chain.blocks(8);
    const report = worker.benchReport(startedMs, 200 * 12 * 9);
    expectOk(chain.run(report, chain.pairs.Ferdie));
    const score = workers.get(chain.state, worker.key)?.initialScore ?? 0;
    expect(score).toBe(1200);

    const added = expectOk(chain.run(add(), alice()));
    expect(added.events).toEqual(
      expect.arrayContaining(['phalaComputation.SessionBound', 'phalaStakePoolv2.PoolWorkerAdded']),
    );
    expect(state()).toBe('Ready');
    expect(workerAssignments.get(chain.state, worker.key)).toBe(1n);
    expect(workerBindings.get(chain.state, worker.key)).toEqual(session);
    expect(sessionBindings.get(chain.state, session)).toEqual(worker.key);
    expect(subAccountPreimages.get(chain.state, session)).toEqual([1n, worker.key]);
    expect(stakePool().workers).toEqual([worker.key]);

    const free = freeStake();
    const started = expectOk(chain.run(start(STAKE), alice()));
    expect(started.events).toEqual(
      expect.arrayContaining([
        'phalaComputation.WorkerStarted',
        'assets.Transferred',
        'phalaStakePoolv2.WorkingStarted',
      ]),
    );
    const params = tokenomicParameters.get(chain.state);
    if (!params) throw new Error('no parameters');
    const ve = initialValue(params, { stake: STAKE, score, confidenceLevel: 1 });
    expect(sessions.get(chain.state, session)).toMatchObject({
      state: { type: 'WorkerIdle' },
      ve,
      v: ve,
      benchmark: { pInit: score },
    });
    expect(workerEvents()).toEqual([{ type: 'Started', sessionId: 0, initV: ve, initP: score }]);
    expect(stakes.get(chain.state, session)).toBe(STAKE);
    expect(freeStake()).toBe(free - STAKE);
    expect(locked()).toBe(STAKE);
    expect(onlineWorkers.get(chain.state)).toBe(1);
    expect(nextSessionId.get(chain.state)).toBe(1);

    expectOk(chain.run(stop(), alice()));
    expect(state()).toBe('WorkerCoolingDown');
    expect(workerEvents()).toEqual([{ type: 'Stopped' }]);
    expect(stakePool().cdWorkers).toEqual([worker.key]);
    expect(locked()).toBe(STAKE);
    expect(onlineWorkers.get(chain.state)).toBe(0);

    expect(result(reclaim())).toBe('phalaComputation.CoolDownNotReady');
    chain.block([], 604_800_000);
    expectOk(chain.run(reclaim(), chain.pairs.Eve));
    expect(state()).toBe('Ready');
    expect(freeStake()).toBe(free);
    expect(stakes.has(chain.state, session)).toBe(false);
    expect(stakePool().cdWorkers).toEqual([]);

    const removed = expectOk(chain.run(remove(), alice()));
    expect(removed.events).toEqual(
      expect.arrayContaining([
        'phalaComputation.SessionUnbound',
        'phalaStakePoolv2.PoolWorkerRemoved',
      ]),
    );
    expect(stakePool().workers).toEqual([]);
    expect(workerBindings.has(chain.state, worker.key)).toBe(false);
    expect(workerAssignments.has(chain.state, worker.key)).toBe(false);
    expect(sessions.has(chain.state, session)).toBe(true);
    expectOk(chain.run(add(), alice()));
  });

  it('restarts with more stake at once', () => {
    worker.registerWithScore();
    expectOk(chain.run(add(), alice()));
    expectOk(chain.run(start(STAKE), alice()));
    expect(result(restart(STAKE))).toBe('phalaStakePoolv2.CannotRestartWithLessStake');
    expect(state()).toBe('WorkerIdle');
    const outcome = expectOk(chain.run(restart(STAKE + 1n), alice()));
    expect(outcome.events.filter((e) => e.startsWith('phala'))).toEqual([
      'phalaComputation.WorkerStopped',
      'phalaComputation.WorkerReclaimed',
      'phalaStakePoolv2.WorkerReclaimed',
      'phalaComputation.WorkerStarted',
      'phalaStakePoolv2.WorkingStarted',
    ]);
    expect(stakes.get(chain.state, session)).toBe(STAKE + 1n);
    expect(stakePool().cdWorkers).toEqual([]);
    expect(locked()).toBe(STAKE + 1n);
    expect(nextSessionId.get(chain.state)).toBe(2);
  });
});

describe('adding a worker', () => {
  it('names what is missing, in order', () => {
    expect(result(add())).toBe('phalaStakePoolv2.WorkerNotRegistered');
    expectOk(worker.register());
    expect(result(add(), chain.pairs.Bob)).toBe('phalaStakePoolv2.UnauthorizedOperator');
    expect(result(add())).toBe('phalaStakePoolv2.BenchmarkMissing');
    setScore(300);
    expect(result(add(worker, 77))).toBe('phalaBasePool.PoolDoesNotExist');
    expect(result(add(worker, 2))).toBe('phalaStakePoolv2.UnauthorizedPoolOwner');
    expect(result(add())).toBe('ok');
    expect(result(add())).toBe('phalaStakePoolv2.WorkerExists');
  });

  it('to a second pool fails to bind', () => {
    worker.registerWithScore();
    expectOk(chain.run(pool('create'), alice()));
    expectOk(chain.run(add(), alice()));
    expect(result(add(worker, 3))).toBe('phalaStakePoolv2.FailedToBindSessionAndWorker');
  });

  it('stops at the pool’s limit', () => {
    worker.registerWithScore();
    chain.patch((s) => {
      const full = Array.from({ length: 200 }, (_, i) => new Uint8Array(32).fill(i));
      pools.put(s, 1n, { type: 'StakePool', value: { ...stakePool(), workers: full } });
    });
    expect(result(add())).toBe('phalaStakePoolv2.WorkersExceedLimit');
  });

  it('wants a registration after the gatekeepers’ launch where that is checked', async () => {
    chain = await TestChain.create(genesis, { checkWorkerRegisterTime: true });
    worker = new TestWorker(chain, 'w');
    worker.registerWithScore();
    expect(result(add())).toBe('phalaStakePoolv2.FailedToBindSessionAndWorker');
    chain.patch((s) => gatekeeperLaunchedAt.put(s, [1, 1n]));
    expect(result(add())).toBe('phalaStakePoolv2.FailedToBindSessionAndWorker');
    chain.patch((s) => gatekeeperLaunchedAt.put(s, [0, 1n]));
    expect(result(add())).toBe('ok');
  });
});

describe('starting a worker', () => {
  beforeEach(() => {
    worker.registerWithScore();
    expectOk(chain.run(add(), alice()));
  });

  it('is for the owner, within free stake, of its own workers', () => {
    expect(result(start(STAKE), chain.pairs.Bob)).toBe('phalaStakePoolv2.UnauthorizedPoolOwner');
    expect(result(start(1_000_001n * PHA))).toBe('phalaStakePoolv2.InsufficientFreeStake');
    const stranger = new TestWorker(chain, 'stranger');
    expect(result(start(STAKE, stranger))).toBe('phalaStakePoolv2.WorkerDoesNotExist');
    expect(result(start(STAKE, worker, 77))).toBe('phalaBasePool.PoolDoesNotExist');
  });

  it('wants neither too little nor too much stake', () => {
    const params = tokenomicParameters.get(chain.state);
    if (!params) throw new Error('no parameters');
    const least = minimalStake(params, 600);
    // 100 × √600 PHA.
    expect(Number(least / 10n ** 6n) / 1e6).toBeCloseTo(2449.489742, 5);
    expect(result(start(least - 1n))).toBe('phalaComputation.InsufficientStake');
    expect(result(start(30_000n * PHA))).toBe('phalaComputation.TooMuchStake');
    expect(result(start(least))).toBe('ok');
    expect(result(start(STAKE))).toBe('phalaComputation.WorkerNotReady');
  });

  it('wants a score that is good enough', () => {
    setScore(49);
    expect(result(start(STAKE))).toBe('phalaComputation.BenchmarkTooLow');
    setScore(undefined);
    expect(result(start(STAKE))).toBe('phalaComputation.BenchmarkMissing');
    setScore(50);
    expect(result(start(STAKE))).toBe('ok');
  });

  it('notices a broken state', () => {
    chain.patch((s) => stakes.put(s, session, 1n));
    expect(result(start(STAKE))).toBe('phalaComputation.InternalErrorCannotStartWithExistingStake');
    chain.patch((s) => stakes.remove(s, session));
    chain.patch((s) => tokenomicParameters.remove(s));
    expect(result(start(STAKE))).toBe('phalaComputation.InternalErrorBadTokenomicParameters');
    chain.patch((s) => sessionBindings.remove(s, session));
    expect(result(start(STAKE))).toBe('phalaComputation.SessionNotFound');
  });
});

describe('stopping and removing', () => {
  beforeEach(() => {
    worker.registerWithScore();
    expectOk(chain.run(add(), alice()));
  });

  it('a worker that does not compute is refused', () => {
    expect(result(stop())).toBe('phalaComputation.WorkerNotComputing');
    expect(result(stop(), chain.pairs.Bob)).toBe('phalaStakePoolv2.UnauthorizedPoolOwner');
    expect(result(stop(new TestWorker(chain, 'x')))).toBe('phalaStakePoolv2.WorkerDoesNotExist');
    expect(result(reclaim())).toBe('phalaComputation.CoolDownNotReady');
    expect(result(reclaim(new TestWorker(chain, 'x')))).toBe('phalaComputation.SessionNotFound');
    expect(result(reclaim(worker, 77))).toBe('phalaBasePool.PoolDoesNotExist');
    expectOk(chain.run(start(STAKE), alice()));
    expect(result(remove())).toBe('phalaStakePoolv2.WorkerIsNotReady');
    expectOk(chain.run(stop(), alice()));
    expect(result(stop())).toBe('phalaStakePoolv2.WorkerAlreadyStopped');
    expect(result(remove())).toBe('phalaStakePoolv2.WorkerIsNotReady');
    expect(result(restart(STAKE * 2n))).toBe('phalaStakePoolv2.WorkerAlreadyStopped');
  });

  it('knows whose the worker is', () => {
    expect(result(remove(), chain.pairs.Bob)).toBe('phalaStakePoolv2.UnauthorizedPoolOwner');
    expect(result(remove(new TestWorker(chain, 'x')))).toBe('phalaStakePoolv2.WorkerDoesNotExist');
    expectOk(chain.run(pool('create'), alice()));
    expect(result(remove(worker, 3))).toBe('phalaStakePoolv2.WorkerInAnotherPool');
    chain.patch((s) => sessions.remove(s, session));
    expect(result(remove())).toBe('phalaStakePoolv2.SessionDoesNotExist');
  });

  it('restarting waits for withdrawals', () => {
    expectOk(chain.run(start(STAKE), alice()));
    chain.patch((s) => {
      const waiting = { user: alice().publicKey, startTime: 1n, nftId: 1 };
      const before = stakePool();
      const basepool = { ...before.basepool, withdrawQueue: [waiting] };
      pools.put(s, 1n, { type: 'StakePool', value: { ...before, basepool } });
    });
    expect(result(restart(STAKE * 2n))).toBe('phalaStakePoolv2.WithdrawQueueNotEmpty');
  });

  it('unbinding by the operator stops the worker and takes it out of the pool', () => {
    expectOk(chain.run(start(STAKE), alice()));
    const unbind = chain.call('phalaComputation', 'unbind', toHex(session));
    expect(chain.run(unbind, chain.pairs.Bob).result).toBe('phalaComputation.BadSender');
    expectOk(chain.run(unbind, alice()));
    expect(state()).toBe('WorkerCoolingDown');
    expect(workerAssignments.has(chain.state, worker.key)).toBe(false);
    expect(result(add())).toBe('phalaStakePoolv2.FailedToBindSessionAndWorker');
    expect(chain.run(unbind, alice()).result).toBe('phalaComputation.SessionNotBound');
  });
});

describe('pools', () => {
  it('are made by anybody and funded by transfer of wPHA', () => {
    const { Eve } = chain.pairs;
    const created = expectOk(chain.run(pool('create'), Eve));
    expect(created.events).toContain('phalaStakePoolv2.PoolCreated');
    const { basepool } = stakePool(3n);
    expect(basepool).toMatchObject({ pid: 3n, cid: 10_003, owner: Eve.publicKey });
    const wrap = (amount: bigint) => chain.call('phalaWrappedBalances', 'wrap', amount);
    expect(chain.run(wrap(2_000_000n * PHA), Eve).result).toBe('balances.InsufficientBalance');
    expectOk(chain.run(wrap(100n * PHA), Eve));
    const account = toHex(basepool.poolAccountId);
    const pay = (amount: bigint) => chain.call('assets', 'transfer', WPHA, account, amount);
    expect(chain.run(pay(101n * PHA), Eve).result).toBe('assets.BalanceLow');
    expectOk(chain.run(pay(60n * PHA), Eve));
    expect(balance(basepool.poolAccountId)).toBe(60n * PHA);
    const unwrap = (amount: bigint) => chain.call('phalaWrappedBalances', 'unwrap', amount);
    expect(chain.run(unwrap(41n * PHA), Eve).result).toBe(
      'phalaWrappedBalances.UnwrapAmountExceedsAvaliableStake',
    );
    expectOk(chain.run(unwrap(40n * PHA), Eve));
    expect(balance(Eve.publicKey)).toBe(0n);
  });

  it('have a cap and a commission that their owner sets', () => {
    expect(result(pool('setCap', 1, 1n))).toBe('phalaStakePoolv2.InadequateCapacity');
    expect(result(pool('setCap', 1, 2_000_000n * PHA))).toBe('ok');
    expect(result(pool('setCap', 1, 1n), chain.pairs.Bob)).toBe(
      'phalaStakePoolv2.UnauthorizedPoolOwner',
    );
    expect(result(pool('setPayoutPref', 1, 100_000))).toBe('ok');
    expect(stakePool()).toMatchObject({ cap: 2_000_000n * PHA, payoutCommission: 100_000 });
    expect(result(pool('claimOwnerRewards', 1, alice().address))).toBe(
      'phalaStakePoolv2.NoRewardToClaim',
    );
  });

  it('follow root’s cool-down period', () => {
    const set = chain.call('phalaComputation', 'setCoolDownExpiration', 60);
    expect(chain.sudo(set).events).toContain('phalaComputation.CoolDownExpirationChanged');
    expect(coolDownPeriod.get(chain.state)).toBe(60n);
    worker.registerWithScore();
    expectOk(chain.run(add(), alice()));
    expectOk(chain.run(start(STAKE), alice()));
    expectOk(chain.run(stop(), alice()));
    chain.block([], 47_000);
    const tooEarly = chain.sign(reclaim(), alice());
    chain.block([tooEarly], 12_000);
    expect(chain.outcome(2).result).toBe('phalaComputation.CoolDownNotReady');
    chain.block([chain.sign(reclaim(), alice())], 1000);
    expect(chain.outcome(2).result).toBe('ok');
  });
});
