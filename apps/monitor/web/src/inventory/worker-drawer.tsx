import { Drawer } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import type { WorkerRow } from '../../../src/api/contract.js';
import { Note } from '../components/page.js';
import { useModel } from '../live/fleet-context.js';
import { WorkerForm } from './worker-form.js';

/** The form of a worker beside the page. */
export function WorkerDrawer({
  isOpen,
  worker,
  onClose,
}: {
  isOpen: boolean;
  /** The one to edit; none makes a new one. */
  worker?: WorkerRow;
  onClose: () => void;
}) {
  const model = useModel();
  return (
    <Drawer
      opened={isOpen}
      onClose={onClose}
      title={worker === undefined ? 'New worker' : `Edit ${worker.name}`}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {model.pools.size === 0 ? (
        <Note shade="warn" icon="warning">
          A worker belongs to a pool: create one first, under Pools.
        </Note>
      ) : (
        <WorkerForm
          {...(worker === undefined ? {} : { worker })}
          onCancel={onClose}
          onDone={() => {
            notifications.show({
              color: 'teal',
              message: worker === undefined ? 'The worker is created' : 'The worker is saved',
            });
            onClose();
          }}
        />
      )}
    </Drawer>
  );
}
