import { randomUUID } from 'node:crypto';
import {
  AbortScope,
  BridgeError,
  Limiter,
  TaskGroup,
  type Clock,
  type Logger,
} from '@runtime-bridge/base';
import { WalkieErrorCode } from '@runtime-bridge/walkie-protocol';
import {
  actionMeanings,
  type ActionBrief,
  type ActionPreview,
  type ActionProgress,
  type ActionRequest,
  type WorkerKey,
} from '../api/index.js';
import type { FleetStore } from '../fleet/fleet-store.js';
import { ApiError } from './api-error.js';
import type { Managers } from './managers.js';
import { isOrder, OrderDesk } from './order-desk.js';
import { prepareChange, type WorkerChange } from './worker-changes.js';

/** Bounds of what goes on at once and is remembered. */
export interface ActionDeskOptions {
  /** Calls to one manager at once. */
  callsPerManager: number;
  /** Actions under way. */
  maxRunning: number;
  /** Actions kept, with their results. */
  maxKept: number;
  keptMs: number;
}

export const defaultActionDeskOptions: ActionDeskOptions = {
  callsPerManager: 8,
  maxRunning: 8,
  maxKept: 50,
  keptMs: 3_600_000,
};

type Result = ActionProgress['results'][number];

interface Action {
  brief: ActionBrief;
  results: Result[];
  scope: AbortScope;
}

/** Errors after which the same manager needs not be asked about the others. */
const HOPELESS: ReadonlySet<string> = new Set([
  WalkieErrorCode.UNAUTHORIZED,
  WalkieErrorCode.UNREACHABLE,
]);

/** Does things to many workers: says before what would happen, then does it one by one, with a result for each. */
export class ActionDesk {
  readonly #actions = new Map<string, Action>();
  readonly #tasks: TaskGroup;
  readonly #orders: OrderDesk;

  constructor(
    private readonly options: ActionDeskOptions,
    private readonly collaborators: {
      managers: Managers;
      store: FleetStore;
      clock: Clock;
      logger: Logger;
      /** Told of each step. */
      onProgress: (brief: ActionBrief) => void;
      /** Told when something was changed at a manager. */
      onChanged: (manager: string) => void;
    },
  ) {
    const { logger, managers, clock } = collaborators;
    this.#tasks = new TaskGroup({ name: 'actions' }, { logger });
    this.#orders = new OrderDesk({ managers, clock });
  }

  async stop(): Promise<void> {
    await this.#tasks.stop();
  }

