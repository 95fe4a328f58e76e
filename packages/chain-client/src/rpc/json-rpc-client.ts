import { setMaxListeners } from 'node:events';
import {
  AbortScope,
  abortedError,
  BridgeError,
  isAbortError,
  messageOf,
  silentMetrics,
  systemClock,
  TaskGroup,
  Watched,
  type Clock,
  type Counter,
  type Logger,
  type Service,
} from '@runtime-bridge/base';
import { ChainClientError, ChainClientErrorCode } from '../errors.js';
import type {
  FollowOptions,
  JsonRpcClientCollaborators,
  JsonRpcClientOptions,
  UseOptions,
} from './client-options.js';
import { EndpointHealth, type EndpointStatus, type Fault } from './endpoint-health.js';
import { EndpointRanking } from './endpoint-ranking.js';
import { faultOf, isLeaving, isPassing } from './error-faults.js';
import { parseEndpoints } from './endpoint-list.js';
import type { CallOptions, RpcCaller, RpcEndpoint, SubscriptionRequest } from './endpoint.js';
import { defaultWsEndpointOptions, WsEndpoint, type WsEndpointOptions } from './ws-endpoint.js';

/** How often waiting for an endpoint looks whether one that was set aside may be asked again. */
const MAX_WAIT_STEP_MS = 1_000;

/** A client that says nothing for this long about nodes that are away would look like one that hangs. */
const WAITING_LOG_MS = 30_000;

/** That an endpoint does not deliver is said again only this often. */
const REPEAT_LOG_MS = 60_000;

/**
 * JSON-RPC to one chain through several nodes: the first that is connected and in good standing is asked; one that
 * fails or lies is set aside for a growing while and the next is asked.
 */
export class JsonRpcClient implements Service {
  readonly name: string;
  readonly #endpoints: readonly EndpointHealth[];
  readonly #preferred: ReadonlySet<RpcEndpoint>;
  readonly #ranking: EndpointRanking;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #tasks: TaskGroup;
  readonly #faults: Counter;
  /** Changes whenever an endpoint connects or disconnects. */
  readonly #changed = new Watched(0);
  /** Counts reviews: work under way looks whether it has to go elsewhere. */
  readonly #reviewed = new Watched(0);
  /** When it was last said of an endpoint that it does not deliver. */
  readonly #toldAtMs = new Map<string, number>();

