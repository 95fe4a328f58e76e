import type { Alert, Severity } from '../../../src/api/contract.js';
import { formatWorkerQuery, type WorkerQuery } from './worker-query.js';

const rank: Record<Severity, number> = { critical: 0, warning: 1, info: 2 };

/** Whether it lasts and nobody has silenced it. */
export function isOpenAlert(alert: Alert, nowMs: number): boolean {
  return (
    alert.endedMs === null && (alert.silencedUntilMs === null || alert.silencedUntilMs <= nowMs)
  );
}

/** The gravest first, then those that last longest. */
export function sortAlerts(alerts: Iterable<Alert>): Alert[] {
  return [...alerts].sort(
    (a, b) =>
      rank[a.severity] - rank[b.severity] || a.sinceMs - b.sinceMs || (a.id < b.id ? -1 : 1),
  );
}

/** Where to look further; undefined for what has no page. */
export function targetOfAlert(alert: Alert): { href: string; label: string } | undefined {
  const [only] = alert.workers;
  if (alert.count === 1 && only !== undefined) {
    return { href: workerPath(only), label: 'Show the worker' };
  }
  switch (alert.kind) {
    case 'workers-in-error':
      return workersWith({ states: ['S_ERROR'] });
    case 'workers-kicked':
      return workersWith({ states: ['S_KICKED'] });
    case 'workers-behind':
      return workersWith({ flags: ['behind'], sort: { by: 'lag', descending: true } });
    case 'workers-unresponsive':
      return workersWith({ sessions: ['WorkerUnresponsive'] });
    case 'views-disagree':
      return workersWith({ flags: ['disagree'] });
    case 'transactions-failing':
      return { href: '/transactions?states=failed', label: 'Show them' };
    case 'queue-stuck':
      return { href: '/transactions?states=queued,running', label: 'Show the queue' };
    case 'operator-balance-low':
      return { href: '/pools', label: 'Show pools' };
    case 'provider-behind':
    case 'chain-stalled':
    case 'no-provider':
      return { href: '/providers', label: 'Show data providers' };
    case 'no-manager':
      return { href: '/managers', label: 'Show managers' };
    case 'peer-gone':
    case 'peer-failing':
      return undefined;
  }
}

/** The page of one worker. */
export function workerPath({ manager, uuid }: { manager: string; uuid: string }): string {
  return `/workers/${encodeURIComponent(manager)}/${encodeURIComponent(uuid)}`;
}

function workersWith(query: Partial<WorkerQuery>): { href: string; label: string } {
  return { href: `/workers${formatWorkerQuery(query)}`, label: 'Show workers' };
}
