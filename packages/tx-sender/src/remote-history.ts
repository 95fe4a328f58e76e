import type { Hex } from '@runtime-bridge/base';
import type { LeaseConnection } from '@runtime-bridge/tx-queue';
import { recordOf, type HistoryQuery, type TxHistory } from './history.js';
import type { JournalEntry } from './journal.js';
import { feesOfHash, recordOfJson, replicaKeys, replicaLimits } from './replica-format.js';

const noEntries: Record<string, string> = {};

/** Records of one answer unless the query says otherwise. */
const DEFAULT_PAGE = 50;

/**
 * The history of whichever trader works on a queue in Redis, read from the copy of its journal there: as many of its
 * transactions as that keeps, newest first. Of those under way it is not known whether they are in a block.
 * @param query `before` and `next` count from the newest, so that a page may repeat what the last one told when
 * something ended in between
 */
export async function remoteHistory(
  connection: LeaseConnection,
  query: HistoryQuery = {},
): Promise<TxHistory> {
  const { account, before = 0 } = query;
  const isWanted = (one: { account: string }) => account === undefined || one.account === account;
  const limit = Math.min(Math.max(1, query.limit ?? DEFAULT_PAGE), replicaLimits.maxHistory);
  const { client } = connection;
  const [journal, list] = await Promise.all([
    before === 0 ? client.hgetall(connection.key(replicaKeys.journal)) : noEntries,
    client.lrange(connection.key(replicaKeys.history), before, before + limit - 1),
  ]);
  const open = Object.entries(journal)
    .filter(([field]) => field !== 'meta')
    .map(([, text]) => JSON.parse(text) as JournalEntry)
    .filter((entry) => entry.state === 'open' && isWanted(entry))
    .sort((a, b) => b.id - a.id)
    .map((entry) => recordOf(entry, [], { inBlock: undefined }));
  return {
    open,
    ended: list.map(recordOfJson).filter(isWanted),
    next: list.length < limit ? undefined : before + limit,
  };
}

/** Fees that each account has paid through a queue in Redis, in the smallest unit, whichever trader sent for it. */
export async function remoteFees(connection: LeaseConnection): Promise<ReadonlyMap<Hex, bigint>> {
  return feesOfHash(await connection.client.hgetall(connection.key(replicaKeys.fees)));
}
