import { Button, SegmentedControl } from '@mantine/core';
import { useMemo, useState } from 'react';
import { Link, useParams } from 'wouter';
import {
  apiPaths,
  type HeightHistory,
  type TransactionPage,
  type WorkerDetail,
  type WorkerRow,
} from '../../../src/api/contract.js';
import { WorkerActions } from '../actions/worker-actions.js';
import { ExplainedChip, Explanation } from '../components/chip.js';
import { Copyable } from '../components/copyable.js';
import { HeightChart } from '../components/height-chart.js';
import { Icon } from '../components/icons.js';
import { Note, Nothing, Page, Panel, Trouble } from '../components/page.js';
import { Timeline } from '../components/timeline.js';
import { TransactionTable } from '../components/transaction-table.js';
import { useNow } from '../components/use-now.js';
import { WorkerDrawer } from '../inventory/worker-drawer.js';
import { headsOf, useModel } from '../live/fleet-context.js';
import { useSession } from '../live/session-context.js';
import { useQuery } from '../live/use-query.js';
import { formatSpan, formatTime, withoutStamp } from '../view/format.js';
import { disagreementOf, lookOfState } from '../view/tones.js';
import { frameOf } from '../view/worker-list.js';
import { ChainPanel, HeightsPanel, RuntimePanel } from '../workers/worker-panels.js';

const DETAIL_EVERY_MS = 5_000;
const CHART_EVERY_MS = 10_000;
const TRANSACTIONS_EVERY_MS = 5_000;
const HOUR_MS = 3_600_000;
const spans = { '15 min': HOUR_MS / 4, '1 h': HOUR_MS, '6 h': 6 * HOUR_MS, '24 h': 24 * HOUR_MS };

/** One worker: what is wrong, since when, what to do; where it stands; what the chain says; what it went through. */
export function WorkerPage() {
  const { manager = '', uuid = '' } = useParams<{ manager: string; uuid: string }>();
  const model = useModel();
  const worker = useMemo(
    () => [...model.workers.values()].find((one) => one.manager === manager && one.uuid === uuid),
    // Rows are replaced in the map as they change.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [model, model.atMs, manager, uuid],
  );
  if (worker === undefined) {
    return (
      <Page title="Worker">
        <Nothing icon="question" title="There is no such worker">
          <p>It was deleted, or its manager is not there.</p>
          <Link href="/workers">All workers</Link>
        </Nothing>
      </Page>
    );
  }
  return <OneWorker key={`${manager}/${uuid}`} worker={worker} />;
}

function OneWorker({ worker }: { worker: WorkerRow }) {
  const model = useModel();
  const { isOperator } = useSession();
  const now = useNow(2_000);
  const [isEditing, setEditing] = useState(false);
  const detail = useQuery<WorkerDetail>(apiPaths.worker(worker.manager, worker.uuid), {
    everyMs: DETAIL_EVERY_MS,
  });
  const frame = frameOf(model);
  const look = worker.enabled
    ? lookOfState(worker.state)
    : {
        ...lookOfState('S_IDLE'),
        icon: 'power' as const,
        word: 'disabled',
        meaning: 'The manager leaves it alone.',
        remedy: 'Enable it, if it should run.',
      };
  const contradiction = disagreementOf(worker);
  const pool = [...model.pools.values()].find(
    (one) => one.manager === worker.manager && one.pid === worker.pid,
  );
  return (
    <Page
      title={worker.name}
      lead={
        <>
          <Link href={`/workers?manager=${worker.manager}`}>
            {frame.managerNames.get(worker.manager) ?? worker.manager}
          </Link>
          {' · '}
          <Link href={`/workers?pool=${worker.pid}`}>
            pool {worker.pid}
            {pool === undefined ? '' : ` ${pool.name}`}
          </Link>
          {' · '}
          <Copyable text={worker.endpoint} what="endpoint" short={false} />
        </>
      }
      actions={
        isOperator ? (
          <Button
            variant="default"
            leftSection={<Icon name="pencil" />}
            onClick={() => setEditing(true)}
          >
            Edit
          </Button>
        ) : null
      }
    >
      <section className={`rb-now rb-now-${look.shade}`} aria-label="Now">
        <div className="rb-row rb-row-between">
          <div className="rb-row" aria-live="polite">
            <ExplainedChip look={look} />
            {worker.sinceMs === null ? null : (
              <span className="rb-dim" title={formatTime(worker.sinceMs)}>
                for {formatSpan(now - worker.sinceMs)}
              </span>
            )}
          </div>
          {worker.messageMs === null ? null : (
            <span className="rb-dim">{formatSpan(now - worker.messageMs)} ago it said:</span>
          )}
        </div>
        <p className="rb-now-message">{withoutStamp(worker.message)}</p>
        <Explanation look={look} />
        {contradiction === undefined ? null : (
          <Note shade="warn" icon="warning">
            <b>Manager and chain disagree.</b> {contradiction}
          </Note>
        )}
        {worker.order === null ? null : (
          <Note shade="info" icon="hourglass">
            <b>Order on chain: {worker.order.kind}.</b> {worker.order.text}
            {worker.order.cooledDownMs === null
              ? null
              : ` Cooled down at ${formatTime(worker.order.cooledDownMs)}.`}
          </Note>
        )}
      </section>

      <div className="rb-columns rb-columns-wide">
        <div className="rb-stack">
          <HeightsPanel worker={worker} heads={headsOf(model, worker.manager)} frame={frame} />
          <ChartPanel worker={worker} />
          <TransactionsPanel worker={worker} managerNames={frame.managerNames} />
          <Panel title="What it went through" icon="clock">
            <Timeline worker={worker} />
          </Panel>
        </div>
        <div className="rb-stack">
          {isOperator ? <WorkerActions worker={worker} /> : null}
          <ChainPanel worker={worker} detail={detail.data} />
          <RuntimePanel worker={worker} detail={detail.data} />
          {detail.error !== undefined && detail.data === undefined ? (
            <Trouble error={detail.error} />
          ) : null}
        </div>
      </div>
      <WorkerDrawer isOpen={isEditing} worker={worker} onClose={() => setEditing(false)} />
    </Page>
  );
}