  constructor(options: JsonRpcClientOptions, collaborators: JsonRpcClientCollaborators) {
    const { name, endpoints, ...limits } = options;
    this.name = `${name} nodes`;
    this.#logger = collaborators.logger.child({ chain: name });
    this.#clock = collaborators.clock ?? systemClock;
    const open =
      collaborators.openEndpoint ??
      ((endpointOptions: WsEndpointOptions) =>
        new WsEndpoint(endpointOptions, { logger: this.#logger, clock: this.#clock }));
    const nodes = parseEndpoints(endpoints.join(',')).map((url) =>
      open({ ...defaultWsEndpointOptions, ...limits, url }),
    );
    this.#preferred = new Set(collaborators.preferred ?? []);
    this.#endpoints = [...this.#preferred, ...nodes].map(
      (endpoint) => new EndpointHealth(endpoint, { clock: this.#clock }),
    );
    this.#ranking = new EndpointRanking(
      { endpoints: this.#endpoints, preferred: this.#preferred },
      { clock: this.#clock },
    );
    this.#tasks = new TaskGroup({ name: this.name }, { logger: this.#logger });
    // Each call that waits for an endpoint listens to it.
    setMaxListeners(0, this.#tasks.signal);
    const metrics = collaborators.metrics ?? silentMetrics;
    this.#faults = metrics.counter({
      name: `runtime_bridge_chain_${name}_endpoint_faults_total`,
      help: 'Times an endpoint was set aside, by kind of fault',
      labels: ['endpoint', 'fault'],
    });
    metrics.gauge({
      name: `runtime_bridge_chain_${name}_endpoint_usable`,
      help: '1 when the endpoint is connected and not set aside',
      labels: ['endpoint'],
      collect: (gauge) => {
        for (const health of this.#endpoints) {
          gauge.set(health.usable ? 1 : 0, { endpoint: health.endpoint.url });
        }
      },
    });
    metrics.gauge({
      name: `runtime_bridge_chain_${name}_endpoint_lag_seconds`,
      help: 'For how long other endpoints have been above the finalised height of this one',
      labels: ['endpoint'],
      collect: (gauge) => {
        for (const { endpoint, lagMs } of this.#endpoints) {
          gauge.set(lagMs / 1000, { endpoint: endpoint.url });
        }
      },
    });
  }

  /** What is known of each endpoint, in order of preference. */
  get endpoints(): EndpointStatus[] {
    return this.#endpoints.map((health) => health.status);
  }

  /** Begins to connect; resolves at once, whether a node is there or not. */
  async start(): Promise<void> {
    for (const { endpoint } of this.#endpoints) {
      endpoint.connected.subscribe(() => {
        this.#changed.update((value) => value + 1);
        this.review();
      });
      await endpoint.start();
    }
    this.#tasks.spawn('tell who is away', (signal) => this.#tellWhoIsAway(signal));
  }

  async stop(): Promise<void> {
    await this.#tasks.stop();
    await Promise.all(this.#endpoints.map(({ endpoint }) => endpoint.stop()));
  }

  /**
   * Makes one call on whichever endpoint answers it.
   * @throws ChainClientError of the last endpoint tried; ABORTED with the signal
   */
  call(method: string, params: readonly unknown[], options: CallOptions = {}): Promise<unknown> {
    return this.use((rpc) => rpc.call(method, params, options), { signal: options.signal });
  }

  /**
   * Does a piece of work, of which all calls go to one endpoint, on the first endpoint on which it succeeds. Waits for
   * an endpoint while none can be asked.
   * @throws the error of the last endpoint when all that could be asked failed at it; an error that says nothing of the
   *   endpoint; ABORTED with the signal
   */
  async use<T>(
    run: (rpc: RpcCaller, signal: AbortSignal | undefined) => Promise<T>,
    options: UseOptions = {},
  ): Promise<T> {
    const { signal, faultOf: judge = faultOf, leaveWhenBehind = false } = options;
    const tried = new Set<EndpointHealth>();
    let lastError: Error | undefined;
    for (;;) {
      const health = this.#ranking.usable.find((candidate) => !tried.has(candidate));
      if (!health) {
        if (lastError !== undefined) throw lastError;
        await this.#waitForUsable(signal);
        continue;
      }
      tried.add(health);
      try {
        const result = leaveWhenBehind
          ? await this.#whileGood(health, run, signal)
          : await run(health.endpoint, signal);
        health.succeeded();
        return result;
      } catch (error) {
        if (signal?.aborted || isAbortError(error)) throw error;
        if (isLeaving(error)) {
          tried.clear();
          continue;
        }
        const fault = judge(error);
        if (fault === undefined) throw error;
        this.#setAside(health, fault, error);
        lastError = BridgeError.from(error);
      }
    }
  }

  /** Another endpoint that can be asked now, for a second opinion. */
  beside(url: string): RpcCaller | undefined {
    return this.usable.find((endpoint) => endpoint.url !== url);
  }

  /** The endpoints that can be asked now, best first. */
  get usable(): RpcCaller[] {
    return this.#ranking.usable.map(({ endpoint }) => endpoint);
  }

  /**
   * The endpoint for work that is not done in `use`: the one it is done on while nothing is to be held against that, or
   * while there is no other; undefined while none that is admitted is connected.
   */
  choose(current: RpcEndpoint | undefined): RpcEndpoint | undefined {
    return this.#ranking.choose(current);
  }

  /** Calls back whenever it may be time to `choose` anew, until the returned function is called. */
  onReview(listener: () => void): () => void {
    return this.#reviewed.subscribe(listener);
  }

  /**
   * Notes what an endpoint says is final, which tells who lags.
   * @param latencyMs how long it took to say so, where it was asked
   */
  noteHead(url: string, height: number, latencyMs?: number): void {
    this.#endpoints.find(({ endpoint }) => endpoint.url === url)?.noteHead(height, latencyMs);
    this.review();
  }

  /** Looks anew who lags; work on an endpoint that does goes elsewhere. */
  review(): void {
    const nowMs = this.#clock.now();
    for (const health of this.#endpoints) {
      const passedAtMs = this.#endpoints
        .filter((other) => other !== health && this.#ranking.trusts(other))
        .map((other) => other.firstAboveAtMs(health.headHeight) ?? nowMs);
      health.lagMs = health.headHeight < 0 ? 0 : nowMs - Math.min(nowMs, ...passedAtMs);
    }
    this.#reviewed.update((count) => count + 1);
  }

  /** Notes that an endpoint has not said what is final in this time. */
  noteSilence(url: string, afterMs: number): void {
    this.#endpoints.find(({ endpoint }) => endpoint.url === url)?.noteLatency(afterMs);
  }

  /** Whether what an endpoint says of its head counts. */
  isTrusted(url: string): boolean {
    return this.#endpoints.some(
      (health) => health.endpoint.url === url && this.#ranking.trusts(health),
    );
  }

  /** Sets an endpoint aside for something found out after its answer was used. */
  blame(url: string, fault: Fault, error: unknown): void {
    const health = this.#endpoints.find(({ endpoint }) => endpoint.url === url);
    if (health) this.#setAside(health, fault, error);
  }

  /** Notes that something an endpoint served has stood every check. */
  praise(url: string): void {
    this.#endpoints.find(({ endpoint }) => endpoint.url === url)?.proved();
  }

  /**
   * Lets only such nodes be asked that pass a check: each now, and whenever it connects anew. One that does not pass is
   * set aside and asked again later. Endpoints that are preferred to nodes are taken as they are.
   * @param judge what an error of the check says of the endpoint; undefined is a failure
   * @param known whether those that can be asked now have passed it already
   */
  admitOnly(
    check: (rpc: RpcCaller, signal: AbortSignal) => Promise<void>,
    judge: (error: unknown) => Fault | undefined = faultOf,
    known = false,
  ): void {
    for (const health of this.#endpoints) {
      if (this.#preferred.has(health.endpoint)) continue;
      health.isAdmitted = known && health.usable;
      const { isAdmitted } = health;
      this.#tasks.spawn(`admit ${health.endpoint.url}`, async (signal) => {
        if (isAdmitted) {
          await health.endpoint.connected.until((isConnected) => !isConnected, signal);
        }
        for (;;) {
          health.isAdmitted = false;
          await this.#waitFor([health], (one) => one.canBeAsked, signal);
          try {
            await check(health.endpoint, signal);
          } catch (error) {
            if (signal.aborted) return;
            this.#setAside(health, judge(error) ?? 'failure', error);
            continue;
          }
          health.isAdmitted = true;
          this.#changed.update((value) => value + 1);
          this.review();
          await health.endpoint.connected.until((isConnected) => !isConnected, signal);
        }
      });
    }
  }

  /**
   * Follows a subscription on every endpoint that offers it, again and again, until the signal is aborted. When it was
   * lost, items in between may be missing: the reader of it must be able to do without.
   * @param retryMs how long to wait after an endpoint refused it
   */
  async follow(
    request: SubscriptionRequest,
    onItem: (item: unknown, url: string) => void,
    options: FollowOptions,
  ): Promise<void> {
    // All of them: whoever reads from one of several endpoints needs what that one announces.
    await Promise.all(
      this.#endpoints.map((health) => this.#followOn(health, request, onItem, options)),
    );
  }

  async #followOn(
    health: EndpointHealth,
    request: SubscriptionRequest,
    onItem: (item: unknown, url: string) => void,
    options: FollowOptions,
  ): Promise<void> {
    const { signal, retryMs = 3_000, isChecked = false } = options;
    const { endpoint } = health;
    const isReady = (one: EndpointHealth) =>
      isChecked ? one.isAdmitted && one.endpoint.connected.value : one.usable;
    while (!signal.aborted) {
      try {
        await this.#waitFor([health], isReady, signal);
      } catch {
        return;
      }
      const standing = new AbortScope(signal);
      // What a liar announces is of no use, unless it is checked.
      const stopWatchingLies = isChecked ? () => {} : health.lied.subscribe(() => standing.end());
      try {
        await endpoint.subscribe(request, (item) => onItem(item, endpoint.url), standing.signal);
      } catch (error) {
        if (signal.aborted) return;
        this.#logger.debug(
          'Subscription ended',
          { endpoint: endpoint.url, method: request.method },
          error,
        );
      } finally {
        stopWatchingLies();
        standing.end();
      }
      // Lost with its connection it is made anew with the next one; refused, the node is not asked all the time.
      if (isReady(health)) await this.#clock.sleep(retryMs, signal).catch(() => {});
    }
  }

  /** Runs work whose signal ends when the endpoint falls behind another one, or lies elsewhere while there is another. */
  async #whileGood<T>(
    health: EndpointHealth,
    run: (rpc: RpcCaller, signal: AbortSignal | undefined) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    const scope = new AbortScope(signal);
    let left: ChainClientError | undefined;
    const stopWatching = this.#reviewed.subscribe(() => {
      const usable = this.#endpoints.filter((candidate) => candidate.usable);
      if (left || !this.#ranking.isWorse(health, usable)) return;
      const { lagMs, latencyMs } = health;
      const preferred =
        !this.#ranking.isBehind(health) &&
        usable.some((other) => this.#ranking.isPreferredTo(other, health));
      left = new ChainClientError(
        ChainClientErrorCode.ENDPOINT_BEHIND,
        `The node ${health.endpoint.url} is behind another one, which is asked instead`,
        { facts: { endpoint: health.endpoint.url, lagMs, latencyMs, preferred } },
      );
      this.#logger[preferred ? 'info' : 'warn']('Endpoint left for a better one', left.facts);
      scope.end(left);
    });
    const stopWatchingLies = health.lied.subscribe(() => {
      if (left || !this.#endpoints.some((other) => other !== health && other.usable)) return;
      left = new ChainClientError(
        ChainClientErrorCode.ENDPOINT_LIED,
        `The node ${health.endpoint.url} served something wrong elsewhere, and another one is asked instead`,
        { facts: { endpoint: health.endpoint.url } },
      );
      scope.end(left);
    });
    try {
      return await run(health.endpoint, scope.signal);
    } catch (error) {
      throw left ?? error;
    } finally {
      stopWatching();
      stopWatchingLies();
      scope.end();
    }
  }

  #setAside(health: EndpointHealth, fault: Fault, error: unknown): void {
    const facts = health.setAside(fault, messageOf(error));
    this.#faults.inc({ endpoint: health.endpoint.url, fault });
    if (fault === 'lie') this.#logger.error('Endpoint set aside for wrong data', facts, error);
    else
      this.#logger[this.#isNews(health, error) ? 'warn' : 'debug'](
        'Endpoint set aside',
        facts,
        error,
      );
  }

