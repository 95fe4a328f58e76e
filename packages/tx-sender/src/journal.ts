import type { Hex } from '@runtime-bridge/base';
import type { MortalEra } from '@runtime-bridge/chain-client/tx';
import type { JobOperator, JobOutcome, TxJob } from '@runtime-bridge/tx-queue';

/** A job in a transaction. */
export interface JournalJob {
  id: string;
  job: TxJob;
  operator: JobOperator;
  /** How often it was tried again before this transaction. */
  retries: number;
  /** Calls of the batch that are its own, in order of jobs. */
  calls: number;
}

/** A transaction, written down before it is sent for the first time. */
export interface JournalEntry {
  /** Grows with each transaction. */
  id: number;
  /** Account id that signs. */
  account: Hex;
  nonce: number;
  era: MortalEra;
  bytes: Hex;
  /** blake2-256 of the bytes. */
  hash: Hex;
  jobs: JournalJob[];
  /**
   * `open`: may be in a block, or get into one. `dead`: its era is over in the finalised chain and none of those blocks
   * holds it; its jobs wait for a new transaction.
   */
  state: 'open' | 'dead';
}

/** The successful end of a job. */
export type Success = JobOutcome & { ok: true };

/** What the journal held when it was opened. */
export interface JournalContent {
  entries: JournalEntry[];
  /** Oldest first. */
  successes: [id: string, success: Success][];
}

/**
 * What was sent, for a sender that comes back after a crash. Each method is one atomic write that is on disk when the
 * promise resolves.
 *
 * @throws TxSenderError JOURNAL (each method)
 */
export interface Journal {
  /**
   * Reads everything. What belongs to another chain than this one is dropped: it can never take effect here.
   * @param genesisHash names the chain
   */
  open(genesisHash: Hex): Promise<JournalContent>;
  /** Writes down a new transaction; jobs of dead ones that are in it leave those. */
  add(entry: JournalEntry): Promise<void>;
  /** Its era is over without it. */
  markDead(entry: JournalEntry): Promise<void>;
  /** A job is over without a new transaction: dead ones forget it. */
  release(jobId: string): Promise<void>;
  /** Forgets a transaction and remembers which of its jobs took effect. */
  remove(entry: JournalEntry, successes: readonly [id: string, success: Success][]): Promise<void>;
  close(): Promise<void>;
}