  /** What an action would do. @throws ApiError */
  async preview(request: ActionRequest, signal?: AbortSignal): Promise<ActionPreview> {
    const { kind } = request;
    const { consequence, isGrave } = actionMeanings[kind];
    const targets = uniqueOf(request.targets);
    let confirmation: string | null = null;
    let items: ActionPreview['items'];
    if (isOrder(kind)) {
      const found = await this.#orders.preview(kind, targets, signal);
      confirmation = found.confirmation;
      items = found.items.map((item) => ({ ...item, name: item.name || this.#nameOf(item) }));
    } else {
      items = targets.map((target) => {
        const why = this.#whyNot(request, target);
        return {
          ...target,
          name: this.#nameOf(target),
          will: why === undefined,
          why: why ?? consequence,
        };
      });
    }
    const will = items.filter((item) => item.will).length;
    return { kind, consequence, isGrave, confirmation, will, wont: items.length - will, items };
  }

  /**
   * Begins an action; those for whom it makes no sense are skipped.
   * @param onEnd told when it is over
   * @throws ApiError
   */
  start(request: ActionRequest, onEnd: (action: ActionProgress) => void): ActionProgress {
    const running = [...this.#actions.values()].filter(({ brief }) => brief.endedMs === null);
    if (running.length >= this.options.maxRunning) {
      throw new ApiError(429, 'TOO_MANY', 'Too many actions are under way', { retryAfterSec: 5 });
    }
    const { kind } = request;
    const targets = uniqueOf(request.targets);
    if (isOrder(kind)) this.#orders.check(kind, targets, request.confirmation);
    const action: Action = {
      brief: {
        id: randomUUID(),
        kind,
        startedMs: this.#now(),
        endedMs: null,
        total: targets.length,
        done: 0,
        failed: 0,
        skipped: 0,
      },
      results: [],
      scope: new AbortScope(this.#tasks.signal),
    };
    this.#forgetOld();
    this.#actions.set(action.brief.id, action);
    this.#tasks.spawn(kind, async () => {
      try {
        await this.#run(action, request, targets);
      } finally {
        action.brief = { ...action.brief, endedMs: this.#now() };
        action.scope.end();
        this.collaborators.onProgress(action.brief);
        onEnd(this.#progressOf(action, 0));
      }
    });
    return this.#progressOf(action, 0);
  }

  /** @throws ApiError NOT_FOUND */
  get(id: string, after: number): ActionProgress {
    return this.#progressOf(this.#find(id), after);
  }

  /** Lets an action do no more; what is under way is finished. @throws ApiError NOT_FOUND */
  cancel(id: string): ActionProgress {
    const action = this.#find(id);
    action.scope.end();
    return this.#progressOf(action, 0);
  }

  async #run(action: Action, request: ActionRequest, targets: readonly WorkerKey[]): Promise<void> {
    const byManager = new Map<string, WorkerKey[]>();
    for (const target of targets) {
      byManager.set(target.manager, [...(byManager.get(target.manager) ?? []), target]);
    }
    const managers = new Limiter({ concurrency: 16, name: 'managers of an action' });
    await Promise.all(
      [...byManager].map(([manager, some]) =>
        managers.run(() => this.#runAt(action, request, manager, some)),
      ),
    );
  }

  async #runAt(
    action: Action,
    request: ActionRequest,
    manager: string,
    targets: readonly WorkerKey[],
  ): Promise<void> {
    const { managers, onChanged } = this.collaborators;
    const { kind } = request;
    try {
      if (isOrder(kind)) {
        const told = await this.#orders.execute(kind, manager, targets, request.confirmation);
        for (const { key, outcome, message } of told) this.#note(action, key, outcome, message);
        return;
      }
      const wanted = targets.filter((target) => {
        const why = this.#whyNot(request, target);
        if (why !== undefined) this.#note(action, target, 'skipped', why);
        return why === undefined;
      });
      if (wanted.length === 0) return;
      const change = await prepareChange(managers, manager, request);
      await this.#changeAll(action, change, wanted);
    } catch (error) {
      const known = new Set(action.results.map(({ manager: m, uuid }) => `${m}/${uuid}`));
      for (const target of targets) {
        if (!known.has(`${manager}/${target.uuid}`)) this.#fail(action, target, error);
      }
    } finally {
      onChanged(manager);
    }
  }

  async #changeAll(
    action: Action,
    change: WorkerChange,
    targets: readonly WorkerKey[],
  ): Promise<void> {
    const limiter = new Limiter({
      concurrency: this.options.callsPerManager,
      maxQueued: targets.length,
      name: 'calls of an action',
    });
    let hopeless: unknown;
    await Promise.all(
      targets.map((target) =>
        limiter.run(async () => {
          if (action.scope.signal.aborted) {
            this.#note(action, target, 'skipped', 'The action was stopped');
            return;
          }
          if (hopeless !== undefined) {
            this.#fail(action, target, hopeless);
            return;
          }
          try {
            this.#note(action, target, 'done', await change(target.uuid));
          } catch (error) {
            if (HOPELESS.has(BridgeError.from(error).code)) hopeless = error;
            this.#fail(action, target, error);
          }
        }),
      ),
    );
  }

  #whyNot({ kind, pid }: ActionRequest, { manager, uuid }: WorkerKey): string | undefined {
    const { store } = this.collaborators;
    const row = store.worker(manager, uuid);
    if (row === undefined) return 'No such worker is known at this manager';
    const pools = [...store.rows('pools').values()].filter((pool) => pool.manager === manager);
    switch (kind) {
      case 'restart':
      case 'refreshRa':
      case 'kick':
        if (!row.enabled) return 'It is disabled';
        return pools.some((pool) => pool.pid === row.pid && !pool.enabled)
          ? 'Its pool is disabled'
          : undefined;
      case 'enable':
        return row.enabled ? 'It is enabled already' : undefined;
      case 'disable':
        return row.enabled ? undefined : 'It is disabled already';
      case 'move':
        if (pid === row.pid) return 'It is in that pool already';
        return pools.some((pool) => pool.pid === pid)
          ? undefined
          : `Its manager has no pool ${pid ?? ''}`;
      default:
        return undefined;
    }
  }

  #fail(action: Action, target: WorkerKey, error: unknown): void {
    const { code, message } = BridgeError.from(error);
    this.#note(action, target, 'failed', message, code);
  }

  #note(
    action: Action,
    { manager, uuid }: WorkerKey,
    outcome: Result['outcome'],
    message: string,
    code: string | null = null,
  ): void {
    const name = this.#nameOf({ manager, uuid });
    action.results.push({ manager, uuid, name, outcome, code, message });
    const count = action.brief[outcome] + 1;
    action.brief = { ...action.brief, [outcome]: count };
    this.collaborators.onProgress(action.brief);
  }

  #nameOf({ manager, uuid }: WorkerKey): string {
    return this.collaborators.store.worker(manager, uuid)?.name ?? '';
  }

  #progressOf({ brief, results }: Action, after: number): ActionProgress {
    return { ...brief, results: results.slice(after) };
  }

  #find(id: string): Action {
    const action = this.#actions.get(id);
    if (action === undefined) throw ApiError.notFound('That action');
    return action;
  }

  #forgetOld(): void {
    const oldMs = this.#now() - this.options.keptMs;
    for (const [id, { brief }] of this.#actions) {
      if (brief.endedMs === null) continue;
      if (brief.endedMs < oldMs || this.#actions.size >= this.options.maxKept) {
        this.#actions.delete(id);
      }
    }
  }

  #now(): number {
    return this.collaborators.clock.now();
  }
}

function uniqueOf(targets: readonly WorkerKey[]): WorkerKey[] {
  const byKey = new Map(
    targets.map(({ manager, uuid }) => [`${manager}/${uuid}`, { manager, uuid }]),
  );
  return [...byKey.values()];
}
