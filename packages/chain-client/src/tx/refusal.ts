import { BridgeError } from '@runtime-bridge/base';
import { TxError, TxErrorCode } from './errors.js';

/**
 * Why a node does not take an extrinsic (source: polkadot-sdk substrate/client/rpc-api/src/author/error.rs and
 * substrate/primitives/runtime/src/transaction_validity.rs).
 */
export const Refusal = {
  /** Its nonce is used: by itself, or by something else. */
  STALE: 'STALE',
  /** Its nonce is not due yet and the pool keeps no such. */
  FUTURE: 'FUTURE',
  /** The account cannot pay the fee. */
  PAYMENT: 'PAYMENT',
  /** Signature, runtime version, genesis or era do not fit. */
  BAD_PROOF: 'BAD_PROOF',
  /** The block that its era begins with is unknown to the chain, or too old. */
  ANCIENT_BIRTH_BLOCK: 'ANCIENT_BIRTH_BLOCK',
  /** It is too heavy or too long for a block. */
  EXHAUSTS_RESOURCES: 'EXHAUSTS_RESOURCES',
  /** The very same bytes are in the pool already. */
  ALREADY_IMPORTED: 'ALREADY_IMPORTED',
  /** The pool remembers it as invalid or included and does not take it for a while. */
  TEMPORARILY_BANNED: 'TEMPORARILY_BANNED',
  /** Another one with its nonce is in the pool and pays as much or more. */
  PRIORITY_TOO_LOW: 'PRIORITY_TOO_LOW',
  /** The pool is full. */
  POOL_FULL: 'POOL_FULL',
  /** The node cannot read it. */
  BAD_FORMAT: 'BAD_FORMAT',
  /** Any other reason; the message has the node's words. */
  INVALID: 'INVALID',
} as const;
export type Refusal = (typeof Refusal)[keyof typeof Refusal];

const byCode: Readonly<Record<number, Refusal>> = {
  1001: Refusal.BAD_FORMAT,
  1002: Refusal.BAD_FORMAT,
  1012: Refusal.TEMPORARILY_BANNED,
  1013: Refusal.ALREADY_IMPORTED,
  1014: Refusal.PRIORITY_TOO_LOW,
  1015: Refusal.INVALID,
  1016: Refusal.POOL_FULL,
  1020: Refusal.FUTURE,
};

const byText: readonly (readonly [RegExp, Refusal])[] = [
  [/outdated|stale/i, Refusal.STALE],
  [/valid in the future/i, Refusal.FUTURE],
  [/inability to pay|balance too low/i, Refusal.PAYMENT],
  [/ancient birth/i, Refusal.ANCIENT_BIRTH_BLOCK],
  [/bad signature|bad ?proof/i, Refusal.BAD_PROOF],
  [/exhaust/i, Refusal.EXHAUSTS_RESOURCES],
];

/**
 * What an error of author_submit… says: the refusal of the node as TxError REFUSED, or undefined when the error is not
 * the node's verdict but a lost connection or the like, so that nobody knows whether the node has the extrinsic.
 */
export function refusalOf(error: unknown): TxError | undefined {
  if (!(error instanceof BridgeError)) return undefined;
  const { rpcCode, rpcMessage } = error.facts;
  if (typeof rpcCode !== 'number' || typeof rpcMessage !== 'string') return undefined;
  if (rpcCode < 1000 || rpcCode > 1100) return undefined;
  const refusal =
    byCode[rpcCode] ?? byText.find(([text]) => text.test(rpcMessage))?.[1] ?? Refusal.INVALID;
  return new TxError(TxErrorCode.REFUSED, `The node does not take the transaction: ${rpcMessage}`, {
    facts: { refusal, rpcCode, rpcMessage },
    cause: error,
  });
}
