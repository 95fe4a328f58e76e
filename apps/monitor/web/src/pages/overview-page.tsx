import { Button } from '@mantine/core';
import { useMemo } from 'react';
import { Link } from 'wouter';
import { AlertList } from '../components/alert-list.js';
import { Chip } from '../components/chip.js';
import { Icon } from '../components/icons.js';
import { Page, Panel } from '../components/page.js';
import { ProviderCard } from '../components/provider-card.js';
import { StateBar } from '../components/state-bar.js';
import { useNow } from '../components/use-now.js';
import { headsOf, useModel, useWorkers } from '../live/fleet-context.js';
import { isOpenAlert, sortAlerts } from '../view/alerts.js';
import { countOf, formatAgo, formatCount, formatSpan } from '../view/format.js';
import { formatPha } from '../../../src/api/amounts.js';
import { lookOfPeer } from '../view/tones.js';
import { countStates, nameOfPeer } from '../view/worker-list.js';
import { FirstSteps, isFirstStart } from './first-steps.js';

const SHOWN_ALERTS = 6;

/** What is wrong, how the fleet is, how far the chains are: in this order. */
export function OverviewPage() {
  const model = useModel();
  const workers = useWorkers();
  const now = useNow(2_000);
  const counts = useMemo(() => countStates(workers), [workers]);
  if (isFirstStart(model)) return <FirstSteps />;

  const open = sortAlerts(model.alerts.values()).filter((alert) => isOpenAlert(alert, now));
  const [head] = model.chains.values();
  const providers = [...model.providers.values()];
  const managers = [...model.managers.values()];
  return (
    <Page
      title="Overview"
      lead={
        <>
          {countOf(workers.length, 'worker')} at {countOf(managers.length, 'manager')}
          {head?.para === null || head?.para === undefined ? null : (
            <>
              {' · '}para block <b className="rb-figures">{formatCount(head.para)}</b>
              {head.grewMs === null ? null : `, ${formatAgo(head.grewMs, now)}`}
            </>
          )}
        </>
      }
    >
      <Panel
        title="Workers"
        icon="cpu"
        aside={
          <Button component={Link} href="/workers" size="compact-sm" variant="default">
            All workers
          </Button>
        }
      >
        <StateBar counts={counts} />
      </Panel>

      <section aria-label="Needs attention" aria-live="polite">
        {open.length === 0 ? (
          <div className="rb-well">
            <Icon name="checkCircle" size={22} />
            <div>
              <strong>Nothing needs attention.</strong>{' '}
              <span className="rb-dim">No alert lasts at this moment.</span>
            </div>
          </div>
        ) : (
          <div className="rb-stack">
            <AlertList alerts={open.slice(0, SHOWN_ALERTS)} isBrief />
            {open.length > SHOWN_ALERTS ? (
              <Link href="/alerts">All {open.length} alerts</Link>
            ) : null}
          </div>
        )}
      </section>

      <div className="rb-columns">
        <Panel
          title="Data providers"
          icon="database"
          aside={
            providers.length > 2 ? <Link href="/providers">All {providers.length}</Link> : null
          }
        >
          <div className="rb-stack">
            {providers.length === 0 ? (
              <p className="rb-dim">None has been found yet.</p>
            ) : (
              providers
                .slice(0, 3)
                .map((provider) => <ProviderCard key={provider.peerId} provider={provider} brief />)
            )}
          </div>
        </Panel>

        <Panel title="Managers and queues" icon="server">
          <div className="rb-table-room" tabIndex={0} role="group" aria-label="Managers">
            <table className="rb-table">
              <thead>
                <tr>
                  <th scope="col">Manager</th>
                  <th scope="col" className="rb-right">
                    Workers
                  </th>
                  <th scope="col" className="rb-right">
                    Queued
                  </th>
                  <th scope="col" className="rb-right">
                    Running
                  </th>
                  <th scope="col" className="rb-right">
                    Failed, 24 h
                  </th>
                </tr>
              </thead>
              <tbody>
                {managers.map((manager) => {
                  const queue = model.queues.get(manager.peerId);
                  const more = queue?.isMore === true ? '+' : '';
                  const own = workers.filter((worker) => worker.manager === manager.peerId);
                  return (
                    <tr key={manager.peerId}>
                      <td>
                        <Link href={`/workers?manager=${manager.peerId}`}>
                          {nameOfPeer(manager, managers)}
                        </Link>{' '}
                        <Chip look={lookOfPeer(manager)} quiet />
                      </td>
                      <td className="rb-right">{formatCount(own.length)}</td>
                      <td className="rb-right">
                        {queue === undefined ? '–' : `${formatCount(queue.queued)}${more}`}
                        {queue?.oldestQueuedMs === null ||
                        queue?.oldestQueuedMs === undefined ? null : (
                          <div className="rb-dim">
                            oldest {formatSpan(now - queue.oldestQueuedMs)}
                          </div>
                        )}
                      </td>
                      <td className="rb-right">
                        {queue === undefined ? '–' : `${formatCount(queue.running)}${more}`}
                      </td>
                      <td className="rb-right">
                        {queue === undefined ? (
                          '–'
                        ) : queue.failedLately === 0 ? (
                          '0'
                        ) : (
                          <Link
                            href={`/transactions?states=failed&manager=${manager.peerId}`}
                            className="rb-text-bad"
                          >
                            {formatCount(queue.failedLately)}
                            {more}
                          </Link>
                        )}
                      </td>
                    </tr>
                  );
                })}
              </tbody>
            </table>
          </div>
        </Panel>

        <OperatorsPanel />
      </div>
      <Behind />
    </Page>
  );
}

