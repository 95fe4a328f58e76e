import { Watched } from '@runtime-bridge/base';

import type { Position } from '../runner/messages.js';
import type { HeadView } from './head.js';

/** Waits until the blocks by which a worker is behind the best known head are as wanted; not before a head is known. */
export async function untilLag(
  { head, position }: { head: Watched<HeadView>; position: Watched<Position> },
  wanted: (lag: number) => boolean,
  signal: AbortSignal,
): Promise<void> {
  const lag = new Watched(Infinity);
  const look = () => {
    const { bestPara } = head.value;
    lag.set(bestPara < 0 ? NaN : bestPara - (position.value.nextBlock - 1));
  };
  const stops = [head.subscribe(look), position.subscribe(look)];
  look();
  try {
    await lag.until((value) => !Number.isNaN(value) && wanted(value), signal);
  } finally {
    for (const stop of stops) stop();
  }
}
