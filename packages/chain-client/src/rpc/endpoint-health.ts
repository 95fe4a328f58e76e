import { Backoff, Watched, type Clock, type Facts } from '@runtime-bridge/base';
import type { RpcEndpoint } from './endpoint.js';

/** How an endpoint failed, which decides for how long it is left alone. */
export type Fault =
  /** It served something that is wrong. */
  | 'lie'
  /** It did not answer, or answered with an error. */
  | 'failure'
  /** It does not go on although the chain does, or although it says so itself: what it says of its head is doubted. */
  | 'stalled';

/** What is known of an endpoint, for `/readyz`, logs and metrics. */
export interface EndpointStatus {
  url: string;
  connected: boolean;
  /** Milliseconds since 1970 until which it is left alone; 0 when it is not. */
  setAsideUntilMs: number;
  /** Why it was set aside last. */
  reason: string | undefined;
  /** Moving average of how long the finalised head took to be told, milliseconds. */
  latencyMs: number | undefined;
  /** The highest finalised height it told of; -1 when it told none. */
  headHeight: number;
  /** For how long others have been above that height, milliseconds. */
  lagMs: number;
  failures: number;
  lies: number;
}

/**
 * Delays double from the first to the second figure. A lie is rarely a passing thing; a failure mostly is. Yet the only
 * node of a chain must not keep the fleet waiting long after it has been mended: asking it again costs one refused answer.
 */
const setAsideMs = {
  lie: { minMs: 15_000, maxMs: 2 * 60_000 },
  failure: { minMs: 250, maxMs: 30_000 },
  stalled: { minMs: 5_000, maxMs: 2 * 60_000 },
} as const;

/** Heights remembered of an endpoint: at one a second, longer than any lag that is told apart from a longer one. */
const TIMELINE_LENGTH = 128;

/** So long what an endpoint says of its head is doubted: it may be asked nothing by which it could prove itself. */
const DOUBT_MS = 5 * 60_000;

/** Weight of the newest call in the latency average. */
const LATENCY_WEIGHT = 0.1;

/** The health of one endpoint: whether to ask it now. */
export class EndpointHealth {
  readonly endpoint: RpcEndpoint;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #backoff = {
    lie: new Backoff(setAsideMs.lie),
    failure: new Backoff(setAsideMs.failure),
    stalled: new Backoff(setAsideMs.stalled),
  };
  #setAsideUntilMs = 0;
  #reason: string | undefined;
  #latencyMs: number | undefined;
  #failures = 0;
  #lagMs = 0;
  #isDoubted = false;
  #doubtedAtMs = 0;
  /** Whether it has passed the check that the client asks of every endpoint. */
  isAdmitted = true;
  /** Finalised heights it told of and when each was first heard, rising. */
  readonly #timeline: { height: number; atMs: number }[] = [];
  /** Counts the times it was set aside for a lie. */
  readonly lied = new Watched(0);

  constructor(endpoint: RpcEndpoint, collaborators: { clock: Pick<Clock, 'now'> }) {
    this.endpoint = endpoint;
    this.#clock = collaborators.clock;
  }

  /** Whether it is connected, admitted, and not set aside. */
  get usable(): boolean {
    return this.isAdmitted && this.canBeAsked;
  }

  /** Whether it is connected and not set aside. */
  get canBeAsked(): boolean {
    return this.endpoint.connected.value && this.#clock.now() >= this.#setAsideUntilMs;
  }

  get status(): EndpointStatus {
    return {
      url: this.endpoint.url,
      connected: this.endpoint.connected.value,
      setAsideUntilMs: this.#clock.now() < this.#setAsideUntilMs ? this.#setAsideUntilMs : 0,
      reason: this.#reason,
      latencyMs: this.#latencyMs,
      headHeight: this.headHeight,
      lagMs: this.#lagMs,
      failures: this.#failures,
      lies: this.lied.value,
    };
  }

  /** When it may be asked again, milliseconds since 1970. */
  get setAsideUntilMs(): number {
    return this.#setAsideUntilMs;
  }

  /** The highest finalised height it told of; -1 when it told none. */
  get headHeight(): number {
    return this.#timeline.at(-1)?.height ?? -1;
  }

  /** Whether what it says of its head is doubted: it has lied or failed to deliver, and proved nothing since. */
  get isDoubted(): boolean {
    return this.#isDoubted && this.#clock.now() - this.#doubtedAtMs < DOUBT_MS;
  }

  /** When its head rose last, milliseconds since 1970. */
  get roseAtMs(): number {
    return this.#timeline.at(-1)?.atMs ?? -Infinity;
  }

  /** For how long others have been above its head, as the client found at the last review. */
  get lagMs(): number {
    return this.#lagMs;
  }
  set lagMs(lagMs: number) {
    this.#lagMs = lagMs;
  }

  get latencyMs(): number | undefined {
    return this.#latencyMs;
  }

  /** Notes what it says is final. @param latencyMs how long it took to say so, where it was asked */
  noteHead(height: number, latencyMs: number | undefined): void {
    if (latencyMs !== undefined) this.noteLatency(latencyMs);
    if (height <= this.headHeight) return;
    this.#timeline.push({ height, atMs: this.#clock.now() });
    if (this.#timeline.length > TIMELINE_LENGTH) this.#timeline.shift();
  }

  /** Notes how long it took, or had taken when it was given up, to say what is final. */
  noteLatency(latencyMs: number): void {
    this.#latencyMs =
      this.#latencyMs === undefined
        ? latencyMs
        : this.#latencyMs + (latencyMs - this.#latencyMs) * LATENCY_WEIGHT;
  }

  /** When it first told of a height above this one, milliseconds since 1970; undefined when it never did. */
  firstAboveAtMs(height: number): number | undefined {
    return this.#timeline.find((entry) => entry.height > height)?.atMs;
  }

  /** Notes that work on it succeeded. */
  succeeded(): void {
    this.#backoff.failure.reset();
    this.#reason = undefined;
  }

  /** Notes that something it served stood every check: that forgives what was before. */
  proved(): void {
    for (const backoff of Object.values(this.#backoff)) backoff.reset();
    this.#isDoubted = false;
    this.#reason = undefined;
  }

  /** Leaves it alone for a while; facts for the log line. */
  setAside(fault: Fault, reason: string): Facts {
    const delayMs = this.#backoff[fault].next();
    this.#reason = reason;
    this.#setAsideUntilMs = Math.max(this.#setAsideUntilMs, this.#clock.now() + delayMs);
    if (fault === 'lie') this.lied.update((count) => count + 1);
    else this.#failures += 1;
    if (fault !== 'failure') {
      this.#isDoubted = true;
      this.#doubtedAtMs = this.#clock.now();
    }
    return { endpoint: this.endpoint.url, fault, reason, delayMs };
  }
}
