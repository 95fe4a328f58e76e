import type { Block } from '../chain/types.js';
import { concatBytes, fromHex, toHex } from '../primitives/bytes.js';
import { twox64Concat } from '../primitives/hash.js';
import { ScaleReader, bytes, option, text, u64, vec } from '../primitives/scale.js';
import { storageMapKey } from '../primitives/storage-key.js';
import { RpcCode, RpcError } from './error.js';
import { stateAt, type MethodTable, type RpcNode } from './node.js';

/** As phala-node-rpc-ext: a longer range is refused. */
const MAX_RANGE_BLOCKS = 10_000;
/** More messages in a row are not looked for. */
const MAX_QUEUED_MESSAGES = 100_000;

/**
 * `pha_*` of a Phala node (Phala-Network/phala-blockchain crates/phala-node-rpc-ext). Child tries do not
 * occur, so the child changes are empty.
 */
export function phaMethods(node: RpcNode): MethodTable {
  const { chain } = node;
  const expectBlock = (hash: Uint8Array): Block => {
    const block = chain.block(hash);
    if (block === undefined) {
      throw new RpcError(
        RpcCode.pha,
        `Error occurred while processing the block ${toHex(hash)}: Header was not found`,
      );
    }
    return block;
  };
  const range = (from: Uint8Array, to: Uint8Array): Block[] => {
    const unresolved = () =>
      new RpcError(
        RpcCode.pha,
        `Cannot resolve a block range ['${toHex(from)}' ... '${toHex(to)}].`,
      );
    const [first, last] = [chain.block(from), chain.block(to)];
    if (first === undefined || last === undefined || first.number > last.number) throw unresolved();
    if (last.number - first.number > MAX_RANGE_BLOCKS) {
      throw new RpcError(RpcCode.pha, 'Resource limited, Too large number of blocks.');
    }
    const blocks: Block[] = [last];
    while ((blocks[0] ?? last).number > first.number) {
      blocks.unshift(expectBlock((blocks[0] ?? last).header.subarray(0, 32)));
    }
    if (toHex((blocks[0] ?? last).hash) !== toHex(from)) throw unresolved();
    return blocks;
  };
  return {
    methods: {
      pha_getStorageChanges: (p) =>
        range(p.hash(0, 'from'), p.hash(1, 'to')).map((block) => changesJson(block)),
      pha_getStorageChangesWithRoot: (p) =>
        range(p.hash(0, 'from'), p.hash(1, 'to')).map((block) => ({
          changes: changesJson(block),
          stateRoot: [...block.stateRoot],
        })),
      pha_getStorageChangesAt: (p) => toHex(encodeChanges(expectBlock(p.hash(0, 'block')))),
      pha_getMqNextSequence: (p) => {
        const sender = parseSender(p.text(0, 'sender hex'));
        const key = storageMapKey('PhalaMq', 'OffchainIngress', twox64Concat(sender));
        const value = stateAt(node, chain.best.hash).get(key);
        let sequence = value === undefined ? 0n : new ScaleReader(value).u64();
        for (let n = 0; n < MAX_QUEUED_MESSAGES; n++) {
          const tag = concatBytes(text('PhalaMqOffchainMessages'), sender, u64(sequence));
          if (node.pool?.readyProvides(tag) !== true) break;
          sequence += 1n;
        }
        return Number(sequence);
      },
    },
    subscriptions: {},
  };
}

function parseSender(hex: string): Uint8Array {
  try {
    if (!hex.startsWith('0x') && hex.length > 0) return fromHex(hex);
  } catch {
    // said below
  }
  throw new RpcError(RpcCode.pha, 'invalid sender');
}

function changesJson(block: Block): unknown {
  return {
    mainStorageChanges: block.changes.map(([key, value]) => [
      toHex(key),
      value === undefined ? null : toHex(value),
    ]),
    childStorageChanges: [],
  };
}

function encodeChanges(block: Block): Uint8Array {
  const main = block.changes.map(([key, value]) =>
    concatBytes(bytes(key), option(value === undefined ? undefined : bytes(value))),
  );
  return concatBytes(vec(main), vec([]));
}
