import type { Chain } from '../chain/chain.js';
import type { ChainRuntime, TransactionPool } from '../chain/types.js';
import type { GrandpaFinality } from '../grandpa/finality.js';
import { TrieNodeMissing, type Trie } from '../primitives/trie.js';
import { toHex } from '../primitives/bytes.js';
import { RpcCode, RpcError } from './error.js';
import type { Params } from './json.js';

/** What a node says of itself. */
export interface NodeIdentity {
  /** `system_chain` */
  chainName: string;
  /** `system_name` */
  nodeName: string;
  nodeVersion: string;
  /** `system_chainType` */
  chainType: string;
  properties: { ss58Format: number; tokenDecimals: number; tokenSymbol: string };
  peerId: string;
}

/** Everything the RPC methods of one node work on. */
export interface RpcNode {
  identity: NodeIdentity;
  chain: Chain;
  /** Runtime in force after a block. */
  runtimeAt(hash: Uint8Array): ChainRuntime;
  /** Absent where no extrinsics are taken (the relay chain). */
  pool?: TransactionPool;
  /** Present on the relay chain only. */
  finality?: GrandpaFinality;
  /** Are the `pha_*` methods there? */
  pha: boolean;
}

/** What a subscription's maker gets: how to tell, and the signal of its end. */
export interface Subscriber {
  /** Sends one notification; after the end it does nothing. */
  send(result: unknown): void;
  /** Runs when the client unsubscribes or is gone. */
  onEnd(run: () => void): void;
}

/** A plain method. */
export type MethodHandler = (params: Params) => unknown;

/** A subscription: the notification's method name, the unsubscribing method, and what it streams. */
export interface SubscriptionHandler {
  notification: string;
  unsubscribe: string;
  start(params: Params, subscriber: Subscriber): void;
}

/** A node's methods by name. */
export interface MethodTable {
  methods: Record<string, MethodHandler>;
  subscriptions: Record<string, SubscriptionHandler>;
}

/** The hash that a method's optional block parameter means; the best block by default. */
export function blockOrBest(node: RpcNode, hash: Uint8Array | undefined): Uint8Array {
  return hash ?? node.chain.best.hash;
}

/**
 * State after a block.
 *
 * @throws RpcError 4003 as a node that does not have it.
 */
export function stateAt(node: RpcNode, hash: Uint8Array): Trie {
  if (node.chain.header(hash) === undefined) {
    throw new RpcError(
      RpcCode.stateClient,
      `Client error: UnknownBlock: Header was not found in the database: ${toHex(hash)}`,
    );
  }
  try {
    return node.chain.state(hash);
  } catch (error) {
    if (!(error instanceof TrieNodeMissing)) throw error;
    throw new RpcError(
      RpcCode.stateClient,
      `Client error: UnknownBlock: State already discarded for ${toHex(hash)}`,
    );
  }
}
