import { PalletStorage } from '../../metadata/storage-item.js';
import { utf8 } from '../../primitives/index.js';
import { InvalidTransaction } from '../errors.js';
import type { Ctx, Pallet } from '../pallet.js';
import { paraCodecs } from '../types.js';
import type { AccountId, Weight } from '../values.js';
import { EXISTENTIAL_DEPOSIT, freeBalance, mutateBalance } from './balances.js';
import { BASE_EXTRINSIC_REF_TIME } from './system.js';

const PALLET = 'TransactionPayment';
const storage = new PalletStorage(paraCodecs, PALLET);

const ONE_PHA = 1_000_000_000_000n;
const CENT = ONE_PHA / 100n;
/** Picopha per byte of an extrinsic (khala-parachain runtime/khala/src/lib.rs, TransactionByteFee). */
const FEE_PER_BYTE = CENT / 1000n;
const BILLION = 1_000_000_000n;
/** A base extrinsic's weight costs a hundredth of a cent; as Perbill of picopha per picosecond. */
const FEE_PER_BILLION_REF_TIME = (CENT * BILLION) / (100n * BASE_EXTRINSIC_REF_TIME);

const ONE_FIXED_U128 = 1_000_000_000_000_000_000n;

/** Where fees go: the treasury's account. */
export const TREASURY: AccountId = padded('modlpy/trsry');

/** Parts of a fee in picopha, tip apart. */
export interface InclusionFee {
  baseFee: bigint;
  lenFee: bigint;
  adjustedWeightFee: bigint;
}

export const transactionPayment: Pallet = {
  name: PALLET,
  index: 41,
  path: 'pallet_transaction_payment::pallet',
  storage: [
    storage.valueOr('NextFeeMultiplier', 'FixedU128', ONE_FIXED_U128),
    storage.valueOr('StorageVersion', 'FeeReleases', { type: 'V1Ancient' }),
  ],
  events: { TransactionFeePaid: [0, { who: 'AccountId', actual_fee: 'u128', tip: 'u128' }] },
  constants: { OperationalFeeMultiplier: ['u8', 5] },
};

/** Fee of a weight. */
export function weightToFee(weight: Weight): bigint {
  return (weight.refTime * FEE_PER_BILLION_REF_TIME) / BILLION;
}

/** Fee of a length in bytes. */
export const lengthToFee = (lengthBytes: number): bigint => BigInt(lengthBytes) * FEE_PER_BYTE;

/** What an extrinsic costs. The multiplier stays 1 here: dev blocks are never full for long. */
export function inclusionFee(lengthBytes: number, weight: Weight): InclusionFee {
  return {
    baseFee: weightToFee({ refTime: BASE_EXTRINSIC_REF_TIME, proofSize: 0n }),
    lenFee: lengthToFee(lengthBytes),
    adjustedWeightFee: weightToFee(weight),
  };
}

/** Sum of the parts. */
export const totalFee = (fee: InclusionFee): bigint =>
  fee.baseFee + fee.lenFee + fee.adjustedWeightFee;

/** May this account pay? As `CurrencyAdapter`: it must stay alive. */
export function canPay(ctx: Ctx, who: AccountId, fee: bigint): boolean {
  return fee === 0n || freeBalance(ctx, who) - fee >= EXISTENTIAL_DEPOSIT;
}

/** Takes fee and tip before the call runs. @throws InvalidTransaction Payment */
export function withdrawFee(ctx: Ctx, who: AccountId, fee: bigint): void {
  if (!canPay(ctx, who, fee)) throw new InvalidTransaction('Payment');
  if (fee === 0n) return;
  mutateBalance(ctx, who, (data) => (data.free -= fee));
  ctx.deposit('Balances', 'Withdraw', { who, amount: fee });
}

/** Gives back what was taken too much, and pays the treasury. */
export function settleFee(
  ctx: Ctx,
  who: AccountId,
  paid: { taken: bigint; actual: bigint; tip: bigint },
): void {
  const refund = paid.taken - paid.actual;
  if (refund > 0n) {
    mutateBalance(ctx, who, (data) => (data.free += refund));
    ctx.deposit('Balances', 'Deposit', { who, amount: refund });
  }
  if (paid.actual > 0n) {
    mutateBalance(ctx, TREASURY, (data) => (data.free += paid.actual));
    ctx.deposit('Balances', 'Deposit', { who: TREASURY, amount: paid.actual });
  }
  ctx.deposit(PALLET, 'TransactionFeePaid', { who, actualFee: paid.actual, tip: paid.tip });
}

function padded(text: string): Uint8Array {
  const out = new Uint8Array(32);
  out.set(utf8(text));
  return out;
}
