import { BridgeError, type Facts } from '@runtime-bridge/base';

/**
 * What can go wrong with a pRuntime. The codes are the classes that a caller decides on; pRuntime's own text travels in
 * the message and as the fact `text`.
 *
 * Texts: phala-blockchain 40ffcd1be and 654b1b699, crates/phactory/api/src/storage_sync.rs,
 * crates/phactory/src/{prpc_service,bin_api_service}.rs, crates/phactory/src/light_validation/error.rs.
 */
export const WorkerErrorClass = {
  /** Nothing answered, or the connection broke: whether the call took effect is not known. */
  TRANSPORT: 'TRANSPORT',
  /** The deadline passed: whether the call took effect is not known. */
  TIMEOUT: 'TIMEOUT',
  /** The answer is no answer of a pRuntime (a proxy's page, broken JSON or protobuf, an answer beyond its limit). */
  BAD_ANSWER: 'BAD_ANSWER',
  /** The body is larger than pRuntime accepts; it was not sent, or was refused with 413. */
  BODY_TOO_LARGE: 'BODY_TOO_LARGE',
  /** The method or route does not exist there, or is not open to us. */
  NOT_AVAILABLE: 'NOT_AVAILABLE',
  /** pRuntime holds no state: it was started anew and asks for the genesis. */
  NOT_INITIALIZED: 'NOT_INITIALIZED',
  /** pRuntime was initialized by somebody before us. */
  ALREADY_INITIALIZED: 'ALREADY_INITIALIZED',
  /** pRuntime stands elsewhere than we thought. */
  POSITION_MISMATCH: 'POSITION_MISMATCH',
  /** A block came before its para header. */
  MISSING_STATE_ROOT: 'MISSING_STATE_ROOT',
  /** Para headers came without a relay header before them. */
  MISSING_RELAY_ROOT: 'MISSING_RELAY_ROOT',
  /** pRuntime checked what we sent and refused it: the data is wrong. */
  DATA_REFUSED: 'DATA_REFUSED',
  /** pRuntime could not decode what we sent. */
  UNDECODABLE: 'UNDECODABLE',
  /** pRuntime is taken up with something else for a moment. */
  BUSY: 'BUSY',
  /** The attestation report could not be made. */
  ATTESTATION_FAILED: 'ATTESTATION_FAILED',
  /** Any other error that pRuntime reports. */
  REFUSED: 'REFUSED',
} as const;
export type WorkerErrorClass = (typeof WorkerErrorClass)[keyof typeof WorkerErrorClass];

/** An error of a call to a pRuntime; `code` is its class, `text` what pRuntime itself said. */
export class PRuntimeError extends BridgeError<WorkerErrorClass> {
  override readonly name = 'PRuntimeError';

  constructor(
    code: WorkerErrorClass,
    message: string,
    readonly text: string | undefined,
    details: { facts?: Facts; cause?: unknown; remedy?: string } = {},
  ) {
    super(code, message, {
      ...details,
      facts: { ...details.facts, ...(text === undefined ? {} : { text }) },
    });
  }
}

/** Whether something caught comes from a call to a pRuntime. */
export function isPRuntimeError(error: unknown): error is PRuntimeError {
  return error instanceof PRuntimeError;
}

const textClasses: readonly (readonly [RegExp, WorkerErrorClass])[] = [
  [/runtime not initialized|uninitiated runtime info/i, WorkerErrorClass.NOT_INITIALIZED],
  [/runtime already initialized/i, WorkerErrorClass.ALREADY_INITIALIZED],
  [/blocknumbermismatch/i, WorkerErrorClass.POSITION_MISMATCH],
  [/nostateroot/i, WorkerErrorClass.MISSING_STATE_ROOT],
  [/relaychainheadernotsynced/i, WorkerErrorClass.MISSING_RELAY_ROOT],
  [
    /headervalidatefailed|staterootmismatch|storageprooffailed|headerhashmismatch|missingjustification|invalid ancestry proof|bad justification|validator set|no para_id/i,
    WorkerErrorClass.DATA_REFUSED,
  ],
  [/rcu in progress|try the request again later|ecall enclave failed/i, WorkerErrorClass.BUSY],
  [/safe mode|method not found/i, WorkerErrorClass.NOT_AVAILABLE],
  [/failed to create attestation report|ra is disallowed/i, WorkerErrorClass.ATTESTATION_FAILED],
  [/entity too large/i, WorkerErrorClass.BODY_TOO_LARGE],
  [
    /decodeerror|decode input parameter failed|read input data failed|read body failed/i,
    WorkerErrorClass.UNDECODABLE,
  ],
];

/** The class of an error text of pRuntime; REFUSED when the text is not known. */
export function classifyText(text: string): WorkerErrorClass {
  return textClasses.find(([pattern]) => pattern.test(text))?.[1] ?? WorkerErrorClass.REFUSED;
}
