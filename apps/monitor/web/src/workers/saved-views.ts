import { useCallback, useState } from 'react';

/** A named address of the table. */
export interface SavedView {
  readonly name: string;
  /** With its `?`; empty for everybody. */
  readonly search: string;
}

/** Views that every operator needs. */
export const builtInViews: readonly SavedView[] = [
  { name: 'Everybody', search: '' },
  { name: 'In trouble', search: '?state=S_ERROR,S_KICKED' },
  { name: 'Behind the head', search: '?flag=behind&sort=-lag' },
  { name: 'Unresponsive on chain', search: '?session=WorkerUnresponsive' },
  { name: 'Manager and chain disagree', search: '?flag=disagree' },
  { name: 'Not active yet', search: '?state=S_IDLE,S_STARTING,S_SYNCHING,S_SYNCHED,S_PRE_ACTIVE' },
  { name: 'Disabled', search: '?flag=disabled' },
  {
    name: 'Earnings',
    search: '?sort=-v&columns=name,state,session,v,ve,reward,stake,pInit,pInstant,pool',
  },
];

const STORE = 'runtime-bridge-worker-views';
const MAX_VIEWS = 50;

/** Views that this browser keeps. Anybody else gets one by its address. */
export function useSavedViews(): {
  views: readonly SavedView[];
  save: (view: SavedView) => void;
  remove: (name: string) => void;
} {
  const [views, setViews] = useState(readViews);
  const keep = useCallback((change: (before: readonly SavedView[]) => readonly SavedView[]) => {
    setViews((before) => {
      const after = change(before).slice(-MAX_VIEWS);
      try {
        localStorage.setItem(STORE, JSON.stringify(after));
      } catch {
        // Storage is full or switched off: the view lasts as long as the page.
      }
      return after;
    });
  }, []);
  return {
    views,
    save: (view) => keep((all) => [...all.filter(({ name }) => name !== view.name), view]),
    remove: (name) => keep((all) => all.filter((view) => view.name !== name)),
  };
}

function readViews(): readonly SavedView[] {
  try {
    const kept = JSON.parse(localStorage.getItem(STORE) ?? '[]') as unknown;
    if (!Array.isArray(kept)) return [];
    return kept.filter(
      (one): one is SavedView =>
        typeof (one as SavedView)?.name === 'string' &&
        typeof (one as SavedView)?.search === 'string',
    );
  } catch {
    return [];
  }
}