function ChartPanel({ worker }: { worker: WorkerRow }) {
  const [chain, setChain] = useState<'para' | 'relay'>('para');
  const [span, setSpan] = useState<keyof typeof spans>('1 h');
  // A fixed beginning per choice: the end moves on by itself.
  const sinceMs = useMemo(() => Date.now() - spans[span], [span]);
  const heights = useQuery<HeightHistory>(apiPaths.workerHeights(worker.manager, worker.uuid), {
    query: { sinceMs, points: 300 },
    everyMs: CHART_EVERY_MS,
  });
  return (
    <Panel
      title="Heights over time"
      icon="head"
      aside={
        <>
          <SegmentedControl
            size="xs"
            aria-label="Chain"
            value={chain}
            onChange={(value) => setChain(value)}
            data={[
              { value: 'para', label: 'Para' },
              { value: 'relay', label: 'Relay' },
            ]}
          />
          <SegmentedControl
            size="xs"
            aria-label="How far back"
            value={span}
            onChange={(value) => setSpan(value as keyof typeof spans)}
            data={Object.keys(spans)}
          />
        </>
      }
    >
      {heights.data === undefined ? (
        heights.error === undefined ? (
          <p className="rb-dim rb-chart">Loading …</p>
        ) : (
          <Trouble error={heights.error} />
        )
      ) : heights.data.timesMs.length < 2 ? (
        <p className="rb-dim">
          The monitor has not watched it long enough to draw anything. It does as long as it runs.
        </p>
      ) : (
        <HeightChart history={heights.data} chain={chain} />
      )}
    </Panel>
  );
}

function TransactionsPanel({
  worker,
  managerNames,
}: {
  worker: WorkerRow;
  managerNames: ReadonlyMap<string, string>;
}) {
  const page = useQuery<TransactionPage>(apiPaths.transactions, {
    query: { manager: worker.manager, worker: worker.uuid, limit: 10 },
    everyMs: TRANSACTIONS_EVERY_MS,
  });
  const rows = page.data?.transactions ?? [];
  const [missing] = page.data?.missing ?? [];
  return (
    <Panel title="Its transactions" icon="arrows">
      {page.error !== undefined && page.data === undefined ? <Trouble error={page.error} /> : null}
      {missing === undefined ? null : (
        <Note shade="off">Its manager tells none: {missing.message}</Note>
      )}
      {page.isLoading ? <p className="rb-dim">Loading …</p> : null}
      {page.data !== undefined && rows.length === 0 && missing === undefined ? (
        <p className="rb-dim">None yet.</p>
      ) : null}
      {rows.length === 0 ? null : (
        <TransactionTable transactions={rows} managerNames={managerNames} isOfOneWorker />
      )}
    </Panel>
  );
}
