import { BridgeError, type ErrorDetails } from '@runtime-bridge/base';

/** Codes of the errors of reading a chain over JSON-RPC. Facts: `endpoint`, `method`, and what the code adds. */
export const ChainClientErrorCode = {
  /** An endpoint is not a `ws:` or `wss:` URL, or none is given. */
  BAD_ENDPOINT: 'BAD_ENDPOINT',
  /** No connection could be made in time. */
  CONNECT_FAILED: 'CONNECT_FAILED',
  /** The call needs a connection and there is none. */
  NOT_CONNECTED: 'NOT_CONNECTED',
  /** The connection went away with the call under way. */
  DISCONNECTED: 'DISCONNECTED',
  /** The node did not answer within the call's deadline. */
  CALL_TIMEOUT: 'CALL_TIMEOUT',
  /** The node answered with an error; facts: `rpcCode`, `rpcMessage`. */
  RPC_ERROR: 'RPC_ERROR',
  /** The node does not have the method, or refuses it as unsafe; facts: `rpcCode`, `rpcMessage`. */
  METHOD_UNAVAILABLE: 'METHOD_UNAVAILABLE',
  /** An answer was larger than the limit; facts: `maxBytes`. */
  RESPONSE_TOO_LARGE: 'RESPONSE_TOO_LARGE',
  /** An answer is not of the form that the method has; facts: `field`. */
  BAD_RESPONSE: 'BAD_RESPONSE',
  /** A header's hash is not the hash that it was asked by; facts: `expected`, `actual`, `number`. */
  HEADER_HASH_MISMATCH: 'HEADER_HASH_MISMATCH',
  /** The node does not know the block (yet); facts: `block`. */
  BLOCK_UNKNOWN: 'BLOCK_UNKNOWN',
  /** The node has thrown the state of the block away; facts: `block`. */
  STATE_DISCARDED: 'STATE_DISCARDED',
  /** An endpoint was left in the middle of work for one that is further or faster; facts: `lagMs`, `latencyMs`. */
  ENDPOINT_BEHIND: 'ENDPOINT_BEHIND',
  /** An endpoint was left in the middle of work because it lied elsewhere, and there is another; facts: `endpoint`. */
  ENDPOINT_LIED: 'ENDPOINT_LIED',
  /** No endpoint can be used now: all are away or set aside; facts: `endpoints`. */
  NO_ENDPOINT: 'NO_ENDPOINT',
  /** The client was stopped. */
  CLOSED: 'CLOSED',
} as const;
export type ChainClientErrorCode = (typeof ChainClientErrorCode)[keyof typeof ChainClientErrorCode];

/** An error of reading a chain. */
export class ChainClientError extends BridgeError<ChainClientErrorCode> {
  override readonly name = 'ChainClientError';

  constructor(code: ChainClientErrorCode, message: string, details?: ErrorDetails) {
    super(code, message, details);
  }
}

/** Whether an error is of this package and has this code. */
export function hasCode(error: unknown, code: ChainClientErrorCode): error is ChainClientError {
  return error instanceof ChainClientError && error.code === code;
}
