import type { Alert, AlertKind, Severity, WorkerRow } from '../api/index.js';
import type { FleetStore } from './fleet-store.js';

/** Something that is wrong at this moment. */
export interface Trouble extends Pick<
  Alert,
  'kind' | 'severity' | 'title' | 'detail' | 'peer' | 'account' | 'count' | 'workers'
> {
  /** The same as long as it is the same trouble. */
  key: string;
  /** Only an alert when it has lasted so long. */
  forMs: number;
  /** Since when, where something else than the first look tells. */
  sinceMs: number | null;
}

const MINUTE_MS = 60_000;
/** Blocks behind the head at which something is worth a look: two minutes of relay blocks, four of para blocks. */
const BEHIND_BLOCKS = 20;
/** Para blocks come every 6 or 12 seconds. */
const STALL_MS = 3 * MINUTE_MS;
const QUEUE_STUCK_MS = 10 * MINUTE_MS;
/** Fees of some days of heartbeats of a pool; in the smallest unit. */
const LOW_BALANCE = 2n * 10n ** 12n;
const SHOWN_WORKERS = 10;

/** What is wrong with the fleet as it is now. Pure. */
export function findTrouble(store: FleetStore, nowMs: number): Trouble[] {
  return [
    ...peerTrouble(store),
    ...chainTrouble(store, nowMs),
    ...workerTrouble(store),
    ...transactionTrouble(store, nowMs),
    ...balanceTrouble(store),
  ];
}

function peerTrouble(store: FleetStore): Trouble[] {
  const providers = [...store.rows('providers').values()];
  const managers = [...store.rows('managers').values()];
  const found: Trouble[] = [];
  if (!providers.some(({ isThere }) => isThere)) {
    found.push(trouble('no-provider', 'critical', 'No data provider is there', MINUTE_MS / 2));
  }
  if (!managers.some(({ isThere }) => isThere)) {
    found.push(trouble('no-manager', 'critical', 'No lifecycle manager is there', MINUTE_MS / 2));
  }
  for (const { peerId, hostname, isThere, problem } of [...providers, ...managers]) {
    if (!isThere) {
      found.push({
        ...trouble('peer-gone', 'critical', `${hostname} has departed`, 0, peerId),
        peer: peerId,
      });
    } else if (problem !== null) {
      found.push({
        ...trouble(
          'peer-failing',
          'critical',
          `${hostname} does not answer as it should`,
          MINUTE_MS / 2,
          peerId,
        ),
        detail: `${problem.code}: ${problem.message}`,
        peer: peerId,
        sinceMs: problem.sinceMs,
      });
    }
  }
  for (const { peerId, hostname, isThere, relay, para } of providers) {
    const lags = [relay, para].map(({ target, done }) =>
      target === null || done === null ? 0 : target - done,
    );
    if (!isThere || Math.max(...lags) < BEHIND_BLOCKS) continue;
    found.push({
      ...trouble('provider-behind', 'warning', `${hostname} is behind the head`, MINUTE_MS, peerId),
      detail: `${lags[0]} relay blocks and ${lags[1]} para blocks behind`,
      peer: peerId,
    });
  }
  return found;
}

function chainTrouble(store: FleetStore, nowMs: number): Trouble[] {
  return [...store.rows('chains').values()].flatMap(({ chainIdentity, para, grewMs }) => {
    const isFollowed = [...store.rows('providers').values()].some(
      (row) => row.isThere && row.chainIdentity === chainIdentity,
    );
    if (!isFollowed || grewMs === null || nowMs - grewMs < STALL_MS) return [];
    return [
      {
        ...trouble(
          'chain-stalled',
          'critical',
          `The parachain stands at block ${para ?? '?'}`,
          0,
          chainIdentity,
        ),
        sinceMs: grewMs,
      },
    ];
  });
}

