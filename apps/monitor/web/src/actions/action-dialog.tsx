import { Button, Checkbox, Loader, Modal, Select } from '@mantine/core';
import { useMemo, useState } from 'react';
import type {
  ActionKind,
  ActionOutcome,
  ActionRequest,
  WorkerKey,
} from '../../../src/api/contract.js';
import { actionMeanings } from '../../../src/api/glossary.js';
import { Icon, type IconName } from '../components/icons.js';
import { Note, Trouble } from '../components/page.js';
import { useModel } from '../live/fleet-context.js';
import { countOf, formatCount, percentOf } from '../view/format.js';
import { useAction, type RunningAction } from './use-action.js';

/** Lists longer than this are cut; the counts above them are of all. */
const MAX_LISTED = 500;

/** What an action will do to whom, then how it goes: preview, confirmation, progress, a result for each. */
export function ActionDialog({
  kind,
  targets,
  onClose,
}: {
  /** None is closed. */
  kind: ActionKind | undefined;
  targets: readonly WorkerKey[];
  onClose: () => void;
}) {
  return (
    <Modal
      opened={kind !== undefined}
      onClose={onClose}
      size="lg"
      title={
        kind === undefined
          ? ''
          : `${actionMeanings[kind].word}: ${countOf(targets.length, 'worker')}`
      }
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {kind === undefined ? null : (
        <ActionSteps key={kind} kind={kind} targets={targets} onClose={onClose} />
      )}
    </Modal>
  );
}

function ActionSteps({
  kind,
  targets,
  onClose,
}: {
  kind: ActionKind;
  targets: readonly WorkerKey[];
  onClose: () => void;
}) {
  const [pid, setPid] = useState<string | null>(null);
  // The selection may change behind the dialog; what it began with counts.
  const [fixed] = useState(targets);
  const request = useMemo<ActionRequest | undefined>(() => {
    const keys = fixed.map(({ manager, uuid }) => ({ manager, uuid }));
    if (kind !== 'move') return { kind, targets: keys };
    return pid === null ? undefined : { kind, targets: keys, pid };
  }, [kind, fixed, pid]);
  const action = useAction(request);
  if (action.progress !== undefined) {
    return <Progress action={action} onClose={onClose} />;
  }
  return (
    <div className="rb-stack">
      {kind === 'move' ? <PoolChoice targets={fixed} pid={pid} onChange={setPid} /> : null}
      <Preview kind={kind} action={action} isAsked={request !== undefined} onClose={onClose} />
    </div>
  );
}

function PoolChoice({
  targets,
  pid,
  onChange,
}: {
  targets: readonly WorkerKey[];
  pid: string | null;
  onChange: (pid: string | null) => void;
}) {
  const model = useModel();
  const managers = new Set(targets.map(({ manager }) => manager));
  const pools = [...model.pools.values()].filter(({ manager }) => managers.has(manager));
  const choices = new Map(pools.map((pool) => [pool.pid, `${pool.pid} · ${pool.name}`]));
  return (
    <Select
      label="To the pool"
      data={[...choices].map(([value, label]) => ({ value, label }))}
      value={pid}
      onChange={onChange}
      searchable
    />
  );
}

