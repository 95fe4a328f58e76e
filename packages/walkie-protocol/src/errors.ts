import { BridgeError, type ErrorDetails } from '@runtime-bridge/base';
import { ResponseErrorType } from './gen/prb/error_pb.js';

/** What a responder says of a method that it does not serve; the text of 2022. */
export const NO_HANDLER_TEXT = 'Handler not implemented.';

/** Codes of the errors of this package. */
export const WalkieErrorCode = {
  /** The responder failed in a way it has no name for (wire type 0). */
  UNKNOWN: 'UNKNOWN',
  /** The responder's handler failed (wire type 1). */
  SERVER: 'SERVER',
  /** What was asked for does not exist there, or the responder does not serve the method (wire type 2). */
  NOT_FOUND: 'NOT_FOUND',
  /** Something of that name or id exists already (wire type 3). */
  DUPLICATED: 'DUPLICATED',
  /** The caller may not do that (wire type 4). */
  UNAUTHORIZED: 'UNAUTHORIZED',
  /** No connection to the peer could be made. */
  UNREACHABLE: 'UNREACHABLE',
  /** The connection or stream ended before the whole answer was there. */
  INTERRUPTED: 'INTERRUPTED',
  /** A message, key or frame is larger than the limit of its kind. */
  TOO_LARGE: 'TOO_LARGE',
  /** Bytes that are no message of the expected kind. */
  BAD_MESSAGE: 'BAD_MESSAGE',
  /** A text that is no multiaddr or peer id. */
  BAD_ADDRESS: 'BAD_ADDRESS',
  /** A method name that the schema does not have. */
  BAD_METHOD: 'BAD_METHOD',
  /** A peer says it is somebody else than the key of its connection. */
  IDENTITY_MISMATCH: 'IDENTITY_MISMATCH',
  /** The peer does not speak the protocol. */
  NOT_SPOKEN: 'NOT_SPOKEN',
  /** A text that is no shared secret. */
  BAD_SECRET: 'BAD_SECRET',
  /** None of the addresses could be listened on. */
  LISTEN_FAILED: 'LISTEN_FAILED',
  /** The node, server or client is not running. */
  NOT_RUNNING: 'NOT_RUNNING',
  /** Too many requests are under way already. */
  BUSY: 'BUSY',
  /** The checksum of a blob does not fit its bytes. */
  CRC_MISMATCH: 'CRC_MISMATCH',
} as const;
export type WalkieErrorCode = (typeof WalkieErrorCode)[keyof typeof WalkieErrorCode];

/** An error of a Walkie call, made here or sent by the other side. */
export class WalkieError extends BridgeError<WalkieErrorCode> {
  override readonly name: string = 'WalkieError';
  /** The error type of the wire when the other side sent it. */
  readonly remoteType: ResponseErrorType | undefined;

  constructor(
    code: WalkieErrorCode,
    message: string,
    details: ErrorDetails & { remoteType?: ResponseErrorType | undefined } = {},
  ) {
    super(code, message, details);
    this.remoteType = details.remoteType;
  }

  /** The error that a responder's type and text stand for; types that we do not know count as UNKNOWN. */
  static fromWire(
    type: ResponseErrorType,
    message: string,
    details: ErrorDetails = {},
  ): WalkieError {
    return new WalkieError(CODE_BY_TYPE.get(type) ?? WalkieErrorCode.UNKNOWN, message, {
      ...details,
      remoteType: type,
    });
  }
}

const CODE_BY_TYPE: ReadonlyMap<ResponseErrorType, WalkieErrorCode> = new Map([
  [ResponseErrorType.UNKNOWN, WalkieErrorCode.UNKNOWN],
  [ResponseErrorType.SERVER, WalkieErrorCode.SERVER],
  [ResponseErrorType.NOT_FOUND, WalkieErrorCode.NOT_FOUND],
  [ResponseErrorType.DUPLICATED, WalkieErrorCode.DUPLICATED],
  [ResponseErrorType.UNAUTHORIZED, WalkieErrorCode.UNAUTHORIZED],
]);
const TYPE_BY_CODE = new Map([...CODE_BY_TYPE].map(([type, code]) => [code, type]));

/** The wire type of an error that a handler threw; whatever has no type of its own is SERVER. */
export function wireTypeOf(error: unknown): ResponseErrorType {
  const code = error instanceof BridgeError ? (error.code as WalkieErrorCode) : undefined;
  return (code && TYPE_BY_CODE.get(code)) ?? ResponseErrorType.SERVER;
}
