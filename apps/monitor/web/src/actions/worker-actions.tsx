import { Button } from '@mantine/core';
import { useState } from 'react';
import { useLocation } from 'wouter';
import type { ActionKind, WorkerRow } from '../../../src/api/contract.js';
import { actionMeanings } from '../../../src/api/glossary.js';
import { Icon } from '../components/icons.js';
import { Panel } from '../components/page.js';
import { useModel } from '../live/fleet-context.js';
import { ActionDialog } from './action-dialog.js';
import { actionIcons, offeredActions } from './offered.js';

/** All that can be done with one worker, each with what it will mean. */
export function WorkerActions({ worker }: { worker: WorkerRow }) {
  const model = useModel();
  const [, navigate] = useLocation();
  const [kind, setKind] = useState<ActionKind>();
  const useless: ActionKind = worker.enabled ? 'enable' : 'disable';
  const close = () => {
    const wasDeleted = kind === 'delete' && !model.workers.has(worker.n);
    setKind(undefined);
    if (wasDeleted) navigate('/workers');
  };
  return (
    <Panel title="Actions" icon="play">
      <ul className="rb-actions-list">
        {offeredActions(model, [worker])
          .filter((one) => one !== useless)
          .map((one) => {
            const { word, consequence, isGrave } = actionMeanings[one];
            return (
              <li key={one} className="rb-action">
                <Button
                  size="sm"
                  variant="default"
                  justify="flex-start"
                  className={isGrave ? 'rb-grave' : ''}
                  leftSection={<Icon name={actionIcons[one]} />}
                  aria-describedby={`what-${one}`}
                  onClick={() => setKind(one)}
                >
                  {word}
                </Button>
                <p id={`what-${one}`}>{consequence}</p>
              </li>
            );
          })}
      </ul>
      <ActionDialog kind={kind} targets={[worker]} onClose={close} />
    </Panel>
  );
}
