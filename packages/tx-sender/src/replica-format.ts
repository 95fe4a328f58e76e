import type { Hex } from '@runtime-bridge/base';
import type { TxRecord } from './history.js';

/** Where the copy of a journal lies, beside the queue. */
export const replicaKeys = {
  /** Hash: `meta`, and entries by their numbers. */
  journal: 'trader:journal',
  /** List of ends of jobs, the newest first. */
  ends: 'trader:ends',
  /** List of transactions that are over, the newest first. */
  history: 'trader:history',
  /** Hash: fees that each account has paid, as decimal text. */
  fees: 'trader:fees',
} as const;

/** How much of it there is. */
export const replicaLimits = {
  /** Ends that a trader that takes over remembers: jobs that are asked for again were asked for lately. */
  maxEnds: 2_000,
  /** Transactions that a manager elsewhere can show: about 6 MiB at 10 jobs each. */
  maxHistory: 2_000,
  /** Of those, what a Redis is given that has forgotten them. */
  firstHistory: 500,
} as const;

/** A record as it is stored: JSON has no bigint. */
export type StoredRecord = Omit<TxRecord, 'fee'> & { fee?: string };

export function stored({ fee, ...rest }: TxRecord): StoredRecord {
  return fee === undefined ? rest : { ...rest, fee: fee.toString() };
}

export function revived({ fee, ...rest }: StoredRecord): TxRecord {
  return fee === undefined ? rest : { ...rest, fee: BigInt(fee) };
}

export function recordToJson(record: TxRecord): string {
  return JSON.stringify(stored(record));
}

export function recordOfJson(text: string): TxRecord {
  return revived(JSON.parse(text) as StoredRecord);
}

/** Fees by account; what is no amount is left out. */
export function feesOfHash(hash: Readonly<Record<string, string>>): Map<Hex, bigint> {
  return new Map(
    Object.entries(hash).flatMap(([account, sum]): [Hex, bigint][] =>
      /^\d{1,39}$/.test(sum) ? [[account as Hex, BigInt(sum)]] : [],
    ),
  );
}
