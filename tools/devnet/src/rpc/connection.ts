import { RpcCode, RpcError } from './error.js';
import { Params } from './json.js';
import type { MethodTable, Subscriber, SubscriptionHandler } from './node.js';

/** One call as an interceptor sees it. */
export interface RpcCall {
  method: string;
  params: readonly unknown[];
  /** Breaks the client's connection; nothing is answered then. */
  drop(): void;
}

/** Stands between a call and its handler: may wait, change the answer, or throw instead. */
export type RpcIntercept = (call: RpcCall, next: () => Promise<unknown>) => Promise<unknown>;

/** A notification that is about to be sent. */
export interface RpcNotification {
  /** Name of the notification, such as `chain_finalizedHead`. */
  method: string;
  result: unknown;
}

/** Stands between a subscription and its client: what is sent and when; undefined sends nothing. */
export type NotificationIntercept = (
  notification: RpcNotification,
) => { result: unknown; afterMs?: number } | undefined;

/** What a connection needs of its transport. */
export interface ConnectionSink {
  /** Breaks the connection. */
  drop?: () => void;
  /** Sends a message of its own (a notification). Absent over HTTP: no subscriptions then. */
  notify?: (message: string) => void;
}

/** Limits of one connection. */
export interface ConnectionLimits {
  maxSubscriptions: number;
  maxBatch: number;
}

interface Subscription {
  unsubscribe: string;
  end(): void;
}

/** JSON-RPC 2.0 of one client: calls, batches and subscriptions. */
export class RpcConnection {
  private readonly subscriptions = new Map<string, Subscription>();
  private readonly unsubscribers: ReadonlySet<string>;
  private nextId = 0;

  constructor(
    private readonly limits: ConnectionLimits,
    private readonly deps: {
      table: MethodTable;
      sink: ConnectionSink;
      intercept: RpcIntercept;
      onNotification?: NotificationIntercept;
      onInternalError: (method: string, error: unknown) => void;
      idPrefix: string;
    },
  ) {
    this.unsubscribers = new Set(
      Object.values(deps.table.subscriptions).map(({ unsubscribe }) => unsubscribe),
    );
  }

  /** Answers one message; undefined when there is nothing to answer (notifications). */
  async receive(message: string): Promise<{ answer: string; afterSent: () => void } | undefined> {
    let request: unknown;
    try {
      request = JSON.parse(message);
    } catch {
      return this.reply([failure(null, new RpcError(RpcCode.parse, 'Parse error'))], false);
    }
    if (!Array.isArray(request)) return this.reply([await this.one(request)], false);
    if (request.length === 0 || request.length > this.limits.maxBatch) {
      const error = new RpcError(
        RpcCode.invalidRequest,
        'Invalid request',
        `a batch has 1 to ${this.limits.maxBatch} calls`,
      );
      return this.reply([failure(null, error)], false);
    }
    return this.reply(await Promise.all(request.map((item) => this.one(item))), true);
  }

  /** Ends all subscriptions. */
  close(): void {
    for (const subscription of this.subscriptions.values()) subscription.end();
    this.subscriptions.clear();
  }

  private reply(
    answers: (Answer | undefined)[],
    batch: boolean,
  ): { answer: string; afterSent: () => void } | undefined {
    const given = answers.filter((answer) => answer !== undefined);
    if (given.length === 0) return undefined;
    const bodies = given.map(({ body }) => body);
    return {
      answer: JSON.stringify(batch ? bodies : bodies[0]),
      afterSent: () => given.forEach(({ afterSent }) => afterSent?.()),
    };
  }

  private async one(request: unknown): Promise<Answer | undefined> {
    const parsed = parseRequest(request);
    if (parsed === undefined) {
      return failure(null, new RpcError(RpcCode.invalidRequest, 'Invalid request'));
    }
    const { id, method, params } = parsed;
    try {
      let afterSent: (() => void) | undefined;
      const drop = () => this.deps.sink.drop?.();
      const result = await this.deps.intercept({ method, params, drop }, async () => {
        const outcome = await this.run(method, params);
        afterSent = outcome.afterSent;
        return outcome.result;
      });
      if (id === undefined) {
        afterSent?.();
        return undefined;
      }
      return {
        body: { jsonrpc: '2.0', result: result ?? null, id },
        ...(afterSent && { afterSent }),
      };
    } catch (error) {
      if (error instanceof RpcError) return id === undefined ? undefined : failure(id, error);
      this.deps.onInternalError(method, error);
      return failure(id ?? null, new RpcError(RpcCode.internal, 'Internal error', String(error)));
    }
  }

