import { Button, Modal } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import { Trouble } from './page.js';

/** Asks before something that cannot be taken back, and says what it means. */
export function ConfirmDialog({
  isOpen,
  title,
  children,
  word,
  onConfirm,
  onClose,
}: {
  isOpen: boolean;
  title: string;
  children: ReactNode;
  /** For the button. */
  word: string;
  onConfirm: () => Promise<void>;
  onClose: () => void;
}) {
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const confirm = async () => {
    setBusy(true);
    setError(undefined);
    try {
      await onConfirm();
      onClose();
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal
      opened={isOpen}
      onClose={onClose}
      title={title}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <div className="rb-stack">
        {children}
        {error === undefined ? null : <Trouble error={error} />}
        <div className="rb-form-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button color="red.8" loading={isBusy} onClick={() => void confirm()}>
            {word}
          </Button>
        </div>
      </div>
    </Modal>
  );
}
