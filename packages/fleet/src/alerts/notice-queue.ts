import { randomUUID } from 'node:crypto';

import {
  Backoff,
  messageOf,
  TaskGroup,
  Watched,
  type Clock,
  type Logger,
  type MetricsRegister,
  type Service,
} from '@runtime-bridge/base';

import type { WorkerEvent, WorkerStatus } from '../runner/messages.js';
import type { StateSection } from '../state/state-store.js';
import type { Alert, AlertKind } from './alert.js';
import type { AlertRecord } from './alert-desk.js';
import { noticeHeaders, signNotice } from './signature.js';

/** Where notices go, and which. */
export interface WebhookOptions {
  url: string;
  /** Signs notices; empty leaves them without a signature. */
  secret: string;
  /** `alerts`, `states`, or kinds of alerts. */
  events: readonly string[];
  /** Deadline of one try. @default 10000 */
  timeoutMs?: number;
  /** First wait after a try that failed. @default 1000 */
  retryMinMs?: number;
  /** @default 300000 */
  retryMaxMs?: number;
  /** A notice that could not be delivered for so long is given up. @default 86400000 */
  maxAgeMs?: number;
  /** How long changes of states are gathered. @default 2000 */
  gatherMs?: number;
}

/** Something to be told. */
export interface Notice {
  readonly id: string;
  readonly event: 'alert.fired' | 'alert.cleared' | 'worker.states';
  /** Ms since 1970. */
  readonly atMs: number;
  readonly data: unknown;
}

/** What became of a notice that was sent to try the webhook. */
export interface WebhookTestResult {
  readonly delivered: boolean;
  /** 0 when there was no answer. */
  readonly httpStatus: number;
  readonly error: string;
  readonly tookMs: number;
}

/** What a queue works with. */
export interface NoticeQueueCollaborators {
  section: StateSection<AlertRecord>;
  /** Name of a worker. */
  nameOf: (uuid: string) => string | undefined;
  logger: Logger;
  metrics: MetricsRegister;
  clock: Clock;
  /** Sends a request. @default fetch */
  fetch?: typeof fetch;
}

/** Notices that wait; beyond that the oldest are given up. */
const MAX_WAITING = 10_000;
/** Changes of state in one notice. */
const MAX_CHANGES = 500;
const NOTICE_PREFIX = 'notice:';

interface Waiting {
  readonly key: string;
  readonly notice: Notice;
  readonly isOnDisk: boolean;
}

interface StateChange {
  readonly worker: string;
  readonly name: string;
  readonly from: WorkerStatus | '';
  readonly to: WorkerStatus;
  readonly at: string;
}

/**
 * Delivers notices to a webhook in their order, each until the endpoint has taken it. Those of alerts are on disk until then,
 * so that a restart neither loses nor repeats them; one that the endpoint took just before a crash comes again under the same
 * delivery id.
 */
export class NoticeQueue implements Service {
  readonly name = 'webhook';
  readonly #options: Required<WebhookOptions> | undefined;
  readonly #collaborators: NoticeQueueCollaborators;
  readonly #tasks: TaskGroup;
  readonly #length = new Watched(0);
  #waiting: Waiting[] = [];
  #sequence = 0;
  #states = new Map<string, WorkerStatus>();
  #changes: StateChange[] = [];
  #lost = 0;
  #deliveredMs: number | undefined;
  #error = '';

  private constructor(
    options: WebhookOptions | undefined,
    collaborators: NoticeQueueCollaborators,
  ) {
    this.#options = options && {
      ...options,
      timeoutMs: options.timeoutMs ?? 10_000,
      retryMinMs: options.retryMinMs ?? 1_000,
      retryMaxMs: options.retryMaxMs ?? 300_000,
      maxAgeMs: options.maxAgeMs ?? 86_400_000,
      gatherMs: options.gatherMs ?? 2_000,
    };
    this.#collaborators = collaborators;
    this.#tasks = new TaskGroup({ name: this.name }, { logger: collaborators.logger });
    collaborators.metrics.gauge({
      name: 'runtime_bridge_fleet_notices_waiting_count',
      help: 'Notices that the webhook has not taken yet',
      collect: (gauge) => gauge.set(this.#waiting.length),
    });
  }

