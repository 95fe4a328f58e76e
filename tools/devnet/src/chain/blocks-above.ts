import { decodeHeader, scheduledChange } from '../primitives/header.js';
import type { Chain } from './chain.js';
import type { BlockRef } from './types.js';

const MAX_ANCESTRY_BLOCKS = 4;

/** Headers right above a block that a voter of the block's set may have voted for. */
export function blocksAbove(
  chain: Chain,
): (target: { hash: Uint8Array; number: number }) => BlockRef[] {
  return ({ hash, number }) => {
    const above: BlockRef[] = [];
    let last = chain.header(hash);
    while (above.length < MAX_ANCESTRY_BLOCKS && last !== undefined) {
      if (scheduledChange(decodeHeader(last)) !== undefined) break;
      const next = chain.hashAt(number + above.length + 1);
      last = next && chain.header(next);
      if (next !== undefined && last !== undefined) {
        above.push({ hash: next, number: number + above.length + 1, header: last });
      }
    }
    return above;
  };
}
