import { BaseErrorCode, BridgeError, isAbortError } from '@runtime-bridge/base';
import { WalkieErrorCode } from '@runtime-bridge/walkie-protocol';
import { errorMeanings, type ApiErrorCode, type ApiFailure } from '../api/index.js';

/** A failure as the API tells it. */
export class ApiError extends BridgeError {
  override readonly name = 'ApiError';

  constructor(
    readonly status: number,
    code: ApiErrorCode | (string & {}),
    message: string,
    readonly details: Omit<ApiFailure['error'], 'code' | 'message'> = {},
    cause?: unknown,
  ) {
    super(code, message, { cause, remedy: details.remedy });
  }

  /** The body of the answer. */
  get body(): ApiFailure {
    return { error: { code: this.code, message: this.message, ...this.details } };
  }

  static notFound(what: string): ApiError {
    return new ApiError(404, 'NOT_FOUND', `${what} is not there`);
  }

  static badRequest(message: string, field?: string): ApiError {
    return new ApiError(400, 'BAD_REQUEST', message, field === undefined ? {} : { field });
  }

  /** What a call to a manager failed with, told to the browser. */
  static of(error: unknown): ApiError {
    if (error instanceof ApiError) return error;
    if (isAbortError(error)) return new ApiError(503, 'UNEXPECTED', 'The monitor stops', {}, error);
    const { code, message, remedy } = BridgeError.from(error);
    const status = STATUS[code];
    if (status === undefined) {
      return new ApiError(500, 'UNEXPECTED', 'Something broke here; the log says more', {}, error);
    }
    const { field, index } = fieldOf(message);
    const isField = code === WalkieErrorCode.SERVER && field !== undefined;
    const told = remedy ?? errorMeanings[isField ? 'INVALID_FIELD' : code]?.remedy;
    return new ApiError(
      isField ? 422 : status,
      isField ? 'INVALID_FIELD' : code,
      message,
      {
        ...(told === undefined ? {} : { remedy: told }),
        ...(field === undefined ? {} : { field }),
        ...(index === undefined ? {} : { index }),
      },
      error,
    );
  }
}

const STATUS: Readonly<Record<string, number>> = {
  [WalkieErrorCode.NOT_FOUND]: 404,
  [WalkieErrorCode.DUPLICATED]: 409,
  [WalkieErrorCode.UNAUTHORIZED]: 403,
  [WalkieErrorCode.SERVER]: 502,
  [WalkieErrorCode.UNKNOWN]: 502,
  [WalkieErrorCode.UNREACHABLE]: 502,
  [WalkieErrorCode.INTERRUPTED]: 502,
  [WalkieErrorCode.BAD_MESSAGE]: 502,
  [WalkieErrorCode.NOT_SPOKEN]: 502,
  [WalkieErrorCode.IDENTITY_MISMATCH]: 502,
  [WalkieErrorCode.TOO_LARGE]: 413,
  [BaseErrorCode.TIMEOUT]: 504,
};

/** Managers name item and field in their text, `workers[3]: stake must be …`; the wire has no other place for them. */
function fieldOf(message: string): { field?: string; index?: number } {
  const [, index, field] =
    /^(?:SERVER: )?\w+\[(\d+)\](?:\.\w+)?: ([a-z][\w.]*) /i.exec(message) ?? [];
  if (field === undefined) return {};
  const known = { 'owner.mnemonic': 'mnemonic', realPhalaSs58: 'proxiedAccount' }[field];
  return { field: known ?? field, index: Number(index) };
}
