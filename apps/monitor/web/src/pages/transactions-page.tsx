import { Button, Select } from '@mantine/core';
import { useEffect, useState } from 'react';
import { useLocation, useSearch } from 'wouter';
import {
  apiPaths,
  transactionStates,
  type TransactionPage,
  type TransactionRow,
} from '../../../src/api/contract.js';
import { Icon } from '../components/icons.js';
import { Note, Nothing, Page, Trouble } from '../components/page.js';
import { TransactionTable } from '../components/transaction-table.js';
import { callApi } from '../live/api-client.js';
import { useModel } from '../live/fleet-context.js';
import { useQuery } from '../live/use-query.js';
import { formatCount } from '../view/format.js';
import { lookOfTransaction } from '../view/tones.js';
import { frameOf, nameOfPeer } from '../view/worker-list.js';

const PAGE = 50;
const EVERY_MS = 3_000;

/** What goes on chain: waiting, on its way, in a block, or failed with the reason and the remedy. */
export function TransactionsPage() {
  const model = useModel();
  const [, navigate] = useLocation();
  const params = new URLSearchParams(useSearch());
  const states = params.get('states') ?? '';
  const manager = params.get('manager') ?? '';
  const frame = frameOf(model);
  const managers = [...model.managers.values()];
  const query = { states, manager, limit: PAGE };
  const newest = useQuery<TransactionPage>(apiPaths.transactions, { query, everyMs: EVERY_MS });
  const [older, setOlder] = useState<TransactionPage>();
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  useEffect(() => setOlder(undefined), [states, manager]);

  const go = (change: { states?: string; manager?: string }) => {
    const next = new URLSearchParams();
    const merged = { states, manager, ...change };
    if (merged.states !== '') next.set('states', merged.states);
    if (merged.manager !== '') next.set('manager', merged.manager);
    const text = next.toString().replaceAll('%2C', ',');
    navigate(`/transactions${text === '' ? '' : `?${text}`}`, { replace: true });
  };
  const rows = uniqueRows([...(newest.data?.transactions ?? []), ...(older?.transactions ?? [])]);
  const hasMore = older?.hasMore ?? newest.data?.hasMore ?? false;
  const loadMore = async () => {
    const beforeMs = rows.at(-1)?.queuedMs ?? undefined;
    setBusy(true);
    try {
      const page = await callApi<TransactionPage>(apiPaths.transactions, {
        query: { ...query, beforeMs },
      });
      setOlder((before) => ({
        ...page,
        transactions: [...(before?.transactions ?? rows), ...page.transactions],
      }));
      setError(undefined);
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  };
  const queues = [...model.queues.values()];
  const sum = (pick: (queue: (typeof queues)[number]) => number) =>
    queues.reduce((total, queue) => total + pick(queue), 0);
  return (
    <Page
      title="Transactions"
      lead={
        queues.length === 0
          ? 'What workers and operators send on chain.'
          : `${formatCount(sum(({ queued }) => queued))} queued, ${formatCount(sum(({ running }) => running))} running, ${formatCount(sum(({ failedLately }) => failedLately))} failed in 24 h`
      }
    >
      <div className="rb-toolbar" role="search" aria-label="Transactions">
        <div className="rb-bar-words rb-tight" role="group" aria-label="State">
          {['', ...transactionStates].map((state) => (
            <Button
              key={state}
              size="xs"
              variant={states === state ? 'filled' : 'default'}
              aria-pressed={states === state}
              {...(state === ''
                ? {}
                : {
                    leftSection: (
                      <Icon
                        name={lookOfTransaction(state as (typeof transactionStates)[number]).icon}
                      />
                    ),
                  })}
              onClick={() => go({ states: state })}
            >
              {state === ''
                ? 'All'
                : lookOfTransaction(state as (typeof transactionStates)[number]).word}
            </Button>
          ))}
        </div>
        {managers.length > 1 ? (
          <Select
            aria-label="Manager"
            placeholder="All managers"
            clearable
            w={180}
            data={managers.map((one) => ({ value: one.peerId, label: nameOfPeer(one, managers) }))}
            value={manager === '' ? null : manager}
            onChange={(value) => go({ manager: value ?? '' })}
          />
        ) : null}
      </div>
      {newest.data?.missing.map((one) => (
        <Note key={one.manager} shade="warn" icon="warning">
          <b>{frame.managerNames.get(one.manager) ?? one.manager}</b> is not in this list:{' '}
          {one.message}
        </Note>
      ))}
      {newest.error === undefined ? null : <Trouble error={newest.error} />}
      {rows.length > 0 ? (
        <div className="rb-panel">
          <TransactionTable transactions={rows} managerNames={frame.managerNames} />
          {error === undefined ? null : <Trouble error={error} />}
          {hasMore ? (
            <div className="rb-row rb-after-table">
              <Button variant="default" loading={isBusy} onClick={() => void loadMore()}>
                Older
              </Button>
            </div>
          ) : null}
        </div>
      ) : newest.data !== undefined ? (
        <Nothing icon="arrows" title={states === '' ? 'None yet' : 'None like that'}>
          <p>
            {states === ''
              ? 'The first one comes when a worker is at the head and registers.'
              : 'Choose another state to see the others.'}
          </p>
        </Nothing>
      ) : newest.error === undefined ? (
        <p className="rb-dim">Loading …</p>
      ) : null}
    </Page>
  );
}

/** Pages overlap when something came in between. */
function uniqueRows(rows: readonly TransactionRow[]): TransactionRow[] {
  const byKey = new Map<string, TransactionRow>();
  for (const row of rows) {
    const key = `${row.manager} ${row.jobId}`;
    if (!byKey.has(key)) byKey.set(key, row);
  }
  return [...byKey.values()];
}
