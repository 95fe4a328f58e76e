import { PalletStorage } from '../../metadata/storage-item.js';
import { DispatchFailure } from '../errors.js';
import { ensure, signedHandler, weight, type Ctx, type Pallet } from '../pallet.js';
import { paraCodecs } from '../types.js';
import type { AccountId, StakePool, WorkerKey } from '../values.js';
import { assetBalance, transferAsset, WPHA } from './assets.js';
import { freeStake, newStakePool, savePool, sessionAccount, stakePool } from './base-pool.js';
import { sessions } from './computation-decl.js';
import { workers } from './registry-storage.js';
import { bind, reclaim, start, stop, unbind } from './sessions.js';
import { stakePoolCalls, stakePoolErrors, stakePoolEvents } from './stake-pool-decl.js';

const PALLET = 'PhalaStakePoolv2';
const storage = new PalletStorage(paraCodecs, PALLET);

/** Workers that one pool may have. */
export const MAX_POOL_WORKERS = 200;

export const workerAssignments = storage.map<WorkerKey, bigint>(
  'WorkerAssignments',
  'WorkerKey',
  'u64',
);
export const subAccountPreimages = storage.map<AccountId, [bigint, WorkerKey]>(
  'SubAccountPreimages',
  'AccountId',
  '(u64, WorkerKey)',
);

interface WorkerArgs {
  pid: bigint;
  worker: WorkerKey;
}
interface StakeArgs extends WorkerArgs {
  stake: bigint;
}

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;
const includes = (list: readonly WorkerKey[], key: WorkerKey): boolean =>
  list.some((item) => same(item, key));
const without = (list: readonly WorkerKey[], key: WorkerKey): WorkerKey[] =>
  list.filter((item) => !same(item, key));

function ensureOwner(ctx: Ctx, pool: StakePool, who: AccountId): void {
  ensure(ctx, same(pool.basepool.owner, who), PALLET, 'UnauthorizedPoolOwner');
}

function addWorker(ctx: Ctx, who: AccountId, pid: bigint, pubkey: WorkerKey): void {
  const { state } = ctx;
  const info = workers.get(state, pubkey);
  ensure(ctx, info !== undefined, PALLET, 'WorkerNotRegistered');
  const isOperator = info.operator !== undefined && same(info.operator, who);
  ensure(ctx, isOperator, PALLET, 'UnauthorizedOperator');
  ensure(ctx, info.initialScore !== undefined, PALLET, 'BenchmarkMissing');
  const pool = stakePool(ctx, pid);
  ensureOwner(ctx, pool, who);
  ensure(ctx, !includes(pool.workers, pubkey), PALLET, 'WorkerExists');
  ensure(ctx, pool.workers.length < MAX_POOL_WORKERS, PALLET, 'WorkersExceedLimit');
  const session = sessionAccount(pid, pubkey);
  try {
    bind(ctx, session, pubkey);
  } catch (e) {
    if (e instanceof DispatchFailure) throw ctx.error(PALLET, 'FailedToBindSessionAndWorker');
    throw e;
  }
  subAccountPreimages.put(state, session, [pid, pubkey]);
  savePool(ctx, { ...pool, workers: [...pool.workers, pubkey] });
  workerAssignments.put(state, pubkey, pid);
  ctx.deposit(PALLET, 'PoolWorkerAdded', { pid, worker: pubkey, session });
}

function startComputing(ctx: Ctx, owner: AccountId, { pid, worker, stake }: StakeArgs): void {
  const pool = stakePool(ctx, pid);
  ensureOwner(ctx, pool, owner);
  ensure(ctx, freeStake(ctx, pool) >= stake, PALLET, 'InsufficientFreeStake');
  ensure(ctx, includes(pool.workers, worker), PALLET, 'WorkerDoesNotExist');
  start(ctx, sessionAccount(pid, worker), stake);
  transferAsset(ctx, WPHA, pool.basepool.poolAccountId, pool.lockAccount, stake);
  savePool(ctx, pool);
  ctx.deposit(PALLET, 'WorkingStarted', { pid, worker, amount: stake });
}

function stopComputing(ctx: Ctx, owner: AccountId, { pid, worker }: WorkerArgs): void {
  const pool = stakePool(ctx, pid);
  ensureOwner(ctx, pool, owner);
  ensure(ctx, includes(pool.workers, worker), PALLET, 'WorkerDoesNotExist');
  ensure(ctx, !includes(pool.cdWorkers, worker), PALLET, 'WorkerAlreadyStopped');
  stop(ctx, sessionAccount(pid, worker));
  savePool(ctx, { ...pool, cdWorkers: [...pool.cdWorkers, worker] });
}

/** Returns the stake that became free. */
function reclaimWorker(ctx: Ctx, { pid, worker }: WorkerArgs, checkCoolDown: boolean): bigint {
  const stake = reclaim(ctx, sessionAccount(pid, worker), checkCoolDown);
  const pool = stakePool(ctx, pid);
  transferAsset(ctx, WPHA, pool.lockAccount, pool.basepool.poolAccountId, stake);
  ctx.deposit(PALLET, 'WorkerReclaimed', { pid, worker });
  savePool(ctx, { ...pool, cdWorkers: without(pool.cdWorkers, worker) });
  return stake;
}

