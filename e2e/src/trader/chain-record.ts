import { ApiPromise, WsProvider } from '@polkadot/api';
import type { ProviderInterface } from '@polkadot/rpc-provider/types';
import type { AnyTuple, CallBase } from '@polkadot/types/types';

/** What a chain says of one account's transactions and of messages. */
export interface ChainRecord {
  /** Nonces of the account, in the order of its transactions. */
  nonces: number[];
  /** Hashes of its transactions. */
  hashes: Set<string>;
  /** How often each message stands in a transaction of a block. */
  times: Map<string, number>;
  /** Next sequence by origin, as of the last block. */
  ingress: Map<string, bigint>;
  blocks: number;
}

/** Reads all blocks of a chain, with nothing of the bridge's own code. */
export async function readRecord(
  url: string,
  account: string,
  origins: readonly string[],
): Promise<ChainRecord> {
  const provider = new WsProvider(url) as ProviderInterface;
  const api = await ApiPromise.create({ provider, noInitWarn: true });
  try {
    const head = await api.rpc.chain.getFinalizedHead();
    const last = (await api.rpc.chain.getHeader(head)).number.toNumber();
    const record: ChainRecord = {
      nonces: [],
      hashes: new Set(),
      times: new Map(),
      ingress: new Map(),
      blocks: last,
    };
    for (let height = 1; height <= last; height += 1) {
      const { block } = await api.rpc.chain.getBlock(await api.rpc.chain.getBlockHash(height));
      for (const extrinsic of block.extrinsics) {
        if (!extrinsic.isSigned || extrinsic.signer.toString() !== account) continue;
        record.nonces.push(extrinsic.nonce.toNumber());
        record.hashes.add(extrinsic.hash.toHex());
        for (const message of messagesIn(extrinsic.method)) {
          record.times.set(message, (record.times.get(message) ?? 0) + 1);
        }
      }
    }
    const at = await api.at(head);
    for (const origin of origins) {
      const next = await at.query['phalaMq']!['offchainIngress']!(origin);
      record.ingress.set(origin, BigInt(next.toString()));
    }
    return record;
  } finally {
    await api.disconnect();
  }
}

/** SCALE SignedMessages in a call, in batches and proxies too. */
function messagesIn(call: CallBase<AnyTuple>): string[] {
  const [first, , third] = call.args;
  if (call.section === 'proxy') return messagesIn(third as unknown as CallBase<AnyTuple>);
  if (call.section === 'utility') {
    return [...(first as unknown as Iterable<CallBase<AnyTuple>>)].flatMap(messagesIn);
  }
  return call.method === 'syncOffchainMessage' ? [first!.toHex()] : [];
}
