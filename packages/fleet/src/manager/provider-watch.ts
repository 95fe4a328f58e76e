import {
  TaskGroup,
  Watched,
  type Clock,
  systemClock,
  type Logger,
  type Service,
} from '@runtime-bridge/base';
import {
  hostOfAddress,
  WalkieRoles,
  type Peer,
  type Walkie,
} from '@runtime-bridge/walkie-protocol';

import type { ProviderView } from '../runner/messages.js';

/** Which providers are ours, and how often they are asked. */
export interface ProviderWatchOptions {
  chainIdentity: string;
  bridgeIdentity: string;
  /** Takes providers of other bridges too. */
  ignoreBridgeIdentity: boolean;
  /** @default 500 */
  pollMs?: number;
  /** For one answer. @default 5000 */
  timeoutMs?: number;
}

interface Seen {
  view: ProviderView;
  failures: number;
}

/** A provider is dropped after so many failures in a row. */
const MAX_FAILURES = 3;

/**
 * Follows how far the data providers are: those of our chain and bridge, one question each at a time.
 * Roles and identities: Phala-Network/runtime-bridge 80fde2c src/lifecycle/runner/ptp.ts.
 */
export class ProviderWatch implements Service {
  readonly name = 'provider watch';
  /** The providers that answer. */
  readonly providers = new Watched<readonly ProviderView[]>([]);
  readonly #options: Required<ProviderWatchOptions>;
  readonly #walkie: Walkie;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #tasks: TaskGroup;
  readonly #seen = new Map<string, Seen>();
  readonly #asking = new Set<string>();
  #waits = false;

  constructor(
    options: ProviderWatchOptions,
    collaborators: { walkie: Walkie; logger: Logger; clock?: Clock },
  ) {
    this.#options = {
      ...options,
      pollMs: options.pollMs ?? 500,
      timeoutMs: options.timeoutMs ?? 5_000,
    };
    this.#walkie = collaborators.walkie;
    this.#logger = collaborators.logger;
    this.#clock = collaborators.clock ?? systemClock;
    this.#tasks = new TaskGroup({ name: this.name }, { logger: this.#logger });
  }

  start(): Promise<void> {
    this.#tasks.spawn('poll', (signal) => this.#poll(signal));
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    await this.#tasks.stop();
  }

  async #poll(signal: AbortSignal): Promise<void> {
    for (;;) {
      const peers = this.#walkie.peers.list().filter((peer) => this.#isOurs(peer));
      this.#forget(new Set(peers.map(({ peerId }) => peerId)));
      for (const peer of peers) {
        if (this.#asking.has(peer.peerId)) continue;
        this.#asking.add(peer.peerId);
        this.#tasks.spawn('ask', (inner) => this.#ask(peer, inner));
      }
      this.#tellWaiting(peers.length);
      await this.#clock.sleep(this.#options.pollMs, signal);
    }
  }

  #isOurs(peer: Peer): boolean {
    const { chainIdentity, bridgeIdentity, ignoreBridgeIdentity } = this.#options;
    return (
      peer.role === WalkieRoles.WR_DATA_PROVIDER_INT &&
      peer.chainIdentity === chainIdentity &&
      (ignoreBridgeIdentity || peer.bridgeIdentity === bridgeIdentity)
    );
  }

  async #ask(peer: Peer, signal: AbortSignal): Promise<void> {
    const { peerId } = peer;
    try {
      const info = await this.#walkie
        .client(peerId)
        .call('GetDataProviderInfo', {}, { signal, timeoutMs: this.#options.timeoutMs });
      const host = hostOfAddress(peer.multiaddr);
      // A port of 0 means that its blob server is not up yet.
      if (host === undefined || info.blobServerPort === 0) return;
      this.#seen.set(peerId, {
        failures: 0,
        view: {
          peerId,
          host,
          port: info.blobServerPort,
          paraId: info.paraId,
          relayTarget: info.parentTarget,
          relayHeight: info.parentProcessedHeight,
          paraTarget: info.paraTarget,
          paraHeight: info.paraProcessedHeight,
        },
      });
      this.#publish();
    } catch (error) {
      if (signal.aborted) return;
      const seen = this.#seen.get(peerId);
      if (!seen) return;
      seen.failures += 1;
      if (seen.failures < MAX_FAILURES) return;
      this.#seen.delete(peerId);
      this.#logger.warn('Data provider does not answer', { peer: peerId }, error);
      this.#publish();
    } finally {
      this.#asking.delete(peerId);
    }
  }

  #forget(present: ReadonlySet<string>): void {
    const gone = [...this.#seen.keys()].filter((peerId) => !present.has(peerId));
    for (const peerId of gone) {
      this.#seen.delete(peerId);
      this.#logger.warn('Data provider is gone', { peer: peerId });
    }
    if (gone.length > 0) this.#publish();
  }

  #publish(): void {
    const next = [...this.#seen.values()].map(({ view }) => view);
    const { value: now } = this.providers;
    if (next.length === now.length && next.every((view, index) => sameView(view, now[index]!)))
      return;
    this.providers.set(next);
  }

  #tellWaiting(count: number): void {
    const waits = count === 0;
    if (waits === this.#waits) return;
    this.#waits = waits;
    if (waits) this.#logger.info('Waiting for a data provider');
    else this.#logger.info('Found data providers', { count });
  }
}

function sameView(a: ProviderView, b: ProviderView): boolean {
  return (Object.keys(a) as (keyof ProviderView)[]).every((field) => a[field] === b[field]);
}
