import { RpcError } from '../rpc/error.js';
import { INVALID_TRANSACTION, UNKNOWN_TRANSACTION, type InvalidTransaction } from './errors.js';
import type { InvalidReason, UnknownReason } from './errors.js';

/** Codes of polkadot-sdk sc-rpc-api src/author/error.rs. */
export const PoolErrorCode = {
  badFormat: 1001,
  verification: 1002,
  invalid: 1010,
  unknownValidity: 1011,
  banned: 1012,
  alreadyImported: 1013,
  tooLowPriority: 1014,
  immediatelyDropped: 1016,
} as const;

/** Texts of polkadot-sdk sp-runtime src/transaction_validity.rs. */
const INVALID_TEXT: Readonly<Record<InvalidReason, string>> = {
  Call: 'Transaction call is not expected',
  Payment: 'Inability to pay some fees (e.g. account balance too low)',
  Future: 'Transaction will be valid in the future',
  Stale: 'Transaction is outdated',
  BadProof: 'Transaction has a bad signature',
  AncientBirthBlock: 'Transaction has an ancient birth block',
  ExhaustsResources: 'Transaction would exhaust the block limits',
  BadMandatory: 'A call was labelled as mandatory, but resulted in an Error.',
  MandatoryValidation: 'Transaction dispatch is mandatory; transactions must not be validated.',
  BadSigner: 'Invalid signing address',
};
const UNKNOWN_TEXT: Readonly<Record<UnknownReason, string>> = {
  CannotLookup: 'Could not lookup information required to validate the transaction',
  NoUnsignedValidator: 'Could not find an unsigned validator for the unsigned transaction',
};

const isInvalid = (reason: string): reason is InvalidReason => reason in INVALID_TRANSACTION;
const isUnknown = (reason: string): reason is UnknownReason => reason in UNKNOWN_TRANSACTION;

/** What a node answers to a transaction that its runtime refuses. */
export function invalidError({ reason }: InvalidTransaction): RpcError {
  if (isInvalid(reason)) {
    return new RpcError(PoolErrorCode.invalid, 'Invalid Transaction', INVALID_TEXT[reason]);
  }
  const text = isUnknown(reason) ? UNKNOWN_TEXT[reason] : reason;
  return new RpcError(PoolErrorCode.unknownValidity, 'Unknown Transaction Validity', text);
}

/** The bytes are not a length and so many bytes. */
export const badFormatError = (why: string): RpcError =>
  new RpcError(PoolErrorCode.badFormat, `Extrinsic has invalid format: ${why}`);

/** The runtime cannot decode the extrinsic: in a real node the validation traps. */
export const verificationError = (why: string): RpcError =>
  new RpcError(
    PoolErrorCode.verification,
    `Verification Error: Runtime error: Execution failed: ${why}`,
    `RuntimeApi("Execution failed: ${why}")`,
  );

/** The same bytes were found bad, or were put in a block, not long ago. */
export const bannedError = (): RpcError =>
  new RpcError(PoolErrorCode.banned, 'Transaction is temporarily banned');

/** The same bytes are in the pool. */
export const alreadyImportedError = (hash: string): RpcError =>
  new RpcError(PoolErrorCode.alreadyImported, 'Transaction Already Imported', `[${hash}]`);

/** Another transaction has this place, and pays as much or more for it. */
export const tooLowPriorityError = (old: bigint, given: bigint): RpcError =>
  new RpcError(
    PoolErrorCode.tooLowPriority,
    `Priority is too low: (${old} vs ${given})`,
    'The transaction has too low priority to replace another transaction already in the pool.',
  );

/** The pool is full of better ones. */
export const immediatelyDroppedError = (): RpcError =>
  new RpcError(
    PoolErrorCode.immediatelyDropped,
    'Immediately Dropped',
    "The transaction couldn't enter the pool because of the limit",
  );
