import type { Hex } from '@runtime-bridge/base';

/** A stake pool as we keep it. */
export interface PoolRow {
  readonly uuid: string;
  /** The pool's number on chain. */
  readonly poolId: bigint;
  readonly name: string;
  readonly enabled: boolean;
  readonly syncOnly: boolean;
  /** Public key of the operator, who signs. */
  readonly operatorPublicKey: Hex;
  /** The operator's key, sealed for the identity key; never leaves but inside a job. */
  readonly sealedOperator: Uint8Array;
  /** SS58 address of the account that the operator acts for; empty when it acts for itself. */
  readonly proxiedAccount: string;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

/** A worker as we keep it. */
export interface WorkerRow {
  readonly uuid: string;
  readonly poolUuid: string;
  readonly name: string;
  /** Base URL of its pRuntime, without a slash at the end. */
  readonly endpoint: string;
  /** In the smallest unit; 1 PHA is 10^12. */
  readonly stake: bigint;
  readonly enabled: boolean;
  readonly syncOnly: boolean;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

/** What may be said about a pool when it is created or replaced. */
export interface PoolInput {
  poolId: bigint;
  name: string;
  enabled: boolean;
  syncOnly: boolean;
  proxiedAccount: string;
  /** Needed at creation; empty at a change keeps the key that is there. */
  mnemonic: string;
}

/** What may be said about a worker when it is created or replaced. */
export interface WorkerInput {
  /** Number of its pool on chain. */
  poolId: bigint;
  name: string;
  endpoint: string;
  /** Decimal text in the smallest unit. */
  stake: string;
  enabled: boolean;
  syncOnly: boolean;
}

/** How a row is pointed at. */
export type RowIdentity =
  | { kind: 'uuid'; uuid: string }
  | { kind: 'name'; name: string }
  | { kind: 'poolId'; poolId: bigint };

/** One item of a batch of changes: a full replacement, or a deletion. */
export type RowUpdate<T> =
  { id: RowIdentity | undefined; input: T } | { id: RowIdentity | undefined; deleted: true };

/** Everything at one moment. */
export interface InventorySnapshot {
  readonly pools: ReadonlyMap<string, PoolRow>;
  readonly workers: ReadonlyMap<string, WorkerRow>;
}

/** Changes of pools and workers that are made together, in this order. */
export interface TransferSteps {
  readonly createPools: readonly PoolInput[];
  readonly updatePools: readonly RowUpdate<PoolInput>[];
  readonly createWorkers: readonly WorkerInput[];
  /** Changed and deleted. */
  readonly updateWorkers: readonly RowUpdate<WorkerInput>[];
  readonly deletePools: readonly RowUpdate<PoolInput>[];
}
