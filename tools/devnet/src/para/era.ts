/** How long a transaction may be included. */
export type Era = { kind: 'immortal' } | { kind: 'mortal'; period: number; phase: number };

/** Reads an era's one or two bytes. Source: polkadot-sdk sp-runtime src/generic/era.rs. */
export function decodeEra(bytes: Uint8Array): Era {
  const [first = 0, second = 0] = bytes;
  if (first === 0) return { kind: 'immortal' };
  const encoded = first | (second << 8);
  const period = 2 << (encoded % 16);
  const quantizeFactor = Math.max(period >> 12, 1);
  const phase = (encoded >> 4) * quantizeFactor;
  return { kind: 'mortal', period, phase };
}

/** Periods outside this range and phases beyond the period are no eras. */
export function isValidEra(era: Era): boolean {
  return era.kind === 'immortal' || (era.period >= 4 && era.phase < era.period);
}

/** First block of the era that `current` lies in; 0 for immortal ones. */
export function eraBirth(era: Era, current: number): number {
  if (era.kind === 'immortal') return 0;
  const { period, phase } = era;
  return Math.floor((Math.max(current, phase) - phase) / period) * period + phase;
}

/** First block at which the transaction is dead; Infinity for immortal ones. */
export function eraDeath(era: Era, current: number): number {
  return era.kind === 'immortal' ? Infinity : eraBirth(era, current) + era.period;
}
