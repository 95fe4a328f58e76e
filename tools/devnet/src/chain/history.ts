import type { Log } from '../log.js';
import type { Chain } from './chain.js';
import type { ChainPair } from './pair.js';

/** Where the time of a chain begins whose blocks do not carry the wall clock's. */
export const FIRST_BLOCK_MS = 1_700_000_000_000;

/** Finality follows in steps of so many blocks: one justification instead of many. */
const FINALITY_STEP_BLOCKS = 32;
const LOG_BLOCKS = 10_000;

/**
 * Makes relay blocks, with all that belongs to them, up to a height and as fast as it goes; nothing when
 * the chain is that high. The same seed and settings give the same blocks.
 */
export async function makeHistory(
  options: { historyBlocks?: number | undefined; blockMs: number },
  deps: { relay: Chain; pair: ChainPair; log: Log },
): Promise<void> {
  const { historyBlocks = 0, blockMs } = options;
  const { relay, pair, log } = deps;
  if (relay.best.number >= historyBlocks) return;
  const startedMs = performance.now();
  const lastMs = relay.blockAt(relay.best.number)?.timestampMs ?? 0;
  let timestampMs = lastMs > 0 ? lastMs : FIRST_BLOCK_MS;
  for (let number = relay.best.number + 1; number <= historyBlocks; number++) {
    timestampMs += blockMs;
    const isLast = number === historyBlocks;
    pair.state.isFinalityHeld = !isLast && number % FINALITY_STEP_BLOCKS !== 0;
    await pair.step(timestampMs);
    if (number % LOG_BLOCKS === 0 || isLast) {
      log('history', {
        blocks: number,
        seconds: Math.round((performance.now() - startedMs) / 1000),
      });
    }
    // The process must be able to end while it is at it.
    if (number % 256 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
}
