import { Button } from '@mantine/core';
import { useState } from 'react';
import {
  apiPaths,
  type WorkerEvent,
  type WorkerEventPage,
  type WorkerRow,
} from '../../../src/api/contract.js';
import { callApi } from '../live/api-client.js';
import { useQuery } from '../live/use-query.js';
import { formatSpan, formatTime, withoutStamp } from '../view/format.js';
import { lookOfState } from '../view/tones.js';
import { Icon } from './icons.js';
import { Trouble } from './page.js';
import { useNow } from './use-now.js';

const PAGE = 40;
const EVERY_MS = 4_000;

/** What a worker went through, the newest first; older ones on demand. */
export function Timeline({ worker }: { worker: WorkerRow }) {
  const path = apiPaths.workerEvents(worker.manager, worker.uuid);
  const newest = useQuery<WorkerEventPage>(path, { query: { limit: PAGE }, everyMs: EVERY_MS });
  const [older, setOlder] = useState<WorkerEventPage>();
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const now = useNow(5_000);
  const oldestNew = newest.data?.events.at(-1)?.timeMs ?? Infinity;
  const events: WorkerEvent[] = [
    ...(newest.data?.events ?? []),
    ...(older?.events.filter(({ timeMs }) => timeMs < oldestNew) ?? []),
  ];
  const hasMore = older?.hasMore ?? newest.data?.hasMore ?? false;

  const loadMore = async () => {
    const last = events.at(-1);
    if (last === undefined) return;
    setBusy(true);
    try {
      const page = await callApi<WorkerEventPage>(path, {
        query: { beforeMs: last.timeMs, limit: PAGE },
      });
      setOlder((before) => ({
        // What moved out of the newest page in the meantime stays.
        events: [...(before?.events ?? events), ...page.events],
        hasMore: page.hasMore,
      }));
      setError(undefined);
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  };

  if (newest.error !== undefined && newest.data === undefined) {
    return <Trouble error={newest.error} />;
  }
  if (events.length === 0) {
    return (
      <p className="rb-dim">{newest.isLoading ? 'Loading …' : 'Nothing has been told yet.'}</p>
    );
  }
  return (
    <div className="rb-stack">
      <ol className="rb-timeline">
        {events.map(({ timeMs, state, message }, index) => {
          const look = lookOfState(state);
          const isChange = events[index + 1]?.state !== state;
          return (
            <li key={timeMs}>
              <time dateTime={new Date(timeMs).toISOString()} title={formatTime(timeMs)}>
                {formatSpan(now - timeMs)} ago
              </time>
              <span className={`rb-timeline-mark rb-${look.shade}`}>
                <Icon name={look.icon} size={13} />
              </span>
              <p>
                {isChange ? <b>{look.word}. </b> : null}
                {withoutStamp(message)}
              </p>
            </li>
          );
        })}
      </ol>
      {error === undefined ? null : <Trouble error={error} />}
      {hasMore ? (
        <Button
          variant="default"
          size="compact-sm"
          loading={isBusy}
          onClick={() => void loadMore()}
        >
          Older
        </Button>
      ) : null}
    </div>
  );
}
