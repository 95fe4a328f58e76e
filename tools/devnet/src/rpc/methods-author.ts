import type { ChainRuntime, TransactionPool } from '../chain/types.js';
import { concatBytes, toHex } from '../primitives/bytes.js';
import { ScaleReader, u32 } from '../primitives/scale.js';
import { RpcError } from './error.js';
import { blockOrBest, stateAt, type MethodTable, type RpcNode } from './node.js';

/** `author_*` and `payment_*` of a node that takes extrinsics. */
export function authorMethods(node: RpcNode, pool: TransactionPool): MethodTable {
  const runtimeCall = (method: string, extrinsic: Uint8Array, at: Uint8Array | undefined) => {
    const hash = blockOrBest(node, at);
    const args = concatBytes(extrinsic, u32(extrinsic.length));
    const state = stateAt(node, hash);
    const runtime: ChainRuntime = node.runtimeAt(hash);
    try {
      return runtime.call(method, args, state);
    } catch (error) {
      if (error instanceof RpcError) throw error;
      const text = error instanceof Error ? error.message : String(error);
      throw new RpcError(1, 'Unable to query dispatch info.', text);
    }
  };
  return {
    methods: {
      author_submitExtrinsic: (p) => toHex(pool.submit(p.bytes(0, 'extrinsic'))),
      author_pendingExtrinsics: () => pool.pending().map(toHex),
      payment_queryInfo: (p) => {
        const answer = runtimeCall(
          'TransactionPaymentApi_query_info',
          p.bytes(0, 'extrinsic'),
          p.optionalHash(1, 'hash'),
        );
        const reader = new ScaleReader(answer);
        const weight = {
          ref_time: Number(reader.compactBig()),
          proof_size: Number(reader.compactBig()),
        };
        const dispatchClass = ['normal', 'operational', 'mandatory'][reader.u8()] ?? 'normal';
        return { weight, class: dispatchClass, partialFee: reader.u128().toString() };
      },
      payment_queryFeeDetails: (p) => {
        const answer = runtimeCall(
          'TransactionPaymentApi_query_fee_details',
          p.bytes(0, 'extrinsic'),
          p.optionalHash(1, 'hash'),
        );
        const inclusionFee = new ScaleReader(answer).option((r) => ({
          baseFee: `0x${r.u128().toString(16)}`,
          lenFee: `0x${r.u128().toString(16)}`,
          adjustedWeightFee: `0x${r.u128().toString(16)}`,
        }));
        return { inclusionFee: inclusionFee ?? null };
      },
    },
    subscriptions: {
      author_submitAndWatchExtrinsic: {
        notification: 'author_extrinsicUpdate',
        unsubscribe: 'author_unwatchExtrinsic',
        start: (p, subscriber) => {
          const hash = pool.submit(p.bytes(0, 'extrinsic'));
          subscriber.onEnd(pool.watch(hash, (status) => subscriber.send(status)));
        },
      },
    },
  };
}

/** `author_*` of a chain without a pool: everything is refused, as an exhausted node does. */
export function closedAuthorMethods(): MethodTable {
  const refuse = () => {
    throw new RpcError(
      1010,
      'Invalid Transaction',
      'Transaction call is not expected: this chain of the dev network takes none',
    );
  };
  return {
    methods: {
      author_submitExtrinsic: refuse,
      author_pendingExtrinsics: () => [],
    },
    subscriptions: {
      author_submitAndWatchExtrinsic: {
        notification: 'author_extrinsicUpdate',
        unsubscribe: 'author_unwatchExtrinsic',
        start: refuse,
      },
    },
  };
}
