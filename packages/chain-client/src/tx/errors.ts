import { BridgeError } from '@runtime-bridge/base';

/** Codes of the errors of transactions and of reading decoded state. */
export const TxErrorCode = {
  /** Metadata is not there yet: no node has been reached since the start. */
  NOT_READY: 'NOT_READY',
  /** The runtime has no such pallet, call, storage item or constant; facts: `pallet`, `item`. */
  MISSING_PALLET: 'MISSING_PALLET',
  /** The arguments of a call do not fit its type in this runtime; facts: `call`. */
  BAD_CALL: 'BAD_CALL',
  /** A text is no SS58 address; facts: `address`. */
  BAD_ADDRESS: 'BAD_ADDRESS',
  /** A stored value cannot be read with this runtime's types; facts: `pallet`, `item`. */
  BAD_STORAGE: 'BAD_STORAGE',
  /** The node does not take an extrinsic; facts: `refusal`, `rpcCode`, `rpcMessage`. */
  REFUSED: 'REFUSED',
  /** The node sent something that the method does not send; facts: `method`. */
  BAD_ANSWER: 'BAD_ANSWER',
  /** The events of an extrinsic do not say what became of its calls; facts: `block`, `index`. */
  OUTCOME_UNREADABLE: 'OUTCOME_UNREADABLE',
} as const;
export type TxErrorCode = (typeof TxErrorCode)[keyof typeof TxErrorCode];

/** An error of transactions or of reading decoded state. */
export class TxError extends BridgeError<TxErrorCode> {
  override readonly name = 'TxError';
}

/**
 * What a decoder of @polkadot/types complains about, without the description of the whole type that comes before it and
 * can be hundreds of kilobytes long.
 */
export function decodeProblem(error: unknown): Error {
  const text = error instanceof Error ? error.message : String(error);
  return new Error(
    text
      .slice(text.lastIndexOf(':: ') + 1)
      .trim()
      .slice(0, 300),
  );
}

/** The error for something that the runtime does not have. */
export function missingPallet(pallet: string, item: string): TxError {
  return new TxError(
    TxErrorCode.MISSING_PALLET,
    `The parachain's runtime has no ${pallet}.${item}`,
    {
      facts: { pallet, item },
      remedy:
        'Check that PHALA_CHAIN_ENDPOINT is a node of Khala, Phala or another chain with the Phala pallets.',
    },
  );
}
