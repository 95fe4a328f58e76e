import { fromHex, type Hex } from '@runtime-bridge/base';
import type { ChainFacts } from '@runtime-bridge/chain-client/tx';

import { FleetErrorCode } from '../errors.js';
import type { InventorySnapshot, PoolRow, WorkerRow } from '../inventory/rows.js';
import { ss58OfAccount } from '../inventory/ss58.js';
import type { ProviderView, WorkerSnapshot } from '../runner/messages.js';
import { AlertKind, type Finding } from './alert.js';

/** Everything that rules look at, at one moment. */
export interface AlertView {
  readonly nowMs: number;
  readonly inventory: InventorySnapshot;
  readonly snapshot: (uuid: string) => WorkerSnapshot | undefined;
  /** Nothing is sent on chain for any worker, so none is to be active. */
  readonly syncOnly: boolean;
  /** By order of the operator it does not compute. */
  readonly isHalted: (uuid: string) => boolean;
  /** Undefined while they are not looked for. */
  readonly providers: readonly ProviderView[] | undefined;
  readonly facts: ChainFacts | undefined;
  /** When the facts' block last was another, ms since 1970. */
  readonly blockSinceMs: number;
  /** It was seen to change since the start. */
  readonly hasBlockMoved: boolean;
  /** Since when the oldest transaction waits for its outcome, ms since 1970; undefined for none. */
  readonly oldestJobMs: number | undefined;
  /** A transaction had an outcome since the start. */
  readonly hasSettledJobs: boolean;
  /** When the manager started, ms since 1970. */
  readonly startedMs: number;
  /** Most workers that were active lately. */
  readonly activePeak: number;
  /** Below this an account counts as low, in the smallest unit. */
  readonly minBalance: bigint;
}

const MINUTE_MS = 60_000;
/** Failures that heal by themselves within this are not told. */
const WORKER_ERROR_MS = 2 * MINUTE_MS;
const PROVIDER_MS = 2 * MINUTE_MS;
/** Blocks by which a provider may lag: two minutes of a chain with 12 s blocks. */
const MAX_LAG_BLOCKS = 10;
/** From here on it counts as being there again. */
const GOOD_LAG_BLOCKS = 3;
const CHAIN_MS = 3 * MINUTE_MS;
const JOB_MS = 10 * MINUTE_MS;
/** A fleet that has lost this share of its active workers, and two at least, is shrinking. */
const SHRUNK_SHARE = 0.8;
const RECOVERED_SHARE = 0.9;
const MIN_LOST = 2;
/** A balance is good again only clearly above the bound. */
const BALANCE_MARGIN = 5n;
const PHALA_PREFIX = 30;

const DRIVEN_WELL: ReadonlySet<string> = new Set(['S_SYNCHED', 'S_PRE_ACTIVE', 'S_ACTIVE']);

/** What is wrong, what is well and what cannot be told. Pure. */
export function findingsOf(view: AlertView): Finding[] {
  return [
    ...[...view.inventory.workers.values()].flatMap((row) => workerFindings(view, row)),
    fleetFinding(view),
    ...providerFindings(view),
    chainFinding(view),
    queueFinding(view),
    ...balanceFindings(view),
  ];
}

/** Workers that are to be active. */
export function wantedActive({
  inventory,
  isHalted,
  syncOnly,
}: Pick<AlertView, 'inventory' | 'isHalted' | 'syncOnly'>): WorkerRow[] {
  if (syncOnly) return [];
  return [...inventory.workers.values()].filter(
    (row) =>
      row.enabled &&
      !row.syncOnly &&
      !isHalted(row.uuid) &&
      isDriven(inventory.pools.get(row.poolUuid)),
  );
}

const isDriven = (pool: PoolRow | undefined) => pool?.enabled === true && !pool.syncOnly;

