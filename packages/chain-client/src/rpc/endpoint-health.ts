import { Backoff, Watched, type Clock, type Facts } from '@runtime-bridge/base';
import type { RpcEndpoint } from './endpoint.js';

/** How an endpoint failed, which decides for how long it is left alone. */
export type Fault =
  /** It served something that is wrong. */
  | 'lie'
  /** It did not answer, or answered with an error. */
  | 'failure';

/** What is known of an endpoint, for `/readyz`, logs and metrics. */
export interface EndpointStatus {
  url: string;
  connected: boolean;
  /** Milliseconds since 1970 until which it is left alone; 0 when it is not. */
  setAsideUntilMs: number;
  /** Why it was set aside last. */
  reason: string | undefined;
  /** Moving average of answered calls, milliseconds. */
  latencyMs: number | undefined;
  failures: number;
  lies: number;
}

/** Delays double from the first to the second figure. A lie is rarely a passing thing; a failure mostly is. */
const setAsideMs = {
  lie: { minMs: 15_000, maxMs: 30 * 60_000 },
  failure: { minMs: 250, maxMs: 30_000 },
} as const;

/** Weight of the newest call in the latency average. */
const LATENCY_WEIGHT = 0.1;

/** The health of one endpoint: whether to ask it now. */
export class EndpointHealth {
  readonly endpoint: RpcEndpoint;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #backoff = {
    lie: new Backoff(setAsideMs.lie),
    failure: new Backoff(setAsideMs.failure),
  };
  #setAsideUntilMs = 0;
  #reason: string | undefined;
  #latencyMs: number | undefined;
  #failures = 0;
  /** Counts the times it was set aside for a lie. */
  readonly lied = new Watched(0);

  constructor(endpoint: RpcEndpoint, collaborators: { clock: Pick<Clock, 'now'> }) {
    this.endpoint = endpoint;
    this.#clock = collaborators.clock;
  }

  /** Whether it is connected and not set aside. */
  get usable(): boolean {
    return this.endpoint.connected.value && this.#clock.now() >= this.#setAsideUntilMs;
  }

  get status(): EndpointStatus {
    return {
      url: this.endpoint.url,
      connected: this.endpoint.connected.value,
      setAsideUntilMs: this.#clock.now() < this.#setAsideUntilMs ? this.#setAsideUntilMs : 0,
      reason: this.#reason,
      latencyMs: this.#latencyMs,
      failures: this.#failures,
      lies: this.lied.value,
    };
  }

  /** When it may be asked again, milliseconds since 1970. */
  get setAsideUntilMs(): number {
    return this.#setAsideUntilMs;
  }

  /** Notes that work on it succeeded. */
  succeeded(latencyMs: number): void {
    this.#latencyMs =
      this.#latencyMs === undefined
        ? latencyMs
        : this.#latencyMs + (latencyMs - this.#latencyMs) * LATENCY_WEIGHT;
    this.#backoff.failure.reset();
    this.#reason = undefined;
  }

  /** Notes that something it served stood every check: that forgives what was before. */
  proved(): void {
    this.#backoff.lie.reset();
    this.#backoff.failure.reset();
    this.#reason = undefined;
  }

  /** Leaves it alone for a while; facts for the log line. */
  setAside(fault: Fault, reason: string): Facts {
    const delayMs = this.#backoff[fault].next();
    this.#reason = reason;
    this.#setAsideUntilMs = Math.max(this.#setAsideUntilMs, this.#clock.now() + delayMs);
    if (fault === 'lie') this.lied.update((count) => count + 1);
    else this.#failures += 1;
    return { endpoint: this.endpoint.url, fault, reason, delayMs };
  }
}
