import { useVirtualizer } from '@tanstack/react-virtual';
import { useRef } from 'react';
import { Link } from 'wouter';
import type { WorkerRow } from '../../../src/api/contract.js';
import { useNow } from '../components/use-now.js';
import { workerPath } from '../view/alerts.js';
import { formatSpan, withoutStamp } from '../view/format.js';
import { keyOf, type FleetFrame } from '../view/worker-list.js';
import { Lag, StateCell } from './cells.js';
import type { Selection } from './use-selection.js';

const CARD_PX = 76;

/** Workers on a phone: the same list, what matters most of each in two lines. */
export function WorkerCards({
  workers,
  frame,
  selection,
}: {
  workers: readonly WorkerRow[];
  frame: FleetFrame;
  selection: Selection | undefined;
}) {
  const room = useRef<HTMLDivElement>(null);
  const now = useNow(5_000);
  const virtualizer = useVirtualizer({
    count: workers.length,
    getScrollElement: () => room.current,
    estimateSize: () => CARD_PX,
    overscan: 10,
  });
  const items = virtualizer.getVirtualItems();
  return (
    <div className="rb-grid-room" ref={room} tabIndex={0} role="group" aria-label="Workers">
      <ul
        className="rb-cardlist"
        style={{
          paddingTop: items[0]?.start ?? 0,
          paddingBottom: Math.max(0, virtualizer.getTotalSize() - (items.at(-1)?.end ?? 0)),
        }}
      >
        {items.map(({ index }) => {
          const worker = workers[index];
          if (worker === undefined) return null;
          const isSelected = selection?.has(worker) ?? false;
          return (
            <li
              key={keyOf(worker)}
              data-selected={isSelected}
              aria-setsize={workers.length}
              aria-posinset={index + 1}
            >
              {selection === undefined ? (
                <span />
              ) : (
                <label>
                  <input
                    type="checkbox"
                    aria-label={`Select ${worker.name}`}
                    checked={isSelected}
                    onChange={() => selection.toggle(worker)}
                  />
                </label>
              )}
              <Link href={workerPath(worker)} className="rb-card-link">
                <span className="rb-card-line">
                  <b>{worker.name}</b>
                  <StateCell worker={worker} />
                </span>
                <span className="rb-card-line">
                  <span className="rb-card-message">{withoutStamp(worker.message)}</span>
                  <span className="rb-figures rb-dim">
                    {worker.sinceMs === null ? '' : formatSpan(now - worker.sinceMs)}
                  </span>
                </span>
                <span className="rb-card-line rb-dim">
                  <span>
                    pool {worker.pid} · {frame.managerNames.get(worker.manager)}
                  </span>
                  <span className="rb-figures">
                    <Lag worker={worker} frame={frame} unit=" behind" />
                  </span>
                </span>
              </Link>
            </li>
          );
        })}
      </ul>
    </div>
  );
}
