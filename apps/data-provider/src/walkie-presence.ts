import {
  Backoff,
  isAbortError,
  messageOf,
  TaskGroup,
  type Clock,
  type Logger,
  type MetricsRegister,
  type Service,
} from '@runtime-bridge/base';
import type { BlockStore } from '@runtime-bridge/block-store';
import type { Health } from '@runtime-bridge/service-kit';
import {
  WalkieNode,
  type BlobSource,
  type WalkieNodeOptions,
} from '@runtime-bridge/walkie-protocol';
import { HeadTeller } from './head-teller.js';
import type { ProviderInfo } from './provider-info.js';

/** What the provider is on Walkie, but for the chain identity, which is learned. */
export type WalkiePresenceOptions = Omit<WalkieNodeOptions, 'chainIdentity'>;

/** What the presence works with. */
export interface WalkiePresenceCollaborators {
  store: BlockStore;
  blobs: BlobSource;
  info: () => ProviderInfo;
  health: Health;
  logger: Logger;
  metrics: MetricsRegister;
  clock: Clock;
}

/** Pauses after Walkie could not listen, for example because a port is still taken. */
const RETRY_MS = { minMs: 1_000, maxMs: 30_000 };

/**
 * The provider's Walkie node. Peers tell chains apart by the hash of para block 1, so that it is up as soon as the store
 * knows that hash: at once after a restart, with or without nodes.
 */
export class WalkiePresence implements Service {
  readonly name = 'walkie presence';
  readonly #options: WalkiePresenceOptions;
  readonly #with: WalkiePresenceCollaborators;
  readonly #tasks: TaskGroup;
  #node: WalkieNode | undefined;

  constructor(options: WalkiePresenceOptions, collaborators: WalkiePresenceCollaborators) {
    this.#options = options;
    this.#with = collaborators;
    this.#tasks = new TaskGroup({ name: this.name }, { logger: collaborators.logger });
  }

  /** Multiaddrs that others can dial; empty until it is up. */
  get addresses(): string[] {
    return this.#node?.addresses ?? [];
  }

  async start(): Promise<void> {
    this.#with.health.set('walkie', { ready: false, detail: 'Waiting for para block 1' });
    this.#tasks.spawn('come up', (signal) => this.#comeUp(signal));
  }

  async stop(): Promise<void> {
    await this.#tasks.stop();
    await this.#node?.stop();
  }

  async #comeUp(signal: AbortSignal): Promise<void> {
    const { store, health, logger, clock } = this.#with;
    await store.heights.until((heights) => heights !== undefined, signal);
    const backoff = new Backoff(RETRY_MS);
    // One node however often it is tried: a second one would register its metrics again.
    const node = this.#makeNode(store.meta!.paraBlock1);
    this.#node = node;
    for (;;) {
      try {
        await node.start(signal);
        health.set('walkie', { ready: true, detail: node.addresses.join(' ') });
        break;
      } catch (error) {
        if (signal.aborted || isAbortError(error)) throw error;
        health.set('walkie', { ready: false, detail: messageOf(error) });
        logger.error('Walkie cannot come up', {}, error);
      }
      await clock.sleep(backoff.next(), signal);
    }
    const { blobs, info } = this.#with;
    const teller = new HeadTeller({ heights: store.heights, info, blobs, logger, clock });
    await teller.run(node, signal);
  }

  #makeNode(chainIdentity: string): WalkieNode {
    const { blobs, info, logger, metrics } = this.#with;
    const node = new WalkieNode({ ...this.#options, chainIdentity }, { logger, metrics });
    node.handle('GetDataProviderInfo', async () => info());
    node.serveBlobs(blobs);
    return node;
  }
}
