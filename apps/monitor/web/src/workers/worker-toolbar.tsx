import { ActionIcon, Button, Checkbox, Menu, Popover, Select, TextInput } from '@mantine/core';
import { useEffect, useRef, useState, type ReactNode } from 'react';
import {
  sessionStates,
  workerStates,
  type PoolRow,
  type WorkerRow,
} from '../../../src/api/contract.js';
import { Chip } from '../components/chip.js';
import { Icon } from '../components/icons.js';
import { useModel } from '../live/fleet-context.js';
import { formatCount } from '../view/format.js';
import { lookOfSession, lookOfState } from '../view/tones.js';
import { defaultColumns, workerColumns, type ColumnId } from '../view/worker-columns.js';
import { countStates, nameOfPeer } from '../view/worker-list.js';
import {
  formatWorkerQuery,
  isFiltering,
  type WorkerFlag,
  type WorkerQuery,
} from '../view/worker-query.js';
import { builtInViews, useSavedViews } from './saved-views.js';

const flagWords: Record<WorkerFlag, string> = {
  behind: 'Behind the head',
  disagree: 'Manager and chain disagree',
  disabled: 'Disabled',
  syncOnly: 'Sync only',
};

/** Keystrokes within this time are one change of the address. */
const TYPING_MS = 120;

/** Search, filters, views and columns of the table. */
export function WorkerToolbar({
  query,
  workers,
  onChange,
  onView,
}: {
  query: WorkerQuery;
  /** All there are, for counts. */
  workers: readonly WorkerRow[];
  onChange: (change: Partial<WorkerQuery>) => void;
  /** To another view altogether, by the part of an address after the path. */
  onView: (search: string) => void;
}) {
  const model = useModel();
  const managers = [...model.managers.values()];
  const pools = [...model.pools.values()];
  return (
    <div className="rb-toolbar" role="search" aria-label="Workers">
      <SearchBox text={query.text} onChange={(text) => onChange({ text })} />
      <StateFilter query={query} workers={workers} onChange={onChange} />
      {pools.length > 1 ? (
        <Select
          aria-label="Pool"
          placeholder="All pools"
          clearable
          searchable
          w={160}
          data={poolChoices(pools)}
          value={query.pools[0] ?? null}
          onChange={(pid) => onChange({ pools: pid === null ? [] : [pid] })}
        />
      ) : null}
      {managers.length > 1 ? (
        <Select
          aria-label="Manager"
          placeholder="All managers"
          clearable
          w={170}
          data={managers.map((one) => ({ value: one.peerId, label: nameOfPeer(one, managers) }))}
          value={query.managers[0] ?? null}
          onChange={(peerId) => onChange({ managers: peerId === null ? [] : [peerId] })}
        />
      ) : null}
      {isFiltering(query) ? (
        <Button
          variant="subtle"
          leftSection={<Icon name="cross" />}
          onClick={() =>
            onChange({ text: '', states: [], sessions: [], pools: [], managers: [], flags: [] })
          }
        >
          Clear
        </Button>
      ) : null}
      <div className="rb-toolbar-end">
        <Views query={query} onView={onView} />
        <Columns query={query} onChange={onChange} />
      </div>
    </div>
  );
}

