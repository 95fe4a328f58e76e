import { Button } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { useCallback, useMemo, useState } from 'react';
import { useLocation, useSearch } from 'wouter';
import { BulkBar } from '../actions/bulk-bar.js';
import { Icon } from '../components/icons.js';
import { Nothing, Page } from '../components/page.js';
import { WorkerDrawer } from '../inventory/worker-drawer.js';
import { useFleet, useModel, useWorkers } from '../live/fleet-context.js';
import { useSession } from '../live/session-context.js';
import { countOf, formatCount } from '../view/format.js';
import type { ColumnId } from '../view/worker-columns.js';
import { frameOf, keyOf, matcherOf, NameRanks, sortWorkers } from '../view/worker-list.js';
import { formatWorkerQuery, parseWorkerQuery, type WorkerQuery } from '../view/worker-query.js';
import { useSelection } from '../workers/use-selection.js';
import { WorkerCards } from '../workers/worker-cards.js';
import { WorkerTable } from '../workers/worker-table.js';
import { WorkerToolbar } from '../workers/worker-toolbar.js';

const NARROW = '(max-width: 800px)';
/** Columns whose greatest values matter most. */
const DESCENDING_FIRST: ReadonlySet<ColumnId> = new Set(['lag', 'since', 'v', 've', 'reward']);

/** All workers of all managers; what is shown stands in the address. */
export function WorkersPage() {
  const model = useModel();
  const { revisions } = useFleet();
  const workers = useWorkers();
  const { isOperator } = useSession();
  const search = useSearch();
  const [, navigate] = useLocation();
  const [isAdding, setAdding] = useState(false);
  const [names] = useState(() => new NameRanks());
  const selection = useSelection();
  const isNarrow = useMediaQuery(NARROW, matchMedia(NARROW).matches);
  const query = useMemo(() => parseWorkerQuery(search), [search]);
  const frame = useMemo(
    () => frameOf(model),
    // The model keeps its identity; its revisions say what changed.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [model, revisions.chains, revisions.managers],
  );
  const shown = useMemo(
    () => sortWorkers(workers.filter(matcherOf(query, frame)), query.sort, frame, names),
    [workers, query, frame, names],
  );
  const chosen = useMemo(
    () => workers.filter((worker) => selection.keys.has(keyOf(worker))),
    [workers, selection.keys],
  );

  const onView = useCallback(
    (next: string) => navigate(`/workers${next}`, { replace: true }),
    [navigate],
  );
  const onChange = useCallback(
    (change: Partial<WorkerQuery>) => onView(formatWorkerQuery({ ...query, ...change })),
    [onView, query],
  );
  const onSort = (by: ColumnId) =>
    onChange({
      sort: {
        by,
        descending: query.sort.by === by ? !query.sort.descending : DESCENDING_FIRST.has(by),
      },
    });

  return (
    <Page
      wide
      title="Workers"
      lead={
        shown.length === workers.length
          ? countOf(workers.length, 'worker')
          : `${formatCount(shown.length)} of ${countOf(workers.length, 'worker')}`
      }
      actions={
        isOperator ? (
          <Button leftSection={<Icon name="plus" />} onClick={() => setAdding(true)}>
            New worker
          </Button>
        ) : null
      }
    >
      <WorkerToolbar query={query} workers={workers} onChange={onChange} onView={onView} />
      <span className="rb-hidden" role="status">
        {formatCount(shown.length)} workers shown
      </span>
      {shown.length === 0 ? (
        <Nothing
          icon="cpu"
          title={workers.length === 0 ? 'There are no workers yet' : 'No worker is like that'}
        >
          {workers.length === 0 ? (
            <p>Create one, or paste many under Import &amp; export.</p>
          ) : (
            <Button variant="default" onClick={() => onView('')}>
              Show all
            </Button>
          )}
        </Nothing>
      ) : isNarrow ? (
        <WorkerCards workers={shown} frame={frame} selection={isOperator ? selection : undefined} />
      ) : (
        <WorkerTable
          workers={shown}
          frame={frame}
          query={query}
          onSort={onSort}
          selection={isOperator ? selection : undefined}
        />
      )}
      {isOperator && chosen.length > 0 ? (
        <BulkBar chosen={chosen} shown={shown} selection={selection} />
      ) : null}
      <WorkerDrawer isOpen={isAdding} onClose={() => setAdding(false)} />
    </Page>
  );
}
