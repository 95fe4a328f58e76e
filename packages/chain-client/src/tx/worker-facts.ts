import type { Hex } from '@runtime-bridge/base';

/** States of a session on chain (source: phala-blockchain 654b1b6 pallets/phala/src/compute/computation.rs). */
export const SessionState = {
  READY: 'Ready',
  WORKER_IDLE: 'WorkerIdle',
  UNUSED: '_Unused',
  WORKER_UNRESPONSIVE: 'WorkerUnresponsive',
  WORKER_COOLING_DOWN: 'WorkerCoolingDown',
} as const;
export type SessionState = (typeof SessionState)[keyof typeof SessionState];

/** The on-chain computing state of a worker. */
export interface SessionFacts {
  state: SessionState;
  /** Fixed point with 64 fractional bits. */
  v: bigint;
  /** Fixed point with 64 fractional bits. */
  ve: bigint;
  pInit: number;
  pInstant: number;
  /** In the smallest unit. */
  totalReward: bigint;
  /** Seconds since 1970; 0 when it never cooled down. */
  coolDownStart: bigint;
  /**
   * The human form of 2022: camelCase keys, thousands separators, `v` and `ve` as decimals with 8 digits,
   * `stats.totalReward` as a balance, and the plain form under `raw`.
   */
  json: Record<string, unknown>;
}

/** What the chain says about one worker. */
export interface WorkerFacts {
  publicKey: Hex;
  /** Whether PhalaRegistry knows it; the next three are of there. */
  registered: boolean;
  /** Account id that it was registered for. */
  operator?: Hex;
  initialScore?: number;
  confidenceLevel?: number;
  /** Stake pool that it was added to. */
  poolId?: bigint;
  /** Account of its session. */
  sessionAccount?: Hex;
  session?: SessionFacts;
  /** Stake of the session, in the smallest unit. */
  stake?: bigint;
}

/** What the chain says about one stake pool. */
export interface PoolFacts {
  ownerAccount: Hex;
  /** wPHA of the pool that is not at stake, in the smallest unit. */
  freeStake: bigint;
  /** Workers added to it, those cooling down included. */
  workerCount: number;
}

/** What is wanted of the chain. */
export interface ChainFactsQuery {
  /** sr25519 public keys of workers. */
  workers: readonly Hex[];
  /** SCALE MessageOrigins whose next sequence is wanted. */
  origins: readonly Hex[];
  pools: readonly bigint[];
  /** Accounts whose free balance is wanted. @default none */
  accounts?: readonly Hex[];
  /** Hash of the block to look at. @default the finalised head */
  at?: Hex;
}

/** Everything that was asked for, as of one block. */
export interface ChainFacts {
  block: number;
  blockHash: Hex;
  workers: ReadonlyMap<Hex, WorkerFacts>;
  /** Next sequence that PhalaMq accepts, by origin; 0 for one that never sent. */
  ingress: ReadonlyMap<Hex, bigint>;
  /** Pools that do not exist, or are vaults, are missing. */
  pools: ReadonlyMap<bigint, PoolFacts>;
  coolDownPeriodSec: number;
  /** Free balance by account, in the smallest unit; 0 for one that does not exist. Absent where none was asked for. */
  balances?: ReadonlyMap<Hex, bigint>;
}
