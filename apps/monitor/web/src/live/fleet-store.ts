import type { ActionBrief, FleetDelta, FleetSnapshot } from '../../../src/api/contract.js';
import { applyDelta, modelOf, type FleetModel } from '../../../src/api/fleet-model.js';
import type { FleetLink, LinkStatus } from './fleet-link.js';

/** The parts of the fleet that a view can follow; each has a number that grows when something in it changes. */
export type FleetPart = Exclude<keyof FleetModel, 'atMs'>;

/** What views read. It is a new object whenever something has changed; rows that did not change are the same ones. */
export interface FleetView {
  /** Undefined until the first snapshot. */
  readonly model: FleetModel | undefined;
  readonly revisions: Readonly<Record<FleetPart, number>>;
  readonly link: LinkStatus;
  /** Actions of this session that run or have just ended, by their ids. */
  readonly actions: ReadonlyMap<string, ActionBrief>;
}

/** Views are told at most so often, however many deltas come: a fleet of thousands stays readable. */
const MIN_TELL_INTERVAL_MS = 250;
const MAX_ACTIONS = 50;
const parts = [
  'chains',
  'providers',
  'managers',
  'pools',
  'queues',
  'operators',
  'alerts',
  'workers',
] as const satisfies readonly FleetPart[];

/**
 * The fleet as this page knows it: a snapshot and the deltas since, brought by a link. Deltas are applied at once and told
 * in batches. Use with React's useSyncExternalStore.
 */
export class FleetStore {
  readonly #listeners = new Set<() => void>();
  readonly #link: FleetLink;
  #model: FleetModel | undefined;
  #revisions = Object.fromEntries(parts.map((part) => [part, 0])) as Record<FleetPart, number>;
  #actions = new Map<string, ActionBrief>();
  #status: LinkStatus;
  #view: FleetView;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #toldMs = 0;

  constructor(collaborators: { link: FleetLink }) {
    this.#link = collaborators.link;
    this.#status = this.#link.status;
    this.#view = this.#makeView();
    this.#link.onStatus = (status) => {
      this.#status = status;
      this.#tellNow();
    };
    this.#link.onSnapshot = (snapshot) => this.#takeSnapshot(snapshot);
    this.#link.onDelta = (delta) => this.#takeDelta(delta);
    this.#link.onAction = (action) => this.#takeAction(action);
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly getView = (): FleetView => this.#view;

  #takeSnapshot(snapshot: FleetSnapshot): void {
    this.#model = modelOf(snapshot);
    for (const part of parts) this.#revisions[part] += 1;
    this.#tellNow();
  }

  #takeDelta(delta: FleetDelta): void {
    if (this.#model === undefined) return;
    applyDelta(this.#model, delta);
    for (const part of parts) if (delta[part] !== undefined) this.#revisions[part] += 1;
    this.#tellSoon();
  }

  #takeAction(action: ActionBrief): void {
    this.#actions.set(action.id, action);
    for (const [id, { endedMs }] of this.#actions) {
      if (this.#actions.size <= MAX_ACTIONS) break;
      if (endedMs !== null) this.#actions.delete(id);
    }
    this.#tellSoon();
  }

  #tellSoon(): void {
    if (this.#timer !== undefined) return;
    const waitMs = Math.max(0, this.#toldMs + MIN_TELL_INTERVAL_MS - performance.now());
    this.#timer = setTimeout(() => this.#tellNow(), waitMs);
  }

  #tellNow(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#toldMs = performance.now();
    this.#view = this.#makeView();
    for (const listener of this.#listeners) listener();
  }

  #makeView(): FleetView {
    return {
      model: this.#model,
      revisions: { ...this.#revisions },
      link: this.#status,
      actions: new Map(this.#actions),
    };
  }
}
