import {
  AbortScope,
  SingleFlight,
  TaskGroup,
  type Clock,
  type Logger,
  type MetricsRegister,
  type Service,
} from '@runtime-bridge/base';
import { WalkieRoles, type Peer, type Walkie } from '@runtime-bridge/walkie-protocol';
import type { FleetState } from '../api/index.js';
import { AlertBook } from './alert-book.js';
import { FleetStore } from './fleet-store.js';
import { HeightHistories } from './height-history.js';
import { MAX_WORKERS, ManagerLook } from './manager-look.js';
import { PeerStatus } from './peer-status.js';
import { ProviderLook, updateHeads } from './provider-look.js';

/** How often peers are looked at. */
export interface FleetWatchOptions {
  /** While somebody looks. */
  watchedPeriodMs: number;
  /** While nobody does, for alerts and histories. */
  idlePeriodMs: number;
  /** A peer that departed is shown for so long. */
  departedKeptMs: number;
}

export const defaultFleetWatchOptions: FleetWatchOptions = {
  watchedPeriodMs: 3_000,
  idlePeriodMs: 15_000,
  departedKeptMs: 600_000,
};

/** Loops look at the clock so often; much finer than the periods. */
const TICK_MS = 500;
/** Looking takes a tenth of the time at most, unless that would be slower than when nobody looks. */
const COST_FACTOR = 10;
/** Peers followed at most; who else claims to be a manager is not asked. */
const MAX_FOLLOWED = 200;

interface Look {
  look(peer: Peer, signal: AbortSignal): Promise<void>;
  show(peer: Peer, isThere: boolean): void;
}

interface Followed {
  peer: Peer;
  readonly look: Look;
  readonly status: PeerStatus;
  /** When the last look began, when it was over, and how long it took. */
  lookedMs: number;
  endedMs: number;
  tookMs: number;
  /** Ends its loop. */
  scope: AbortScope | undefined;
  departedMs: number | undefined;
}

/** What the watch needs. */
export interface FleetWatchCollaborators {
  walkie: Walkie;
  clock: Clock;
  logger: Logger;
  metrics: MetricsRegister;
}

/** Keeps the fleet's state up to date: looks at every provider and manager, each in its own time, so that a slow one delays nobody. */
export class FleetWatch implements Service {
  readonly name = 'fleet-watch';
  readonly store = new FleetStore();
  readonly alerts: AlertBook;
  /** Heights of workers by their numbers. */
  readonly histories = new HeightHistories<number>({ maxRows: MAX_WORKERS });
  /** Heads of chains by identity. */
  readonly heads = new HeightHistories<string>({ maxRows: MAX_FOLLOWED });
  readonly #progress = new HeightHistories<string>({ maxRows: 2 * MAX_FOLLOWED });
  readonly #followed = new Map<string, Followed>();
  readonly #flights = new SingleFlight<string, void>();
  readonly #tasks: TaskGroup;
  #unsubscribe: (() => void) | undefined;
  #watchers = 0;