function workerFindings(view: AlertView, row: WorkerRow): Finding[] {
  const pool = view.inventory.pools.get(row.poolUuid);
  const pid = pool?.poolId.toString() ?? '';
  const about = { workerUuid: row.uuid, workerName: row.name, pid };
  const base = { subject: row.uuid, about, severity: 'warning' as const };
  const snapshot = row.enabled && pool?.enabled === true ? view.snapshot(row.uuid) : undefined;
  const isDisabled = !row.enabled || pool?.enabled !== true;
  const error = snapshot?.status === 'S_ERROR' ? snapshot.error : undefined;
  const isStalled = error?.code === FleetErrorCode.WORKER_STALLED;
  const isWell =
    isDisabled || snapshot?.status === 'S_KICKED' || DRIVEN_WELL.has(snapshot?.status ?? '');
  const state =
    snapshot?.publicKey === undefined
      ? undefined
      : view.facts?.workers.get(snapshot.publicKey)?.session?.state;
  const isUnknownOnChain =
    !isDisabled && view.facts?.workers.has(snapshot?.publicKey ?? '0x') !== true;
  const onChain = (bad: boolean) => (isUnknownOnChain ? 'unknown' : bad ? 'bad' : 'good');
  return [
    {
      ...base,
      kind: AlertKind.WORKER_ERROR,
      verdict: isWell ? 'good' : error && !isStalled ? 'bad' : 'unknown',
      message: `Worker ${row.name} fails: ${error?.message ?? ''}`,
      remedy: remedyOf(error) ?? 'Look at what it went through; it is tried again by itself.',
      holdMs: WORKER_ERROR_MS,
    },
    {
      ...base,
      kind: AlertKind.WORKER_STALLED,
      verdict: isWell ? 'good' : isStalled ? 'bad' : 'unknown',
      message: `Worker ${row.name} stalls: ${error?.message ?? ''}`,
      remedy: 'Look at its pRuntime: it answers and does not go on. Restart it.',
      holdMs: 0,
    },
    {
      ...base,
      kind: AlertKind.WORKER_UNRESPONSIVE,
      severity: 'critical',
      verdict: onChain(state === 'WorkerUnresponsive' && !isDisabled),
      message: `The chain counts worker ${row.name} as unresponsive`,
      remedy:
        'It missed its heartbeats: look whether it is at the head and its messages get on chain.',
      holdMs: 0,
    },
    {
      ...base,
      kind: AlertKind.WORKER_COOLING_DOWN,
      verdict: onChain(state === 'WorkerCoolingDown' && !isDisabled && !view.isHalted(row.uuid)),
      message: `Worker ${row.name} cools down, which nobody ordered here`,
      remedy: 'Reclaim it when it has cooled down; then it computes again.',
      holdMs: 0,
    },
  ];
}

function remedyOf(error: object | undefined): string | undefined {
  const remedy = error && 'remedy' in error ? error.remedy : undefined;
  return typeof remedy === 'string' ? remedy : undefined;
}

function fleetFinding(view: AlertView): Finding {
  const wanted = wantedActive(view);
  const active = wanted.filter(({ uuid }) => view.snapshot(uuid)?.status === 'S_ACTIVE').length;
  const peak = Math.min(view.activePeak, wanted.length);
  const isShrunk = active <= peak * SHRUNK_SHARE && peak - active >= MIN_LOST;
  return {
    kind: AlertKind.FLEET_SHRINKING,
    subject: 'fleet',
    severity: 'critical',
    verdict: isShrunk ? 'bad' : active >= peak * RECOVERED_SHARE ? 'good' : 'unknown',
    message: `${active} workers are active, of ${peak} that were`,
    remedy: 'Look at data providers and at the states of workers for what they have in common.',
    holdMs: 5 * MINUTE_MS,
    about: {},
  };
}

