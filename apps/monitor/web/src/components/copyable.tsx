import { ActionIcon } from '@mantine/core';
import { useClipboard } from '@mantine/hooks';
import { shortId } from '../view/format.js';
import { Icon } from './icons.js';

/** A long id, account or hash, shortened, with a button that copies all of it. */
export function Copyable({
  text,
  what,
  short = true,
  head = 6,
  tail = 6,
}: {
  text: string;
  /** For the button: `Copy <what>`. */
  what: string;
  short?: boolean;
  head?: number;
  tail?: number;
}) {
  const { copied, copy } = useClipboard({ timeout: 1_500 });
  return (
    <span className="rb-copyable">
      <code title={text}>{short ? shortId(text, head, tail) : text}</code>
      <ActionIcon
        size="sm"
        variant="subtle"
        color="gray"
        aria-label={copied ? 'Copied' : `Copy ${what}`}
        onClick={() => copy(text)}
      >
        <Icon name={copied ? 'check' : 'copy'} size={14} />
      </ActionIcon>
    </span>
  );
}
