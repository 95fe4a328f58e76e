import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HeightHistories, joinHistory } from './height-history.js';

const T0 = 1_800_000_000_000;
const at = (height: number) => ({ relayHeader: height * 2, paraHeader: height, paraBlock: height });

describe('heights', () => {
  it('are remembered for an hour finely and for a day coarsely, in order, each once', () => {
    const histories = new HeightHistories<string>({ maxRows: 10 });
    // A day and an hour, looked at every 15 s; one block each time.
    const looks = (25 * 3_600_000) / 15_000;
    for (let i = 0; i < looks; i += 1) histories.add('w', T0 + i * 15_000, at(i));
    const nowMs = T0 + (looks - 1) * 15_000;
    const rows = histories.list('w', nowMs);
    const times = rows.map(([timeMs]) => timeMs!);
    expect(times).toEqual([...new Set(times)].sort((a, b) => a - b));
    expect(nowMs - times[0]!).toBeGreaterThan(23 * 3_600_000);
    expect(times.filter((timeMs) => timeMs > nowMs - 3_000_000).length).toBeGreaterThan(95);
    expect(rows.length).toBeLessThan(270);
    for (const [timeMs, relay, para, block] of rows) {
      const i = (timeMs! - T0) / 15_000;
      expect([relay, para, block]).toEqual([i * 2, i, i]);
    }
    expect(rows.at(-1)![0]).toBe(nowMs);
    expect(histories.perMinute('w', nowMs)).toBeCloseTo(4);
    expect(histories.perMinute('w', nowMs, 1)).toBeCloseTo(8);
  });

  it('come in order whenever they were looked at', () => {
    const gap = fc.integer({ min: 100, max: 3_000_000 });
    fc.assert(
      fc.property(fc.array(gap, { maxLength: 80 }), (gaps) => {
        const histories = new HeightHistories<string>({ maxRows: 1 });
        const seen = new Map<number, number>();
        let nowMs = T0;
        gaps.forEach((gapMs, i) => {
          nowMs += gapMs;
          seen.set(Math.floor(nowMs / 1000), i);
          histories.add('w', nowMs, at(i));
        });
        const rows = histories.list('w', nowMs);
        for (let i = 1; i < rows.length; i += 1) {
          expect(rows[i]![0]!).toBeGreaterThan(rows[i - 1]![0]!);
          expect(rows[i]![3]!).toBeGreaterThan(rows[i - 1]![3]!);
        }
        for (const [timeMs] of rows) expect(seen.has(Math.floor(timeMs! / 1000))).toBe(true);
      }),
    );
  });

  it('are not remembered of more rows than are allowed', () => {
    const histories = new HeightHistories<number>({ maxRows: 2 });
    for (let n = 0; n < 5; n += 1) histories.add(n, T0, at(n));
    expect(histories.size).toBe(2);
    histories.forget(0);
    histories.add(4, T0, at(4));
    expect(histories.list(4, T0)).toEqual([[T0, 8, 4, 4]]);
  });

  it('that are not known stay so, and make no rate', () => {
    const histories = new HeightHistories<string>({ maxRows: 1 });
    const unknown = { relayHeader: null, paraHeader: null, paraBlock: null };
    histories.add('w', T0, unknown);
    histories.add('w', T0 + 60_000, at(5));
    expect(histories.perMinute('w', T0 + 60_000)).toBeUndefined();
    const history = joinHistory(histories.list('w', T0 + 60_000), [], { sinceMs: 0, points: 10 });
    expect(history.paraBlock).toEqual([null, 5]);
    expect(history.paraHead).toEqual([null, null]);
  });
});

describe('a history beside the heads', () => {
  const heads = [
    [T0, 10, -1, 5],
    [T0 + 60_000, 20, -1, 10],
  ];
  const worker = Array.from({ length: 100 }, (_, i) => [T0 + i * 1_000, i, i, i]);

  it('has for each moment the newest head of before', () => {
    const history = joinHistory(worker, heads, { sinceMs: T0 + 58_000, points: 3 });
    expect(history.timesMs).toEqual([T0 + 58_000, T0 + 79_000, T0 + 99_000]);
    expect(history.relayHead).toEqual([10, 20, 20]);
    expect(history.paraHead).toEqual([5, 10, 10]);
  });

  it('is thinned evenly and keeps both ends', () => {
    const { timesMs, paraBlock } = joinHistory(worker, heads, { sinceMs: 0, points: 4 });
    expect(timesMs).toHaveLength(4);
    expect([paraBlock[0], paraBlock.at(-1)]).toEqual([0, 99]);
  });
});