function Preview({
  kind,
  action,
  isAsked,
  onClose,
}: {
  kind: ActionKind;
  action: RunningAction;
  isAsked: boolean;
  onClose: () => void;
}) {
  const [isSure, setSure] = useState(false);
  const { preview, error } = action;
  const { consequence, word } = actionMeanings[kind];
  return (
    <>
      <Note
        shade={preview?.isGrave === true ? 'warn' : 'info'}
        icon={preview?.isGrave === true ? 'warning' : 'info'}
      >
        <b>What happens:</b> {preview?.consequence ?? consequence}
      </Note>
      {error === undefined ? null : <Trouble error={error} />}
      {preview === undefined ? (
        isAsked && error === undefined ? (
          <Loader size="sm" aria-label="Asking what would happen" />
        ) : null
      ) : (
        <>
          <p role="status">
            <b>{formatCount(preview.will)}</b> will be done
            {preview.wont === 0 ? (
              '.'
            ) : (
              <>
                , <b>{formatCount(preview.wont)}</b> left out.
              </>
            )}
          </p>
          <ul className="rb-results" tabIndex={0} aria-label="What happens to each">
            {[...preview.items]
              .sort((a, b) => Number(a.will) - Number(b.will))
              .slice(0, MAX_LISTED)
              .map((item) => (
                <li key={`${item.manager}/${item.uuid}`}>
                  <Icon
                    name={item.will ? 'right' : 'cross'}
                    className={item.will ? 'rb-icon rb-dim' : 'rb-icon rb-text-warn'}
                  />
                  <span>
                    <b>{item.name}</b>
                    {item.will ? null : ' left out'}
                    {item.why === '' ? null : <span className="rb-dim"> · {item.why}</span>}
                  </span>
                </li>
              ))}
          </ul>
          {preview.items.length > MAX_LISTED ? (
            <p className="rb-dim">and {formatCount(preview.items.length - MAX_LISTED)} more</p>
          ) : null}
          {preview.isGrave ? (
            <Checkbox
              label="I know what this does"
              checked={isSure}
              onChange={(event) => setSure(event.currentTarget.checked)}
            />
          ) : null}
        </>
      )}
      <div className="rb-form-end">
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Button
          data-autofocus
          {...(preview?.isGrave === true ? { color: 'red.8' } : {})}
          loading={action.isStarting}
          disabled={preview === undefined || preview.will === 0 || (preview.isGrave && !isSure)}
          onClick={() => void action.start()}
        >
          {word} {preview === undefined ? '' : formatCount(preview.will)}
        </Button>
      </div>
    </>
  );
}

const outcomeIcons: Record<ActionOutcome, { name: IconName; className: string }> = {
  done: { name: 'check', className: 'rb-icon rb-text-ok' },
  failed: { name: 'errorCircle', className: 'rb-icon rb-text-bad' },
  skipped: { name: 'cross', className: 'rb-icon rb-dim' },
};

function Progress({ action, onClose }: { action: RunningAction; onClose: () => void }) {
  const { progress, error } = action;
  if (progress === undefined) return null;
  const { total, done, failed, skipped, endedMs } = progress;
  const over = done + failed + skipped;
  const percent = percentOf(over, total) ?? 100;
  const results = [...progress.results].sort(
    (a, b) => Number(b.outcome === 'failed') - Number(a.outcome === 'failed'),
  );
  return (
    <div className="rb-stack">
      <div
        className="rb-track"
        role="progressbar"
        aria-label="Progress"
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={percent}
      >
        <span
          className={`rb-track-fill ${failed > 0 ? 'rb-track-bad' : endedMs === null ? '' : 'rb-track-ok'}`}
          style={{ width: `${percent}%` }}
        />
      </div>
      <p role="status">
        {endedMs === null ? `${formatCount(over)} of ${formatCount(total)} …` : 'Over: '}
        {endedMs === null ? null : (
          <>
            <b>{formatCount(done)}</b> done, <b>{formatCount(failed)}</b> failed,{' '}
            <b>{formatCount(skipped)}</b> left out
          </>
        )}
      </p>
      {error === undefined ? null : <Trouble error={error} />}
      <ul className="rb-results" tabIndex={0} aria-label="Results">
        {results.slice(0, MAX_LISTED).map((result) => (
          <li key={`${result.manager}/${result.uuid}`}>
            <Icon {...outcomeIcons[result.outcome]} />
            <span>
              <b>{result.name}</b>{' '}
              {{ done: 'done', failed: 'failed', skipped: 'left out' }[result.outcome]}
              {result.message === '' ? null : <span className="rb-dim"> · {result.message}</span>}
            </span>
          </li>
        ))}
      </ul>
      <div className="rb-form-end">
        {endedMs === null ? (
          <Button variant="default" onClick={() => void action.stop()}>
            Stop here
          </Button>
        ) : null}
        <Button onClick={onClose}>{endedMs === null ? 'Go on in the background' : 'Close'}</Button>
      </div>
    </div>
  );
}
