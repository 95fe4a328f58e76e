import type { ErrorObject, Hex } from '@runtime-bridge/base';
import {
  describeFailure,
  type BatchOutcome,
  type CallFailure,
} from '@runtime-bridge/chain-client/tx';
import { TxSenderError, TxSenderErrorCode } from './errors.js';

/** Failures of calls that pass by themselves: worth another try, unlike those that say what is wrong. */
const passing: ReadonlySet<string> = new Set([
  'phalaStakePoolv2._PoolIsBusy',
  'Exhausted',
  'Unavailable',
]);

/** What became of one job in a block. */
export type JobVerdict = { kind: 'done' } | { kind: 'failed' | 'again'; error: ErrorObject };

/**
 * Shares the outcome of a batch out to its jobs.
 * @param calls how many calls each job has, in order
 */
export function verdictsOf(
  outcome: BatchOutcome,
  calls: readonly number[],
  where: { txHash: Hex; blockHash: Hex; blockNumber: number },
): JobVerdict[] {
  let from = 0;
  return calls.map((count) => {
    const items = outcome.items.slice(from, from + count);
    from += count;
    if (outcome.error) return failed(outcome.error, count, count, where);
    const failures = items.filter((item) => item !== undefined);
    const first = failures[0];
    return first ? failed(first, failures.length, count, where) : { kind: 'done' };
  });
}

function failed(
  failure: CallFailure,
  failedCalls: number,
  calls: number,
  where: { txHash: Hex; blockHash: Hex; blockNumber: number },
): JobVerdict {
  const name = failure.pallet === undefined ? failure.name : `${failure.pallet}.${failure.name}`;
  const error = new TxSenderError(
    TxSenderErrorCode.CALL_FAILED,
    `Tx failed: ${describeFailure(failure)}`,
    {
      facts: {
        pallet: failure.pallet,
        error: failure.name,
        docs: failure.docs,
        failed: failedCalls,
        calls,
        tx: where.txHash,
        block: where.blockNumber,
        blockHash: where.blockHash,
      },
      remedy: failure.remedy,
    },
  ).toObject();
  // When a part of a job took effect, trying all of it again would do that part twice.
  const again = passing.has(name) && failedCalls === calls;
  return { kind: again ? 'again' : 'failed', error };
}
