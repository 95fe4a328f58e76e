import { randomUUID } from 'node:crypto';
import type { Clock, Logger } from '@runtime-bridge/base';
import { rowKeys, type Alert, type AlertPage } from '../api/index.js';
import { findTrouble, type Trouble } from './trouble.js';
import type { FleetStore } from './fleet-store.js';

/** Alerts that are over and still told. */
const MAX_ENDED = 500;

interface Pending {
  trouble: Trouble;
  sinceMs: number;
  alert: Alert | undefined;
}

/**
 * Keeps the alerts: one per trouble, from when it has lasted for as long as its kind wants until it is over. Over a restart
 * they begin anew; incidents that must not be lost are told by the managers' webhooks.
 */
export class AlertBook {
  readonly #pending = new Map<string, Pending>();
  readonly #silencedUntilMs = new Map<string, number>();
  #ended: Alert[] = [];

  constructor(private readonly collaborators: { clock: Clock; logger: Logger }) {}

  /** Looks at the fleet, and puts what is the matter into it. */
  judge(store: FleetStore): void {
    const nowMs = this.collaborators.clock.now();
    const found = new Map(findTrouble(store, nowMs).map((trouble) => [trouble.key, trouble]));
    for (const [key, pending] of this.#pending) {
      if (found.has(key)) continue;
      this.#pending.delete(key);
      if (pending.alert !== undefined) this.#end(store, pending.alert, nowMs);
    }
    for (const [key, trouble] of found) {
      const pending = this.#pending.get(key) ?? { trouble, sinceMs: nowMs, alert: undefined };
      this.#pending.set(key, pending);
      pending.trouble = trouble;
      const sinceMs = Math.min(pending.sinceMs, trouble.sinceMs ?? nowMs);
      if (nowMs - sinceMs < trouble.forMs) continue;
      const isNew = pending.alert === undefined;
      pending.alert = this.#alertOf(pending.alert?.id ?? randomUUID(), trouble, sinceMs, nowMs);
      store.set('alerts', pending.alert);
      if (isNew) {
        const { kind, title } = pending.alert;
        this.collaborators.logger.warn('Alert', { kind, title, peer: trouble.peer ?? undefined });
      }
    }
  }

  /** Lasting ones first, then those that ended, newest first. */
  page(store: FleetStore, beforeMs: number, limit: number): AlertPage {
    const lasting = [...store.rows('alerts').values()].sort((a, b) => b.sinceMs - a.sinceMs);
    const all = [...lasting, ...this.#ended].filter(({ sinceMs }) => sinceMs < beforeMs);
    return { alerts: all.slice(0, limit), hasMore: all.length > limit };
  }

  /** @returns the alert as it is then; undefined when none of that id lasts */
  silence(store: FleetStore, id: string, untilMs: number | null): Alert | undefined {
    const entry = [...this.#pending].find(([, { alert }]) => alert?.id === id);
    if (entry === undefined) return undefined;
    const [key, pending] = entry;
    if (untilMs === null) this.#silencedUntilMs.delete(key);
    else this.#silencedUntilMs.set(key, untilMs);
    const alert = { ...pending.alert!, silencedUntilMs: untilMs };
    pending.alert = alert;
    store.set('alerts', alert);
    return alert;
  }

  #alertOf(id: string, trouble: Trouble, sinceMs: number, nowMs: number): Alert {
    const { key, forMs: _forMs, sinceMs: _sinceMs, ...told } = trouble;
    const silencedUntilMs = this.#silencedUntilMs.get(key) ?? null;
    const isSilenced = silencedUntilMs !== null && silencedUntilMs > nowMs;
    if (silencedUntilMs !== null && !isSilenced) this.#silencedUntilMs.delete(key);
    return {
      id,
      ...told,
      sinceMs,
      endedMs: null,
      silencedUntilMs: isSilenced ? silencedUntilMs : null,
    };
  }

  #end(store: FleetStore, alert: Alert, nowMs: number): void {
    store.delete('alerts', rowKeys.alerts(alert));
    this.#ended = [{ ...alert, endedMs: nowMs }, ...this.#ended].slice(0, MAX_ENDED);
    this.collaborators.logger.info('Alert is over', { kind: alert.kind, title: alert.title });
  }
}
