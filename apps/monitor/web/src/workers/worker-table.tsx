import { useVirtualizer } from '@tanstack/react-virtual';
import {
  memo,
  useLayoutEffect,
  useRef,
  useState,
  type KeyboardEvent,
  type MouseEvent,
} from 'react';
import { useLocation } from 'wouter';
import type { WorkerRow } from '../../../src/api/contract.js';
import { Icon } from '../components/icons.js';
import { useNow } from '../components/use-now.js';
import { workerPath } from '../view/alerts.js';
import { columnOf, type ColumnId } from '../view/worker-columns.js';
import { keyOf, type FleetFrame } from '../view/worker-list.js';
import type { WorkerQuery } from '../view/worker-query.js';
import { cellOf } from './cells.js';
import type { Selection } from './use-selection.js';

const ROW_PX = 40;
const HEAD_PX = 35;
const CHECK_PX = 44;
/** Rows above and below those that are seen. */
const OVERSCAN = 12;

/** Workers in a table of any length: only the rows that are seen exist. */
export function WorkerTable({
  workers,
  frame,
  query,
  onSort,
  selection,
}: {
  workers: readonly WorkerRow[];
  frame: FleetFrame;
  query: WorkerQuery;
  onSort: (by: ColumnId) => void;
  /** Undefined for viewers, who have nothing to do with one. */
  selection: Selection | undefined;
}) {
  const room = useRef<HTMLDivElement>(null);
  const now = useNow(5_000);
  const [, navigate] = useLocation();
  const [active, setActive] = useState(0);
  const virtualizer = useVirtualizer({
    count: workers.length,
    getScrollElement: () => room.current,
    estimateSize: () => ROW_PX,
    overscan: OVERSCAN,
    scrollPaddingStart: HEAD_PX,
  });
  const items = virtualizer.getVirtualItems();
  const before = items[0]?.start ?? 0;
  const after = Math.max(0, virtualizer.getTotalSize() - (items.at(-1)?.end ?? 0));
  const isAll = workers.length > 0 && selection !== undefined && workers.every(selection.has);
  const minWidth =
    CHECK_PX + query.columns.reduce((sum, column) => sum + columnOf(column).width, 0);

  const wanted = useRef<number>(undefined);
  // A row that is far away comes to be some frames after the scroll to it.
  useLayoutEffect(() => {
    const row = room.current?.querySelector<HTMLElement>(`[data-index="${wanted.current}"]`);
    if (wanted.current === undefined || !row) return;
    wanted.current = undefined;
    row.focus({ preventScroll: true });
  });
  const focusRow = (index: number) => {
    const next = Math.min(workers.length - 1, Math.max(0, index));
    wanted.current = next;
    setActive(next);
    virtualizer.scrollToIndex(next);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const worker = workers[active];
    if (worker === undefined || !(event.target as HTMLElement).matches('[data-index]')) return;
    const page = Math.max(1, Math.floor((room.current?.clientHeight ?? 0) / ROW_PX) - 2);
    const moves: Record<string, number> = {
      ArrowDown: active + 1,
      ArrowUp: active - 1,
      PageDown: active + page,
      PageUp: active - page,
      Home: 0,
      End: workers.length - 1,
    };
    const move = moves[event.key];
    if (move !== undefined) {
      const next = workers[Math.min(workers.length - 1, Math.max(0, move))];
      if (event.shiftKey && next !== undefined) selection?.extendTo(next, workers);
      focusRow(move);
    } else if (event.key === 'Enter') navigate(workerPath(worker));
    else if (event.key === ' ') selection?.toggle(worker);
    else return;
    event.preventDefault();
  };
  const onClick = (event: MouseEvent) => {
    const target = event.target as HTMLElement;
    const index = Number(target.closest<HTMLElement>('[data-index]')?.dataset['index'] ?? -1);
    const worker = workers[index];
    if (worker === undefined) return;
    setActive(index);
    if (target.closest('a') !== null) return;
    if (target.closest('.rb-grid-check') === null) {
      if (getSelection()?.toString() === '') navigate(workerPath(worker));
    } else if (event.shiftKey) selection?.extendTo(worker, workers);
    else selection?.toggle(worker);
  };

  return (
    <div className="rb-grid-room" ref={room}>
      <table
        className="rb-grid"
        role="grid"
        aria-label="Workers"
        aria-rowcount={workers.length + 1}
        aria-multiselectable={selection !== undefined}
        style={{ minWidth }}
        onKeyDown={onKeyDown}
        onClick={onClick}
      >
        <colgroup>
          {selection === undefined ? null : <col style={{ width: CHECK_PX }} />}
          {query.columns.map((column) => (
            <col
              key={column}
              style={columnOf(column).flex === true ? {} : { width: columnOf(column).width }}
            />
          ))}
        </colgroup>
        <thead>
          <tr aria-rowindex={1}>
            {selection === undefined ? null : (
              <th scope="col" className="rb-grid-check">
                <input
                  type="checkbox"
                  aria-label={`Select all ${workers.length} workers`}
                  checked={isAll}
                  ref={(box) => {
                    if (box) box.indeterminate = !isAll && workers.some(selection.has);
                  }}
                  onChange={() => selection.setAll(workers, !isAll)}
                />
              </th>
            )}
            {query.columns.map((column) => (
              <HeadCell key={column} column={column} sort={query.sort} onSort={onSort} />
            ))}
          </tr>
        </thead>
        <tbody>
          <Spacer height={before} />
          {items.map(({ index }) => {
            const worker = workers[index];
            if (worker === undefined) return null;
            return (
              <Row
                key={keyOf(worker)}
                worker={worker}
                index={index}
                columns={query.columns}
                frame={frame}
                now={now}
                isActive={index === active}
                isSelected={selection?.has(worker)}
              />
            );
          })}
          <Spacer height={after} />
        </tbody>
      </table>
    </div>
  );
}

