import { PalletStorage } from '../../metadata/storage-item.js';
import { blake2b256, concatBytes, scale, utf8 } from '../../primitives/index.js';
import { ensure, type Ctx, type Pallet } from '../pallet.js';
import { paraCodecs } from '../types.js';
import type { AccountId, PoolProxy, StakePool, WorkerKey } from '../values.js';
import { assetBalance, WPHA } from './assets.js';

const PALLET = 'PhalaBasePool';
const storage = new PalletStorage(paraCodecs, PALLET);

/** First collection id that pools take (phala-blockchain 654b1b699 base_pool.rs, RESERVE_CID_START). */
const FIRST_COLLECTION = 10_000;

const poolCount = storage.valueOr<bigint>('PoolCount', 'u64', 0n);
const poolCollections = storage.map<number, bigint>('PoolCollections', 'u32', 'u64');
const collectionIndex = storage.valueOr<number>('CollectionIndex', 'u32', 0);
export const pools = storage.map<bigint, PoolProxy>('Pools', 'u64', 'PoolProxy');

/** First 32 bytes of a mark and blake2-256(pool id, key or owner). */
function derived(mark: string, pid: bigint, of: Uint8Array): AccountId {
  const hash = blake2b256(concatBytes(scale.u64(pid), of));
  return concatBytes(utf8(mark), hash).slice(0, 32);
}

/** Session account of a worker in a pool. */
export const sessionAccount = (pid: bigint, worker: WorkerKey): AccountId =>
  derived('spm/', pid, worker);
/** Account that holds a pool's free stake. */
export const poolAccount = (pid: bigint, owner: AccountId): AccountId => derived('bp/', pid, owner);
/** Account that holds the stake of a pool's computing workers. */
export const lockAccount = (pid: bigint, owner: AccountId): AccountId => derived('sl/', pid, owner);
/** Account that holds the owner's commission. */
export const ownerRewardAccount = (pid: bigint, owner: AccountId): AccountId =>
  derived('so/', pid, owner);

/** Makes an empty stake pool; returns it. */
export function newStakePool(ctx: Ctx, owner: AccountId): StakePool {
  const { state } = ctx;
  const pid = poolCount.get(state);
  poolCount.put(state, pid + 1n);
  const cid = Math.max(collectionIndex.get(state), FIRST_COLLECTION);
  collectionIndex.put(state, cid + 1);
  const pool: StakePool = {
    basepool: {
      pid,
      owner,
      totalShares: 0n,
      totalValue: 0n,
      withdrawQueue: [],
      valueSubscribers: [],
      cid,
      poolAccountId: poolAccount(pid, owner),
    },
    payoutCommission: undefined,
    cap: undefined,
    workers: [],
    cdWorkers: [],
    lockAccount: lockAccount(pid, owner),
    ownerRewardAccount: ownerRewardAccount(pid, owner),
  };
  savePool(ctx, pool);
  poolCollections.put(state, cid, pid);
  return pool;
}

/** The stake pool with this id; errors are PhalaBasePool's and PhalaStakePoolv2's. */
export function stakePool(ctx: Ctx, pid: bigint): StakePool {
  const found = pools.get(ctx.state, pid);
  ensure(ctx, found !== undefined, PALLET, 'PoolDoesNotExist');
  ensure(ctx, found.type === 'StakePool', PALLET, 'PoolTypeNotMatch');
  return found.value;
}

/** Writes a pool back. */
export function savePool(ctx: Ctx, pool: StakePool): void {
  pools.put(ctx.state, pool.basepool.pid, { type: 'StakePool', value: pool });
}

/** Stake of a pool that no worker uses. */
export const freeStake = (ctx: Ctx, pool: StakePool): bigint =>
  assetBalance(ctx, WPHA, pool.basepool.poolAccountId);

/** Pools' records. Shares and withdrawals (NFTs) are not part of the dev chain. */
export const basePool: Pallet = {
  name: PALLET,
  index: 96,
  path: 'phala_pallets::compute::base_pool::pallet',
  storage: [poolCount, poolCollections, collectionIndex, pools],
  events: {
    NftCreated: [0, { pid: 'u64', cid: 'u32', nft_id: 'u32', owner: 'AccountId', shares: 'u128' }],
    WithdrawalQueued: [
      1,
      {
        pid: 'u64',
        user: 'AccountId',
        shares: 'u128',
        nft_id: 'u32',
        as_vault: 'Option<u64>',
      },
    ],
    Withdrawal: [2, { pid: 'u64', user: 'AccountId', amount: 'u128', shares: 'u128' }],
    PoolWhitelistCreated: [3, { pid: 'u64' }],
    PoolWhitelistDeleted: [4, { pid: 'u64' }],
    PoolWhitelistStakerAdded: [5, { pid: 'u64', staker: 'AccountId' }],
    PoolWhitelistStakerRemoved: [6, { pid: 'u64', staker: 'AccountId' }],
  },
  errors: [
    'MissCollectionId',
    'PoolBankrupt',
    'InvalidShareToWithdraw',
    'InvalidWithdrawalAmount',
    'RmrkError',
    'PoolDoesNotExist',
    'PoolTypeNotMatch',
    'NftIdNotFound',
    'InvalidSharePrice',
    'AttrLocked',
    'UnauthorizedPoolOwner',
    'AlreadyInContributeWhitelist',
    'NotInContributeWhitelist',
    'ExceedWhitelistMaxLen',
    'NoWhitelistCreated',
    'ExceedMaxDescriptionLen',
    'NotMigrationRoot',
    'BurnNftFailed',
    'TransferSharesAmountInvalid',
  ],
};
