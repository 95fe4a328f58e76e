import type { ReactNode } from 'react';
import { Link } from 'wouter';
import type { WorkerRow } from '../../../src/api/contract.js';
import { formatPha } from '../../../src/api/amounts.js';
import { Chip } from '../components/chip.js';
import { Icon } from '../components/icons.js';
import { workerPath } from '../view/alerts.js';
import {
  formatCount,
  formatDecimal,
  formatMib,
  formatRate,
  formatSpan,
  shortId,
  UNKNOWN,
  withoutStamp,
} from '../view/format.js';
import { disagreementOf, lookOfSession, lookOfState } from '../view/tones.js';
import type { ColumnId } from '../view/worker-columns.js';
import { BEHIND_BLOCKS, etaOf, lagOf, type FleetFrame } from '../view/worker-list.js';

/** Blocks behind from which it is plainly trouble. */
const FAR_BEHIND_BLOCKS = 100;

/** What stands in a cell of the table of workers. */
export function cellOf(
  worker: WorkerRow,
  column: ColumnId,
  frame: FleetFrame,
  nowMs: number,
): ReactNode {
  switch (column) {
    case 'name':
      return (
        <Link className="rb-name" href={workerPath(worker)} tabIndex={-1}>
          {worker.name}
        </Link>
      );
    case 'state':
      return <StateCell worker={worker} />;
    case 'since':
      return worker.sinceMs === null ? UNKNOWN : formatSpan(nowMs - worker.sinceMs);
    case 'lag':
      return <Lag worker={worker} frame={frame} />;
    case 'session': {
      const contradiction = disagreementOf(worker);
      return (
        <>
          <Chip look={lookOfSession(worker.session?.state ?? null)} quiet />
          {contradiction === undefined ? null : (
            <span className="rb-text-warn" title={contradiction}>
              {' '}
              <Icon name="warning" size={15} />
              <span className="rb-hidden">Disagrees with the manager</span>
            </span>
          )}
        </>
      );
    }
    case 'message': {
      const text = withoutStamp(worker.message);
      return (
        <span title={text} className={worker.state === 'S_ERROR' ? 'rb-text-bad' : undefined}>
          {text}
        </span>
      );
    }
    case 'pool':
      return worker.pid;
    case 'manager':
      return frame.managerNames.get(worker.manager) ?? shortId(worker.manager);
    case 'paraBlock':
    case 'paraHeader':
    case 'relayHeader':
      return formatCount(worker[column]);
    case 'speed':
      return formatRate(worker.perMinute);
    case 'eta': {
      const seconds = etaOf(worker, frame);
      return seconds === undefined ? UNKNOWN : formatSpan(seconds * 1_000);
    }
    case 'v':
    case 've':
      return formatDecimal(worker.session?.[column]);
    case 'pInit':
    case 'pInstant':
      return formatCount(worker.session?.[column]);
    case 'reward':
      return worker.session?.reward === null || worker.session?.reward === undefined
        ? UNKNOWN
        : formatPha(worker.session.reward, 2);
    case 'stake':
      return formatPha(worker.stake, 2);
    case 'version':
      return worker.runtime?.version ?? UNKNOWN;
    case 'memory':
      return formatMib(worker.runtime?.memoryMib);
    case 'endpoint':
      return <code title={worker.endpoint}>{worker.endpoint}</code>;
    case 'publicKey':
      return worker.publicKey === '' ? (
        UNKNOWN
      ) : (
        <code title={worker.publicKey}>{shortId(worker.publicKey)}</code>
      );
    case 'account':
      return worker.session?.account === null || worker.session?.account === undefined ? (
        UNKNOWN
      ) : (
        <code title={worker.session.account}>{shortId(worker.session.account)}</code>
      );
  }
}

/** The state, and what keeps it from working as meant. */
export function StateCell({ worker }: { worker: WorkerRow }) {
  if (!worker.enabled) {
    return (
      <Chip
        look={{
          shade: 'off',
          icon: 'power',
          word: 'disabled',
          meaning: 'The manager leaves it alone.',
          remedy: 'Enable it, if it should run.',
        }}
      />
    );
  }
  return <Chip look={lookOfState(worker.state)} />;
}

/** Blocks behind the head. */
export function Lag({
  worker,
  frame,
  unit = '',
}: {
  worker: WorkerRow;
  frame: FleetFrame;
  /** Behind the figure, where no heading says what it is. */
  unit?: string;
}) {
  const lag = lagOf(worker, frame);
  if (lag === undefined) return UNKNOWN;
  if (lag <= 3) return <span className="rb-dim">at head</span>;
  const shade =
    lag >= FAR_BEHIND_BLOCKS ? 'rb-lag-bad' : lag >= BEHIND_BLOCKS ? 'rb-lag-warn' : undefined;
  return (
    <span className={shade}>
      {formatCount(lag)}
      {unit}
    </span>
  );
}
