import { DispatchFailure } from '../errors.js';
import { toBalance } from '../fixed-point.js';
import { ensure, type Ctx } from '../pallet.js';
import { decodePayload } from '../payload.js';
import type { Message, SessionInfo, WorkerKey } from '../values.js';
import { sessions, workerBindings } from './computation-decl.js';
import { pushWorkerEvent } from './mq.js';
import { boundSession, isComputing } from './sessions.js';
import { paySubsidy, SUBSIDY_POOL } from './subsidy.js';
import { nowSec } from './timestamp.js';

const PALLET = 'PhalaComputation';

/** Topic of {@link onWorkingReport}. */
export const WORKING_REPORT_TOPIC = 'phala/mining/report';
/** Topic of {@link onWorkingInfoUpdate}. */
export const WORKING_UPDATE_TOPIC = '^phala/mining/update';

interface Heartbeat {
  /** Milliseconds. */
  challengeTime: bigint;
  iterations: bigint;
}

/** Values are U64F64 bits. */
export interface SettleInfo {
  pubkey: WorkerKey;
  v: bigint;
  payout: bigint;
  treasury: bigint;
}

interface WorkingInfoUpdate {
  timestampMs: bigint;
  offline: WorkerKey[];
  recoveredToOnline: WorkerKey[];
  settle: SettleInfo[];
}

/** A worker's heartbeat: updates what the chain knows of its speed. */
export function onWorkingReport(ctx: Ctx, message: Message): void {
  const report = decodePayload<Heartbeat>('WorkingReportEvent', message.payload);
  if (message.sender.type !== 'Worker') return;
  const session = boundSession(ctx, message.sender.value);
  const info = sessions.get(ctx.state, session);
  ensure(ctx, info !== undefined, PALLET, 'SessionNotFound');
  const benchmark = updateBenchmark(info, nowSec(ctx), report);
  // The real pallet panics here; a report from before the last one is dropped instead.
  if (!benchmark) return;
  sessions.put(ctx.state, session, { ...info, benchmark });
  ctx.deposit(PALLET, 'BenchmarkUpdated', { session, pInstant: benchmark.pInstant });
}

function updateBenchmark(
  info: SessionInfo,
  now: bigint,
  report: Heartbeat,
): SessionInfo['benchmark'] | undefined {
  const { benchmark } = info;
  if (now <= benchmark.challengeTimeLast) return undefined;
  // Fewer iterations than before: the worker was restarted and counts from zero.
  const before =
    report.iterations < benchmark.iterations ? report.iterations : benchmark.iterations;
  const seconds = now - benchmark.challengeTimeLast;
  const perSixSeconds = ((report.iterations - before) * 6n) / seconds;
  const cap = BigInt(Math.floor((benchmark.pInit * 12) / 10));
  return {
    ...benchmark,
    pInstant: Number(perSixSeconds < cap ? perSixSeconds : cap),
    iterations: report.iterations,
    challengeTimeLast: report.challengeTime / 1000n,
  };
}

/** The gatekeeper's view of the workers: who is gone, who is back, who earned what. */
export function onWorkingInfoUpdate(
  ctx: Ctx,
  message: Message,
  onReward: (ctx: Ctx, settle: readonly SettleInfo[]) => void,
): void {
  const update = decodePayload<WorkingInfoUpdate>('WorkingInfoUpdateEvent', message.payload);
  ensure(ctx, message.sender.type === 'Gatekeeper', PALLET, 'BadSender');
  for (const worker of update.offline) {
    setResponsive(ctx, worker, false);
  }
  for (const worker of update.recoveredToOnline) {
    setResponsive(ctx, worker, true);
  }
  for (const info of update.settle) {
    try {
      settle(ctx, info, update.timestampMs / 1000n);
    } catch (e) {
      if (!(e instanceof DispatchFailure)) throw e;
      ctx.deposit(PALLET, 'InternalErrorWorkerSettleFailed', { worker: info.pubkey });
    }
  }
  onReward(ctx, update.settle);
}

function setResponsive(ctx: Ctx, worker: WorkerKey, responsive: boolean): void {
  const session = workerBindings.get(ctx.state, worker);
  const info = session && sessions.get(ctx.state, session);
  if (!session || !info || !isComputing(info)) return;
  const type = responsive ? 'WorkerIdle' : 'WorkerUnresponsive';
  sessions.put(ctx.state, session, { ...info, state: { type } });
  ctx.deposit(PALLET, responsive ? 'WorkerExitUnresponsive' : 'WorkerEnterUnresponsive', {
    session,
  });
  pushWorkerEvent(ctx, PALLET, worker, {
    type: responsive ? 'ExitUnresponsive' : 'EnterUnresponsive',
  });
}

function settle(ctx: Ctx, info: SettleInfo, emittedSec: bigint): void {
  const session = workerBindings.get(ctx.state, info.pubkey);
  if (!session) return;
  const before = sessions.get(ctx.state, session);
  ensure(ctx, before !== undefined, PALLET, 'SessionNotFound');
  if (before.vUpdatedAt >= emittedSec) {
    const { v, payout } = info;
    ctx.deposit(PALLET, 'SessionSettlementDropped', { session, v, payout });
    return;
  }
  sessions.put(ctx.state, session, {
    ...before,
    v: info.v,
    vUpdatedAt: nowSec(ctx),
    stats: { totalReward: before.stats.totalReward + toBalance(info.payout) },
  });
  paySubsidy(ctx, SUBSIDY_POOL.treasury, toBalance(info.treasury));
  ctx.deposit(PALLET, 'SessionSettled', { session, vBits: info.v, payoutBits: info.payout });
}
