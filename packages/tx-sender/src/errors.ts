import { BridgeError } from '@runtime-bridge/base';

/** Codes that jobs fail with, and those of the sender itself. */
export const TxSenderErrorCode = {
  /** The job carries no operator key. */
  NO_OPERATOR: 'NO_OPERATOR',
  /** The operator key of the job cannot be opened with our identity. */
  OPERATOR_UNREADABLE: 'OPERATOR_UNREADABLE',
  /** The chain has no pool of this id; facts: `pool`. */
  UNKNOWN_POOL: 'UNKNOWN_POOL',
  /** The chain would refuse the call; facts: `check`, and what it is about. Nothing was sent. */
  PREFLIGHT_REFUSED: 'PREFLIGHT_REFUSED',
  /** A call was carried out and failed; facts: `pallet`, `error`, `docs`, and `failed` of `calls`. */
  CALL_FAILED: 'CALL_FAILED',
  /** The account that signs cannot pay the fee; facts: `account`. */
  BALANCE_TOO_LOW: 'BALANCE_TOO_LOW',
  /** The node refuses the transaction; facts: `refusal`, `rpcMessage`. */
  TRANSACTION_REFUSED: 'TRANSACTION_REFUSED',
  /** One job alone does not fit a block. */
  JOB_TOO_LARGE: 'JOB_TOO_LARGE',
  /** It was tried as often as allowed and never got into a block; facts: `tries`. */
  GAVE_UP: 'GAVE_UP',
  /** The transaction is in a block, but what became of it cannot be read any more; facts: `block`, `tx`. */
  OUTCOME_UNREADABLE: 'OUTCOME_UNREADABLE',
  /** The journal cannot be opened, read or written. */
  JOURNAL: 'JOURNAL',
} as const;
export type TxSenderErrorCode = (typeof TxSenderErrorCode)[keyof typeof TxSenderErrorCode];

/** An error of sending transactions. */
export class TxSenderError extends BridgeError<TxSenderErrorCode> {
  override readonly name = 'TxSenderError';
}
