import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { StateOverlay } from './state-overlay.js';

const key = (n: number): Uint8Array => Uint8Array.of(n);

describe('the overlay', () => {
  it('reads through, hides what is deleted, and tells empty from absent', () => {
    const overlay = new StateOverlay({ get: (k) => (k[0] === 1 ? key(7) : undefined) });
    expect(overlay.get(key(1))).toEqual(key(7));
    overlay.delete(key(1));
    overlay.set(key(2), new Uint8Array());
    expect(overlay.get(key(1))).toBeUndefined();
    expect(overlay.get(key(2))).toEqual(new Uint8Array());
    expect(overlay.changes()).toEqual([
      [key(1), undefined],
      [key(2), new Uint8Array()],
    ]);
  });

  it('a rolled back layer leaves nothing', () => {
    const write = fc.tuple(fc.nat(5), fc.option(fc.nat(255), { nil: undefined }));
    const apply = (overlay: StateOverlay, [k, v]: [number, number | undefined]): void =>
      v === undefined ? overlay.delete(key(k)) : overlay.set(key(k), key(v));
    fc.assert(
      fc.property(fc.array(write), fc.array(write), (kept, undone) => {
        const overlay = new StateOverlay({ get: () => undefined });
        for (const one of kept) apply(overlay, one);
        const before = overlay.changes();
        const mark = overlay.mark();
        for (const one of undone) apply(overlay, one);
        overlay.rollback(mark);
        expect(overlay.changes()).toEqual(before);
      }),
    );
  });
});
