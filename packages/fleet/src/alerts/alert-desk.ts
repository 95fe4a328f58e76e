import { randomUUID } from 'node:crypto';

import {
  TaskGroup,
  type Clock,
  type Logger,
  type MetricsRegister,
  type Service,
} from '@runtime-bridge/base';

import type { StateSection } from '../state/state-store.js';
import { AlertKind, type Alert, type Finding } from './alert.js';
import { findingsOf, wantedActive, type AlertView } from './alert-rules.js';
import type { Notice, NoticeQueue } from './notice-queue.js';

/** How alerts come and go. */
export interface AlertDeskOptions {
  /** Below this an operator's account counts as low, in the smallest unit. */
  minBalance: bigint;
  /** Between two looks. @default 5000 */
  intervalMs?: number;
  /** After a start workers are on their way for so long: how many are active says nothing. @default 600000 */
  settleMs?: number;
}

/** What a desk works with. */
export interface AlertDeskCollaborators {
  section: StateSection<AlertRecord>;
  notices: Pick<NoticeQueue, 'recordOf' | 'added'>;
  /** The world as it is now, but for what the desk itself remembers. */
  look: () => SeenView;
  logger: Logger;
  metrics: MetricsRegister;
  clock: Clock;
}

/** What a desk is shown; the rest it remembers. */
export type SeenView = Omit<
  AlertView,
  'nowMs' | 'startedMs' | 'blockSinceMs' | 'hasBlockMoved' | 'activePeak' | 'minBalance'
>;

/** What is kept of alerts: incidents, notices that are not delivered, and the peak of active workers. */
export type AlertRecord =
  { readonly alert: Alert } | { readonly notice: Notice } | { readonly activePeak: number };

/** Incidents that are over and still known. */
const MAX_CLEARED = 1_000;
/** Incidents that are on; more are counted together by whoever looks at the fleet. */
const MAX_ACTIVE = 20_000;
/** A provider that is away for so long has left. */
const AWAY_MS = 300_000;
const PEAK_KEY = 'peak';
const ALERT_PREFIX = 'alert:';

/**
 * Watches what can go wrong. An incident is told once when it begins and once when it is over, also when the manager was
 * restarted in between: it is on disk, together with what is still to be told of it, before anybody hears of it.
 */
export class AlertDesk implements Service {
  readonly name = 'alerts';
  readonly #options: Required<AlertDeskOptions>;
  readonly #collaborators: AlertDeskCollaborators;
  readonly #tasks: TaskGroup;
  readonly #startedMs: number;
  readonly #active = new Map<string, Alert>();
  /** Oldest first. */
  #cleared: Alert[] = [];
  /** Since when something is bad that was not told yet, ms since 1970. */
  readonly #badSince = new Map<string, number>();
  #activePeak = 0;
  /** Since when a provider that was lagging is away, ms since 1970. */
  readonly #awaySince = new Map<string, number>();
  #block: { number: number; sinceMs: number; hasMoved: boolean };

  private constructor(options: AlertDeskOptions, collaborators: AlertDeskCollaborators) {
    this.#options = {
      minBalance: options.minBalance,
      intervalMs: options.intervalMs ?? 5_000,
      settleMs: options.settleMs ?? 600_000,
    };
    this.#collaborators = collaborators;
    this.#tasks = new TaskGroup({ name: this.name }, { logger: collaborators.logger });
    this.#startedMs = collaborators.clock.now();
    this.#block = { number: -1, sinceMs: this.#startedMs, hasMoved: false };
    collaborators.metrics.gauge({
      name: 'runtime_bridge_fleet_alerts_count',
      help: 'Alerts that are on, by kind',
      labels: ['kind'],
      collect: (gauge) => {
        const counts = new Map<string, number>(Object.values(AlertKind).map((kind) => [kind, 0]));
        for (const { kind } of this.#active.values()) counts.set(kind, (counts.get(kind) ?? 0) + 1);
        for (const [kind, count] of counts) gauge.set(count, { kind });
      },
    });
  }

  /** Takes up the incidents of before. @throws FleetError BAD_STORE */
  static async open(
    options: AlertDeskOptions,
    collaborators: AlertDeskCollaborators,
  ): Promise<AlertDesk> {
    const desk = new AlertDesk(options, collaborators);
    for (const [key, record] of await collaborators.section.all()) {
      if ('activePeak' in record) desk.#activePeak = record.activePeak;
      if (!key.startsWith(ALERT_PREFIX) || !('alert' in record)) continue;
      if (record.alert.clearedMs === undefined) desk.#active.set(idOf(record.alert), record.alert);
      else desk.#cleared.push(record.alert);
    }
    desk.#cleared.sort((a, b) => (a.clearedMs ?? 0) - (b.clearedMs ?? 0));
    return desk;
  }

