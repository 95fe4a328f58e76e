import { ApiPromise, WsProvider } from '@polkadot/api';
import type { Option, u128, u64, Vec } from '@polkadot/types';
import type { AccountId32, EventRecord } from '@polkadot/types/interfaces';
import type { ApiOptions } from '@polkadot/api/types';
import type { Codec } from '@polkadot/types/types';

/** What the parachain says of one worker at one block. */
export interface WorkerOnChain {
  score: number | undefined;
  poolId: bigint | undefined;
  sessionState: string | undefined;
  stake: bigint | undefined;
  /** Next sequence that the chain expects of it. */
  ingress: bigint;
}

/** Reads both chains with @polkadot/api and nothing else. */
export class ChainReader {
  private constructor(
    private readonly relay: ApiPromise,
    private readonly para: ApiPromise,
  ) {}

  static async connect(relayUrl: string, paraUrl: string): Promise<ChainReader> {
    const connect = (url: string) =>
      ApiPromise.create({
        provider: new WsProvider(url) as NonNullable<ApiOptions['provider']>,
        noInitWarn: true,
        signedExtensions: { CheckMqSequence: { extrinsic: {}, payload: {} } },
      });
    const [relay, para] = await Promise.all([connect(relayUrl), connect(paraUrl)]);
    return new ChainReader(relay, para);
  }

  async close(): Promise<void> {
    await Promise.all([this.relay.disconnect(), this.para.disconnect()]);
  }

  async relayFinalized(): Promise<number> {
    const hash = await this.relay.rpc.chain.getFinalizedHead();
    return (await this.relay.rpc.chain.getHeader(hash)).number.toNumber();
  }

  async paraFinalized(): Promise<{ number: number; hash: string }> {
    const hash = await this.para.rpc.chain.getFinalizedHead();
    const header = await this.para.rpc.chain.getHeader(hash);
    return { number: header.number.toNumber(), hash: hash.toHex() };
  }

  async worker(publicKey: string, at: string): Promise<WorkerOnChain> {
    const api = await this.para.at(at);
    const read = (pallet: string, item: string, ...keys: unknown[]): Promise<Codec> => {
      const entry = api.query[pallet]?.[item];
      if (!entry) throw new Error(`The parachain has no ${pallet}.${item}`);
      return entry(...keys);
    };
    const key = `0x${publicKey}`;
    const [registered, poolId, binding, ingress] = await Promise.all([
      read('phalaRegistry', 'workers', key),
      read('phalaStakePoolv2', 'workerAssignments', key),
      read('phalaComputation', 'workerBindings', key),
      read('phalaMq', 'offchainIngress', { Worker: key }),
    ]);
    const account = (binding as Option<AccountId32>).unwrapOr(undefined);
    const [session, stake] = account
      ? await Promise.all([
          read('phalaComputation', 'sessions', account),
          read('phalaComputation', 'stakes', account),
        ])
      : [undefined, undefined];
    const score = (registered.toJSON() as { initialScore?: number | null } | null)?.initialScore;
    return {
      score: score ?? undefined,
      poolId: (poolId as Option<u64>).unwrapOr(undefined)?.toBigInt(),
      sessionState: (session?.toJSON() as { state?: string } | null | undefined)?.state,
      stake: (stake as Option<u128> | undefined)?.unwrapOr(undefined)?.toBigInt(),
      ingress: (ingress as Option<u64>).isEmpty
        ? 0n
        : BigInt((ingress as unknown as u64).toString()),
    };
  }

  /**
   * How many messages of each worker the chain took in some blocks, and how many it was asked to take: calls of
   * phalaMq.syncOffchainMessage alone or inside utility batches and proxies.
   */
  async messagesIn(from: number, to: number): Promise<Map<string, MessageCount>> {
    const counts = new Map<string, MessageCount>();
    for (let number = from; number <= to; number += 1) {
      const hash = await this.para.rpc.chain.getBlockHash(number);
      const [{ block }, api] = await Promise.all([
        this.para.rpc.chain.getBlock(hash),
        this.para.at(hash),
      ]);
      const events = (await api.query['system']!['events']!()) as unknown as Vec<EventRecord>;
      block.extrinsics.forEach((extrinsic, index) => {
        const outcomes = events
          .filter(
            ({ phase }) => phase.isApplyExtrinsic && phase.asApplyExtrinsic.toNumber() === index,
          )
          .map(({ event }) => event.method)
          .filter((method) => method === 'ItemCompleted' || method === 'ItemFailed');
        const failed = events.some(
          ({ phase, event }) =>
            phase.isApplyExtrinsic &&
            phase.asApplyExtrinsic.toNumber() === index &&
            event.method === 'ExtrinsicFailed',
        );
        leaves(extrinsic.method).forEach((call, item) => {
          const sender = messageSender(call);
          if (sender === undefined) return;
          const count = counts.get(sender) ?? { asked: 0, taken: 0 };
          count.asked += 1;
          const outcome =
            outcomes.length > 0 ? outcomes[item] : failed ? 'ItemFailed' : 'ItemCompleted';
          if (outcome === 'ItemCompleted') count.taken += 1;
          counts.set(sender, count);
        });
      });
    }
    return counts;
  }
}

/** The parts of a decoded call that matter here. */
interface CallLike {
  section: string;
  method: string;
  args: readonly Codec[];
}

/** Messages of one worker. */
export interface MessageCount {
  asked: number;
  taken: number;
}

/** The calls that a batch or a proxy carries, in order; a call that carries none is its own. */
function leaves(call: CallLike): CallLike[] {
  const name = `${call.section}.${call.method}`;
  if (name === 'proxy.proxy') return leaves(call.args[2] as unknown as CallLike);
  if (/^utility\.(batch|batchAll|forceBatch)$/.test(name)) {
    return [...(call.args[0] as unknown as Iterable<CallLike>)].flatMap(leaves);
  }
  return [call];
}

/** Public key (hex without 0x) of the worker whose message a call carries. */
function messageSender(call: CallLike): string | undefined {
  if (call.section !== 'phalaMq' || call.method !== 'syncOffchainMessage') return undefined;
  const message = call.args[0]?.toJSON() as
    { message?: { sender?: { worker?: string } } } | undefined;
  return message?.message?.sender?.worker?.slice(2);
}
