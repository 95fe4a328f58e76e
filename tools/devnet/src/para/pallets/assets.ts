import { PalletStorage } from '../../metadata/storage-item.js';
import { DB_READ, DB_WRITE, ensure, signedHandler, weight } from '../pallet.js';
import type { Ctx, Pallet } from '../pallet.js';
import { paraCodecs } from '../types.js';
import type { AccountId, MultiAddress } from '../values.js';
import { lookup } from './balances.js';
import { mutateAccount } from './system.js';

const PALLET = 'Assets';
const storage = new PalletStorage(paraCodecs, PALLET);

/** Id of wPHA, the asset in which pools hold their stakes. */
export const WPHA = 10_000;

interface AssetDetails {
  owner: AccountId;
  issuer: AccountId;
  admin: AccountId;
  freezer: AccountId;
  supply: bigint;
  deposit: bigint;
  minBalance: bigint;
  isSufficient: boolean;
  accounts: number;
  sufficients: number;
  approvals: number;
  status: { type: 'Live' | 'Frozen' | 'Destroying' };
}
interface AssetAccount {
  balance: bigint;
  isFrozen: boolean;
  reason: { type: string };
  extra: undefined;
}

export const asset = storage.map<number, AssetDetails>(
  'Asset',
  'u32',
  'AssetDetails',
  'Blake2_128Concat',
);
export const assetAccount = storage.map<[number, AccountId], AssetAccount>(
  'Account',
  '(u32, AccountId)',
  'AssetAccount',
  ['Blake2_128Concat', 'Blake2_128Concat'],
);

/** Balance of an account in an asset. */
export const assetBalance = (ctx: Ctx, id: number, who: AccountId): bigint =>
  assetAccount.get(ctx.state, [id, who])?.balance ?? 0n;

/** Makes an asset, as force_create; for genesis. */
export function createAsset(ctx: Ctx, id: number, owner: AccountId, minBalance: bigint): void {
  asset.put(ctx.state, id, {
    owner,
    issuer: owner,
    admin: owner,
    freezer: owner,
    supply: 0n,
    deposit: 0n,
    minBalance,
    isSufficient: true,
    accounts: 0,
    sufficients: 0,
    approvals: 0,
    status: { type: 'Live' },
  });
}

function details(ctx: Ctx, id: number): AssetDetails {
  const found = asset.get(ctx.state, id);
  ensure(ctx, found !== undefined, PALLET, 'Unknown');
  return found;
}

function credit(ctx: Ctx, id: number, who: AccountId, amount: bigint): void {
  const before = assetAccount.get(ctx.state, [id, who]);
  if (!before) {
    const info = details(ctx, id);
    asset.put(ctx.state, id, {
      ...info,
      accounts: info.accounts + 1,
      sufficients: info.sufficients + 1,
    });
    mutateAccount(ctx, who, (account) => account.sufficients++);
  }
  assetAccount.put(ctx.state, [id, who], {
    ...(before ?? { isFrozen: false, reason: { type: 'Sufficient' }, extra: undefined }),
    balance: (before?.balance ?? 0n) + amount,
  });
}

/** Takes; an account left with less than the minimum is closed and loses the rest. */
function debit(ctx: Ctx, id: number, who: AccountId, amount: bigint): void {
  const info = details(ctx, id);
  const account = assetAccount.get(ctx.state, [id, who]);
  ensure(ctx, account !== undefined, PALLET, 'NoAccount');
  ensure(ctx, account.balance >= amount, PALLET, 'BalanceLow');
  const left = account.balance - amount;
  if (left >= info.minBalance) {
    assetAccount.put(ctx.state, [id, who], { ...account, balance: left });
    return;
  }
  assetAccount.remove(ctx.state, [id, who]);
  asset.put(ctx.state, id, {
    ...info,
    supply: info.supply - left,
    accounts: info.accounts - 1,
    sufficients: info.sufficients - 1,
  });
  mutateAccount(ctx, who, (a) => a.sufficients--);
}

/** Creates units of an asset. */
export function mintAsset(ctx: Ctx, id: number, who: AccountId, amount: bigint): void {
  const info = details(ctx, id);
  asset.put(ctx.state, id, { ...info, supply: info.supply + amount });
  credit(ctx, id, who, amount);
  ctx.deposit(PALLET, 'Issued', { assetId: id, owner: who, amount });
}

/** Destroys units of an asset. */
export function burnAsset(ctx: Ctx, id: number, who: AccountId, amount: bigint): void {
  debit(ctx, id, who, amount);
  const info = details(ctx, id);
  asset.put(ctx.state, id, { ...info, supply: info.supply - amount });
  ctx.deposit(PALLET, 'Burned', { assetId: id, owner: who, balance: amount });
}

/** Moves units of an asset. */
export function transferAsset(
  ctx: Ctx,
  id: number,
  from: AccountId,
  to: AccountId,
  amount: bigint,
): void {
  if (amount > 0n && Buffer.compare(from, to) !== 0) {
    debit(ctx, id, from, amount);
    credit(ctx, id, to, amount);
  }
  ctx.deposit(PALLET, 'Transferred', { assetId: id, from, to, amount });
}

/** Assets, so far as stake pools and those who fund them need it. */
export const assets: Pallet = {
  name: PALLET,
  index: 89,
  path: 'pallet_assets::pallet',
  storage: [
    asset,
    assetAccount,
    storage.mapOr(
      'Metadata',
      'u32',
      'AssetMetadata',
      {
        deposit: 0n,
        name: new Uint8Array(),
        symbol: new Uint8Array(),
        decimals: 0,
        isFrozen: false,
      },
      'Blake2_128Concat',
    ),
  ],
  calls: {
    transfer: [8, { id: 'Compact<u32>', target: 'MultiAddress', amount: 'Compact<u128>' }],
  },
  dispatch: {
    transfer: signedHandler<{ id: number; target: MultiAddress; amount: bigint }>(
      (ctx, who, { id, target, amount }) => transferAsset(ctx, id, who, lookup(target), amount),
    ),
  },
  weights: { transfer: () => weight(50_000_000n + 4n * DB_READ + 4n * DB_WRITE) },
  events: {
    Created: [0, { asset_id: 'u32', creator: 'AccountId', owner: 'AccountId' }],
    Issued: [1, { asset_id: 'u32', owner: 'AccountId', amount: 'u128' }],
    Transferred: [2, { asset_id: 'u32', from: 'AccountId', to: 'AccountId', amount: 'u128' }],
    Burned: [3, { asset_id: 'u32', owner: 'AccountId', balance: 'u128' }],
  },
  errors: [
    'BalanceLow',
    'NoAccount',
    'NoPermission',
    'Unknown',
    'Frozen',
    'InUse',
    'BadWitness',
    'MinBalanceZero',
    'UnavailableConsumer',
    'BadMetadata',
    'Unapproved',
    'WouldDie',
    'AlreadyExists',
    'NoDeposit',
    'WouldBurn',
    'LiveAsset',
    'AssetNotLive',
    'IncorrectStatus',
    'NotFrozen',
    'CallbackFailed',
  ],
};
