import { toBalance } from '../fixed-point.js';
import type { Ctx } from '../pallet.js';
import type { StakePool } from '../values.js';
import { mintAsset, WPHA } from './assets.js';
import { savePool, stakePool } from './base-pool.js';
import type { SettleInfo } from './computation-messages.js';
import { workerAssignments } from './stake-pool.js';
import { paySubsidy } from './subsidy.js';
import { WRAPPED_BALANCES_ACCOUNT } from './wrapped-balances.js';

const PALLET = 'PhalaStakePoolv2';
/** Amounts up to this are not worth an entry (phala-blockchain 654b1b699 base_pool.rs). */
const DUST = 1000n;
const MILLION = 1_000_000n;

/** Shares out what workers earned: commission to the owner, the rest to the pool. */
export function onReward(ctx: Ctx, settle: readonly SettleInfo[]): void {
  for (const info of settle) {
    const reward = toBalance(info.payout);
    const pid = workerAssignments.get(ctx.state, info.pubkey);
    if (pid === undefined) {
      ctx.deposit(PALLET, 'RewardDismissedNotInPool', { worker: info.pubkey, amount: reward });
    } else {
      rewardPool(ctx, stakePool(ctx, pid), reward);
    }
  }
}

function rewardPool(ctx: Ctx, pool: StakePool, reward: bigint): void {
  if (reward === 0n) return;
  const { pid } = pool.basepool;
  if (reward <= DUST) {
    ctx.deposit(PALLET, 'RewardDismissedDust', { pid, amount: reward });
    return;
  }
  if (pool.basepool.totalShares <= DUST) {
    ctx.deposit(PALLET, 'RewardDismissedNoShare', { pid, amount: reward });
    return;
  }
  paySubsidy(ctx, WRAPPED_BALANCES_ACCOUNT, reward);
  const toOwner = (BigInt(pool.payoutCommission ?? 0) * reward) / MILLION;
  const toStakers = reward - toOwner;
  if (toOwner > 0n) mintAsset(ctx, WPHA, pool.ownerRewardAccount, toOwner);
  mintAsset(ctx, WPHA, pool.basepool.poolAccountId, toStakers);
  const totalValue = pool.basepool.totalValue + toStakers;
  savePool(ctx, { ...pool, basepool: { ...pool.basepool, totalValue } });
  ctx.deposit(PALLET, 'RewardReceived', { pid, toOwner, toStakers });
}
