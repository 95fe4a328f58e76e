import { randomUUID } from 'node:crypto';
import { BridgeError, type Clock } from '@runtime-bridge/base';
import { WalkieErrorCode, type OrderAnswer } from '@runtime-bridge/walkie-protocol';
import type { ActionKind, ActionOutcome, ActionPreview, WorkerKey } from '../api/index.js';
import { ApiError } from './api-error.js';
import type { Managers } from './managers.js';

const METHODS = {
  stop: 'StopWorker',
  drain: 'DrainWorker',
  reclaim: 'ReclaimWorker',
  resume: 'ResumeWorker',
} as const;
type OrderName = keyof typeof METHODS;

/** Whether an action is an order on chain, which its manager wants confirmed. */
export function isOrder(kind: ActionKind): kind is OrderName {
  return Object.hasOwn(METHODS, kind);
}

interface Plan {
  kind: OrderName;
  /** Of all that were asked for. */
  keys: string;
  byManager: Map<string, { uuids: string[]; confirmation: string }>;
  untilMs: number;
}

/** Managers keep theirs for a few minutes. */
const KEPT_MS = 600_000;
const MAX_PLANS = 100;

/**
 * Passes orders on chain on. A manager says what they would do and confirms just that; the confirmations of several
 * managers are kept here under one.
 */
export class OrderDesk {
  readonly #plans = new Map<string, Plan>();

  constructor(private readonly collaborators: { managers: Managers; clock: Clock }) {}

  /** What an order would do. Managers that cannot say are told as not willing. */
  async preview(
    kind: OrderName,
    targets: readonly WorkerKey[],
    signal?: AbortSignal,
  ): Promise<Pick<ActionPreview, 'items' | 'confirmation'>> {
    const byManager: Plan['byManager'] = new Map();
    const lists = await Promise.all(
      groupByManager(targets).map(async ([manager, uuids]) => {
        try {
          return await this.#previewAt(kind, manager, uuids, byManager, signal);
        } catch (error) {
          const why = whyNot(error);
          return uuids.map((uuid) => ({ manager, uuid, name: '', will: false, why }));
        }
      }),
    );
    const found = new Map(lists.flat().map((item) => [`${item.manager}/${item.uuid}`, item]));
    const items = targets.flatMap(({ manager, uuid }) => found.get(`${manager}/${uuid}`) ?? []);
    if (byManager.size === 0) return { items, confirmation: null };
    const confirmation = randomUUID();
    const untilMs = this.#now() + KEPT_MS;
    this.#plans.set(confirmation, { kind, keys: keysOf(targets), byManager, untilMs });
    for (const [id, plan] of this.#plans) {
      if (plan.untilMs > this.#now() && this.#plans.size <= MAX_PLANS) break;
      this.#plans.delete(id);
    }
    return { items, confirmation };
  }

  /** @throws ApiError BAD_REQUEST when the confirmation is none for this order */
  check(kind: OrderName, targets: readonly WorkerKey[], confirmation: string | undefined): void {
    this.#plan(kind, targets, confirmation);
  }

  /** Has the part of an order done that concerns one manager. @throws as Managers.call */
  async execute(
    kind: OrderName,
    manager: string,
    targets: readonly WorkerKey[],
    confirmation: string | undefined,
  ): Promise<{ key: WorkerKey; outcome: ActionOutcome; message: string }[]> {
    const plan = this.#plans.get(confirmation ?? '');
    const part = plan?.byManager.get(manager);
    const wanted = new Set(part?.uuids);
    const skipped = targets
      .filter(({ uuid }) => !wanted.has(uuid))
      .map((key) => ({
        key,
        outcome: 'skipped' as const,
        message: 'It makes no sense for it now',
      }));
    if (part === undefined) return skipped;
    // Once only: whoever wants it again has to look again.
    plan!.byManager.delete(manager);
    const answer = await this.#ask(kind, manager, part.uuids, part.confirmation);
    const texts = textsOf(answer);
    return [
      ...skipped,
      ...part.uuids.map((uuid) => ({
        key: { manager, uuid },
        outcome: answer.accepted ? ('done' as const) : ('failed' as const),
        message: answer.accepted
          ? (texts.get(uuid) ?? 'The order was taken')
          : `Things have changed meanwhile: ${texts.get(uuid) ?? 'look again'}`,
      })),
    ];
  }

  async #previewAt(
    kind: OrderName,
    manager: string,
    uuids: readonly string[],
    byManager: Plan['byManager'],
    signal: AbortSignal | undefined,
  ): Promise<ActionPreview['items']> {
    let answer = await this.#ask(kind, manager, uuids, '', signal);
    const possible = answer.effects.flatMap((effect) => (effect.possible ? effect.workerUuid : []));
    const { effects } = answer;
    // A list with one that it makes no sense for is not confirmed at all.
    if (possible.length > 0 && possible.length < uuids.length) {
      answer = await this.#ask(kind, manager, possible, '', signal);
    }
    if (possible.length > 0 && answer.confirmation !== '') {
      byManager.set(manager, { uuids: possible, confirmation: answer.confirmation });
    }
    return effects.map(({ workerUuid, name, text, possible: will }) => ({
      manager,
      uuid: workerUuid,
      name,
      will,
      why: text,
    }));
  }

  #ask(
    kind: OrderName,
    manager: string,
    ids: readonly string[],
    confirmation: string,
    signal?: AbortSignal,
  ): Promise<OrderAnswer> {
    const request = { ids: [...ids], confirmation };
    return this.collaborators.managers.call(manager, METHODS[kind], request, { signal });
  }

  #plan(kind: OrderName, targets: readonly WorkerKey[], confirmation: string | undefined): Plan {
    const plan = this.#plans.get(confirmation ?? '');
    const isFit = plan?.kind === kind && plan.keys === keysOf(targets);
    if (plan !== undefined && isFit && plan.untilMs > this.#now()) return plan;
    throw new ApiError(400, 'BAD_REQUEST', 'This needs the confirmation of a preview of the same', {
      field: 'confirmation',
      remedy: 'Look at the preview again: it is good for a few minutes and for the same workers',
    });
  }

  #now(): number {
    return this.collaborators.clock.now();
  }
}

function groupByManager(targets: readonly WorkerKey[]): [string, string[]][] {
  const groups = new Map<string, string[]>();
  for (const { manager, uuid } of targets) {
    groups.set(manager, [...(groups.get(manager) ?? []), uuid]);
  }
  return [...groups];
}

function keysOf(targets: readonly WorkerKey[]): string {
  return targets
    .map(({ manager, uuid }) => `${manager}/${uuid}`)
    .sort()
    .join();
}

function textsOf({ effects }: OrderAnswer): Map<string, string> {
  return new Map(effects.map(({ workerUuid, text }) => [workerUuid, text]));
}

function whyNot(error: unknown): string {
  const { code, message } = BridgeError.from(error);
  return code === WalkieErrorCode.NOT_FOUND
    ? `Its manager does not offer that, or does not know it: ${message}`
    : message;
}
