/** How transactions are made and sent. */
export interface TxSenderOptions {
  /** How long jobs are collected for one batch, from the first one on, in milliseconds. */
  batchWaitMs: number;
  /** Calls in one batch. A job of more calls than this makes a batch of its own. */
  maxBatchCalls: number;
  /** Bytes of the calls of one batch. */
  maxBatchBytes: number;
  /** Share of what a block gives one normal extrinsic that the calls of a batch may weigh. */
  maxBatchWeightShare: number;
  /** Extrinsics of one account that are sent and not in a block. */
  maxInFlight: number;
  /** Blocks that a transaction may wait for its block; rounded up to a power of two. */
  eraBlocks: number;
  /** Paid on top to the block's author, in the smallest unit. */
  tip: bigint;
  /** How often a job is tried again after its transaction expired or failed for a passing reason. */
  maxRetries: number;
  /** Shortest delay before the same bytes are sent again, in milliseconds; it doubles. */
  resendMinMs: number;
  /** Longest delay before the same bytes are sent again, in milliseconds. */
  resendMaxMs: number;
  /** How long the node may take to accept or refuse, before the next transaction of the account is sent anyway. */
  acceptTimeoutMs: number;
  /** Jobs whose success is remembered, and as many failures, so that one handed in again is not carried out again. */
  maxRemembered: number;
  /** Transactions that are over and kept in the history. */
  maxHistory: number;
  /** An account that can pay less than this from is warned about, in the smallest unit; 0 never warns. */
  minBalance: bigint;
  /** How often the accounts' balances are asked for, in milliseconds. */
  balanceEveryMs: number;
}

/** Defaults, and why. */
export const defaultTxSenderOptions: TxSenderOptions = {
  // A twelfth of a block: jobs of one pool come in bursts, right behind a finalised block.
  batchWaitMs: 1_000,
  // As in 2022.
  maxBatchCalls: 100,
  // A quarter of what a block takes on Khala.
  maxBatchBytes: 1_000_000,
  maxBatchWeightShare: 0.5,
  maxInFlight: 4,
  // 6.4 minutes at 12 s: how long a job is held up when somebody else takes its nonce.
  eraBlocks: 32,
  tip: 0n,
  maxRetries: 3,
  resendMinMs: 2_000,
  resendMaxMs: 30_000,
  acceptTimeoutMs: 30_000,
  maxRemembered: 20_000,
  // About 30 MiB at 10 jobs each, ten times that if every batch were full.
  maxHistory: 10_000,
  // 2 PHA: what operators' own scripts warn at.
  minBalance: 2_000_000_000_000n,
  balanceEveryMs: 60_000,
};
