import { PalletStorage } from '../../metadata/storage-item.js';
import { plainFailure, tokenFailure } from '../errors.js';
import { DB_READ, DB_WRITE, ensure, rootHandler, signedHandler, weight } from '../pallet.js';
import type { Ctx, Pallet } from '../pallet.js';
import { paraCodecs } from '../types.js';
import type { AccountData, AccountId, MultiAddress } from '../values.js';
import { account, mutateAccount, NEW_LOGIC_FLAG } from './system.js';

const PALLET = 'Balances';
const storage = new PalletStorage(paraCodecs, PALLET);

/** An account that holds less does not exist. */
export const EXISTENTIAL_DEPOSIT = 10_000_000_000n;

export const totalIssuance = storage.valueOr<bigint>('TotalIssuance', 'Balance', 0n);
const noFunds: AccountData = { free: 0n, reserved: 0n, frozen: 0n, flags: NEW_LOGIC_FLAG };

/** The account that an address names; only `Id` names one here, as on Khala (AccountIdLookup). */
export function lookup(address: MultiAddress): AccountId {
  if (address.type === 'Id') return address.value;
  throw plainFailure('CannotLookup');
}

/** Free balance. */
export const freeBalance = (ctx: Ctx, who: AccountId): bigint =>
  account.get(ctx.state, who).data.free;

/** Changes balances; accounts come and go with the existential deposit. Dust is burnt. */
export function mutateBalance(
  ctx: Ctx,
  who: AccountId,
  change: (data: AccountData) => void,
): AccountData {
  let endowed: bigint | undefined;
  let dust = 0n;
  const info = mutateAccount(ctx, who, (a) => {
    const had = a.data.free + a.data.reserved > 0n;
    const reservedBefore = a.data.reserved > 0n;
    change(a.data);
    if (a.data.reserved > 0n !== reservedBefore) a.consumers += reservedBefore ? -1 : 1;
    const has = a.data.free >= EXISTENTIAL_DEPOSIT || a.data.reserved > 0n;
    if (!has) {
      dust = a.data.free;
      a.data.free = 0n;
    }
    if (has && !had) {
      a.providers++;
      endowed = a.data.free;
    } else if (!has && had) {
      if (a.consumers > 0) throw plainFailure('ConsumerRemaining');
      a.providers--;
    }
  });
  if (endowed !== undefined) {
    ctx.deposit(PALLET, 'Endowed', { account: who, freeBalance: endowed });
  }
  if (dust > 0n) {
    totalIssuance.put(ctx.state, totalIssuance.get(ctx.state) - dust);
    ctx.deposit(PALLET, 'DustLost', { account: who, amount: dust });
  }
  return info.data;
}

/** Moves free balance as the transfer calls do; errors are those of `fungible::transfer`. */
export function transfer(
  ctx: Ctx,
  from: AccountId,
  to: AccountId,
  amount: bigint,
  keepAlive: boolean,
): void {
  const left = freeBalance(ctx, from) - amount;
  if (left < 0n) throw tokenFailure('FundsUnavailable');
  if (left < EXISTENTIAL_DEPOSIT && keepAlive) throw tokenFailure('NotExpendable');
  const same = Buffer.compare(from, to) === 0;
  if (!same) {
    if (freeBalance(ctx, to) + amount < EXISTENTIAL_DEPOSIT) throw tokenFailure('BelowMinimum');
    mutateBalance(ctx, from, (data) => (data.free -= amount));
    mutateBalance(ctx, to, (data) => (data.free += amount));
  }
  ctx.deposit(PALLET, 'Transfer', { from, to, amount });
}

/** Moves free balance as pallets do by `Currency::transfer`: errors are the pallet's own. */
export function currencyTransferKeepAlive(
  ctx: Ctx,
  from: AccountId,
  to: AccountId,
  amount: bigint,
): void {
  const left = freeBalance(ctx, from) - amount;
  ensure(ctx, left >= 0n, PALLET, 'InsufficientBalance');
  ensure(ctx, left >= EXISTENTIAL_DEPOSIT, PALLET, 'Expendability');
  const received = freeBalance(ctx, to) + amount;
  ensure(ctx, received >= EXISTENTIAL_DEPOSIT, PALLET, 'ExistentialDeposit');
  mutateBalance(ctx, from, (data) => (data.free -= amount));
  mutateBalance(ctx, to, (data) => (data.free += amount));
  ctx.deposit(PALLET, 'Transfer', { from, to, amount });
}

/** Locks up free balance, e.g. as a deposit. */
export function reserve(ctx: Ctx, who: AccountId, amount: bigint): void {
  if (amount === 0n) return;
  const left = freeBalance(ctx, who) - amount;
  ensure(ctx, left >= EXISTENTIAL_DEPOSIT, PALLET, 'InsufficientBalance');
  mutateBalance(ctx, who, (data) => {
    data.free -= amount;
    data.reserved += amount;
  });
  ctx.deposit(PALLET, 'Reserved', { who, amount });
}

