import type { IndexedVariants } from '../../metadata/pallet.js';

const poolWorker = { pid: 'u64', worker: 'WorkerKey' };
const withStake = { ...poolWorker, stake: 'u128' };

/** Calls of PhalaStakePoolv2 that the dev chain runs, under Khala's indices. */
export const stakePoolCalls: IndexedVariants = {
  create: [0, null],
  add_worker: [1, { pid: 'u64', pubkey: 'WorkerKey' }],
  remove_worker: [2, poolWorker],
  set_cap: [3, { pid: 'u64', cap: 'u128' }],
  set_payout_pref: [4, { pid: 'u64', payout_commission: 'Option<Permill>' }],
  claim_owner_rewards: [7, { pid: 'u64', target: 'AccountId' }],
  start_computing: [13, withStake],
  stop_computing: [14, poolWorker],
  reclaim_pool_worker: [15, poolWorker],
  restart_computing: [17, withStake],
};

const userAmount = { pid: 'u64', user: 'AccountId', amount: 'u128' };
const poolAmount = { pid: 'u64', amount: 'u128' };

/** Events of PhalaStakePoolv2. */
export const stakePoolEvents: IndexedVariants = {
  PoolCreated: [0, { owner: 'AccountId', pid: 'u64', cid: 'u32', pool_account_id: 'AccountId' }],
  PoolCommissionSet: [1, { pid: 'u64', commission: 'u32' }],
  PoolCapacitySet: [2, { pid: 'u64', cap: 'u128' }],
  PoolWorkerAdded: [3, { pid: 'u64', worker: 'WorkerKey', session: 'AccountId' }],
  Contribution: [4, { ...userAmount, shares: 'u128', as_vault: 'Option<u64>' }],
  OwnerRewardsWithdrawn: [5, userAmount],
  PoolSlashed: [6, poolAmount],
  SlashSettled: [7, userAmount],
  RewardDismissedNotInPool: [8, { worker: 'WorkerKey', amount: 'u128' }],
  RewardDismissedNoShare: [9, poolAmount],
  RewardDismissedDust: [10, poolAmount],
  PoolWorkerRemoved: [11, poolWorker],
  WorkerReclaimed: [12, poolWorker],
  RewardReceived: [13, { pid: 'u64', to_owner: 'u128', to_stakers: 'u128' }],
  WorkingStarted: [14, { pid: 'u64', worker: 'WorkerKey', amount: 'u128' }],
  RewardToOwnerDismissedDust: [15, poolAmount],
  RewardToDistributionDismissedDust: [16, poolAmount],
};

/** Errors of PhalaStakePoolv2 in order of their index. */
export const stakePoolErrors: readonly string[] = [
  'WorkerNotRegistered',
  'BenchmarkMissing',
  'WorkerExists',
  'WorkerAlreadyStopped',
  'WorkerDoesNotExist',
  'WorkerInAnotherPool',
  'UnauthorizedOperator',
  'UnauthorizedPoolOwner',
  'InadequateCapacity',
  'StakeExceedsCapacity',
  'PoolDoesNotExist',
  '_PoolIsBusy',
  'InsufficientContribution',
  'NoNftToWithdraw',
  'InsufficientBalance',
  'PoolStakeNotFound',
  'InsufficientFreeStake',
  'InvalidWithdrawalAmount',
  'FailedToBindSessionAndWorker',
  'InternalSubsidyPoolCannotWithdraw',
  'PoolBankrupt',
  'NoRewardToClaim',
  'FeatureNotEnabled',
  'WorkersExceedLimit',
  'CannotRestartWithLessStake',
  'InvalidForceRewardAmount',
  'WithdrawQueueNotEmpty',
  'MissingCollectionId',
  'VaultIsLocked',
  'SessionDoesNotExist',
  'WorkerIsNotReady',
  'LockAccountStakeError',
  'NoLegacyRewardToClaim',
];