/** Accounts that pay fees. */
function OperatorsPanel() {
  const model = useModel();
  const now = useNow(10_000);
  const operators = [...model.operators.values()];
  if (operators.length === 0) return null;
  return (
    <Panel title="Operators’ balances" icon="key">
      <div className="rb-table-room" tabIndex={0} role="group" aria-label="Operators">
        <table className="rb-table">
          <thead>
            <tr>
              <th scope="col">Account</th>
              <th scope="col">Pools</th>
              <th scope="col" className="rb-right">
                Free (PHA)
              </th>
              <th scope="col">As of</th>
            </tr>
          </thead>
          <tbody>
            {operators.map((operator) => (
              <tr key={`${operator.manager}/${operator.account}`}>
                <td>
                  <code title={operator.account}>
                    {operator.account.slice(0, 8)}…{operator.account.slice(-6)}
                  </code>
                </td>
                <td>{operator.pids.join(', ')}</td>
                <td className="rb-right">
                  {operator.free === null ? 'not told' : formatPha(operator.free, 4)}
                </td>
                <td className="rb-dim">{formatAgo(operator.atMs, now)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}

/** Those that are farthest behind, where there are any. */
function Behind() {
  const model = useModel();
  const workers = useWorkers();
  const worst = useMemo(() => {
    const heads = new Map(
      [...model.managers.keys()].map((peerId) => [peerId, headsOf(model, peerId)?.para ?? null]),
    );
    return workers
      .flatMap((worker) => {
        const head = heads.get(worker.manager) ?? null;
        if (head === null || worker.paraBlock === null || !worker.enabled) return [];
        return [{ worker, lag: head - worker.paraBlock }];
      })
      .filter(({ lag }) => lag >= 10)
      .sort((a, b) => b.lag - a.lag);
  }, [model, workers]);
  if (worst.length === 0) return null;
  return (
    <Panel
      title="Farthest behind the head"
      icon="hourglass"
      aside={<Link href="/workers?flag=behind&sort=-lag">All {formatCount(worst.length)}</Link>}
    >
      <div className="rb-bar-words">
        {worst.slice(0, 8).map(({ worker, lag }) => (
          <Link
            key={worker.n}
            href={`/workers/${worker.manager}/${worker.uuid}`}
            className="rb-count rb-info"
          >
            <b>{worker.name}</b> {countOf(lag, 'block')}
          </Link>
        ))}
      </div>
    </Panel>
  );
}
