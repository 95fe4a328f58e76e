import { ChainClientError, ChainClientErrorCode, hasCode } from '../errors.js';
import type { Fault } from './endpoint-health.js';

const passing: readonly ChainClientErrorCode[] = [
  ChainClientErrorCode.CONNECT_FAILED,
  ChainClientErrorCode.NOT_CONNECTED,
  ChainClientErrorCode.DISCONNECTED,
  ChainClientErrorCode.BLOCK_UNKNOWN,
  ChainClientErrorCode.ENDPOINT_BEHIND,
];

/** Whether an error is no news: nodes in good health answer so now and then, or their connections tell of it already. */
export function isPassing(error: unknown): boolean {
  return passing.some((code) => hasCode(error, code));
}

/**
 * What an error of this package says of the endpoint it came from: everything but an answer that the method is
 * missing, or that the block is unknown, is a failure of it.
 */
export function faultOf(error: unknown): Fault | undefined {
  if (!(error instanceof ChainClientError)) return undefined;
  switch (error.code) {
    case ChainClientErrorCode.HEADER_HASH_MISMATCH:
    case ChainClientErrorCode.BAD_RESPONSE:
      return 'lie';
    case ChainClientErrorCode.ENDPOINT_BEHIND:
      return 'stalled';
    // It was set aside when it lied.
    case ChainClientErrorCode.ENDPOINT_LIED:
    case ChainClientErrorCode.BAD_ENDPOINT:
    case ChainClientErrorCode.NO_ENDPOINT:
    case ChainClientErrorCode.CLOSED:
      return undefined;
    case ChainClientErrorCode.CONNECT_FAILED:
    case ChainClientErrorCode.NOT_CONNECTED:
    case ChainClientErrorCode.DISCONNECTED:
    case ChainClientErrorCode.CALL_TIMEOUT:
    case ChainClientErrorCode.RPC_ERROR:
    case ChainClientErrorCode.METHOD_UNAVAILABLE:
    case ChainClientErrorCode.RESPONSE_TOO_LARGE:
    case ChainClientErrorCode.BLOCK_UNKNOWN:
    case ChainClientErrorCode.STATE_DISCARDED:
      return 'failure';
  }
}

/** Whether work goes elsewhere although there is nothing more to be held against its endpoint. */
export function isLeaving(error: unknown): boolean {
  if (!(error instanceof ChainClientError)) return false;
  return error.facts['preferred'] === true || error.code === ChainClientErrorCode.ENDPOINT_LIED;
}
