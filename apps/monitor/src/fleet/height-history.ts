import type { HeightHistory } from '../api/index.js';

/** Heights at one moment; null is not known. */
export interface Heights {
  relayHeader: number | null;
  paraHeader: number | null;
  paraBlock: number | null;
}

/** How long heights are remembered, and how finely. */
const TIERS = [
  { stepMs: 30_000, count: 120 },
  { stepMs: 600_000, count: 144 },
] as const;
/** A time in seconds since `EPOCH_SEC`, and three heights. */
const FIELDS = 4;
/** Seconds since 1970 do not fit 32 bits for long; since then they do until 2091. */
const EPOCH_SEC = 1_700_000_000;
const SLOTS = TIERS.reduce((sum, { count }) => sum + count, 0);

/**
 * What is remembered of one row: the first look within each slot of time, an hour by halves of a minute and a day by ten
 * minutes, in 4 KiB that do not grow.
 */
class Track {
  readonly #slots = new Int32Array(SLOTS * FIELDS).fill(-1);
  #newest: number[] = [];

  add(atMs: number, { relayHeader, paraHeader, paraBlock }: Heights): void {
    const sec = Math.floor(atMs / 1000) - EPOCH_SEC;
    const values = [relayHeader ?? -1, paraHeader ?? -1, paraBlock ?? -1];
    this.#newest = [atMs, ...values];
    let base = 0;
    for (const { stepMs, count } of TIERS) {
      const slot = Math.floor(atMs / stepMs);
      const at = (base + (slot % count)) * FIELDS;
      if (!this.#isOf(at, slot, stepMs)) this.#slots.set([sec, ...values], at);
      base += count;
    }
  }

  /** Rows of time, relay header, para header and para block, oldest first. */
  list(nowMs: number): number[][] {
    const [fine, coarse] = TIERS;
    const recent = this.#listTier(fine, 0, nowMs);
    const recentMs = recent[0]?.[0] ?? Infinity;
    // The coarse ones only for what the fine ones no longer have.
    const older = this.#listTier(coarse, fine.count, nowMs).filter(([atMs]) => atMs! < recentMs);
    const rows = [...older, ...recent];
    const [newestMs = 0] = this.#newest;
    if (newestMs - (rows.at(-1)?.[0] ?? 0) >= 1000) rows.push([...this.#newest]);
    return rows;
  }

  #listTier({ stepMs, count }: (typeof TIERS)[number], base: number, nowMs: number): number[][] {
    const rows: number[][] = [];
    const last = Math.floor(nowMs / stepMs);
    for (let slot = Math.max(0, last - count + 1); slot <= last; slot += 1) {
      const at = (base + (slot % count)) * FIELDS;
      if (!this.#isOf(at, slot, stepMs)) continue;
      const [sec = 0, ...heights] = this.#slots.subarray(at, at + FIELDS);
      rows.push([(sec + EPOCH_SEC) * 1000, ...heights]);
    }
    return rows;
  }

  #isOf(at: number, slot: number, stepMs: number): boolean {
    const sec = this.#slots[at]!;
    return sec >= 0 && Math.floor(((sec + EPOCH_SEC) * 1000) / stepMs) === slot;
  }
}

/** Bounds of the histories. */
export interface HeightHistoriesOptions {
  /** Rows remembered at most; further ones are not. 4 KiB each. */
  maxRows: number;
}

/** Remembers heights of workers and heads of chains over a day. */
export class HeightHistories<K> {
  readonly #tracks = new Map<K, Track>();

  constructor(private readonly options: HeightHistoriesOptions) {}

  get size(): number {
    return this.#tracks.size;
  }

  add(key: K, atMs: number, heights: Heights): void {
    let track = this.#tracks.get(key);
    if (track === undefined) {
      if (this.#tracks.size >= this.options.maxRows) return;
      this.#tracks.set(key, (track = new Track()));
    }
    track.add(atMs, heights);
  }

  forget(key: K): void {
    this.#tracks.delete(key);
  }

  /** Rows of time, relay header, para header and para block (-1 for not known), oldest first. */
  list(key: K, nowMs: number): number[][] {
    return this.#tracks.get(key)?.list(nowMs) ?? [];
  }

  /**
   * Blocks per minute over the last minutes; undefined when it was not looked at long enough.
   * @param column 1 relay header, 2 para header, 3 para block
   */
  perMinute(key: K, nowMs: number, column: 1 | 2 | 3 = 3): number | undefined {
    const rows = this.list(key, nowMs).filter(
      (row) => row[0]! >= nowMs - RATE_WINDOW_MS && row[column]! >= 0,
    );
    const first = rows[0];
    const last = rows.at(-1);
    if (first === undefined || last === undefined) return undefined;
    const spanMs = last[0]! - first[0]!;
    if (spanMs < MIN_RATE_SPAN_MS) return undefined;
    return Math.max(0, ((last[column]! - first[column]!) * 60_000) / spanMs);
  }
}

const RATE_WINDOW_MS = 300_000;
const MIN_RATE_SPAN_MS = 20_000;

/**
 * A worker's heights beside the heads of its chain, in at most so many points.
 * @param worker rows as `list` gives them
 * @param heads likewise, where the para head is in place of the para block
 */
export function joinHistory(
  worker: readonly number[][],
  heads: readonly number[][],
  { sinceMs, points }: { sinceMs: number; points: number },
): HeightHistory {
  const rows = thin(
    worker.filter(([atMs]) => atMs! >= sinceMs),
    points,
  );
  const height = (value: number | undefined) => (value === undefined || value < 0 ? null : value);
  let at = -1;
  const headAt = rows.map(([timeMs]) => {
    while (at + 1 < heads.length && heads[at + 1]![0]! <= timeMs!) at += 1;
    return heads[at];
  });
  return {
    timesMs: rows.map((row) => row[0]!),
    relayHeader: rows.map((row) => height(row[1])),
    paraHeader: rows.map((row) => height(row[2])),
    paraBlock: rows.map((row) => height(row[3])),
    relayHead: headAt.map((row) => height(row?.[1])),
    paraHead: headAt.map((row) => height(row?.[3])),
  };
}

/** Evenly chosen, the newest always among them. */
function thin<T>(rows: readonly T[], points: number): T[] {
  if (rows.length <= points) return [...rows];
  const step = (rows.length - 1) / Math.max(1, points - 1);
  return Array.from(
    { length: points },
    (_, i) => rows[Math.round(rows.length - 1 - (points - 1 - i) * step)]!,
  );
}
