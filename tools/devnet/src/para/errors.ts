import type { DispatchError } from './values.js';

/** A call failed with an error that the chain records; everything it did is undone. */
export class DispatchFailure extends Error {
  override readonly name = 'DispatchFailure';
  constructor(
    readonly error: DispatchError,
    message: string,
  ) {
    super(message);
  }
}

/** `sp_runtime::transaction_validity::InvalidTransaction`, by index. */
export const INVALID_TRANSACTION = {
  Call: 0,
  Payment: 1,
  Future: 2,
  Stale: 3,
  BadProof: 4,
  AncientBirthBlock: 5,
  ExhaustsResources: 6,
  BadMandatory: 8,
  MandatoryValidation: 9,
  BadSigner: 10,
} as const;
/** Why a transaction cannot be applied. */
export type InvalidReason = keyof typeof INVALID_TRANSACTION;

/** `sp_runtime::transaction_validity::UnknownTransaction`, by index. */
export const UNKNOWN_TRANSACTION = { CannotLookup: 0, NoUnsignedValidator: 1 } as const;
/** Why the validity of a transaction cannot be told. */
export type UnknownReason = keyof typeof UNKNOWN_TRANSACTION;

/** A transaction may not be applied: it leaves no trace in the block and pays nothing. */
export class InvalidTransaction extends Error {
  override readonly name = 'InvalidTransaction';
  constructor(readonly reason: InvalidReason | UnknownReason) {
    super(`invalid transaction: ${reason}`);
  }
}

/** The bytes are no extrinsic of this runtime. */
export class BadExtrinsic extends Error {
  override readonly name = 'BadExtrinsic';
}

/** A failure without data, e.g. BadOrigin. */
export function plainFailure(
  type: Exclude<DispatchError['type'], 'Module' | 'Token' | 'Arithmetic' | 'Transactional'>,
): DispatchFailure {
  return new DispatchFailure({ type }, type);
}

/** A token failure, e.g. FundsUnavailable. */
export function tokenFailure(name: string): DispatchFailure {
  return new DispatchFailure({ type: 'Token', value: { type: name } }, `Token.${name}`);
}
