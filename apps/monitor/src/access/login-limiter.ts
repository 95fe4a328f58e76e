import { isIPv6 } from 'node:net';
import type { Clock } from '@runtime-bridge/base';

/** How tries are slowed down. */
export interface LoginLimiterOptions {
  /** Wrong tries of one address before it has to wait. */
  freeTries: number;
  /** The wait after the next one; doubles with each. */
  firstWaitMs: number;
  maxWaitMs: number;
  /** Wrong tries of all addresses together within a minute; beyond, everybody waits. */
  maxPerMinute: number;
  /** After so long without a wrong try an address is forgotten. */
  forgetMs: number;
  maxAddresses: number;
}

export const defaultLoginLimiterOptions: LoginLimiterOptions = {
  freeTries: 5,
  firstWaitMs: 1_000,
  maxWaitMs: 60_000,
  maxPerMinute: 200,
  forgetMs: 900_000,
  maxAddresses: 10_000,
};

interface Tries {
  wrong: number;
  lastMs: number;
}

/** Slows down those who guess. A right try clears its address; who is logged in is not hindered. */
export class LoginLimiter {
  readonly #tries = new Map<string, Tries>();
  #minute = { beganMs: 0, wrong: 0 };

  constructor(
    private readonly options: LoginLimiterOptions,
    private readonly collaborators: { clock: Clock },
  ) {}

  /** For how long the address has to wait before it may try, in ms; 0 for not at all. */
  waitMs(address: string): number {
    const nowMs = this.collaborators.clock.now();
    const { beganMs, wrong } = this.#minute;
    const all = wrong >= this.options.maxPerMinute ? beganMs + 60_000 - nowMs : 0;
    const tries = this.#tries.get(networkOf(address));
    return Math.max(0, all, tries === undefined ? 0 : tries.lastMs + this.#wait(tries) - nowMs);
  }

  wrong(address: string): void {
    const nowMs = this.collaborators.clock.now();
    if (nowMs - this.#minute.beganMs >= 60_000) this.#minute = { beganMs: nowMs, wrong: 0 };
    this.#minute.wrong += 1;
    const network = networkOf(address);
    const tries = this.#tries.get(network);
    // At the end of the map, so that the first ones are those that were seen longest ago.
    this.#tries.delete(network);
    this.#tries.set(network, { wrong: (tries?.wrong ?? 0) + 1, lastMs: nowMs });
    for (const [key, { lastMs }] of this.#tries) {
      const isOld = nowMs - lastMs > this.options.forgetMs;
      if (!isOld && this.#tries.size <= this.options.maxAddresses) break;
      this.#tries.delete(key);
    }
  }

  right(address: string): void {
    this.#tries.delete(networkOf(address));
  }

  #wait({ wrong }: Tries): number {
    const { freeTries, firstWaitMs, maxWaitMs } = this.options;
    if (wrong < freeTries) return 0;
    return Math.min(maxWaitMs, firstWaitMs * 2 ** Math.min(wrong - freeTries, 30));
  }
}

/** Somebody with an IPv6 address mostly has 2^64 of them. */
function networkOf(address: string): string {
  if (address.startsWith('::ffff:') || !isIPv6(address)) return address;
  const [head = ''] = address.split('::');
  return head.split(':').slice(0, 4).join(':');
}