/** Frees what was reserved. */
export function unreserve(ctx: Ctx, who: AccountId, amount: bigint): void {
  if (amount === 0n) return;
  mutateBalance(ctx, who, (data) => {
    data.free += amount;
    data.reserved -= amount;
  });
  ctx.deposit(PALLET, 'Unreserved', { who, amount });
}

interface TransferArgs {
  dest: MultiAddress;
  value: bigint;
}

const allowDeath = signedHandler<TransferArgs>((ctx, who, { dest, value }) =>
  transfer(ctx, who, lookup(dest), value, false),
);
const transferArgs = { dest: 'MultiAddress', value: 'Compact<u128>' };
const transferWeight = () => weight(170_000_000n + DB_READ + DB_WRITE);

export const balances: Pallet = {
  name: PALLET,
  index: 40,
  path: 'pallet_balances::pallet',
  storage: [
    totalIssuance,
    storage.valueOr('InactiveIssuance', 'Balance', 0n),
    storage.mapOr('Account', 'AccountId', 'AccountData', noFunds, 'Blake2_128Concat'),
  ],
  calls: {
    transfer_allow_death: [0, transferArgs],
    transfer_keep_alive: [3, transferArgs],
    transfer: [7, transferArgs],
    force_set_balance: [8, { who: 'MultiAddress', new_free: 'Compact<u128>' }],
  },
  dispatch: {
    transfer_allow_death: allowDeath,
    transfer: allowDeath,
    transfer_keep_alive: signedHandler<TransferArgs>((ctx, who, { dest, value }) =>
      transfer(ctx, who, lookup(dest), value, true),
    ),
    force_set_balance: rootHandler<{ who: MultiAddress; newFree: bigint }>((ctx, args) => {
      const who = lookup(args.who);
      const free = args.newFree < EXISTENTIAL_DEPOSIT ? 0n : args.newFree;
      const change = free - freeBalance(ctx, who);
      mutateBalance(ctx, who, (data) => (data.free = free));
      totalIssuance.put(ctx.state, totalIssuance.get(ctx.state) + change);
      ctx.deposit(PALLET, 'BalanceSet', { who, free });
    }),
  },
  weights: {
    transfer_allow_death: transferWeight,
    transfer: transferWeight,
    transfer_keep_alive: transferWeight,
    force_set_balance: transferWeight,
  },
  events: {
    Endowed: [0, { account: 'AccountId', free_balance: 'u128' }],
    DustLost: [1, { account: 'AccountId', amount: 'u128' }],
    Transfer: [2, { from: 'AccountId', to: 'AccountId', amount: 'u128' }],
    BalanceSet: [3, { who: 'AccountId', free: 'u128' }],
    Reserved: [4, { who: 'AccountId', amount: 'u128' }],
    Unreserved: [5, { who: 'AccountId', amount: 'u128' }],
    ReserveRepatriated: [
      6,
      {
        from: 'AccountId',
        to: 'AccountId',
        amount: 'u128',
        destination_status: 'BalanceStatus',
      },
    ],
    Deposit: [7, { who: 'AccountId', amount: 'u128' }],
    Withdraw: [8, { who: 'AccountId', amount: 'u128' }],
    Slashed: [9, { who: 'AccountId', amount: 'u128' }],
    Minted: [10, { who: 'AccountId', amount: 'u128' }],
    Burned: [11, { who: 'AccountId', amount: 'u128' }],
    Suspended: [12, { who: 'AccountId', amount: 'u128' }],
    Restored: [13, { who: 'AccountId', amount: 'u128' }],
    Upgraded: [14, { who: 'AccountId' }],
    Issued: [15, { amount: 'u128' }],
    Rescinded: [16, { amount: 'u128' }],
    Locked: [17, { who: 'AccountId', amount: 'u128' }],
    Unlocked: [18, { who: 'AccountId', amount: 'u128' }],
    Frozen: [19, { who: 'AccountId', amount: 'u128' }],
    Thawed: [20, { who: 'AccountId', amount: 'u128' }],
  },
  errors: [
    'VestingBalance',
    'LiquidityRestrictions',
    'InsufficientBalance',
    'ExistentialDeposit',
    'Expendability',
    'ExistingVestingSchedule',
    'DeadAccount',
    'TooManyReserves',
    'TooManyHolds',
    'TooManyFreezes',
  ],
  constants: {
    ExistentialDeposit: ['u128', EXISTENTIAL_DEPOSIT],
    MaxLocks: ['u32', 50],
    MaxReserves: ['u32', 50],
    MaxHolds: ['u32', 0],
    MaxFreezes: ['u32', 0],
  },
};
