import { Popover, UnstyledButton } from '@mantine/core';
import type { Look } from '../view/tones.js';
import { Icon } from './icons.js';

/** A state in colour, word and icon. What it means is told to whoever points at it. */
export function Chip({ look, quiet = false }: { look: Look; quiet?: boolean }) {
  const told = [look.meaning, look.remedy].filter(Boolean).join(' ');
  return (
    <span
      className={`rb-chip rb-${look.shade}${quiet ? ' rb-chip-quiet' : ''}`}
      title={told === '' ? undefined : told}
    >
      <Icon name={look.icon} size={14} />
      <span className="rb-chip-word">{look.word}</span>
    </span>
  );
}

/** The same, opening what it means and what to do; by keyboard and finger too. */
export function ExplainedChip({ look }: { look: Look }) {
  return (
    <Popover width={320} position="bottom-start" withArrow shadow="md">
      <Popover.Target>
        <UnstyledButton className="rb-chip-button" aria-label={`${look.word}: what this means`}>
          <Chip look={look} />
        </UnstyledButton>
      </Popover.Target>
      <Popover.Dropdown>
        <Explanation look={look} />
      </Popover.Dropdown>
    </Popover>
  );
}

/** What a state means, and what to do. */
export function Explanation({ look }: { look: Pick<Look, 'meaning' | 'remedy'> }) {
  return (
    <dl className="rb-explain">
      <dt>What this means</dt>
      <dd>{look.meaning}</dd>
      <dt>What to do</dt>
      <dd>{look.remedy === '' ? 'Nothing.' : look.remedy}</dd>
    </dl>
  );
}
