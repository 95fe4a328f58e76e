import { Link } from 'wouter';
import { workerStates, type WorkerState } from '../../../src/api/contract.js';
import { countOf, formatCount } from '../view/format.js';
import { lookOfState } from '../view/tones.js';
import { formatWorkerQuery, type WorkerQuery } from '../view/worker-query.js';
import { Icon } from './icons.js';

const all: readonly WorkerState[] = [...workerStates, 'S_UNKNOWN'];

/** Workers by state as one bar, and as words that lead to them; trouble first. */
export function StateBar({
  counts,
  query = {},
  size = 'full',
}: {
  counts: ReadonlyMap<WorkerState, number>;
  /** What a click narrows down further. */
  query?: Partial<WorkerQuery>;
  /** `small` has no words. */
  size?: 'full' | 'small';
}) {
  const present = all.filter((state) => (counts.get(state) ?? 0) > 0);
  const total = present.reduce((sum, state) => sum + counts.get(state)!, 0);
  const words = present.map((state) => `${counts.get(state)} ${lookOfState(state).word}`);
  return (
    <div className="rb-state-bar">
      <div
        className={`rb-bar rb-bar-${size}`}
        role="img"
        aria-label={total === 0 ? 'No workers' : `${countOf(total, 'worker')}: ${words.join(', ')}`}
      >
        {present.map((state) => (
          <span
            key={state}
            className={`rb-bar-part rb-${lookOfState(state).shade} rb-bar-${state}`}
            style={{ flexGrow: counts.get(state)! }}
            title={`${counts.get(state)} ${lookOfState(state).word}`}
          />
        ))}
      </div>
      <ul className="rb-bar-words">
        {present.map((state) => {
          const look = lookOfState(state);
          return (
            <li key={state}>
              <Link
                href={`/workers${formatWorkerQuery({ ...query, states: [state] })}`}
                className={`rb-count rb-${look.shade}`}
              >
                <Icon name={look.icon} size={14} />
                <b>{formatCount(counts.get(state))}</b> {look.word}
              </Link>
            </li>
          );
        })}
      </ul>
    </div>
  );
}
