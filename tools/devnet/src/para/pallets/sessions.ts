import { ensure, type Ctx } from '../pallet.js';
import type { AccountId, SessionInfo, WorkerKey } from '../values.js';
import {
  coolDownPeriod,
  nextSessionId,
  onlineWorkers,
  sessionBindings,
  sessions,
  stakes,
  tokenomicParameters,
  workerBindings,
} from './computation-decl.js';
import { pushWorkerEvent } from './mq.js';
import { registeredAfterLaunch } from './registry-messages.js';
import { workers } from './registry-storage.js';
import { nowSec } from './timestamp.js';
import { initialValue, minimalStake } from './tokenomics.js';

const PALLET = 'PhalaComputation';

/** Workers with a lower score may not start (khala-parachain runtime/khala/src/lib.rs, MinInitP). */
const MIN_INIT_P = 50;

/** Is a session in this state counted as computing? */
export const isComputing = (info: SessionInfo): boolean =>
  info.state.type === 'WorkerIdle' || info.state.type === 'WorkerUnresponsive';

/** The worker that a session account is bound to. */
export function boundWorker(ctx: Ctx, session: AccountId): WorkerKey {
  const worker = sessionBindings.get(ctx.state, session);
  ensure(ctx, worker !== undefined, PALLET, 'SessionNotBound');
  return worker;
}

/** Ties a worker to a session account; its session is new and Ready afterwards. */
export function bind(ctx: Ctx, session: AccountId, pubkey: WorkerKey): void {
  const { state } = ctx;
  const worker = workers.get(state, pubkey);
  ensure(ctx, worker !== undefined, PALLET, 'WorkerNotRegistered');
  if (ctx.config.checkWorkerRegisterTime) {
    ensure(ctx, registeredAfterLaunch(ctx, pubkey), PALLET, 'WorkerReregisterNeeded');
  }
  ensure(ctx, worker.initialScore !== undefined, PALLET, 'BenchmarkMissing');
  ensure(ctx, !sessionBindings.has(state, session), PALLET, 'DuplicateBoundSession');
  ensure(ctx, !workerBindings.has(state, pubkey), PALLET, 'DuplicateBoundWorker');
  const before = sessions.get(state, session);
  ensure(ctx, before === undefined || before.state.type === 'Ready', PALLET, 'WorkerNotReady');
  sessionBindings.put(state, session, pubkey);
  workerBindings.put(state, pubkey, session);
  const now = nowSec(ctx);
  sessions.put(state, session, {
    state: { type: 'Ready' },
    ve: 0n,
    v: 0n,
    vUpdatedAt: now,
    benchmark: {
      pInit: 0,
      pInstant: 0,
      iterations: 0n,
      workingStartTime: now,
      challengeTimeLast: 0n,
    },
    coolDownStart: 0n,
    stats: { totalReward: 0n },
  });
  ctx.deposit(PALLET, 'SessionBound', { session, worker: pubkey });
}

/** Unties a session; one that is computing is stopped first. Returns the worker. */
export function unbind(ctx: Ctx, session: AccountId): WorkerKey {
  const worker = boundWorker(ctx, session);
  const info = mustExist(sessions.get(ctx.state, session));
  if (isComputing(info)) stop(ctx, session);
  sessionBindings.remove(ctx.state, session);
  workerBindings.remove(ctx.state, worker);
  ctx.deposit(PALLET, 'SessionUnbound', { session, worker });
  return worker;
}

/** Begins a session with a stake; locking the stake is the caller's business. */
export function start(ctx: Ctx, session: AccountId, stake: bigint): void {
  const { state } = ctx;
  const pubkey = sessionBindings.get(state, session);
  ensure(ctx, pubkey !== undefined, PALLET, 'SessionNotFound');
  const info = mustExist(sessions.get(state, session));
  ensure(ctx, info.state.type === 'Ready', PALLET, 'WorkerNotReady');
  const hasStake = stakes.has(state, session);
  ensure(ctx, !hasStake, PALLET, 'InternalErrorCannotStartWithExistingStake');
  const worker = mustExist(workers.get(state, pubkey));
  const score = worker.initialScore;
  ensure(ctx, score !== undefined, PALLET, 'BenchmarkMissing');
  ensure(ctx, score >= MIN_INIT_P, PALLET, 'BenchmarkTooLow');
  const params = tokenomicParameters.get(state);
  ensure(ctx, params !== undefined, PALLET, 'InternalErrorBadTokenomicParameters');
  ensure(ctx, stake >= minimalStake(params, score), PALLET, 'InsufficientStake');
  const { confidenceLevel } = worker;
  const ve = initialValue(params, { stake, score, confidenceLevel });
  ensure(ctx, ve <= params.vMax, PALLET, 'TooMuchStake');

  stakes.put(state, session, stake);
  sessions.put(state, session, {
    ...info,
    state: { type: 'WorkerIdle' },
    ve,
    v: ve,
    vUpdatedAt: nowSec(ctx),
    benchmark: { ...info.benchmark, pInit: score },
  });
  onlineWorkers.put(state, onlineWorkers.get(state) + 1);
  const sessionId = nextSessionId.get(state);
  nextSessionId.put(state, sessionId + 1);
  pushWorkerEvent(ctx, PALLET, pubkey, { type: 'Started', sessionId, initV: ve, initP: score });
  ctx.deposit(PALLET, 'WorkerStarted', { session, initV: ve, initP: score });
}

/** Ends a session; the worker cools down, and the stake stays locked meanwhile. */
export function stop(ctx: Ctx, session: AccountId): void {
  const { state } = ctx;
  const worker = boundWorker(ctx, session);
  const info = sessions.get(state, session);
  ensure(ctx, info !== undefined, PALLET, 'SessionNotFound');
  ensure(ctx, isComputing(info), PALLET, 'WorkerNotComputing');
  sessions.put(state, session, {
    ...info,
    state: { type: 'WorkerCoolingDown' },
    coolDownStart: nowSec(ctx),
  });
  onlineWorkers.put(state, onlineWorkers.get(state) - 1);
  pushWorkerEvent(ctx, PALLET, worker, { type: 'Stopped' });
  ctx.deposit(PALLET, 'WorkerStopped', { session });
}

/** Makes a session that has cooled down Ready again; returns the stake that is free now. */
export function reclaim(ctx: Ctx, session: AccountId, checkCoolDown: boolean): bigint {
  const { state } = ctx;
  const info = sessions.get(state, session);
  ensure(ctx, info !== undefined, PALLET, 'SessionNotFound');
  const isCool = !checkCoolDown || nowSec(ctx) - info.coolDownStart >= coolDownPeriod.get(state);
  const canReclaim = info.state.type === 'WorkerCoolingDown' && isCool;
  ensure(ctx, canReclaim, PALLET, 'CoolDownNotReady');
  sessions.put(state, session, { ...info, state: { type: 'Ready' }, coolDownStart: 0n });
  const stake = stakes.take(state, session) ?? 0n;
  // Slashing is switched off on the chain, too.
  ctx.deposit(PALLET, 'WorkerReclaimed', { session, originalStake: stake, slashed: 0n });
  return stake;
}

/** State that the pallets keep consistent among themselves. */
function mustExist<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('the chain state is inconsistent');
  return value;
}

/** The session account of a worker, or WorkerNotBound. */
export function boundSession(ctx: Ctx, worker: WorkerKey): AccountId {
  const session = workerBindings.get(ctx.state, worker);
  ensure(ctx, session !== undefined, PALLET, 'WorkerNotBound');
  return session;
}