  private async run(
    method: string,
    params: readonly unknown[],
  ): Promise<{ result: unknown; afterSent?: () => void }> {
    const { table, sink } = this.deps;
    const plain = own(table.methods, method);
    if (plain !== undefined) return { result: await plain(new Params(params)) };
    const subscription = own(table.subscriptions, method);
    if (subscription !== undefined && sink.notify !== undefined) {
      return this.subscribe(subscription, params, sink.notify);
    }
    if (this.unsubscribers.has(method)) {
      return { result: this.unsubscribe(method, String(params[0])) };
    }
    throw new RpcError(RpcCode.methodNotFound, 'Method not found');
  }

  private subscribe(
    handler: SubscriptionHandler,
    params: readonly unknown[],
    notify: (message: string) => void,
  ): { result: string; afterSent: () => void } {
    if (this.subscriptions.size >= this.limits.maxSubscriptions) {
      throw new RpcError(
        RpcCode.limit,
        'Too many subscriptions on the connection',
        `Exceeded max limit of ${this.limits.maxSubscriptions}`,
      );
    }
    const id = `${this.deps.idPrefix}${(this.nextId++).toString(36)}`;
    // Nothing may reach the client before it knows the subscription's id.
    let early: unknown[] | undefined = [];
    let ended = false;
    const endings: (() => void)[] = [];
    const say = (result: unknown) =>
      notify(
        JSON.stringify({
          jsonrpc: '2.0',
          method: handler.notification,
          params: { subscription: id, result },
        }),
      );
    const tell = (result: unknown) => {
      const { onNotification } = this.deps;
      if (onNotification === undefined) return say(result);
      const sent = onNotification({ method: handler.notification, result });
      if (sent === undefined) return;
      if (sent.afterMs === undefined) return say(sent.result);
      setTimeout(() => {
        if (!ended) say(sent.result);
      }, sent.afterMs);
    };
    const subscriber: Subscriber = {
      send: (result) => {
        if (ended) return;
        if (early !== undefined) early.push(result);
        else tell(result);
      },
      onEnd: (run) => {
        if (ended) run();
        else endings.push(run);
      },
    };
    handler.start(new Params(params), subscriber);
    this.subscriptions.set(id, {
      unsubscribe: handler.unsubscribe,
      end: () => {
        ended = true;
        endings.forEach((run) => run());
      },
    });
    const afterSent = () => {
      const waiting = early ?? [];
      early = undefined;
      if (!ended) waiting.forEach(tell);
    };
    return { result: id, afterSent };
  }

  private unsubscribe(method: string, id: string): boolean {
    const subscription = this.subscriptions.get(id);
    if (subscription?.unsubscribe !== method) return false;
    this.subscriptions.delete(id);
    subscription.end();
    return true;
  }
}

interface Answer {
  body: unknown;
  afterSent?: () => void;
}

type RequestId = string | number | null;

function failure(id: RequestId, error: RpcError): Answer {
  return { body: { jsonrpc: '2.0', error: error.toJSON(), id } };
}

function parseRequest(
  request: unknown,
): { id: RequestId | undefined; method: string; params: readonly unknown[] } | undefined {
  if (typeof request !== 'object' || request === null) return undefined;
  const { id, method, params } = request as Record<string, unknown>;
  if (typeof method !== 'string') return undefined;
  if (params !== undefined && !Array.isArray(params)) return undefined;
  if (id !== undefined && id !== null && typeof id !== 'string' && typeof id !== 'number') {
    return undefined;
  }
  return { id, method, params: params ?? [] };
}

/** A property of the object itself; never one of its prototype. */
function own<T>(table: Record<string, T>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}