  /**
   * Takes up the notices that were not delivered.
   * @param options undefined without a webhook: nothing is sent, and what waited is forgotten
   * @throws FleetError BAD_STORE
   */
  static async open(
    options: WebhookOptions | undefined,
    collaborators: NoticeQueueCollaborators,
  ): Promise<NoticeQueue> {
    const queue = new NoticeQueue(options, collaborators);
    const { section } = collaborators;
    for (const [key, record] of await section.all()) {
      if (!key.startsWith(NOTICE_PREFIX) || !('notice' in record)) continue;
      queue.#sequence = Math.max(queue.#sequence, Number(key.slice(NOTICE_PREFIX.length)) + 1);
      if (options) queue.#waiting.push({ key, notice: record.notice, isOnDisk: true });
      else await section.write([[key, undefined]]);
    }
    queue.#length.set(queue.#waiting.length);
    return queue;
  }

  /** How it does. */
  get state() {
    return {
      configured: this.#options !== undefined,
      waiting: this.#waiting.length,
      lost: this.#lost,
      deliveredMs: this.#deliveredMs,
      error: this.#error,
    };
  }

  start(): Promise<void> {
    if (this.#options === undefined) return Promise.resolve();
    const options = this.#options;
    this.#tasks.spawn('deliver', (signal) => this.#deliver(options, signal));
    this.#tasks.spawn('gather', (signal) => this.#gather(options, signal));
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    await this.#tasks.stop();
  }

  /** The row of a notice of an alert, to be written with the alert; undefined when nobody wants to be told. */
  recordOf(
    event: 'alert.fired' | 'alert.cleared',
    kind: AlertKind,
    alert: Alert,
    atMs: number,
  ): { key: string; notice: Notice } | undefined {
    const events = this.#options?.events ?? [];
    if (!events.includes('alerts') && !events.includes(kind)) return undefined;
    return {
      key: this.#nextKey(),
      notice: { id: randomUUID(), event, atMs, data: alertJson(alert) },
    };
  }

  /** Sends notices that are on disk by now. */
  added(notices: readonly { key: string; notice: Notice }[]): void {
    this.#push(notices.map((one) => ({ ...one, isOnDisk: true })));
  }

  /** Notices changes of state in what workers say. */
  noteEvents(events: readonly WorkerEvent[]): void {
    if (this.#options?.events.includes('states') !== true) return;
    for (const { uuid, status, timeMs } of events) {
      const from = this.#states.get(uuid);
      if (from === status) continue;
      this.#states.set(uuid, status);
      if (this.#changes.length >= MAX_WAITING) this.#lost += 1;
      else {
        const name = this.#collaborators.nameOf(uuid) ?? '';
        const at = new Date(timeMs).toISOString();
        this.#changes.push({ worker: uuid, name, from: from ?? '', to: status, at });
      }
    }
  }

  /** Sends one notice of the event `test`, once. */
  async test(signal?: AbortSignal): Promise<WebhookTestResult> {
    const { clock } = this.#collaborators;
    if (this.#options === undefined) {
      return {
        delivered: false,
        httpStatus: 0,
        error: 'No webhook is set (PHALA_WEBHOOK_URL)',
        tookMs: 0,
      };
    }
    const beganMs = clock.now();
    const notice = { id: randomUUID(), event: 'test' as const, atMs: beganMs, data: {} };
    const { httpStatus, error } = await this.#send(this.#options, notice, signal);
    return { delivered: error === '', httpStatus, error, tookMs: clock.now() - beganMs };
  }

  async #gather({ gatherMs }: { gatherMs: number }, signal: AbortSignal): Promise<never> {
    const { clock } = this.#collaborators;
    for (;;) {
      await clock.sleep(gatherMs, signal);
      while (this.#changes.length > 0) {
        const data = { changes: this.#changes.splice(0, MAX_CHANGES) };
        const notice = {
          id: randomUUID(),
          event: 'worker.states' as const,
          atMs: clock.now(),
          data,
        };
        this.#push([{ key: this.#nextKey(), notice, isOnDisk: false }]);
      }
    }
  }

  async #deliver(options: Required<WebhookOptions>, signal: AbortSignal): Promise<never> {
    const { clock, logger } = this.#collaborators;
    const backoff = new Backoff({ minMs: options.retryMinMs, maxMs: options.retryMaxMs });
    for (;;) {
      await this.#length.until((length) => length > 0, signal);
      const next = this.#waiting[0]!;
      const { error } = await this.#send(options, next.notice, signal);
      if (error === '') {
        if (this.#error !== '') logger.info('Webhook takes notices again');
        this.#error = '';
        this.#deliveredMs = clock.now();
        backoff.reset();
        await this.#drop(next);
        continue;
      }
      if (this.#error === '') {
        logger.warn('Webhook does not take a notice', { reason: error, event: next.notice.event });
      }
      this.#error = error;
      if (clock.now() - next.notice.atMs > options.maxAgeMs) {
        this.#lost += 1;
        logger.error('A notice is given up', { event: next.notice.event, reason: error });
        await this.#drop(next);
        continue;
      }
      await clock.sleep(backoff.next(), signal);
    }
  }

  async #send(
    options: Required<WebhookOptions>,
    notice: Omit<Notice, 'event'> & { event: Notice['event'] | 'test' },
    signal?: AbortSignal,
  ): Promise<{ httpStatus: number; error: string }> {
    const { clock, fetch: send = fetch } = this.#collaborators;
    const { id, event, atMs, data } = notice;
    const body = JSON.stringify({ id, event, at: new Date(atMs).toISOString(), data });
    const timestampSec = Math.floor(clock.now() / 1_000);
    const deadline = AbortSignal.timeout(options.timeoutMs);
    try {
      const answer = await send(options.url, {
        method: 'POST',
        // A redirect could lead anywhere.
        redirect: 'manual',
        headers: {
          'content-type': 'application/json',
          'user-agent': 'runtime-bridge',
          [noticeHeaders.event]: event,
          [noticeHeaders.delivery]: id,
          [noticeHeaders.timestamp]: `${timestampSec}`,
          ...(options.secret === ''
            ? {}
            : { [noticeHeaders.signature]: signNotice(options.secret, timestampSec, body) }),
        },
        body,
        signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
      });
      await answer.body?.cancel();
      return answer.ok
        ? { httpStatus: answer.status, error: '' }
        : { httpStatus: answer.status, error: `HTTP ${answer.status}` };
    } catch (error) {
      if (signal?.aborted) throw error;
      const reason = deadline.aborted
        ? `No answer within ${options.timeoutMs} ms`
        : messageOf(error instanceof Error && error.cause ? error.cause : error);
      return { httpStatus: 0, error: reason };
    }
  }

  #nextKey(): string {
    // Digits enough that texts sort as numbers do.
    return `${NOTICE_PREFIX}${(this.#sequence++).toString().padStart(15, '0')}`;
  }

  #push(some: readonly Waiting[]): void {
    this.#waiting.push(...some);
    const surplus = this.#waiting.length - MAX_WAITING;
    if (surplus > 0) {
      // The first may be under way.
      const gone = this.#waiting.splice(1, surplus);
      this.#lost += gone.length;
      this.#collaborators.logger.error('Notices are given up, since too many wait', {
        count: gone.length,
      });
      this.#tasks.spawn('forget', () => this.#forget(gone));
    }
    this.#length.set(this.#waiting.length);
  }

  async #drop(one: Waiting): Promise<void> {
    await this.#forget([one]);
    this.#waiting = this.#waiting.filter((other) => other !== one);
    this.#length.set(this.#waiting.length);
  }

  async #forget(some: readonly Waiting[]): Promise<void> {
    const { section, logger } = this.#collaborators;
    const keys = some.filter(({ isOnDisk }) => isOnDisk).map(({ key }) => key);
    if (keys.length === 0) return;
    try {
      await section.write(keys.map((key) => [key, undefined] as const));
    } catch (error) {
      logger.error('A notice stays on disk, and is sent again after a restart', {}, error);
    }
  }
}

function alertJson(alert: Alert) {
  const { id, kind, severity, message, remedy, about, firedMs, clearedMs } = alert;
  return {
    id,
    kind,
    severity,
    message,
    remedy,
    ...about,
    firedAt: new Date(firedMs).toISOString(),
    ...(clearedMs === undefined ? {} : { clearedAt: new Date(clearedMs).toISOString() }),
  };
}
