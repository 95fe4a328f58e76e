import type { Hex } from '@runtime-bridge/base';
import type { MortalEra } from '@runtime-bridge/chain-client/tx';
import type { JobOperator, JobOutcome, TxJob } from '@runtime-bridge/tx-queue';
import type { HistoryPage, HistoryQuery, TxRecord } from './history.js';

/** A job in a transaction. */
export interface JournalJob {
  id: string;
  job: TxJob;
  operator: JobOperator;
  /** Marks of those who asked for it before it was written down; absent in journals of an earlier version. */
  asks?: string[];
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
  /** When, in milliseconds since 1970; absent in journals of an earlier version. */
  writtenAtMs?: number;
  /**
   * `open`: may be in a block, or get into one. `dead`: its era is over in the finalised chain and none of those blocks
   * holds it; its jobs wait for a new transaction.
   */
  state: 'open' | 'dead';
}

/** The successful end of a job. */
export type Success = JobOutcome & { ok: true };

/** The end of a job that failed. */
export type Failure = JobOutcome & { ok: false };

/** How a job ended by what a finalised block says. */
export interface JobEnd {
  id: string;
  /** Marks of those who had asked for it. */
  asks: readonly string[];
  outcome: JobOutcome;
}

/** What the journal held when it was opened. */
export interface JournalContent {
  entries: JournalEntry[];
  /** Successes, then failures, of each the oldest first. */
  ends: JobEnd[];
  /** Fees paid by each account, in the smallest unit. */
  fees: ReadonlyMap<Hex, bigint>;
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
  /**
   * Takes over what another trader was about: these entries replace its own, and these ends are remembered too.
   * @returns what it holds then
   */
  adopt(entries: readonly JournalEntry[], ends: readonly JobEnd[]): Promise<JournalContent>;
  /** Takes a transaction back that was written down and never sent. */
  forget(entry: JournalEntry): Promise<void>;
  /** Writes down a new transaction; jobs of dead ones that are in it leave those. */
  add(entry: JournalEntry): Promise<void>;
  /** It never gets into a block, and its jobs want another one. */
  markDead(entry: JournalEntry, record: TxRecord): Promise<void>;
  /** A job is over without a new transaction: dead ones forget it. */
  release(jobId: string): Promise<void>;
  /** A transaction is over: remembers how its jobs ended, what it cost, and that it was. */
  remove(entry: JournalEntry, ends: readonly JobEnd[], record: TxRecord): Promise<void>;
  /** Reads transactions that are over. */
  history(query: HistoryQuery): Promise<HistoryPage>;
  close(): Promise<void>;
}
