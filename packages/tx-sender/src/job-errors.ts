import { type BridgeError, type Hex } from '@runtime-bridge/base';
import type { Refusal } from '@runtime-bridge/chain-client/tx';
import { TxSenderError, TxSenderErrorCode } from './errors.js';

export function balanceTooLow(account: Hex, cause: BridgeError): TxSenderError {
  return new TxSenderError(
    TxSenderErrorCode.BALANCE_TOO_LOW,
    'The operator account cannot pay the fee of the transaction',
    { facts: { account }, cause, remedy: 'Send some PHA to the operator account.' },
  );
}

export function tooLarge(cause: BridgeError): TxSenderError {
  return new TxSenderError(
    TxSenderErrorCode.JOB_TOO_LARGE,
    'The job alone is more than a block takes',
    {
      cause,
      remedy: 'Ask for fewer messages in one job.',
    },
  );
}

export function refusedForGood(refusal: Refusal, cause: BridgeError): TxSenderError {
  return new TxSenderError(TxSenderErrorCode.TRANSACTION_REFUSED, cause.message, {
    facts: { refusal, rpcMessage: cause.facts['rpcMessage'] },
    cause,
  });
}

export function gaveUp(retries: number, cause?: BridgeError): TxSenderError {
  const tries = retries + 1;
  return new TxSenderError(
    TxSenderErrorCode.GAVE_UP,
    `Tried ${tries} times, and the transaction never got into a block`,
    {
      facts: { tries },
      cause,
      remedy: 'Check that the para node is in sync and that nobody else uses the operator account.',
    },
  );
}
