import { ActionIcon, Button, Drawer } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useMemo, useState } from 'react';
import { Link, useSearch } from 'wouter';
import { apiPaths, type PoolRow, type WorkerRow } from '../../../src/api/contract.js';
import { formatPha } from '../../../src/api/amounts.js';
import { Chip } from '../components/chip.js';
import { ConfirmDialog } from '../components/confirm-dialog.js';
import { Copyable } from '../components/copyable.js';
import { Icon } from '../components/icons.js';
import { Fact, Facts, Note, Nothing, Page } from '../components/page.js';
import { StateBar } from '../components/state-bar.js';
import { PoolForm } from '../inventory/pool-form.js';
import { callApi } from '../live/api-client.js';
import { useModel, useWorkers } from '../live/fleet-context.js';
import { useSession } from '../live/session-context.js';
import { countOf, formatCount } from '../view/format.js';
import { countStates, frameOf } from '../view/worker-list.js';

/** The chain takes so many workers into one pool. */
const MAX_POOL_WORKERS = 200;

/** All pools of all managers: who operates them, how their workers are. */
export function PoolsPage() {
  const model = useModel();
  const workers = useWorkers();
  const { isOperator } = useSession();
  const only = new URLSearchParams(useSearch()).get('manager');
  const [edited, setEdited] = useState<PoolRow | 'new'>();
  const [doomed, setDoomed] = useState<PoolRow>();
  const frame = frameOf(model);
  const pools = [...model.pools.values()]
    .filter(({ manager }) => only === null || manager === only)
    .sort((a, b) => Number(a.pid) - Number(b.pid));
  const byPool = useMemo(() => {
    const groups = new Map<string, WorkerRow[]>();
    for (const worker of workers) {
      const key = `${worker.manager}/${worker.pid}`;
      groups.set(key, [...(groups.get(key) ?? []), worker]);
    }
    return groups;
  }, [workers]);
  const workersOf = (pool: PoolRow) => byPool.get(`${pool.manager}/${pool.pid}`) ?? [];

  return (
    <Page
      title="Pools"
      lead={
        only === null ? (
          'Stake pools and the accounts that operate them.'
        ) : (
          <>
            Those of {frame.managerNames.get(only) ?? only}. <Link href="/pools">Show all</Link>
          </>
        )
      }
      actions={
        isOperator && model.managers.size > 0 ? (
          <Button leftSection={<Icon name="plus" />} onClick={() => setEdited('new')}>
            New pool
          </Button>
        ) : null
      }
    >
      {pools.length === 0 ? (
        <Nothing icon="layers" title="There are no pools yet">
          <p>
            Create the first one: its number on chain and the operator’s phrase are all it takes.
          </p>
        </Nothing>
      ) : (
        <div className="rb-cards">
          {pools.map((pool) => (
            <PoolCard
              key={`${pool.manager}/${pool.uuid}`}
              pool={pool}
              workers={workersOf(pool)}
              managerName={
                model.managers.size > 1 ? frame.managerNames.get(pool.manager) : undefined
              }
              {...(isOperator
                ? { onEdit: () => setEdited(pool), onDelete: () => setDoomed(pool) }
                : {})}
            />
          ))}
        </div>
      )}
      <Drawer
        opened={edited !== undefined}
        onClose={() => setEdited(undefined)}
        title={edited === undefined || edited === 'new' ? 'New pool' : `Edit ${edited.name}`}
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        {edited === undefined ? null : (
          <PoolForm
            {...(edited === 'new' ? {} : { pool: edited })}
            onCancel={() => setEdited(undefined)}
            onDone={() => {
              notifications.show({
                color: 'teal',
                message: edited === 'new' ? 'The pool is created' : 'The pool is saved',
              });
              setEdited(undefined);
            }}
          />
        )}
      </Drawer>
      <ConfirmDialog
        isOpen={doomed !== undefined}
        title={`Delete the pool ${doomed?.name ?? ''}?`}
        word="Delete the pool"
        onClose={() => setDoomed(undefined)}
        onConfirm={async () => {
          if (doomed === undefined) return;
          await callApi(apiPaths.pool(doomed.manager, doomed.uuid), { method: 'DELETE' });
          notifications.show({ color: 'teal', message: `The pool ${doomed.name} is deleted` });
        }}
      >
        <Note shade="warn" icon="warning">
          The manager forgets the pool and its operator’s key. On chain nothing changes. A pool that
          has workers cannot be deleted
          {doomed === undefined || workersOf(doomed).length === 0
            ? '.'
            : `: it has ${workersOf(doomed).length}.`}
        </Note>
      </ConfirmDialog>
    </Page>
  );
}