  /** Whether an operator who has other nodes is to hear now that this one does not deliver. */
  #isNews({ endpoint: { url } }: EndpointHealth, error: unknown): boolean {
    // With one node, whoever cannot go on says so; that one is away is said by its connection.
    if (this.#endpoints.length < 2 || isPassing(error)) return false;
    const nowMs = this.#clock.now();
    if (nowMs - (this.#toldAtMs.get(url) ?? -Infinity) < REPEAT_LOG_MS) return false;
    this.#toldAtMs.set(url, nowMs);
    return true;
  }

  #waitForUsable(signal: AbortSignal | undefined): Promise<void> {
    return this.#waitFor(this.#endpoints, (health) => health.usable, signal);
  }

  /** Waits until one of some endpoints is ready. */
  async #waitFor(
    endpoints: readonly EndpointHealth[],
    isReady: (health: EndpointHealth) => boolean,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    for (;;) {
      if (signal?.aborted) throw abortedError(signal);
      if (this.#tasks.signal.aborted) throw this.#closedError();
      if (endpoints.some(isReady)) return;
      const now = this.#clock.now();
      const soonest = Math.min(
        ...endpoints
          .filter((health) => health.endpoint.connected.value && health.setAsideUntilMs > now)
          .map((health) => health.setAsideUntilMs - now),
        MAX_WAIT_STEP_MS,
      );
      const seen = this.#changed.value;
      const step = new AbortScope(this.#tasks.signal, signal);
      await Promise.race([
        this.#clock.sleep(Math.max(1, soonest), step.signal),
        this.#changed.until((value) => value !== seen, step.signal),
      ])
        .catch(() => {})
        .finally(() => step.end());
    }
  }

  #closedError(): ChainClientError {
    return new ChainClientError(
      ChainClientErrorCode.CLOSED,
      `The client of the ${this.name} was stopped`,
    );
  }

  async #tellWhoIsAway(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#clock.sleep(WAITING_LOG_MS / 10, signal);
      while (this.#endpoints.some(({ endpoint }) => endpoint.connected.value)) {
        const seen = this.#changed.value;
        await this.#changed.until((value) => value !== seen, signal);
      }
      const [first] = this.#endpoints;
      this.#logger.warn('Waiting for a node', {
        endpoints: this.#endpoints.map(({ endpoint }) => endpoint.url).join(', '),
        reason: messageOf(first?.endpoint.lastError ?? 'not connected yet'),
      });
      await this.#clock.sleep(WAITING_LOG_MS, signal);
    }
  }
}
