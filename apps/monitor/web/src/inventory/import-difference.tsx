import type { ImportResult } from '../../../src/api/contract.js';
import { formatPha } from '../../../src/api/amounts.js';
import { Icon, type IconName } from '../components/icons.js';
import { Note } from '../components/page.js';
import { countOf, formatCount } from '../view/format.js';

type Change = ImportResult['changes'][number];
/** Longer lists are cut; the counts are of all. */
const MAX_LISTED = 500;

const actionLooks: Record<Change['action'], { icon: IconName; word: string; className: string }> = {
  create: { icon: 'plus', word: 'new', className: 'rb-icon rb-text-ok' },
  change: { icon: 'pencil', word: 'changed', className: 'rb-icon rb-text-warn' },
  delete: { icon: 'trash', word: 'deleted', className: 'rb-icon rb-text-bad' },
};

/** What an import would change, or did: entries that are wrong first, then each change with its fields. */
export function ImportDifference({ result }: { result: ImportResult }) {
  const { applied, changes, faults, unchanged } = result;
  const count = (kind: Change['kind'], action: Change['action']) =>
    changes.filter((change) => change.kind === kind && change.action === action).length;
  const told = (['pool', 'worker'] as const).flatMap((kind) =>
    (['create', 'change', 'delete'] as const).flatMap((action) => {
      const n = count(kind, action);
      return n === 0 ? [] : [`${countOf(n, kind)} ${actionLooks[action].word}`];
    }),
  );
  return (
    <div className="rb-stack" aria-live="polite">
      <Note
        shade={applied ? 'ok' : faults.length > 0 ? 'warn' : 'info'}
        icon={applied ? 'checkCircle' : faults.length > 0 ? 'warning' : 'info'}
      >
        <b>{applied ? 'Done: ' : 'This would be: '}</b>
        {told.length === 0 ? 'nothing changes' : told.join(', ')}
        {unchanged === 0 ? '.' : `; ${formatCount(unchanged)} as they are.`}
        {faults.length === 0
          ? null
          : ` ${countOf(faults.length, 'entry', 'entries')} cannot be taken over.`}
      </Note>
      {faults.length === 0 ? null : (
        <ul className="rb-results" tabIndex={0} aria-label="Entries that are wrong">
          {faults.slice(0, MAX_LISTED).map((fault, index) => (
            <li key={index}>
              <Icon name="errorCircle" className="rb-icon rb-text-bad" />
              <span>
                <b>{fault.place}</b> · <code>{fault.field}</code> {fault.rule}
              </span>
            </li>
          ))}
        </ul>
      )}
      {changes.length === 0 ? null : (
        <ul className="rb-results" tabIndex={0} aria-label="Changes">
          {changes.slice(0, MAX_LISTED).map((change) => {
            const look = actionLooks[change.action];
            return (
              <li key={`${change.kind} ${change.pid} ${change.name}`}>
                <Icon name={look.icon} className={look.className} />
                <span>
                  <b>{change.name}</b>{' '}
                  <span className="rb-dim">
                    {change.kind} {look.word}, pool {change.pid}
                  </span>
                  {change.action === 'delete'
                    ? null
                    : change.fields.map(({ field, before, after }) => (
                        <span key={field} className="rb-diff">
                          {' '}
                          <code>{field}</code>{' '}
                          {change.action === 'create' || before === '' ? null : (
                            <>
                              <del className="rb-diff-old">{shown(field, before)}</del> →{' '}
                            </>
                          )}
                          <ins className="rb-diff-new">{shown(field, after)}</ins>
                        </span>
                      ))}
                </span>
              </li>
            );
          })}
        </ul>
      )}
      {changes.length > MAX_LISTED ? (
        <p className="rb-dim">and {formatCount(changes.length - MAX_LISTED)} more</p>
      ) : null}
    </div>
  );
}

/** Stakes in PHA, as everywhere else here. */
function shown(field: string, value: string): string {
  return field === 'stake' ? `${formatPha(value)} PHA` : value === '' ? 'nothing' : value;
}
