import type {
  Alert,
  ProviderRow,
  SessionState,
  TransactionState,
  WorkerRow,
  WorkerState,
} from '../../../src/api/contract.js';
import { sessionMeanings, stateMeanings, type Meaning } from '../../../src/api/glossary.js';
import type { IconName } from '../components/icons.js';

/** A tone of the palette; each is a colour that never stands without a word and an icon. */
export type Shade = 'ok' | 'info' | 'prep' | 'warn' | 'bad' | 'off';

/** How a state is shown, and what is told about it. */
export interface Look {
  readonly shade: Shade;
  readonly icon: IconName;
  readonly word: string;
  readonly meaning: string;
  readonly remedy: string;
}

const stateLooks: Record<WorkerState, { shade: Shade; icon: IconName }> = {
  S_ERROR: { shade: 'bad', icon: 'errorCircle' },
  S_KICKED: { shade: 'warn', icon: 'eject' },
  S_IDLE: { shade: 'off', icon: 'pause' },
  S_STARTING: { shade: 'info', icon: 'play' },
  S_SYNCHING: { shade: 'info', icon: 'sync' },
  S_SYNCHED: { shade: 'prep', icon: 'head' },
  S_PRE_ACTIVE: { shade: 'prep', icon: 'hourglass' },
  S_ACTIVE: { shade: 'ok', icon: 'checkCircle' },
  S_UNKNOWN: { shade: 'off', icon: 'question' },
};

/** The state of a worker as its manager sees it. */
export function lookOfState(state: WorkerState): Look {
  return { ...stateLooks[state], ...wordsOf(stateMeanings[state]) };
}

const sessionLooks: Record<string, { shade: Shade; icon: IconName }> = {
  Ready: { shade: 'prep', icon: 'hourglass' },
  WorkerIdle: { shade: 'ok', icon: 'checkCircle' },
  WorkerUnresponsive: { shade: 'bad', icon: 'warning' },
  WorkerCoolingDown: { shade: 'info', icon: 'snow' },
};

/** The state of a session on chain; null is a worker that has none. */
export function lookOfSession(state: SessionState | null): Look {
  if (state === null) {
    return {
      shade: 'off',
      icon: 'question',
      word: 'no session',
      meaning: 'The chain knows no session of this worker, or its manager has not told one yet.',
      remedy: 'It gets one when it is registered and added to its pool.',
    };
  }
  const meaning = sessionMeanings[state];
  if (meaning === undefined) {
    return { shade: 'off', icon: 'question', word: state, meaning: 'Not known here.', remedy: '' };
  }
  return { ...(sessionLooks[state] ?? { shade: 'off', icon: 'question' }), ...wordsOf(meaning) };
}

const transactionLooks: Record<TransactionState, Look> = {
  queued: {
    shade: 'off',
    icon: 'clock',
    word: 'queued',
    meaning: 'It waits for its turn at the operator’s account.',
    remedy: '',
  },
  running: {
    shade: 'info',
    icon: 'sync',
    word: 'running',
    meaning: 'It is signed and sent, and waits for a block.',
    remedy: '',
  },
  done: {
    shade: 'ok',
    icon: 'checkCircle',
    word: 'in block',
    meaning: 'It is in a block and did what it should.',
    remedy: '',
  },
  failed: {
    shade: 'bad',
    icon: 'errorCircle',
    word: 'failed',
    meaning: 'It did not do what it should.',
    remedy: 'Its error says why.',
  },
  unknown: {
    shade: 'off',
    icon: 'question',
    word: 'unknown',
    meaning: 'Its manager tells a state that this monitor does not know.',
    remedy: 'Update the monitor.',
  },
};

export function lookOfTransaction(state: TransactionState): Look {
  return transactionLooks[state];
}

/** A data provider; one that is not there or does not answer is trouble whatever it said last. */
export function lookOfProvider(row: ProviderRow): Look {
  if (!row.isThere) return gone;
  if (row.problem !== null) return notAnswering;
  switch (row.state) {
    case 'idle':
      return {
        shade: 'ok',
        icon: 'checkCircle',
        word: 'at the head',
        meaning: 'It serves all blocks up to the head of both chains.',
        remedy: '',
      };
    case 'syncing':
      return {
        shade: 'info',
        icon: 'sync',
        word: 'syncing',
        meaning: 'It fetches and verifies blocks. Workers get what it has so far.',
        remedy: '',
      };
    case 'unknown':
      return {
        shade: 'off',
        icon: 'question',
        word: 'not known yet',
        meaning: 'It has not said where it stands.',
        remedy: 'See its log if it stays so.',
      };
  }
}

/** A peer as such. */
export function lookOfPeer(row: { isThere: boolean; problem: unknown }): Look {
  if (!row.isThere) return gone;
  if (row.problem !== null) return notAnswering;
  return {
    shade: 'ok',
    icon: 'link',
    word: 'connected',
    meaning: 'It is there and answers.',
    remedy: '',
  };
}

const gone: Look = {
  shade: 'bad',
  icon: 'unlink',
  word: 'gone',
  meaning: 'It has departed. What is shown is what it last said.',
  remedy: 'See whether its process runs and its host is up.',
};
const notAnswering: Look = {
  shade: 'bad',
  icon: 'warning',
  word: 'failing',
  meaning: 'It is there but does not answer as it should. What is shown is old.',
  remedy: 'Look at its log.',
};

/** How grave an alert is; one that has ended, or is silenced, is calm. */
export function lookOfAlert(alert: Alert, nowMs: number): Look {
  const words = { meaning: '', remedy: '' };
  if (alert.endedMs !== null) return { shade: 'off', icon: 'check', word: 'over', ...words };
  if (alert.silencedUntilMs !== null && alert.silencedUntilMs > nowMs) {
    return { shade: 'off', icon: 'bell', word: 'silenced', ...words };
  }
  switch (alert.severity) {
    case 'critical':
      return { shade: 'bad', icon: 'errorCircle', word: 'critical', ...words };
    case 'warning':
      return { shade: 'warn', icon: 'warning', word: 'warning', ...words };
    case 'info':
      return { shade: 'info', icon: 'info', word: 'note', ...words };
  }
}

/**
 * Where manager and chain tell different things about a worker; undefined when they agree. The manager's states are about
 * driving it, the chain's about its session: only contradictions count, not what has yet to follow.
 */
export function disagreementOf(
  worker: Pick<WorkerRow, 'state' | 'session' | 'enabled' | 'syncOnly'>,
): string | undefined {
  const session = worker.session?.state ?? null;
  if (worker.state === 'S_ACTIVE') {
    if (session === 'WorkerUnresponsive') {
      return 'The manager has it active, but the chain gets no answer to its heartbeat challenges.';
    }
    if (session === 'WorkerCoolingDown') {
      return 'The manager has it active, but on chain it was stopped and is cooling down.';
    }
    if (session === 'Ready') {
      return 'The manager has it active, but on chain it has not started to compute.';
    }
  }
  if (session === 'WorkerIdle' || session === 'WorkerUnresponsive') {
    if (!worker.enabled) {
      return 'It is disabled here, but its session on chain goes on: it misses heartbeats and loses V.';
    }
    if (worker.state === 'S_ERROR' || worker.state === 'S_KICKED') {
      return 'Its session on chain goes on while the manager cannot drive it: it misses heartbeats and loses V.';
    }
  }
  return undefined;
}

function wordsOf({ word, meaning, remedy }: Meaning) {
  return { word, meaning, remedy };
}
