import { useCallback, useMemo, useState } from 'react';
import type { WorkerRow } from '../../../src/api/contract.js';
import { keyOf } from '../view/worker-list.js';

/** Which workers are chosen, by keys that survive sorting, filtering and updates. */
export interface Selection {
  readonly keys: ReadonlySet<string>;
  readonly has: (worker: WorkerRow) => boolean;
  readonly toggle: (worker: WorkerRow) => void;
  /** All from the one that was chosen last up to this one. */
  readonly extendTo: (worker: WorkerRow, visible: readonly WorkerRow[]) => void;
  readonly setAll: (workers: readonly WorkerRow[], chosen: boolean) => void;
  readonly clear: () => void;
}

export function useSelection(): Selection {
  const [keys, setKeys] = useState<ReadonlySet<string>>(new Set());
  const [last, setLast] = useState<string>();

  const setAll = useCallback((workers: readonly WorkerRow[], chosen: boolean) => {
    setKeys((before) => {
      const after = new Set(before);
      for (const worker of workers) {
        if (chosen) after.add(keyOf(worker));
        else after.delete(keyOf(worker));
      }
      return after;
    });
  }, []);

  return useMemo(
    () => ({
      keys,
      has: (worker) => keys.has(keyOf(worker)),
      toggle: (worker) => {
        setAll([worker], !keys.has(keyOf(worker)));
        setLast(keyOf(worker));
      },
      extendTo: (worker, visible) => {
        const to = visible.findIndex((one) => keyOf(one) === keyOf(worker));
        const from = visible.findIndex((one) => keyOf(one) === last);
        if (from < 0) setAll([worker], true);
        else setAll(visible.slice(Math.min(from, to), Math.max(from, to) + 1), true);
        setLast(keyOf(worker));
      },
      setAll,
      clear: () => setKeys(new Set()),
    }),
    [keys, last, setAll],
  );
}
