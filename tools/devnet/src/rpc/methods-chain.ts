import type { BlockRef } from '../chain/types.js';
import { toHex } from '../primitives/bytes.js';
import { blockJson, blockNumber, headerJson } from './json.js';
import { blockOrBest, type MethodTable, type RpcNode, type SubscriptionHandler } from './node.js';

/** `chain_*`: blocks, headers, hashes and the streams of heads. */
export function chainMethods(node: RpcNode): MethodTable {
  const { chain } = node;
  const hashAt = (value: unknown): string | null => {
    const hash = chain.hashAt(blockNumber(value, 'block number'));
    return hash === undefined ? null : toHex(hash);
  };
  const getBlockHash = (value: unknown): unknown => {
    if (value === undefined || value === null) return toHex(chain.best.hash);
    return Array.isArray(value) ? value.map(hashAt) : hashAt(value);
  };
  const getFinalizedHead = () => toHex(chain.finalized.hash);

  const heads = (
    name: string,
    head: string,
    first: () => BlockRef,
    listen: (tell: (block: BlockRef) => void) => () => void,
  ): SubscriptionHandler => ({
    notification: `chain_${head}`,
    unsubscribe: `chain_unsubscribe${name}`,
    start: (_params, subscriber) => {
      subscriber.send(headerJson(first().header));
      subscriber.onEnd(listen((block) => subscriber.send(headerJson(block.header))));
    },
  });
  const newHeads = heads(
    'NewHeads',
    'newHead',
    () => chain.best,
    (tell) => chain.events.on('best', ({ block }) => tell(block)),
  );
  const finalizedHeads = heads(
    'FinalizedHeads',
    'finalizedHead',
    () => chain.finalized,
    (tell) => chain.events.on('finalized', ({ block }) => tell(block)),
  );
  const allHeads = heads(
    'AllHeads',
    'allHead',
    () => chain.best,
    (tell) => chain.events.on('new', tell),
  );

  return {
    methods: {
      chain_getHeader: (p) => {
        const header = chain.header(blockOrBest(node, p.optionalHash(0, 'hash')));
        return header === undefined ? null : headerJson(header);
      },
      chain_getBlock: (p) => {
        const block = chain.block(blockOrBest(node, p.optionalHash(0, 'hash')));
        return block === undefined ? null : blockJson(block);
      },
      chain_getBlockHash: (p) => getBlockHash(p.raw(0)),
      chain_getHead: (p) => getBlockHash(p.raw(0)),
      chain_getFinalizedHead: getFinalizedHead,
      chain_getFinalisedHead: getFinalizedHead,
    },
    subscriptions: {
      chain_subscribeNewHeads: newHeads,
      chain_subscribeNewHead: { ...newHeads, unsubscribe: 'chain_unsubscribeNewHead' },
      subscribe_newHead: { ...newHeads, unsubscribe: 'unsubscribe_newHead' },
      chain_subscribeFinalizedHeads: finalizedHeads,
      chain_subscribeFinalisedHeads: {
        ...finalizedHeads,
        unsubscribe: 'chain_unsubscribeFinalisedHeads',
      },
      chain_subscribeAllHeads: allHeads,
    },
  };
}