function providerFindings({ providers, facts }: AlertView): Finding[] {
  const missing: Finding = {
    kind: AlertKind.PROVIDER_MISSING,
    subject: 'providers',
    severity: 'critical',
    verdict: providers === undefined ? 'unknown' : providers.length === 0 ? 'bad' : 'good',
    message: 'There is no data provider',
    remedy: 'Start one, or see whether this host reaches it (mDNS, PHALA_WALKIE_BOOT_NODES).',
    holdMs: MINUTE_MS,
    about: {},
  };
  return [
    missing,
    ...(providers ?? []).map((provider): Finding => {
      // Each chain by its own target, and blocks by what the parachain node says.
      const lag = Math.max(
        (facts?.block ?? -1) - provider.paraHeight,
        provider.paraTarget - provider.paraHeight,
      );
      return {
        kind: AlertKind.PROVIDER_LAGGING,
        subject: provider.peerId,
        severity: 'warning',
        verdict: lag > MAX_LAG_BLOCKS ? 'bad' : lag <= GOOD_LAG_BLOCKS ? 'good' : 'unknown',
        message: `Data provider ${provider.peerId} is ${lag} blocks behind the head`,
        remedy: 'Look at its nodes: it waits for what they do not give.',
        holdMs: PROVIDER_MS,
        about: { peerId: provider.peerId },
      };
    }),
  ];
}

function chainFinding({ nowMs, blockSinceMs, hasBlockMoved, facts }: AlertView): Finding {
  return {
    kind: AlertKind.CHAIN_STANDING,
    subject: 'para',
    severity: 'critical',
    verdict: nowMs - blockSinceMs >= CHAIN_MS ? 'bad' : hasBlockMoved ? 'good' : 'unknown',
    message: facts
      ? `The finalised head of the parachain stands at block ${facts.block}`
      : 'The parachain cannot be read',
    remedy: 'Look at the parachain node (PHALA_CHAIN_ENDPOINT).',
    holdMs: 0,
    about: {},
  };
}

function queueFinding({ nowMs, oldestJobMs, hasSettledJobs, startedMs }: AlertView): Finding {
  // Those that were stuck before a restart are asked for anew, and look young.
  const isSure = hasSettledJobs || nowMs - startedMs >= 2 * JOB_MS;
  const ageMs = oldestJobMs === undefined ? 0 : nowMs - oldestJobMs;
  return {
    kind: AlertKind.QUEUE_STUCK,
    subject: 'queue',
    severity: 'critical',
    verdict: ageMs >= JOB_MS ? 'bad' : isSure ? 'good' : 'unknown',
    message: `A transaction waits since ${Math.round(ageMs / MINUTE_MS)} minutes`,
    remedy: 'See whether the trader runs, its queue and the parachain node answer.',
    holdMs: 0,
    about: {},
  };
}

function balanceFindings({ inventory, facts, minBalance }: AlertView): Finding[] {
  const accounts = new Map<Hex, PoolRow[]>();
  for (const pool of inventory.pools.values()) {
    if (!pool.enabled) continue;
    const known = accounts.get(pool.operatorPublicKey);
    if (known) known.push(pool);
    else accounts.set(pool.operatorPublicKey, [pool]);
  }
  return [...accounts].map(([account, pools]) => {
    const balance = facts?.balances?.get(account);
    const isGood = balance !== undefined && balance >= minBalance + minBalance / BALANCE_MARGIN;
    const address = ss58OfAccount(fromHex(account), PHALA_PREFIX);
    return {
      kind: AlertKind.BALANCE_LOW,
      subject: account,
      severity: 'critical',
      verdict:
        balance === undefined
          ? 'unknown'
          : balance < minBalance
            ? 'bad'
            : isGood
              ? 'good'
              : 'unknown',
      message: `Operator ${address} of pool ${pools.map((pool) => pool.poolId.toString()).join(', ')} has ${pha(balance ?? 0n)} PHA left for fees`,
      remedy: 'Send it some.',
      holdMs: 0,
      about: { pid: pools[0]!.poolId.toString() },
    };
  });
}

/** Rounded down to a thousandth. */
function pha(amount: bigint): string {
  const thousandths = amount / 1_000_000_000n;
  return `${thousandths / 1000n}.${(thousandths % 1000n).toString().padStart(3, '0')}`;
}