function HeadCell({
  column,
  sort,
  onSort,
}: {
  column: ColumnId;
  sort: WorkerQuery['sort'];
  onSort: (by: ColumnId) => void;
}) {
  const { label, numeric, sortable } = columnOf(column);
  const isSorted = sort.by === column;
  return (
    <th
      scope="col"
      className={numeric === true ? 'rb-numeric' : undefined}
      {...(isSorted
        ? { 'aria-sort': sort.descending ? ('descending' as const) : ('ascending' as const) }
        : {})}
    >
      {sortable ? (
        <button type="button" className="rb-grid-sort" onClick={() => onSort(column)}>
          {label}
          {isSorted ? <Icon name={sort.descending ? 'down' : 'up'} size={14} /> : null}
        </button>
      ) : (
        <span className="rb-grid-sort">{label}</span>
      )}
    </th>
  );
}

/** Renders again only when something in it changed: rows that did not are the same objects. */
const Row = memo(function Row({
  worker,
  index,
  columns,
  frame,
  now,
  isActive,
  isSelected,
}: {
  worker: WorkerRow;
  index: number;
  columns: readonly ColumnId[];
  frame: FleetFrame;
  now: number;
  isActive: boolean;
  isSelected: boolean | undefined;
}) {
  return (
    <tr
      data-index={index}
      aria-rowindex={index + 2}
      tabIndex={isActive ? 0 : -1}
      {...(isSelected === undefined ? {} : { 'aria-selected': isSelected })}
    >
      {isSelected === undefined ? null : (
        <td className="rb-grid-check">
          <input
            type="checkbox"
            tabIndex={-1}
            aria-label={`Select ${worker.name}`}
            checked={isSelected}
            readOnly
          />
        </td>
      )}
      {columns.map((column) => (
        <td key={column} className={columnOf(column).numeric === true ? 'rb-numeric' : undefined}>
          {cellOf(worker, column, frame, now)}
        </td>
      ))}
    </tr>
  );
});

/** In place of the rows that are not seen. */
function Spacer({ height }: { height: number }) {
  if (height === 0) return null;
  return (
    <tr className="rb-spacer" role="presentation" aria-hidden="true">
      <td role="presentation" style={{ height }} />
    </tr>
  );
}