function PoolCard({
  pool,
  workers,
  managerName,
  onEdit,
  onDelete,
}: {
  pool: PoolRow;
  workers: readonly WorkerRow[];
  managerName: string | undefined;
  onEdit?: () => void;
  onDelete?: () => void;
}) {
  const model = useModel();
  const counts = useMemo(() => countStates(workers), [workers]);
  const operator = model.operators.get(`${pool.manager}/${pool.operator}`);
  const stake = workers.reduce((sum, worker) => sum + BigInt(worker.stake || '0'), 0n);
  return (
    <article className="rb-card" aria-label={pool.name}>
      <div className="rb-card-head">
        <div>
          <h3>
            {pool.name} <span className="rb-dim">· pool {pool.pid}</span>
          </h3>
          <span className="rb-dim">
            {countOf(workers.length, 'worker')} of {MAX_POOL_WORKERS}
            {managerName === undefined ? '' : ` · ${managerName}`}
          </span>
        </div>
        {onEdit === undefined ? null : (
          <div className="rb-row rb-tight">
            <ActionIcon
              variant="subtle"
              color="gray"
              aria-label={`Edit ${pool.name}`}
              onClick={onEdit}
            >
              <Icon name="pencil" />
            </ActionIcon>
            <ActionIcon
              variant="subtle"
              color="gray"
              aria-label={`Delete ${pool.name}`}
              onClick={onDelete}
            >
              <Icon name="trash" />
            </ActionIcon>
          </div>
        )}
      </div>
      <div className="rb-row rb-tight">
        {pool.enabled ? null : (
          <Chip
            look={{
              shade: 'warn',
              icon: 'power',
              word: 'disabled',
              meaning: 'None of its workers is driven.',
              remedy: 'Enable it, if they should run.',
            }}
          />
        )}
        {pool.syncOnly ? (
          <Chip
            look={{
              shade: 'off',
              icon: 'pause',
              word: 'sync only',
              meaning: 'Its workers are kept at the head; nothing is sent on chain.',
              remedy: '',
            }}
          />
        ) : null}
      </div>
      <StateBar counts={counts} query={{ pools: [pool.pid], managers: [pool.manager] }} />
      <Facts>
        <Fact label="Operator">
          {pool.operator === '' ? '–' : <Copyable text={pool.operator} what="operator’s account" />}
        </Fact>
        <Fact label="Acts for">
          {pool.proxiedAccount === '' ? (
            'itself'
          ) : (
            <Copyable text={pool.proxiedAccount} what="proxied account" />
          )}
        </Fact>
        <Fact label="Free for fees">
          {operator?.free === null || operator?.free === undefined
            ? 'not told'
            : `${formatPha(operator.free, 4)} PHA`}
        </Fact>
        <Fact label="Stake wanted">{formatPha(stake, 2)} PHA</Fact>
      </Facts>
      {workers.length > MAX_POOL_WORKERS ? (
        <Note shade="warn" icon="warning">
          The chain takes {MAX_POOL_WORKERS} workers into a pool;{' '}
          {formatCount(workers.length - MAX_POOL_WORKERS)} will be refused.
        </Note>
      ) : null}
    </article>
  );
}
