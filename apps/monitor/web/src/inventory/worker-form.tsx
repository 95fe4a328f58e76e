import { Button, Select, Switch, TextInput } from '@mantine/core';
import {
  apiPaths,
  type NewWorkers,
  type WorkerInput,
  type WorkerKey,
  type WorkerRow,
  type WorkersWritten,
} from '../../../src/api/contract.js';
import { formatPha, parsePha } from '../../../src/api/amounts.js';
import { Trouble } from '../components/page.js';
import { useForm } from '../components/use-form.js';
import { callApi } from '../live/api-client.js';
import { useModel, useWorkers } from '../live/fleet-context.js';
import { faultsOfWorker, plainEndpoint, type WorkerDraft } from '../view/inventory-rules.js';
import { nameOfPeer } from '../view/worker-list.js';

const fields: Readonly<Record<string, keyof WorkerDraft>> = {
  pid: 'pid',
  name: 'name',
  endpoint: 'endpoint',
  stake: 'stakePha',
};

/** A new worker, or an old one with what is to change. Stakes are in PHA. */
export function WorkerForm({
  worker,
  onDone,
  onCancel,
}: {
  worker?: WorkerRow;
  onDone: (key: WorkerKey) => void;
  onCancel?: () => void;
}) {
  const model = useModel();
  const workers = useWorkers();
  const managers = [...model.managers.values()];
  const pools = [...model.pools.values()].filter(
    (pool) => worker === undefined || pool.manager === worker.manager,
  );
  const [only] = pools.length === 1 ? pools : [];
  const others = workers.filter(
    (one) => worker === undefined || one.uuid !== worker.uuid || one.manager !== worker.manager,
  );
  const form = useForm<WorkerDraft>(
    {
      manager: worker?.manager ?? only?.manager ?? '',
      pid: worker?.pid ?? only?.pid ?? '',
      name: worker?.name ?? '',
      endpoint: worker?.endpoint ?? '',
      stakePha: worker === undefined ? '' : formatPha(worker.stake),
      enabled: worker?.enabled ?? true,
      syncOnly: worker?.syncOnly ?? false,
    },
    {
      judge: (draft) => faultsOfWorker(draft, others),
      fieldOf: (name) => fields[name],
      async send(draft) {
        const { manager, pid, name, enabled, syncOnly } = draft;
        const input: WorkerInput = {
          pid,
          name,
          enabled,
          syncOnly,
          endpoint: plainEndpoint(draft.endpoint),
          stake: parsePha(draft.stakePha)!,
        };
        const body: NewWorkers = { workers: [input] };
        const written = await (worker === undefined
          ? callApi<WorkersWritten>(apiPaths.workers(manager), { method: 'POST', body })
          : callApi<WorkersWritten>(apiPaths.inventoryWorker(manager, worker.uuid), {
              method: 'PUT',
              body: input,
            }));
        onDone({ manager, uuid: written.workers[0]?.uuid ?? worker?.uuid ?? '' });
      },
    },
  );
  const poolValue = (manager: string, pid: string) => (pid === '' ? null : `${manager} ${pid}`);
  return (
    <form
      className="rb-form"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void form.submit();
      }}
    >
      <Select
        label="Pool"
        required
        searchable
        data={pools.map((pool) => ({
          value: poolValue(pool.manager, pool.pid)!,
          label:
            managers.length > 1
              ? `${pool.pid} · ${pool.name} · ${managerName(pool.manager)}`
              : `${pool.pid} · ${pool.name}`,
        }))}
        value={poolValue(form.values.manager, form.values.pid)}
        onChange={(value) => {
          const [manager = '', pid = ''] = (value ?? '').split(' ');
          form.set('manager', manager);
          form.set('pid', pid);
        }}
        error={form.faultOf('pid')}
      />
      <TextInput label="Name" description="For you; any." required {...form.text('name')} />
      <TextInput
        label="Endpoint"
        description="Where the manager reaches its pRuntime."
        placeholder="http://10.0.0.2:8000"
        inputMode="url"
        autoCapitalize="none"
        spellCheck={false}
        required
        {...form.text('endpoint')}
      />
      <TextInput
        label="Stake"
        description="Locked from the pool’s free stake while it computes. A higher score needs more."
        placeholder="2,500"
        inputMode="decimal"
        rightSection={<span className="rb-dim">PHA</span>}
        rightSectionWidth={52}
        required
        {...form.text('stakePha')}
      />
      <Switch
        label="Enabled"
        description="Off: the manager leaves it alone."
        {...form.flag('enabled')}
      />
      <Switch
        label="Sync only"
        description="It is kept at the head; nothing is sent on chain for it."
        {...form.flag('syncOnly')}
      />
      {form.error === undefined ? null : <Trouble error={form.error} />}
      <div className="rb-form-end">
        {onCancel === undefined ? null : (
          <Button variant="default" onClick={onCancel}>
            Cancel
          </Button>
        )}
        <Button type="submit" loading={form.isBusy}>
          {worker === undefined ? 'Create the worker' : 'Save the worker'}
        </Button>
      </div>
    </form>
  );

  function managerName(peerId: string): string {
    const manager = model.managers.get(peerId);
    return manager === undefined ? peerId.slice(-6) : nameOfPeer(manager, managers);
  }
}
