import type { Clock } from '@runtime-bridge/base';
import type { EndpointHealth } from './endpoint-health.js';
import type { RpcEndpoint } from './endpoint.js';

/** An endpoint is behind when another one was above its head for this long: with the time between two looks, well below 30 s. */
const MAX_LAG_MS = 15_000;

/** After this long without a new head of those in good standing, the others are heard again: blocks are final each 6 to 24 s. */
const STANDING_MS = 30_000;

/** An endpoint is slow when telling its head takes this long, and this many times as long as another one takes. */
const SLOW_MS = 2_000;
const SLOW_FACTOR = 4;

/** Which of several endpoints of one chain is asked before which. */
export class EndpointRanking {
  readonly #endpoints: readonly EndpointHealth[];
  readonly #preferred: ReadonlySet<RpcEndpoint>;
  readonly #clock: Pick<Clock, 'now'>;

  /**
   * @param of `endpoints`: all of them, in order of preference; `preferred`: those that come before all others while
   *   they can be asked, however far they are
   */
  constructor(
    of: { endpoints: readonly EndpointHealth[]; preferred: ReadonlySet<RpcEndpoint> },
    collaborators: { clock: Pick<Clock, 'now'> },
  ) {
    this.#endpoints = of.endpoints;
    this.#preferred = of.preferred;
    this.#clock = collaborators.clock;
  }

  /** Those that can be asked, in order of preference, but such as lag or are slow behind the others. */
  get usable(): EndpointHealth[] {
    const usable = this.#endpoints.filter((health) => health.usable);
    const rank = (health: EndpointHealth) => (this.isWorse(health, usable) ? 1 : 0);
    return usable
      .map((health) => ({ health, rank: rank(health) }))
      .sort((a, b) => a.rank - b.rank)
      .map(({ health }) => health);
  }

  /** Whether one of those that can be asked is to be asked instead. */
  isWorse(health: EndpointHealth, usable: readonly EndpointHealth[]): boolean {
    const isBehind = this.isBehind(health);
    return usable.some((other) => {
      if (other === health || !this.trusts(other) || this.isBehind(other)) return false;
      if (isBehind || this.isPreferredTo(other, health)) return true;
      const [mine, theirs] = [health.latencyMs, other.latencyMs];
      if (mine === undefined || theirs === undefined || mine < SLOW_MS) return false;
      return mine > theirs * SLOW_FACTOR;
    });
  }

  /** Whether it lags: a preferred one says itself, by being connected, whether it is of use, and its head may well lag. */
  isBehind({ endpoint, lagMs }: EndpointHealth): boolean {
    return lagMs > MAX_LAG_MS && !this.#preferred.has(endpoint);
  }

  isPreferredTo(other: EndpointHealth, health: EndpointHealth): boolean {
    return this.#preferred.has(other.endpoint) && !this.#preferred.has(health.endpoint);
  }

  /**
   * Whether what it says of its head counts. One that is doubted counts only while no other one goes on: else that one
   * would be believed for ever.
   */
  trusts(health: EndpointHealth): boolean {
    if (!health.isDoubted) return true;
    const sinceMs = this.#clock.now() - STANDING_MS;
    return !this.#endpoints.some(
      (other) => !other.isDoubted && other.usable && other.roseAtMs > sinceMs,
    );
  }

  /**
   * The one for work that goes on for long on one endpoint: the one it is done on while nothing is to be held against that, or
   * while there is no other; undefined while none that is admitted is connected.
   */
  choose(current: RpcEndpoint | undefined): RpcEndpoint | undefined {
    const reached = this.#endpoints.filter((one) => one.isAdmitted && one.endpoint.connected.value);
    const own = reached.find(({ endpoint }) => endpoint === current);
    const ranked = this.usable;
    if (own && (ranked.length === 0 || (own.usable && !this.isWorse(own, ranked)))) {
      return own.endpoint;
    }
    return (ranked[0] ?? reached[0])?.endpoint;
  }
}
