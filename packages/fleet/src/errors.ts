import { BridgeError, type ErrorDetails } from '@runtime-bridge/base';

/** Codes of the errors of this package. Those of the inventory are also error types on Walkie. */
export const FleetErrorCode = {
  /** A field of a pool or worker is missing or wrong; item, field and rule are named. */
  INVALID_FIELD: 'INVALID_FIELD',
  /** A name or pool id that another row has. */
  DUPLICATED: 'DUPLICATED',
  /** No such pool or worker. */
  NOT_FOUND: 'NOT_FOUND',
  /** A pool cannot be deleted while workers belong to it. */
  POOL_IN_USE: 'POOL_IN_USE',
  /** The inventory holds as much as it may. */
  INVENTORY_FULL: 'INVENTORY_FULL',
  /** What was looked at in a dry run is no longer what would be done. */
  PLAN_OUTDATED: 'PLAN_OUTDATED',
  /** The store was written by another version, or by something else. */
  BAD_STORE: 'BAD_STORE',
  /** The database of a lifecycle manager of 2022, or a key in it, cannot be read. */
  BAD_LOCAL_DB: 'BAD_LOCAL_DB',
  /** The worker or its pool is disabled, so nothing runs that could take the command. */
  WORKER_DISABLED: 'WORKER_DISABLED',
  /** The service runs in config mode and drives no workers. */
  CONFIG_MODE: 'CONFIG_MODE',
  /** The parachain node did not answer since the start, so no worker is driven yet. */
  CHAIN_MISSING: 'CHAIN_MISSING',
  /** A blob that every data provider should have by now could not be had from any. */
  BLOB_UNAVAILABLE: 'BLOB_UNAVAILABLE',
  /** A blob or its index is malformed. */
  BAD_BLOB: 'BAD_BLOB',
  /** pRuntime was initialized for another chain. */
  WRONG_GENESIS: 'WRONG_GENESIS',
  /** A pRuntime before 0.2.7 on a relay chain that keeps its authorities where it does not look. */
  RELAY_CHAIN_UNSUPPORTED: 'RELAY_CHAIN_UNSUPPORTED',
  /** pRuntime lost its state or got another key while it was being driven. */
  WORKER_RESET: 'WORKER_RESET',
  /** The worker's height stood still while the head moved on. */
  WORKER_STALLED: 'WORKER_STALLED',
  /** On chain the worker belongs to another pool than here. */
  WORKER_IN_OTHER_POOL: 'WORKER_IN_OTHER_POOL',
  /** pRuntime gives no attestation to register with. */
  NO_ATTESTATION: 'NO_ATTESTATION',
  /** pRuntime wants a registration call that the chain does not have. */
  REGISTRATION_UNSUPPORTED: 'REGISTRATION_UNSUPPORTED',
  /** A transaction for the worker failed; the trader's own error is the cause. */
  TRANSACTION_FAILED: 'TRANSACTION_FAILED',
  /** The queue did not take a job, or gave up waiting for it: whether it was carried out is not known. */
  QUEUE_UNAVAILABLE: 'QUEUE_UNAVAILABLE',
  /** The runner process is gone or does not answer. */
  RUNNER_GONE: 'RUNNER_GONE',
  /** A worker took no part for a reason inside this program. */
  BAD_STATE: 'BAD_STATE',
} as const;
export type FleetErrorCode = (typeof FleetErrorCode)[keyof typeof FleetErrorCode];

/** An error of this package. */
export class FleetError extends BridgeError<FleetErrorCode> {
  override readonly name = 'FleetError';

  constructor(code: FleetErrorCode, message: string, details: ErrorDetails = {}) {
    super(code, message, details);
  }
}
