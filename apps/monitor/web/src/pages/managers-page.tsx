import { Button } from '@mantine/core';
import { useMemo } from 'react';
import { Link } from 'wouter';
import type { ManagerFeature, ManagerRow, WorkerRow } from '../../../src/api/contract.js';
import { ExplainedChip } from '../components/chip.js';
import { Copyable } from '../components/copyable.js';
import { Fact, Facts, Note, Nothing, Page } from '../components/page.js';
import { StateBar } from '../components/state-bar.js';
import { useNow } from '../components/use-now.js';
import { headsOf, useModel, useWorkers } from '../live/fleet-context.js';
import { countOf, formatAddress, formatAgo, formatCount } from '../view/format.js';
import { lookOfPeer } from '../view/tones.js';
import { byManagerOf, countStates, nameOfPeer } from '../view/worker-list.js';

const featureWords: Record<ManagerFeature, string> = {
  events: 'history of workers',
  transactions: 'transactions',
  inventory: 'import and export',
  operators: 'balances',
  alerts: 'alerts',
  orders: 'orders on chain',
};

/** All lifecycle managers beside each other. */
export function ManagersPage() {
  const model = useModel();
  const workers = useWorkers();
  const byManager = useMemo(() => byManagerOf(workers), [workers]);
  const managers = [...model.managers.values()];
  return (
    <Page
      title="Managers"
      lead="Lifecycle managers drive the workers: each has its own pools, workers and transaction queue."
    >
      {managers.length === 0 ? (
        <Nothing icon="server" title="No manager has been found">
          <p>
            Start one, or name its address in <code>PTP_BOOT_NODES</code> of the monitor: it logs it
            as “Walkie is up”.
          </p>
        </Nothing>
      ) : (
        <div className="rb-cards">
          {managers.map((manager) => (
            <ManagerCard
              key={manager.peerId}
              manager={manager}
              name={nameOfPeer(manager, managers)}
              workers={byManager.get(manager.peerId) ?? []}
            />
          ))}
        </div>
      )}
    </Page>
  );
}

function ManagerCard({
  manager,
  name,
  workers,
}: {
  manager: ManagerRow;
  name: string;
  workers: readonly WorkerRow[];
}) {
  const model = useModel();
  const now = useNow(5_000);
  const counts = useMemo(() => countStates(workers), [workers]);
  const queue = model.queues.get(manager.peerId);
  const pools = [...model.pools.values()].filter((pool) => pool.manager === manager.peerId);
  const more = queue?.isMore === true ? '+' : '';
  return (
    <article className="rb-card" aria-label={name}>
      <div className="rb-card-head">
        <div>
          <h3>{name}</h3>
          <span className="rb-dim">
            {countOf(workers.length, 'worker')} in {countOf(pools.length, 'pool')}
          </span>
        </div>
        <ExplainedChip look={lookOfPeer(manager)} />
      </div>
      {manager.problem === null ? null : (
        <Note shade="bad" icon="warning">
          {manager.problem.message} <span>({formatAgo(manager.problem.sinceMs, now)})</span>
        </Note>
      )}
      <StateBar counts={counts} query={{ managers: [manager.peerId] }} />
      <Facts>
        <Fact label="Head, para">{formatCount(headsOf(model, manager.peerId)?.para)}</Fact>
        <Fact label="Queued / running">
          {queue === undefined ? '–' : `${queue.queued}${more} / ${queue.running}${more}`}
        </Fact>
        <Fact label="Failed, 24 h">{queue === undefined ? '–' : queue.failedLately}</Fact>
        <Fact label="Answers in">
          {manager.latencyMs === null ? '–' : `${formatCount(manager.latencyMs)} ms`}
        </Fact>
        <Fact label="Last answer">{formatAgo(manager.answeredMs, now)}</Fact>
        <Fact label="Bridge">{manager.bridgeIdentity}</Fact>
        <Fact label="Peer id">
          <Copyable text={manager.peerId} what="peer id" />
        </Fact>
        <Fact label="Chain">
          <Copyable text={manager.chainIdentity} what="chain identity" />
        </Fact>
        <Fact label="Reached at">
          <code>{formatAddress(manager.multiaddr)}</code>
        </Fact>
      </Facts>
      {queue?.problem ? (
        <Note shade="warn" icon="warning">
          Its transactions cannot be read: {queue.problem}
        </Note>
      ) : null}
      {manager.features !== null && manager.features.length === 0 ? (
        <Note shade="off">A manager of 2022: it tells no history and no transactions.</Note>
      ) : (
        <p className="rb-dim">
          Offers {manager.features?.map((feature) => featureWords[feature]).join(', ') ?? '…'}.
        </p>
      )}
      <div className="rb-row">
        <Button
          component={Link}
          href={`/workers?manager=${manager.peerId}`}
          size="compact-sm"
          variant="default"
        >
          Workers
        </Button>
        <Button
          component={Link}
          href={`/transactions?manager=${manager.peerId}`}
          size="compact-sm"
          variant="default"
        >
          Transactions
        </Button>
        <Button
          component={Link}
          href={`/pools?manager=${manager.peerId}`}
          size="compact-sm"
          variant="default"
        >
          Pools
        </Button>
      </div>
    </article>
  );
}
