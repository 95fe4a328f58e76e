/** Where a mortal extrinsic lives: in blocks from `birth` (not itself) to below `birth + period`. */
export interface MortalEra {
  /** Height of the block whose hash is signed. */
  birth: number;
  /** Blocks, a power of two from 4 to 4096. */
  period: number;
}

/** Shortest and longest period that every block can begin an era of (above, births are rounded). */
export const eraPeriod = { min: 4, max: 4_096 } as const;

/** Rounds up to a period that an era can have. */
export function eraPeriodOf(blocks: number): number {
  let period: number = eraPeriod.min;
  while (period < blocks && period < eraPeriod.max) period *= 2;
  return period;
}

/** The last height of a block that can hold the extrinsic. */
export function lastHeightOf(era: MortalEra): number {
  return era.birth + era.period - 1;
}
