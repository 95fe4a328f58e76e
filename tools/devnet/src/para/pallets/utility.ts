import { DispatchFailure, plainFailure } from '../errors.js';
import { ensure, handler, type CallWeight, type Ctx, type Origin, type Pallet } from '../pallet.js';
import type { RuntimeCall, Weight } from '../values.js';

const PALLET = 'Utility';

/** Khala's limit of calls in a batch. */
export const BATCHED_CALLS_LIMIT = 10_922;

interface Batch {
  calls: RuntimeCall[];
}

function checked(ctx: Ctx, origin: Origin, calls: readonly RuntimeCall[]): void {
  if (origin.kind === 'none') throw plainFailure('BadOrigin');
  ensure(ctx, calls.length <= BATCHED_CALLS_LIMIT, PALLET, 'TooManyCalls');
}

/** Runs one item; its failure is returned, not thrown. */
function attempt(ctx: Ctx, call: RuntimeCall, origin: Origin): DispatchFailure | undefined {
  try {
    ctx.dispatch(call, origin);
    return undefined;
  } catch (e) {
    if (e instanceof DispatchFailure) return e;
    throw e;
  }
}

const batchWeight = (args: unknown, of: CallWeight): Weight => {
  const total = { refTime: 6_000_000n, proofSize: 0n };
  for (const call of (args as Batch).calls) {
    const one = of(call);
    total.refTime += one.refTime + 2_000_000n;
    total.proofSize += one.proofSize;
  }
  return total;
};

const calls = { calls: 'Vec<RuntimeCall>' };

export const utility: Pallet = {
  name: PALLET,
  index: 3,
  path: 'pallet_utility::pallet',
  calls: { batch: [0, calls], batch_all: [2, calls], force_batch: [4, calls] },
  dispatch: {
    batch: handler<Batch>((ctx, origin, args) => {
      checked(ctx, origin, args.calls);
      for (const [index, call] of args.calls.entries()) {
        const failed = attempt(ctx, call, origin);
        if (failed) {
          ctx.deposit(PALLET, 'BatchInterrupted', { index, error: failed.error });
          return;
        }
        ctx.deposit(PALLET, 'ItemCompleted');
      }
      ctx.deposit(PALLET, 'BatchCompleted');
    }),
    batch_all: handler<Batch>((ctx, origin, args) => {
      checked(ctx, origin, args.calls);
      // A batch_all inside a batch_all would give the outer one no way to undo.
      const inner: Origin =
        origin.kind === 'signed'
          ? { ...origin, filters: [...origin.filters, (c) => !isBatchAll(c)] }
          : origin;
      for (const call of args.calls) {
        ctx.dispatch(call, inner);
        ctx.deposit(PALLET, 'ItemCompleted');
      }
      ctx.deposit(PALLET, 'BatchCompleted');
    }),
    force_batch: handler<Batch>((ctx, origin, args) => {
      checked(ctx, origin, args.calls);
      let hasError = false;
      for (const call of args.calls) {
        const failed = attempt(ctx, call, origin);
        if (failed) {
          hasError = true;
          ctx.deposit(PALLET, 'ItemFailed', { error: failed.error });
        } else {
          ctx.deposit(PALLET, 'ItemCompleted');
        }
      }
      ctx.deposit(PALLET, hasError ? 'BatchCompletedWithErrors' : 'BatchCompleted');
    }),
  },
  weights: { batch: batchWeight, batch_all: batchWeight, force_batch: batchWeight },
  events: {
    BatchInterrupted: [0, { index: 'u32', error: 'DispatchError' }],
    BatchCompleted: [1, null],
    BatchCompletedWithErrors: [2, null],
    ItemCompleted: [3, null],
    ItemFailed: [4, { error: 'DispatchError' }],
    DispatchedAs: [5, { result: 'DispatchResult' }],
  },
  errors: ['TooManyCalls'],
  constants: { batched_calls_limit: ['u32', BATCHED_CALLS_LIMIT] },
};

function isBatchAll(call: RuntimeCall): boolean {
  return call.type === PALLET && call.value.type === 'batch_all';
}
