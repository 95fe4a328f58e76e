import { PalletStorage } from '../../metadata/storage-item.js';
import { ensure, signedHandler, type Pallet } from '../pallet.js';
import { paraCodecs } from '../types.js';
import type { AccountId } from '../values.js';
import { assetBalance, burnAsset, mintAsset, WPHA } from './assets.js';
import { currencyTransferKeepAlive } from './balances.js';
import { accountOf } from './subsidy.js';

const PALLET = 'PhalaWrappedBalances';
const storage = new PalletStorage(paraCodecs, PALLET);

/** Holds the PHA behind all wPHA. */
export const WRAPPED_BALANCES_ACCOUNT = accountOf('wpha/');

const stakerAccounts = storage.map<AccountId, { investPools: [bigint, number][]; locked: bigint }>(
  'StakerAccounts',
  'AccountId',
  'FinanceAccount',
);

/** Turning PHA into wPHA and back. Voting with it is not part of the dev chain. */
export const wrappedBalances: Pallet = {
  name: PALLET,
  index: 95,
  path: 'phala_pallets::compute::wrapped_balances::pallet',
  storage: [stakerAccounts],
  calls: { wrap: [0, { amount: 'u128' }], unwrap: [2, { amount: 'u128' }] },
  dispatch: {
    wrap: signedHandler<{ amount: bigint }>((ctx, user, { amount }) => {
      currencyTransferKeepAlive(ctx, user, WRAPPED_BALANCES_ACCOUNT, amount);
      mintAsset(ctx, WPHA, user, amount);
      if (!stakerAccounts.has(ctx.state, user)) {
        stakerAccounts.put(ctx.state, user, { investPools: [], locked: 0n });
      }
      ctx.deposit(PALLET, 'Wrapped', { user, amount });
    }),
    unwrap: signedHandler<{ amount: bigint }>((ctx, user, { amount }) => {
      const has = assetBalance(ctx, WPHA, user);
      ensure(ctx, amount <= has, PALLET, 'UnwrapAmountExceedsAvaliableStake');
      currencyTransferKeepAlive(ctx, WRAPPED_BALANCES_ACCOUNT, user, amount);
      burnAsset(ctx, WPHA, user, amount);
      ctx.deposit(PALLET, 'Unwrapped', { user, amount });
    }),
  },
  events: {
    DustRemoved: [0, { user: 'AccountId', amount: 'u128' }],
    Wrapped: [1, { user: 'AccountId', amount: 'u128' }],
    Unwrapped: [2, { user: 'AccountId', amount: 'u128' }],
    Voted: [3, { user: 'AccountId', vote_id: 'u32', aye_amount: 'u128', nay_amount: 'u128' }],
  },
  errors: [
    'StakerAccountNotFound',
    'UnwrapAmountExceedsAvaliableStake',
    'VoteAmountLargerThanTotalStakes',
    'ReferendumInvalid',
    'ReferendumOngoing',
    'IterationsIsNotVaild',
  ],
  constants: {
    WPhaAssetId: ['u32', WPHA],
    WrappedBalancesAccountId: ['AccountId', WRAPPED_BALANCES_ACCOUNT],
  },
};