function SearchBox({ text, onChange }: { text: string; onChange: (text: string) => void }) {
  const [typed, setTyped] = useState(text);
  const input = useRef<HTMLInputElement>(null);
  const told = useRef(text);

  // The address may change by other ways than typing.
  useEffect(() => {
    if (text !== told.current) setTyped(text);
    told.current = text;
  }, [text]);

  useEffect(() => {
    if (typed === told.current) return;
    const timer = setTimeout(() => {
      told.current = typed;
      onChange(typed);
    }, TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed, onChange]);

  useEffect(() => {
    const onKey = (event: globalThis.KeyboardEvent) => {
      if (event.key !== '/' || (event.target as HTMLElement).closest('input, textarea') !== null) {
        return;
      }
      event.preventDefault();
      input.current?.focus();
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);

  return (
    <TextInput
      ref={input}
      className="rb-toolbar-search"
      type="search"
      aria-label="Search workers"
      placeholder="Search name, endpoint, message, key"
      leftSection={<Icon name="search" />}
      rightSection={<kbd className="rb-dim">/</kbd>}
      value={typed}
      onChange={(event) => setTyped(event.currentTarget.value)}
    />
  );
}

/** States of manager and chain, each with what it means. */
function StateFilter({
  query,
  workers,
  onChange,
}: {
  query: WorkerQuery;
  workers: readonly WorkerRow[];
  onChange: (change: Partial<WorkerQuery>) => void;
}) {
  const counts = countStates(workers);
  const chosen = query.states.length + query.sessions.length + query.flags.length;
  const flip = <T extends string>(list: readonly T[], item: T): T[] =>
    list.includes(item) ? list.filter((one) => one !== item) : [...list, item];
  return (
    <Popover position="bottom-start" width={380} trapFocus returnFocus>
      <Popover.Target>
        <Button variant="default" leftSection={<Icon name="filter" />}>
          State{chosen === 0 ? '' : `: ${chosen}`}
        </Button>
      </Popover.Target>
      <Popover.Dropdown className="rb-filter">
        <Group label="What its manager says">
          {workerStates.map((state) => (
            <Choice
              key={state}
              checked={query.states.includes(state)}
              onChange={() => onChange({ states: flip(query.states, state) })}
              about={lookOfState(state).meaning}
            >
              <Chip look={lookOfState(state)} />
              <span className="rb-dim">{formatCount(counts.get(state) ?? 0)}</span>
            </Choice>
          ))}
        </Group>
        <Group label="What the chain says">
          {sessionStates.map((state) => (
            <Choice
              key={state}
              checked={query.sessions.includes(state)}
              onChange={() => onChange({ sessions: flip(query.sessions, state) })}
              about={lookOfSession(state).meaning}
            >
              <Chip look={lookOfSession(state)} />
            </Choice>
          ))}
        </Group>
        <Group label="Besides">
          {(Object.keys(flagWords) as WorkerFlag[]).map((flag) => (
            <Choice
              key={flag}
              checked={query.flags.includes(flag)}
              onChange={() => onChange({ flags: flip(query.flags, flag) })}
            >
              {flagWords[flag]}
            </Choice>
          ))}
        </Group>
      </Popover.Dropdown>
    </Popover>
  );
}

function Group({ label, children }: { label: string; children: ReactNode }) {
  return (
    <fieldset className="rb-filter-group">
      <legend>{label}</legend>
      {children}
    </fieldset>
  );
}

function Choice({
  checked,
  onChange,
  about,
  children,
}: {
  checked: boolean;
  onChange: () => void;
  about?: string;
  children: ReactNode;
}) {
  return (
    <Checkbox
      size="xs"
      checked={checked}
      onChange={onChange}
      label={<span className="rb-row">{children}</span>}
      description={about}
    />
  );
}

function Views({ query, onView }: { query: WorkerQuery; onView: (search: string) => void }) {
  const { views, save, remove } = useSavedViews();
  const [name, setName] = useState('');
  const search = formatWorkerQuery(query);
  return (
    <Popover position="bottom-end" width={300} trapFocus returnFocus>
      <Popover.Target>
        <Button variant="default" leftSection={<Icon name="overview" />}>
          Views
        </Button>
      </Popover.Target>
      <Popover.Dropdown className="rb-filter">
        <ul className="rb-view-list">
          {[...builtInViews, ...views].map((view, index) => (
            <li key={`${index}-${view.name}`}>
              <button
                type="button"
                className="rb-view"
                aria-current={view.search === search}
                onClick={() => onView(view.search)}
              >
                {view.name}
              </button>
              {index < builtInViews.length ? null : (
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  aria-label={`Remove the view ${view.name}`}
                  onClick={() => remove(view.name)}
                >
                  <Icon name="trash" />
                </ActionIcon>
              )}
            </li>
          ))}
        </ul>
        <form
          className="rb-row"
          onSubmit={(event) => {
            event.preventDefault();
            if (name.trim() === '') return;
            save({ name: name.trim(), search });
            setName('');
          }}
        >
          <TextInput
            size="xs"
            flex={1}
            aria-label="Name of the view"
            placeholder="Keep what is shown as …"
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          <Button size="xs" type="submit" disabled={name.trim() === ''}>
            Keep
          </Button>
        </form>
        <p className="rb-dim rb-small">The address of this page is the view: send it to others.</p>
      </Popover.Dropdown>
    </Popover>
  );
}

function Columns({
  query,
  onChange,
}: {
  query: WorkerQuery;
  onChange: (change: Partial<WorkerQuery>) => void;
}) {
  const flip = (id: ColumnId) => {
    const wanted = new Set(query.columns);
    if (!wanted.delete(id)) wanted.add(id);
    onChange({ columns: workerColumns.map((one) => one.id).filter((one) => wanted.has(one)) });
  };
  return (
    <Menu closeOnItemClick={false} position="bottom-end">
      <Menu.Target>
        <Button className="rb-wide-only" variant="default" leftSection={<Icon name="columns" />}>
          Columns
        </Button>
      </Menu.Target>
      <Menu.Dropdown className="rb-column-menu">
        {workerColumns.map(({ id, label }) => (
          <Menu.CheckboxItem
            key={id}
            checked={query.columns.includes(id)}
            disabled={id === 'name'}
            onChange={() => flip(id)}
          >
            {label}
          </Menu.CheckboxItem>
        ))}
        <Menu.Divider />
        <Menu.Item onClick={() => onChange({ columns: defaultColumns })}>As at first</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

/** Pools by number; the same one at two managers is one choice. */
function poolChoices(pools: readonly PoolRow[]): { value: string; label: string }[] {
  const byPid = new Map(pools.map((pool) => [pool.pid, pool]));
  return [...byPid.values()]
    .sort((a, b) => Number(a.pid) - Number(b.pid))
    .map(({ pid, name }) => ({ value: pid, label: `${pid} · ${name}` }));
}
