import { utf8 } from '../../primitives/index.js';
import { tokenFailure } from '../errors.js';
import type { Ctx } from '../pallet.js';
import type { AccountId } from '../values.js';
import { freeBalance, mutateBalance } from './balances.js';
import { TREASURY } from './transaction-payment.js';

/** Accounts between which rewards move. */
export const SUBSIDY_POOL = {
  /** Rewards come from here (PalletId phala/pp). */
  account: accountOf('modlphala/pp'),
  treasury: TREASURY,
} as const;

/** An account id that is a text, padded with zeros. */
export function accountOf(text: string): AccountId {
  const out = new Uint8Array(32);
  out.set(utf8(text));
  return out;
}

/** Pays out of the subsidy pool. */
export function paySubsidy(ctx: Ctx, to: AccountId, amount: bigint): void {
  if (amount === 0n) return;
  const from = SUBSIDY_POOL.account;
  if (freeBalance(ctx, from) < amount) throw tokenFailure('FundsUnavailable');
  mutateBalance(ctx, from, (data) => (data.free -= amount));
  mutateBalance(ctx, to, (data) => (data.free += amount));
  ctx.deposit('Balances', 'Transfer', { from, to, amount });
}
