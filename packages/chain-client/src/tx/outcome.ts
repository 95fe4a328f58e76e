import type { Codec, Registry } from '@polkadot/types/types';
import { TxError, TxErrorCode } from './errors.js';
import { readDispatchError, type CallFailure } from './dispatch-error.js';

/** What became of one of our extrinsics, by the events of its block. */
export interface BatchOutcome {
  /** Set when the extrinsic as a whole failed: then no call took effect. */
  error?: CallFailure;
  /** One per call, in order: why it failed, or undefined. Empty when the whole failed. */
  items: (CallFailure | undefined)[];
  /** What it cost, in the smallest unit, where the runtime tells. */
  fee?: bigint;
}

/** An event of one extrinsic, as decoded by the runtime of its block. */
export interface EventLike {
  readonly section: string;
  readonly method: string;
  readonly data: readonly Codec[];
}

/**
 * Reads what became of `forceBatch(calls)`, plain or inside `proxy.proxy`.
 * @param events all events of the extrinsic, in order
 * @param calls how many calls the batch has
 * @throws TxError OUTCOME_UNREADABLE when the events do not account for every call
 */
export function readBatchOutcome(
  events: readonly EventLike[],
  calls: number,
  registry: Registry,
): BatchOutcome {
  const outcome: BatchOutcome = { items: [] };
  let ended: 'success' | 'failure' | undefined;
  for (const { section, method, data } of events) {
    switch (`${section}.${method}`) {
      case 'utility.ItemCompleted':
        outcome.items.push(undefined);
        break;
      case 'utility.ItemFailed':
        outcome.items.push(readDispatchError(data[0]!, registry));
        break;
      case 'proxy.ProxyExecuted': {
        const result = data[0] as unknown as { isErr: boolean; asErr: Codec };
        if (result.isErr) outcome.error = readDispatchError(result.asErr, registry);
        break;
      }
      case 'transactionPayment.TransactionFeePaid':
        // who, actual fee (tip included), tip
        outcome.fee = BigInt(data[1]!.toString());
        break;
      case 'system.ExtrinsicSuccess':
        ended = 'success';
        break;
      case 'system.ExtrinsicFailed':
        ended = 'failure';
        outcome.error = readDispatchError(data[0]!, registry);
        break;
      default:
        break;
    }
  }
  if (outcome.error) return { ...outcome, items: [] };
  if (ended !== 'success' || outcome.items.length !== calls) {
    throw new TxError(
      TxErrorCode.OUTCOME_UNREADABLE,
      'The events of the transaction do not say what became of its calls',
      { facts: { calls, items: outcome.items.length, ended } },
    );
  }
  return outcome;
}
