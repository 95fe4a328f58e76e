import { Button, PasswordInput, Select, Switch, TextInput } from '@mantine/core';
import { apiPaths, type PoolInput, type PoolRow } from '../../../src/api/contract.js';
import { Trouble } from '../components/page.js';
import { useForm } from '../components/use-form.js';
import { callApi } from '../live/api-client.js';
import { useModel } from '../live/fleet-context.js';
import { describePhrase, faultsOfPool, type PoolDraft } from '../view/inventory-rules.js';
import { nameOfPeer } from '../view/worker-list.js';

const fields: Readonly<Record<string, keyof PoolDraft>> = {
  pid: 'pid',
  name: 'name',
  mnemonic: 'mnemonic',
  'owner.mnemonic': 'mnemonic',
  proxiedAccount: 'proxiedAccount',
  realPhalaSs58: 'proxiedAccount',
};

/** A new pool, or an old one with what is to change. The phrase is sent once and not kept. */
export function PoolForm({
  pool,
  onDone,
  onCancel,
}: {
  pool?: PoolRow;
  onDone: (pool: PoolRow) => void;
  onCancel?: () => void;
}) {
  const model = useModel();
  const managers = [...model.managers.values()];
  const [only] = managers.length === 1 ? managers : [];
  const others = [...model.pools.values()].filter((one) => one.uuid !== pool?.uuid);
  const form = useForm<PoolDraft>(
    {
      manager: pool?.manager ?? only?.peerId ?? '',
      pid: pool?.pid ?? '',
      name: pool?.name ?? '',
      mnemonic: '',
      proxiedAccount: pool?.proxiedAccount ?? '',
      enabled: pool?.enabled ?? true,
      syncOnly: pool?.syncOnly ?? false,
    },
    {
      judge: (draft) => faultsOfPool(draft, others, pool === undefined),
      fieldOf: (name) => fields[name],
      async send(draft) {
        const { manager, mnemonic, ...rest } = draft;
        const body: PoolInput = {
          ...rest,
          pid: draft.pid.trim(),
          proxiedAccount: draft.proxiedAccount.trim(),
          ...(mnemonic.trim() === '' ? {} : { mnemonic: mnemonic.trim() }),
        };
        const row = await callApi<PoolRow>(
          pool === undefined ? apiPaths.pools(manager) : apiPaths.pool(manager, pool.uuid),
          { method: pool === undefined ? 'POST' : 'PUT', body },
        );
        form.set('mnemonic', '');
        onDone(row);
      },
    },
  );
  return (
    <form
      className="rb-form"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void form.submit();
      }}
    >
      {managers.length > 1 ? (
        <Select
          label="Manager"
          data={managers.map((one) => ({ value: one.peerId, label: nameOfPeer(one, managers) }))}
          value={form.values.manager}
          onChange={(value) => form.set('manager', value ?? '')}
          disabled={pool !== undefined}
          error={form.faultOf('manager')}
          required
        />
      ) : null}
      <TextInput
        label="Pool id"
        description="Its number on chain, as the console of Phala shows it."
        inputMode="numeric"
        placeholder="42"
        required
        {...form.text('pid')}
      />
      <TextInput label="Name" description="For you; any." required {...form.text('name')} />
      <PasswordInput
        label="Operator’s phrase"
        description={
          describePhrase(form.values.mnemonic) ??
          (pool === undefined
            ? 'Signs transactions and pays their fees. Sent once, sealed by the manager, never shown again.'
            : 'Leave it empty to keep the key that is there.')
        }
        autoComplete="off"
        spellCheck={false}
        required={pool === undefined}
        {...form.text('mnemonic')}
      />
      <TextInput
        label="Acts for another account"
        description="Where the operator is a proxy of the pool’s owner: the owner’s address."
        placeholder="none"
        {...form.text('proxiedAccount')}
      />
      <Switch
        label="Enabled"
        description="Off: none of its workers is driven."
        {...form.flag('enabled')}
      />
      <Switch
        label="Sync only"
        description="Workers are kept at the head; nothing is sent on chain."
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
          {pool === undefined ? 'Create the pool' : 'Save the pool'}
        </Button>
      </div>
    </form>
  );
}
