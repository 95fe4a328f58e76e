import { Button, Menu } from '@mantine/core';
import { useState } from 'react';
import type { ActionKind, WorkerRow } from '../../../src/api/contract.js';
import { actionMeanings } from '../../../src/api/glossary.js';
import { Icon } from '../components/icons.js';
import { useModel } from '../live/fleet-context.js';
import { countOf, formatCount } from '../view/format.js';
import type { Selection } from '../workers/use-selection.js';
import { ActionDialog } from './action-dialog.js';
import { actionIcons, offeredActions } from './offered.js';

/** Actions that have a button of their own; the others are in a menu. */
const AT_HAND: readonly ActionKind[] = ['restart', 'refreshRa', 'enable', 'disable'];

/** What can be done with the chosen workers. */
export function BulkBar({
  chosen,
  shown,
  selection,
}: {
  chosen: readonly WorkerRow[];
  shown: readonly WorkerRow[];
  selection: Selection;
}) {
  const model = useModel();
  const [kind, setKind] = useState<ActionKind>();
  const [targets, setTargets] = useState<readonly WorkerRow[]>([]);
  const offered = offeredActions(model, chosen);
  const open = (next: ActionKind) => {
    setTargets(chosen);
    setKind(next);
  };
  return (
    <section className="rb-selection" aria-label="Chosen workers">
      <b role="status">{countOf(chosen.length, 'worker')} chosen</b>
      {chosen.length < shown.length ? (
        <Button variant="subtle" size="compact-sm" onClick={() => selection.setAll(shown, true)}>
          All {formatCount(shown.length)} shown
        </Button>
      ) : null}
      <Button variant="subtle" size="compact-sm" onClick={selection.clear}>
        None
      </Button>
      <span className="rb-grow" />
      {AT_HAND.filter((one) => offered.includes(one)).map((one) => (
        <Button
          key={one}
          size="sm"
          variant="default"
          leftSection={<Icon name={actionIcons[one]} />}
          onClick={() => open(one)}
        >
          {actionMeanings[one].word}
        </Button>
      ))}
      <Menu position="top-end">
        <Menu.Target>
          <Button size="sm" variant="default" leftSection={<Icon name="more" />}>
            More
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {offered
            .filter((one) => !AT_HAND.includes(one))
            .map((one) => (
              <Menu.Item
                key={one}
                leftSection={<Icon name={actionIcons[one]} />}
                {...(actionMeanings[one].isGrave ? { color: 'var(--rb-bad)' } : {})}
                onClick={() => open(one)}
              >
                {actionMeanings[one].word}
              </Menu.Item>
            ))}
        </Menu.Dropdown>
      </Menu>
      <ActionDialog kind={kind} targets={targets} onClose={() => setKind(undefined)} />
    </section>
  );
}
