import { BridgeError, type Facts } from '@runtime-bridge/base';

/** Codes of the errors that this package raises. */
export const CodecErrorCode = {
  /** The bytes end before the value does, or announce more items than can follow. */
  TRUNCATED: 'TRUNCATED',
  /** A length, count or number is above the limit of its field. */
  TOO_LARGE: 'TOO_LARGE',
  /** A value that the field does not allow: an unknown enum index, a non-canonical compact number, a wrong version. */
  BAD_VALUE: 'BAD_VALUE',
  /** Bytes are left over behind a value that should fill its input. */
  TRAILING_BYTES: 'TRAILING_BYTES',
  /** A JSON answer of a node is not of the documented shape. */
  BAD_JSON: 'BAD_JSON',
} as const;
export type CodecErrorCode = (typeof CodecErrorCode)[keyof typeof CodecErrorCode];

/** Bytes or JSON that are not what they should be, or a value that cannot be encoded. */
export class CodecError extends BridgeError<CodecErrorCode> {
  override readonly name = 'CodecError';

  constructor(code: CodecErrorCode, message: string, facts: Facts = {}, cause?: unknown) {
    super(code, message, { facts, cause });
  }
}