/** Takes a worker out of its pool's books, e.g. after its operator has unbound it. */
export function forgetWorker(ctx: Ctx, worker: WorkerKey): void {
  const pid = workerAssignments.take(ctx.state, worker);
  if (pid === undefined) return;
  const pool = stakePool(ctx, pid);
  savePool(ctx, { ...pool, workers: without(pool.workers, worker) });
  ctx.deposit(PALLET, 'PoolWorkerRemoved', { pid, worker });
}

/** Stake pools. Rules: phala-blockchain 654b1b699 pallets/phala/src/compute/stake_pool_v2.rs. */
export const stakePoolV2: Pallet = {
  name: PALLET,
  index: 93,
  path: 'phala_pallets::compute::stake_pool_v2::pallet',
  storage: [workerAssignments, subAccountPreimages],
  calls: stakePoolCalls,
  events: stakePoolEvents,
  errors: stakePoolErrors,
  constants: {
    MinContribution: ['u128', 10_000_000_000n],
    GracePeriod: ['u64', 604_800n],
    MaxPoolWorkers: ['u32', MAX_POOL_WORKERS],
  },
  dispatch: {
    create: signedHandler((ctx, owner) => {
      const { pid, cid, poolAccountId } = newStakePool(ctx, owner).basepool;
      ctx.deposit(PALLET, 'PoolCreated', { owner, pid, cid, poolAccountId });
    }),
    add_worker: signedHandler<{ pid: bigint; pubkey: WorkerKey }>((ctx, who, args) =>
      addWorker(ctx, who, args.pid, args.pubkey),
    ),
    remove_worker: signedHandler<WorkerArgs>((ctx, who, { pid, worker }) => {
      ensureOwner(ctx, stakePool(ctx, pid), who);
      const assigned = workerAssignments.get(ctx.state, worker);
      ensure(ctx, assigned !== undefined, PALLET, 'WorkerDoesNotExist');
      ensure(ctx, assigned === pid, PALLET, 'WorkerInAnotherPool');
      const session = sessionAccount(pid, worker);
      const info = sessions.get(ctx.state, session);
      ensure(ctx, info !== undefined, PALLET, 'SessionDoesNotExist');
      ensure(ctx, info.state.type === 'Ready', PALLET, 'WorkerIsNotReady');
      unbind(ctx, session);
      forgetWorker(ctx, worker);
    }),
    set_cap: signedHandler<{ pid: bigint; cap: bigint }>((ctx, who, { pid, cap }) => {
      const pool = stakePool(ctx, pid);
      ensureOwner(ctx, pool, who);
      ensure(ctx, pool.basepool.totalValue <= cap, PALLET, 'InadequateCapacity');
      savePool(ctx, { ...pool, cap });
      ctx.deposit(PALLET, 'PoolCapacitySet', { pid, cap });
    }),
    set_payout_pref: signedHandler<{ pid: bigint; payoutCommission: number | undefined }>(
      (ctx, who, { pid, payoutCommission }) => {
        const pool = stakePool(ctx, pid);
        ensureOwner(ctx, pool, who);
        savePool(ctx, { ...pool, payoutCommission });
        ctx.deposit(PALLET, 'PoolCommissionSet', { pid, commission: payoutCommission ?? 0 });
      },
    ),
    claim_owner_rewards: signedHandler<{ pid: bigint; target: AccountId }>(
      (ctx, who, { pid, target }) => {
        const pool = stakePool(ctx, pid);
        ensureOwner(ctx, pool, who);
        const amount = assetBalance(ctx, WPHA, pool.ownerRewardAccount);
        ensure(ctx, amount > 0n, PALLET, 'NoRewardToClaim');
        transferAsset(ctx, WPHA, pool.ownerRewardAccount, target, amount);
        ctx.deposit(PALLET, 'OwnerRewardsWithdrawn', { pid, user: who, amount });
      },
    ),
    start_computing: signedHandler<StakeArgs>(startComputing),
    stop_computing: signedHandler<WorkerArgs>(stopComputing),
    reclaim_pool_worker: signedHandler<WorkerArgs>((ctx, _, args) => {
      stakePool(ctx, args.pid);
      reclaimWorker(ctx, args, true);
    }),
    restart_computing: signedHandler<StakeArgs>((ctx, who, args) => {
      const { withdrawQueue } = stakePool(ctx, args.pid).basepool;
      ensure(ctx, withdrawQueue.length === 0, PALLET, 'WithdrawQueueNotEmpty');
      stopComputing(ctx, who, args);
      const released = reclaimWorker(ctx, args, false);
      ensure(ctx, args.stake > released, PALLET, 'CannotRestartWithLessStake');
      startComputing(ctx, who, args);
    }),
  },
  weights: { restart_computing: () => weight(195_000_000n) },
};
