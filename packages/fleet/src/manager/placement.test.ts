import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { place } from './placement.js';

describe('place', () => {
  it('keeps workers where they are, fills evenly, and never beyond the limit', () => {
    const workers = fc.uniqueArray(fc.integer({ min: 0, max: 60 }).map((id) => `w${id}`));
    const max = fc.integer({ min: 1, max: 12 });
    fc.assert(
      fc.property(fc.array(fc.record({ workers, max }), { maxLength: 8 }), (steps) => {
        let placed = new Map<string, string>();
        let made = 0;
        let maxBefore = 1;
        for (const step of steps) {
          const before = placed;
          placed = place(before, step.workers, step.max, () => `r${made++}`);
          expect([...placed.keys()].sort()).toEqual([...step.workers].sort());
          const loads = new Map<string, number>();
          for (const runner of placed.values()) loads.set(runner, (loads.get(runner) ?? 0) + 1);
          for (const load of loads.values()) expect(load).toBeLessThanOrEqual(step.max);
          for (const [worker, runner] of placed) {
            const stays = before.has(worker) && step.max >= maxBefore;
            if (stays) expect(runner).toBe(before.get(worker));
          }
          maxBefore = step.max;
        }
      }),
    );
  });

  it('divides a new fleet evenly', () => {
    let made = 0;
    const workers = Array.from({ length: 10 }, (_, index) => `w${index}`);
    const placed = place(new Map(), workers, 4, () => `r${made++}`);
    const loads = ['r0', 'r1', 'r2'].map(
      (id) => [...placed.values()].filter((runner) => runner === id).length,
    );
    expect(loads.sort()).toEqual([3, 3, 4]);
  });
});
