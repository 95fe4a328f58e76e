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
  type DataProviderInfo,
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
  /** Between two looks at who is there, and two questions to a provider that tells nothing by itself. @default 500 */
  pollMs?: number;
}

interface Seen {
  view: ProviderView;
  failures: number;
}

/** Its news are followed until it is gone. */
interface Followed {
  stop: AbortController;
  peer: Peer;
}

/** A provider is dropped after so many failures in a row. */
const MAX_FAILURES = 3;

/**
 * Follows how far the data providers are: those of our chain and bridge. They tell it; those of 2022 are asked.
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
  readonly #followed = new Map<string, Followed>();
  #waits = false;

  constructor(
    options: ProviderWatchOptions,
    collaborators: { walkie: Walkie; logger: Logger; clock?: Clock },
  ) {
    this.#options = { ...options, pollMs: options.pollMs ?? 500 };
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
        const known = this.#followed.get(peer.peerId);
        if (known !== undefined) {
          known.peer = peer;
          continue;
        }
        const followed: Followed = { stop: new AbortController(), peer };
        this.#followed.set(peer.peerId, followed);
        this.#tasks.spawn('follow', (inner) =>
          this.#follow(followed, AbortSignal.any([inner, followed.stop.signal])),
        );
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

  async #follow(followed: Followed, signal: AbortSignal): Promise<void> {
    const { peerId } = followed.peer;
    const heads = this.#walkie.client(peerId).heads({
      signal,
      pollMs: this.#options.pollMs,
      onProblem: (error) => this.#failed(peerId, error),
    });
    try {
      for await (const { info } of heads) this.#told(followed.peer, info);
    } finally {
      if (this.#followed.get(peerId) === followed) this.#followed.delete(peerId);
    }
  }

  #told(peer: Peer, info: DataProviderInfo): void {
    const host = hostOfAddress(peer.multiaddr);
    // A port of 0 means that its blob server is not up yet.
    if (host === undefined || info.blobServerPort === 0) return;
    this.#seen.set(peer.peerId, {
      failures: 0,
      view: {
        peerId: peer.peerId,
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
  }

  #failed(peer: string, error: unknown): void {
    const seen = this.#seen.get(peer);
    if (!seen) return;
    seen.failures += 1;
    if (seen.failures < MAX_FAILURES) return;
    this.#seen.delete(peer);
    this.#logger.warn('Data provider does not answer', { peer }, error);
    this.#publish();
  }

  #forget(present: ReadonlySet<string>): void {
    for (const [peerId, { stop }] of this.#followed) {
      if (present.has(peerId)) continue;
      this.#followed.delete(peerId);
      stop.abort();
    }
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