/** One trouble per kind and manager, with its workers counted: a cause mostly hits many. */
function workerTrouble(store: FleetStore): Trouble[] {
  const groups = new Map<string, { kind: AlertKind; rows: WorkerRow[] }>();
  const note = (kind: AlertKind, row: WorkerRow) => {
    const key = `${kind}/${row.manager}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { kind, rows: [row] });
    else group.rows.push(row);
  };
  for (const row of store.workers.values()) {
    const manager = store.rows('managers').get(row.manager);
    if (!row.enabled || manager?.isThere !== true) continue;
    if (row.state === 'S_ERROR') note('workers-in-error', row);
    if (row.state === 'S_KICKED') note('workers-kicked', row);
    const chain = row.session?.state;
    if (chain === 'WorkerUnresponsive') note('workers-unresponsive', row);
    if (row.state !== 'S_ACTIVE') continue;
    const head = store.rows('chains').get(manager.chainIdentity)?.para ?? null;
    if (head !== null && row.paraBlock !== null && head - row.paraBlock > BEHIND_BLOCKS) {
      note('workers-behind', row);
    }
    const isOrdered = row.order !== null || row.syncOnly;
    if ((chain === 'WorkerCoolingDown' || chain === 'Ready') && !isOrdered) {
      note('views-disagree', row);
    }
  }
  return [...groups].map(([key, { kind, rows }]) => {
    const { severity, words, forMs } = WORKER_TROUBLE[kind as keyof typeof WORKER_TROUBLE];
    const [{ manager }] = rows as [WorkerRow];
    return {
      kind,
      severity,
      key,
      forMs,
      sinceMs: null,
      title: `${rows.length} ${rows.length === 1 ? 'worker' : 'workers'} ${words}`,
      detail: commonest(rows.map(({ message }) => message)),
      peer: manager,
      account: null,
      count: rows.length,
      workers: rows
        .slice(0, SHOWN_WORKERS)
        .map((row) => ({ manager: row.manager, uuid: row.uuid })),
    };
  });
}

const WORKER_TROUBLE = {
  'workers-in-error': { severity: 'critical', words: 'in error', forMs: MINUTE_MS },
  'workers-kicked': { severity: 'warning', words: 'kicked', forMs: 0 },
  'workers-unresponsive': {
    severity: 'critical',
    words: 'unresponsive on chain',
    forMs: 0,
  },
  'workers-behind': { severity: 'warning', words: 'behind the head', forMs: 2 * MINUTE_MS },
  'views-disagree': {
    severity: 'warning',
    words: 'active here, not computing on chain',
    forMs: 2 * MINUTE_MS,
  },
} as const;

function transactionTrouble(store: FleetStore, nowMs: number): Trouble[] {
  return [...store.rows('queues').values()].flatMap((queue) => {
    const found: Trouble[] = [];
    if (queue.failedLately > 0) {
      found.push({
        ...trouble(
          'transactions-failing',
          'warning',
          `${queue.failedLately} transactions failed within a day`,
          0,
          queue.manager,
        ),
        peer: queue.manager,
        count: queue.failedLately,
      });
    }
    const { oldestQueuedMs } = queue;
    if (oldestQueuedMs !== null && nowMs - oldestQueuedMs > QUEUE_STUCK_MS) {
      found.push({
        ...trouble(
          'queue-stuck',
          'critical',
          `${queue.queued} transactions wait, the oldest for long`,
          0,
          queue.manager,
        ),
        peer: queue.manager,
        count: queue.queued,
        sinceMs: oldestQueuedMs,
      });
    }
    return found;
  });
}

function balanceTrouble(store: FleetStore): Trouble[] {
  return [...store.rows('operators').values()].flatMap(({ manager, account, free, pids }) => {
    if (free === null || !/^\d+$/.test(free) || BigInt(free) >= LOW_BALANCE) return [];
    return [
      {
        ...trouble(
          'operator-balance-low',
          'critical',
          `The operator of ${pids.length === 1 ? `pool ${pids[0]}` : `${pids.length} pools`} can hardly pay fees`,
          0,
          `${manager}/${account}`,
        ),
        peer: manager,
        account,
      },
    ];
  });
}

function trouble(
  kind: AlertKind,
  severity: Severity,
  title: string,
  forMs: number,
  subject = '',
): Trouble {
  return {
    kind,
    severity,
    title,
    forMs,
    key: `${kind}/${subject}`,
    detail: '',
    peer: null,
    account: null,
    count: 0,
    workers: [],
    sinceMs: null,
  };
}

/** The message that most of them have, without what differs from worker to worker. */
function commonest(messages: readonly string[]): string {
  const counts = new Map<string, { text: string; count: number }>();
  for (const text of messages) {
    const key = text.replace(/0x[0-9a-f]+|\d+/gi, '#');
    const known = counts.get(key);
    if (known === undefined) counts.set(key, { text, count: 1 });
    else known.count += 1;
  }
  const [first] = [...counts.values()].sort((a, b) => b.count - a.count);
  if (first === undefined || first.text === '') return '';
  return counts.size === 1 ? first.text : `${first.count} of them: ${first.text}`;
}
