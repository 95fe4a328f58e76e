import type { Chain } from '../chain/chain.js';
import { toHex } from '../primitives/bytes.js';
import { RpcCode, RpcError } from '../rpc/error.js';
import { headerJson } from '../rpc/json.js';
import { changing, type NodeDisturbance, type NodeFaultKind } from './node-fault.js';

const HEADS = ['chain_newHead', 'chain_finalizedHead', 'chain_allHead'] as const;
const MAX_BLOCKS = 1_000_000;

/** Faults of what a node takes for the newest blocks, and of what it still has of old ones. */
export const HEIGHT_FAULTS: Readonly<Record<string, NodeFaultKind>> = {
  stall: {
    description: 'the node stands still where it is; it answers, but no block is added',
    make: (_params, { chain }) => {
      const best = chain.best.number;
      const finalized = chain.finalized.number;
      return heads(
        chain,
        () => ({ best, finalized }),
        () => undefined,
      );
    },
  },
  stale: {
    description: 'the node is blocks behind',
    make: (params, { chain }) => {
      const blocks = params.integer('blocks', 5, 1, MAX_BLOCKS);
      const behind = () => ({
        best: Math.max(0, chain.best.number - blocks),
        finalized: Math.max(0, chain.finalized.number - blocks),
      });
      return heads(chain, behind, (result) => {
        const number = Math.max(0, Number((result as { number: string }).number) - blocks);
        const header = headerAt(chain, number);
        return header === undefined ? undefined : { result: headerJson(header) };
      });
    },
  },
  heightBack: {
    description: 'every second time the finalised head is blocks lower than it was',
    make: (params, { chain }) => {
      const blocks = params.integer('blocks', 5, 1, MAX_BLOCKS);
      let turn = 0;
      const number = () => Math.max(0, chain.finalized.number - (turn++ % 2 === 1 ? blocks : 0));
      return changing(['chain_getFinalizedHead', 'chain_finalizedHead'], (name, result) => {
        const at = number();
        if (name === 'chain_getFinalizedHead') return hashText(chain, at) ?? result;
        const header = headerAt(chain, at);
        return header === undefined ? result : headerJson(header);
      });
    },
  },
  pruned: {
    description: 'state is kept for the newest keep blocks only',
    make: (params, { chain }) => {
      const keep = params.integer('keep', 256, 0, MAX_BLOCKS);
      return stateRefused((hash) => {
        const number = hash === undefined ? chain.best.number : numberOf(chain, hash);
        return number !== undefined && number > 0 && number <= chain.finalized.number - keep;
      });
    },
  },
  stateDiscarded: {
    description: 'the state of every block that is named has been discarded',
    make: () => stateRefused((hash) => hash !== undefined),
  },
};

/** The newest blocks are others; what lies above them is not known. */
function heads(
  chain: Chain,
  at: () => { best: number; finalized: number },
  notification: (result: unknown) => { result: unknown } | undefined,
): NodeDisturbance {
  return {
    concerns: (method) =>
      HEADS.includes(method as (typeof HEADS)[number]) ||
      method === 'grandpa_justifications' ||
      method === 'grandpa_proveFinality' ||
      method.startsWith('chain_get'),
    call: async ({ method, params }, next) => {
      const { best, finalized } = at();
      if (method === 'chain_getFinalizedHead') return hashText(chain, finalized);
      if (method === 'grandpa_proveFinality') {
        if (Number(params[0]) <= finalized) return next();
        throw new RpcError(
          RpcCode.grandpaProveFinality,
          'GRANDPA prove finality rpc failed: Block not yet finalized',
        );
      }
      if (method === 'chain_getBlockHash') {
        if (params[0] === undefined || params[0] === null) return hashText(chain, best);
        return Number(params[0]) > best ? null : next();
      }
      if (method === 'chain_getHeader' && (params[0] === undefined || params[0] === null)) {
        const header = headerAt(chain, best);
        return header === undefined ? null : headerJson(header);
      }
      return next();
    },
    notification: ({ method, result }) =>
      method === 'grandpa_justifications' ? undefined : notification(result),
  };
}

function stateRefused(isGone: (hash: string | undefined) => boolean): NodeDisturbance {
  return {
    concerns: (method) => /^(state_(get|query)|pha_getStorage)/.test(method),
    call: async ({ method, params }, next) => {
      const hashes = params.filter(
        (one): one is string => typeof one === 'string' && /^0x[0-9a-f]{64}$/.test(one),
      );
      if (method.startsWith('pha_')) {
        if (!isGone(hashes[0])) return next();
        throw new RpcError(
          RpcCode.pha,
          `Error occurred while processing the block ${hashes[0] ?? ''}: State already discarded`,
        );
      }
      // The block is always the last parameter of a state method; keys come before it.
      const last = params.at(-1);
      const hash = params.length > 1 && hashes.at(-1) === last ? hashes.at(-1) : undefined;
      if (!isGone(hash)) return next();
      throw new RpcError(
        RpcCode.stateClient,
        `Client error: UnknownBlock: State already discarded for ${hash ?? ''}`,
      );
    },
  };
}

function hashText(chain: Chain, number: number): string | null {
  const hash = chain.hashAt(number);
  return hash === undefined ? null : toHex(hash);
}

function headerAt(chain: Chain, number: number): Uint8Array | undefined {
  const hash = chain.hashAt(number);
  return hash && chain.header(hash);
}

function numberOf(chain: Chain, hash: string): number | undefined {
  return chain.block(new Uint8Array(Buffer.from(hash.slice(2), 'hex')))?.number;
}
