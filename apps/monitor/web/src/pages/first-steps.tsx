import { Button } from '@mantine/core';
import type { ReactNode } from 'react';
import { Link } from 'wouter';
import type { FleetModel } from '../../../src/api/fleet-model.js';
import { ExplainedChip } from '../components/chip.js';
import { Icon } from '../components/icons.js';
import { Note, Page } from '../components/page.js';
import { PoolForm } from '../inventory/pool-form.js';
import { WorkerForm } from '../inventory/worker-form.js';
import { headsOf, useModel, useWorkers } from '../live/fleet-context.js';
import { useSession } from '../live/session-context.js';
import { workerPath } from '../view/alerts.js';
import { formatCount, withoutStamp } from '../view/format.js';
import { lookOfState } from '../view/tones.js';

/** Set while somebody who began here watches the first worker; a reload keeps it, a new window does not. */
const WATCHING = 'runtime-bridge-first-worker';

/** Whether there is nothing to show yet but the way to the first worker. */
export function isFirstStart(model: FleetModel): boolean {
  return model.workers.size === 0 || sessionStorage.getItem(WATCHING) !== null;
}

/** From nothing to the first active worker, step by step. */
export function FirstSteps() {
  const model = useModel();
  const workers = useWorkers();
  const { isOperator } = useSession();
  const hasManager = model.managers.size > 0;
  const hasProvider = model.providers.size > 0;
  const hasPool = model.pools.size > 0;
  // A manager that was only just found may have pools that it has not told yet.
  const isTold = [...model.managers.values()].every(
    ({ answeredMs, problem }) => answeredMs !== null || problem !== null,
  );
  const [worker] = workers;
  const isActive = workers.some(({ state }) => state === 'S_ACTIVE');
  const head = worker === undefined ? undefined : headsOf(model, worker.manager)?.para;
  const look = worker === undefined ? undefined : lookOfState(worker.state);

  return (
    <Page title="First steps" lead="Four steps to the first worker that computes.">
      {isOperator ? null : (
        <Note shade="off">You may look only. Somebody who may change things has to do this.</Note>
      )}
      <ol className="rb-steps">
        <Step number={1} title="Find the services" state={hasManager ? 'done' : 'now'}>
          <p>
            {hasManager
              ? 'A lifecycle manager is there'
              : 'No lifecycle manager has been found yet'}
            {hasProvider ? ', and a data provider.' : '; no data provider yet.'}
          </p>
          {hasManager && hasProvider ? null : (
            <p className="rb-dim">
              Services in the same network find each other. Elsewhere, start the monitor with{' '}
              <code>PTP_BOOT_NODES</code> set to the addresses that they log as “Walkie is up”.
            </p>
          )}
        </Step>
        <Step
          number={2}
          title="Create a pool"
          state={hasPool ? 'done' : hasManager ? 'now' : 'later'}
        >
          {hasPool ? (
            <p>{[...model.pools.values()].map(({ pid, name }) => `${name} (${pid})`).join(', ')}</p>
          ) : (
            <>
              <p className="rb-dim">
                The stake pool that your workers belong to, and the key of the account that operates
                it.
              </p>
              {!hasManager || !isOperator ? null : isTold ? (
                <PoolForm onDone={() => {}} />
              ) : (
                <p role="status">Asking the manager what it has …</p>
              )}
            </>
          )}
        </Step>
        <Step
          number={3}
          title="Create a worker"
          state={worker !== undefined ? 'done' : hasPool ? 'now' : 'later'}
        >
          {worker !== undefined ? (
            <p>
              {worker.name} at <code>{worker.endpoint}</code>
            </p>
          ) : (
            <>
              <p className="rb-dim">
                A machine that runs pRuntime. Many at once?{' '}
                <Link href="/inventory">Paste them</Link>.
              </p>
              {hasPool && isOperator ? (
                <WorkerForm onDone={() => sessionStorage.setItem(WATCHING, 'yes')} />
              ) : null}
            </>
          )}
        </Step>
        <Step
          number={4}
          title="Watch it go active"
          state={isActive ? 'done' : worker !== undefined ? 'now' : 'later'}
        >
          {worker === undefined || look === undefined ? (
            <p className="rb-dim">It takes in both chains, registers, joins the pool and starts.</p>
          ) : (
            <div className="rb-stack">
              <div className="rb-row" aria-live="polite">
                <ExplainedChip look={look} />
                <span>{withoutStamp(worker.message)}</span>
              </div>
              <p className="rb-dim">
                {look.meaning} Para block {formatCount(worker.paraBlock)} of {formatCount(head)}.
              </p>
              <div className="rb-row">
                <Button component={Link} href={workerPath(worker)} variant="default">
                  Its page
                </Button>
                <Button
                  component={Link}
                  href="/workers"
                  variant={isActive ? 'filled' : 'default'}
                  onClick={() => sessionStorage.removeItem(WATCHING)}
                >
                  {isActive ? 'Done: to the workers' : 'To the workers'}
                </Button>
              </div>
            </div>
          )}
        </Step>
      </ol>
    </Page>
  );
}

function Step({
  number,
  title,
  state,
  children,
}: {
  number: number;
  title: string;
  state: 'done' | 'now' | 'later';
  children: ReactNode;
}) {
  return (
    <li
      className="rb-step"
      data-state={state}
      {...(state === 'now' ? { 'aria-current': 'step' as const } : {})}
    >
      <span className="rb-step-mark" aria-hidden="true">
        {state === 'done' ? <Icon name="check" size={18} /> : number}
      </span>
      <div className="rb-stack">
        <h2>
          {title}
          <span className="rb-hidden">{state === 'done' ? ', done' : ''}</span>
        </h2>
        {children}
      </div>
    </li>
  );
}
