/** Lower-case hex with a `0x` prefix. */
export type Hex = `0x${string}`;

/** What an error or a log line is about: flat, printable facts such as peer, worker, block, variable. */
export type Facts = Readonly<Record<string, string | number | bigint | boolean | null | undefined>>;

/** The plain JSON form of an error, for a wire or a process boundary. */
export interface ErrorObject {
  code: string;
  message: string;
  facts?: Record<string, string | number | boolean | null>;
  remedy?: string;
  cause?: ErrorObject;
}

/** What may be told about an error beside its code and message. */
export interface ErrorDetails {
  facts?: Facts | undefined;
  cause?: unknown;
  /** One sentence that says what to do about it. */
  remedy?: string | undefined;
}

/** Causes are told, but a chain that loops or is absurdly long must not be. */
const MAX_CAUSE_DEPTH = 5;

/**
 * The base of every error that the bridge raises on purpose: a code to switch on, facts to search for, a message that
 * says what happened and, where there is something to do, a remedy.
 */
export class BridgeError<C extends string = string> extends Error {
  override readonly name: string = 'BridgeError';
  readonly code: C;
  readonly facts: Facts;
  readonly remedy: string | undefined;

  constructor(code: C, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.facts = details.facts ?? {};
    this.remedy = details.remedy;
  }

  /** The plain form, in which 64-bit numbers are decimal strings. */
  toObject(): ErrorObject {
    return toErrorObject(this, MAX_CAUSE_DEPTH);
  }

  /** Rebuilds an error from its plain form; whatever is missing or malformed there is filled in, never thrown about. */
  static fromObject(value: unknown): BridgeError {
    const object = isRecord(value) ? value : {};
    const code = typeof object['code'] === 'string' ? object['code'] : BaseErrorCode.UNEXPECTED;
    const message = typeof object['message'] === 'string' ? object['message'] : String(value);
    return new BridgeError(code, message, {
      facts: isRecord(object['facts']) ? (object['facts'] as Facts) : undefined,
      remedy: typeof object['remedy'] === 'string' ? object['remedy'] : undefined,
      cause: object['cause'] === undefined ? undefined : BridgeError.fromObject(object['cause']),
    });
  }

  /** Turns anything caught into a BridgeError; one that is already is returned as it is. */
  static from(error: unknown, code: string = BaseErrorCode.UNEXPECTED): BridgeError {
    if (isBridgeError(error)) return error;
    if (isAbortError(error)) {
      return new BridgeError(BaseErrorCode.ABORTED, messageOf(error), { cause: error });
    }
    return new BridgeError(code, messageOf(error), { cause: error });
  }
}

/** Codes of the errors that this package raises itself. */
export const BaseErrorCode = {
  /** The wait was given up because its signal was aborted. */
  ABORTED: 'ABORTED',
  /** The deadline passed before the work was done. */
  TIMEOUT: 'TIMEOUT',
  /** A bounded queue had no room and the caller did not want to wait. */
  QUEUE_FULL: 'QUEUE_FULL',
  /** The queue, service or connection is closed. */
  CLOSED: 'CLOSED',
  /** A text that should be hex is not. */
  BAD_HEX: 'BAD_HEX',
  /** Several parts of a service failed to stop. */
  STOP_FAILED: 'STOP_FAILED',
  /** Anything that nobody foresaw. */
  UNEXPECTED: 'UNEXPECTED',
} as const;
export type BaseErrorCode = (typeof BaseErrorCode)[keyof typeof BaseErrorCode];

/** Whether something caught is an error that the bridge raised on purpose. */
export function isBridgeError(error: unknown): error is BridgeError {
  return error instanceof BridgeError;
}

/** Whether an error only says that somebody gave up waiting. */
export function isAbortError(error: unknown): boolean {
  return (
    (isBridgeError(error) && error.code === BaseErrorCode.ABORTED) ||
    (error instanceof Error && error.name === 'AbortError')
  );
}

/** The message of anything that can be thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The ABORTED error of a signal, its reason as cause. */
export function abortedError(signal: AbortSignal): BridgeError {
  const reason: unknown = signal.reason;
  if (isBridgeError(reason)) return reason;
  return new BridgeError(BaseErrorCode.ABORTED, 'The wait was given up', { cause: reason });
}

function toErrorObject(error: unknown, depth: number): ErrorObject {
  const object: ErrorObject = {
    code: isBridgeError(error) ? error.code : BaseErrorCode.UNEXPECTED,
    message: messageOf(error),
  };
  if (isBridgeError(error)) {
    const facts = Object.entries(error.facts).filter(([, value]) => value !== undefined);
    if (facts.length > 0) {
      object.facts = Object.fromEntries(
        facts.map(([key, value]) => [key, typeof value === 'bigint' ? value.toString() : value!]),
      );
    }
    if (error.remedy !== undefined) object.remedy = error.remedy;
  }
  const cause = error instanceof Error ? error.cause : undefined;
  if (cause !== undefined && depth > 0) object.cause = toErrorObject(cause, depth - 1);
  return object;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