  constructor(
    private readonly options: FleetWatchOptions,
    private readonly collaborators: FleetWatchCollaborators,
  ) {
    const { logger, metrics, clock } = collaborators;
    this.#tasks = new TaskGroup({ name: 'fleet-watch' }, { logger });
    this.alerts = new AlertBook({ clock, logger });
    metrics.gauge({
      name: 'runtime_bridge_monitor_workers_count',
      help: 'Workers by state, of all managers that are followed',
      labels: ['state'],
      collect: (gauge) => {
        const counts = new Map<string, number>();
        for (const { state } of this.store.workers.values()) {
          counts.set(state, (counts.get(state) ?? 0) + 1);
        }
        for (const state of new Set([...this.#seenStates, ...counts.keys()])) {
          this.#seenStates.add(state);
          gauge.set(counts.get(state) ?? 0, { state });
        }
      },
    });
    metrics.gauge({
      name: 'runtime_bridge_monitor_alerts_count',
      help: 'Alerts that last, by severity',
      labels: ['severity'],
      collect: (gauge) => {
        const rows = [...this.store.rows('alerts').values()];
        for (const severity of ['critical', 'warning', 'info']) {
          gauge.set(rows.filter((row) => row.severity === severity).length, { severity });
        }
      },
    });
  }

  readonly #seenStates = new Set<string>();

  async start(): Promise<void> {
    if (this.#unsubscribe !== undefined) return;
    this.#unsubscribe = this.collaborators.walkie.peers.subscribe(() => this.#followPeers());
    this.#followPeers();
    this.#tasks.spawn('alerts', async (signal) => {
      for (;;) {
        await this.collaborators.clock.sleep(TICK_MS * 4, signal);
        this.#forgetDeparted();
        this.alerts.judge(this.store);
      }
    });
  }

  async stop(): Promise<void> {
    this.#unsubscribe?.();
    for (const { scope } of this.#followed.values()) scope?.end();
    await this.#tasks.stop();
  }

  /** Has everything looked at often until the returned function is called. */
  watch(): () => void {
    this.#watchers += 1;
    let isOver = false;
    return () => {
      if (!isOver) this.#watchers -= 1;
      isOver = true;
    };
  }

  /** The fleet as of now. */
  state(): FleetState {
    return this.store.state(this.collaborators.clock.now());
  }

  /** Waits until all peers have been looked at within that time; those that do not answer within the patience are left. */
  async fresh(maxAgeMs: number, patienceMs: number, signal?: AbortSignal): Promise<void> {
    const { clock } = this.collaborators;
    const due = [...this.#followed.values()].filter(
      ({ endedMs, departedMs }) => departedMs === undefined && clock.now() - endedMs >= maxAgeMs,
    );
    if (due.length === 0) return;
    const patience = new AbortScope(signal, this.#tasks.signal);
    try {
      await Promise.race([
        Promise.all(due.map((followed) => this.#look(followed, patience.signal))),
        clock.sleep(patienceMs, patience.signal).catch(() => undefined),
      ]);
    } finally {
      patience.end();
    }
  }

  /** Looks at a manager again soon, with all of it, as after a change. */
  hurry(manager: string): void {
    const followed = this.#followed.get(manager);
    if (!(followed?.look instanceof ManagerLook)) return;
    followed.look.hurry();
    followed.lookedMs = -Infinity;
    followed.endedMs = -Infinity;
  }

  #followPeers(): void {
    const { walkie, clock } = this.collaborators;
    const { WR_DATA_PROVIDER_INT, WR_LIFECYCLE_MANAGER } = WalkieRoles;
    const there = new Map(
      walkie.peers
        .list()
        .filter(({ role }) => role === WR_DATA_PROVIDER_INT || role === WR_LIFECYCLE_MANAGER)
        .map((peer) => [peer.peerId, peer]),
    );
    for (const followed of this.#followed.values()) {
      const { peer } = followed;
      if (there.get(peer.peerId)?.role === peer.role || followed.departedMs !== undefined) continue;
      followed.departedMs = clock.now();
      followed.scope?.end();
      followed.look.show(peer, false);
      if (peer.role === WR_DATA_PROVIDER_INT) this.#updateHeads(peer);
    }
    for (const peer of there.values()) {
      const followed = this.#followed.get(peer.peerId);
      if (followed?.peer.role === peer.role) this.#goOn(followed, peer);
      else if (this.#followed.size < MAX_FOLLOWED) {
        if (followed !== undefined) this.#forget(followed);
        this.#begin(peer);
      }
    }
  }

  #begin(peer: Peer): void {
    const { walkie, clock, logger } = this.collaborators;
    const { store, histories, heads } = this;
    const status = new PeerStatus({ clock, logger });
    const look =
      peer.role === WalkieRoles.WR_LIFECYCLE_MANAGER
        ? new ManagerLook({ walkie, clock, logger, store, status, histories })
        : new ProviderLook({ walkie, clock, store, status, heads, progress: this.#progress });
    const followed: Followed = {
      peer,
      look,
      status,
      lookedMs: -Infinity,
      endedMs: -Infinity,
      tookMs: 0,
      scope: undefined,
      departedMs: clock.now(),
    };
    this.#followed.set(peer.peerId, followed);
    this.#goOn(followed, peer);
  }

  #goOn(followed: Followed, peer: Peer): void {
    followed.peer = peer;
    if (followed.departedMs === undefined) return;
    followed.departedMs = undefined;
    followed.lookedMs = -Infinity;
    followed.look.show(peer, true);
    const scope = new AbortScope(this.#tasks.signal);
    followed.scope = scope;
    this.#tasks.spawn('look', async () => {
      const { clock } = this.collaborators;
      try {
        while (!scope.signal.aborted) {
          if (clock.now() >= followed.lookedMs + this.#periodOf(followed)) {
            await this.#look(followed, scope.signal);
          }
          await clock.sleep(TICK_MS, scope.signal);
        }
      } catch (error) {
        if (!scope.signal.aborted) throw error;
      } finally {
        scope.end();
      }
    });
  }

  #periodOf({ tookMs }: Followed): number {
    const { watchedPeriodMs, idlePeriodMs } = this.options;
    if (this.#watchers === 0) return idlePeriodMs;
    return Math.min(Math.max(watchedPeriodMs, tookMs * COST_FACTOR), idlePeriodMs);
  }

  /** Never rejects: failures are shown with the peer. */
  async #look(followed: Followed, signal: AbortSignal): Promise<void> {
    const { clock } = this.collaborators;
    const { peer, look, status } = followed;
    try {
      await this.#flights.do(
        peer.peerId,
        async (flightSignal) => {
          const startedMs = clock.now();
          followed.lookedMs = startedMs;
          try {
            await look.look(peer, flightSignal);
          } finally {
            followed.endedMs = clock.now();
            followed.tookMs = followed.endedMs - startedMs;
          }
        },
        signal,
      );
    } catch (error) {
      if (signal.aborted || followed.departedMs !== undefined) return;
      status.failed(peer, error);
      look.show(peer, true);
    }
  }

  #updateHeads({ chainIdentity }: Peer): void {
    const { clock } = this.collaborators;
    updateHeads({ store: this.store, heads: this.heads, clock }, chainIdentity);
  }

  #forgetDeparted(): void {
    const oldMs = this.collaborators.clock.now() - this.options.departedKeptMs;
    for (const followed of this.#followed.values()) {
      if (followed.departedMs !== undefined && followed.departedMs < oldMs) this.#forget(followed);
    }
  }

  #forget({ peer, scope }: Followed): void {
    scope?.end();
    this.#followed.delete(peer.peerId);
    const { store } = this;
    const isOwned = ({ manager }: { manager: string }) => manager === peer.peerId;
    for (const name of ['pools', 'queues', 'operators'] as const) store.replace(name, isOwned, []);
    store.delete('providers', peer.peerId);
    store.delete('managers', peer.peerId);
    for (const n of store.keepWorkers(peer.peerId, new Set())) this.histories.forget(n);
    this.#progress.forget(`${peer.peerId}/relay`);
    this.#progress.forget(`${peer.peerId}/para`);
  }
}