  start(): Promise<void> {
    this.#tasks.spawn('watch', async (signal) => {
      const { clock, logger } = this.#collaborators;
      for (let isFailing = false; ;) {
        try {
          await this.look();
          isFailing = false;
        } catch (error) {
          if (!isFailing) logger.error('Alerts cannot be written down', {}, error);
          isFailing = true;
        }
        await clock.sleep(this.#options.intervalMs, signal);
      }
    });
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    await this.#tasks.stop();
  }

  /** Those that are on, newest first, then those that are over. */
  list(): Alert[] {
    const newest = (a: Alert, b: Alert) => b.firedMs - a.firedMs;
    return [...[...this.#active.values()].sort(newest), ...[...this.#cleared].sort(newest)];
  }

  /** Looks once at what is wrong. */
  async look(): Promise<void> {
    const { clock, look, section, notices, logger } = this.#collaborators;
    const nowMs = clock.now();
    const seen = look();
    const block = seen.facts?.block ?? -1;
    if (block !== this.#block.number) {
      // The first one that is read may be the one at which it stands.
      const hasMoved = this.#block.hasMoved || this.#block.number >= 0;
      this.#block = { number: block, sinceMs: nowMs, hasMoved };
    }
    const peakBefore = this.#activePeak;
    const view: AlertView = {
      ...seen,
      nowMs,
      startedMs: this.#startedMs,
      blockSinceMs: this.#block.sinceMs,
      hasBlockMoved: this.#block.hasMoved,
      activePeak: this.#notePeak(seen),
      minBalance: this.#options.minBalance,
    };
    const fired: Alert[] = [];
    const cleared: Alert[] = [];
    const found = new Set<string>();
    for (const finding of findingsOf(view)) {
      const id = idOf(finding);
      found.add(id);
      const alert = this.#judge(id, this.#settled(finding, nowMs), nowMs);
      if (alert) (alert.clearedMs === undefined ? fired : cleared).push(alert);
    }
    // What is no longer there (a worker that was deleted, a provider that left for good) is over.
    for (const [id, alert] of this.#active) {
      if (found.has(id)) this.#awaySince.delete(id);
      else if (this.#isGone(id, alert, nowMs)) cleared.push({ ...alert, clearedMs: nowMs });
    }
    for (const id of this.#badSince.keys()) if (!found.has(id)) this.#badSince.delete(id);
    const told = [
      ...fired.map((alert) => notices.recordOf('alert.fired', alert.kind, alert, nowMs)),
      ...cleared.map((alert) => notices.recordOf('alert.cleared', alert.kind, alert, nowMs)),
    ].filter((notice) => notice !== undefined);
    const after = [...this.#cleared, ...cleared];
    const forgotten = after.splice(0, Math.max(0, after.length - MAX_CLEARED));
    const changes: [string, AlertRecord | undefined][] = [
      ...[...fired, ...cleared].map((alert): [string, AlertRecord] => [keyOf(alert), { alert }]),
      ...forgotten.map((alert): [string, undefined] => [keyOf(alert), undefined]),
      ...told.map(({ key, notice }): [string, AlertRecord] => [key, { notice }]),
      ...(this.#activePeak === peakBefore
        ? []
        : [[PEAK_KEY, { activePeak: this.#activePeak }] as [string, AlertRecord]]),
    ];
    if (changes.length === 0) return;
    await section.write(changes);
    this.#cleared = after;
    for (const alert of fired) {
      this.#active.set(idOf(alert), alert);
      logger.warn('Alert', { kind: alert.kind, alert: alert.id, reason: alert.message });
    }
    for (const alert of cleared) {
      this.#active.delete(idOf(alert));
      this.#awaySince.delete(idOf(alert));
      logger.info('Alert is over', { kind: alert.kind, alert: alert.id });
    }
    notices.added(told);
  }

  /** The incident that begins or is over with what was found, if one does. */
  #judge(id: string, finding: Finding, nowMs: number): Alert | undefined {
    const active = this.#active.get(id);
    if (finding.verdict === 'good') {
      this.#badSince.delete(id);
      return active && { ...active, clearedMs: nowMs };
    }
    if (finding.verdict === 'unknown' || active) return undefined;
    const sinceMs = this.#badSince.get(id) ?? nowMs;
    this.#badSince.set(id, sinceMs);
    if (nowMs - sinceMs < finding.holdMs || this.#active.size >= MAX_ACTIVE) return undefined;
    this.#badSince.delete(id);
    const { kind, subject, severity, message, remedy, about } = finding;
    return { id: randomUUID(), kind, subject, severity, message, remedy, about, firedMs: nowMs };
  }

  /** A worker that is not there was deleted; a provider may come back. */
  #isGone(id: string, { kind }: Alert, nowMs: number): boolean {
    if (kind !== AlertKind.PROVIDER_LAGGING) return true;
    const sinceMs = this.#awaySince.get(id) ?? nowMs;
    this.#awaySince.set(id, sinceMs);
    return nowMs - sinceMs >= AWAY_MS;
  }

  #settled(finding: Finding, nowMs: number): Finding {
    const isEarly = nowMs - this.#startedMs < this.#options.settleMs;
    return isEarly && finding.kind === AlertKind.FLEET_SHRINKING && finding.verdict === 'bad'
      ? { ...finding, verdict: 'unknown' }
      : finding;
  }

  #notePeak(seen: SeenView): number {
    const wanted = wantedActive(seen);
    const active = wanted.filter(({ uuid }) => seen.snapshot(uuid)?.status === 'S_ACTIVE').length;
    // Workers that are no longer wanted are not missed.
    this.#activePeak = Math.max(active, Math.min(this.#activePeak, wanted.length));
    return this.#activePeak;
  }
}

function idOf({ kind, subject }: Pick<Finding, 'kind' | 'subject'>): string {
  return `${kind} ${subject}`;
}

function keyOf({ id }: Alert): string {
  return `${ALERT_PREFIX}${id}`;
}
