import { Button } from '@mantine/core';
import type { ReactNode } from 'react';
import { Link } from 'wouter';
import type { Alert } from '../../../src/api/contract.js';
import { alertMeanings } from '../../../src/api/glossary.js';
import { useModel } from '../live/fleet-context.js';
import { targetOfAlert } from '../view/alerts.js';
import { formatAgo, formatSpan } from '../view/format.js';
import { lookOfAlert } from '../view/tones.js';
import { Chip } from './chip.js';
import { useNow } from './use-now.js';

/** Alerts: what is wrong, since when, what it means, what to do, and where to look. */
export function AlertList({
  alerts,
  actionOf,
  isBrief = false,
}: {
  alerts: readonly Alert[];
  /** Without what it means: title, what to do, where to look. */
  isBrief?: boolean;
  /** More to do with one. */
  actionOf?: (alert: Alert) => ReactNode;
}) {
  const now = useNow(5_000);
  const model = useModel();
  const nameOf = (peer: string | null): string | undefined =>
    peer === null ? undefined : (model.managers.get(peer) ?? model.providers.get(peer))?.hostname;
  return (
    <ul className="rb-alerts">
      {alerts.map((alert) => {
        const look = lookOfAlert(alert, now);
        const { meaning, remedy } = alertMeanings[alert.kind];
        const target = targetOfAlert(alert);
        return (
          <li key={alert.id} className={`rb-alert rb-alert-${look.shade}`}>
            <div>
              <Chip look={look} />
            </div>
            <div className="rb-alert-main">
              <span className="rb-alert-title">
                {alert.title}
                {nameOf(alert.peer) === undefined ? null : (
                  <span className="rb-dim"> · {nameOf(alert.peer)}</span>
                )}
              </span>
              {alert.detail === '' || isBrief ? null : <span>{alert.detail}</span>}
              {isBrief ? null : <span className="rb-dim">{meaning}</span>}
              {alert.endedMs === null ? (
                <span>
                  <b>What to do:</b> {remedy}
                </span>
              ) : null}
            </div>
            <div className="rb-alert-side">
              <span>
                {alert.endedMs === null
                  ? `for ${formatSpan(now - alert.sinceMs)}`
                  : `${formatAgo(alert.endedMs, now)}, lasted ${formatSpan(alert.endedMs - alert.sinceMs)}`}
              </span>
              {target === undefined || alert.endedMs !== null ? null : (
                <Button component={Link} href={target.href} size="compact-sm" variant="default">
                  {target.label}
                </Button>
              )}
              {actionOf?.(alert)}
            </div>
          </li>
        );
      })}
    </ul>
  );
}
