import { TaskGroup, Watched, type Logger, type Service } from '@runtime-bridge/base';
import { justificationTarget } from '@runtime-bridge/blob-codec';
import type { JsonRpcClient } from '../rpc/json-rpc-client.js';
import { asBytes } from './json.js';

/** A justification that a node announced. Nobody has checked it. */
export interface AnnouncedJustification {
  bytes: Uint8Array;
  targetHash: Uint8Array;
  targetNumber: number;
  /** The endpoint that announced it. */
  url: string;
}

/**
 * The newest justification that each relay node announces by `grandpa_subscribeJustifications`. With it a range can end
 * at the finalised head although the node keeps no justification for that block. Where no node offers it, it stays
 * undefined.
 */
export class JustificationStream implements Service {
  readonly name = 'justification stream';
  /** What was announced last, by whichever node. */
  readonly newest = new Watched<AnnouncedJustification | undefined>(undefined);
  /** By endpoint. */
  readonly #newestOf = new Map<string, AnnouncedJustification>();
  readonly #client: JsonRpcClient;
  readonly #tasks: TaskGroup;

  constructor(collaborators: { client: JsonRpcClient; logger: Logger }) {
    this.#client = collaborators.client;
    this.#tasks = new TaskGroup({ name: this.name }, { logger: collaborators.logger });
  }

  async start(): Promise<void> {
    this.#tasks.spawn('follow', (signal) =>
      this.#client.follow(
        {
          method: 'grandpa_subscribeJustifications',
          unsubscribe: 'grandpa_unsubscribeJustifications',
        },
        (item, url) => this.#note(item, url),
        { signal, retryMs: 10_000, isChecked: true },
      ),
    );
  }

  async stop(): Promise<void> {
    await this.#tasks.stop();
  }

  /** What an endpoint announced last. */
  newestOf(url: string): AnnouncedJustification | undefined {
    return this.#newestOf.get(url);
  }

  /** Forgets what an endpoint announced, after it was found to be wrong. */
  forget(url: string): void {
    this.#newestOf.delete(url);
    this.newest.update((newest) => (newest?.url === url ? undefined : newest));
  }

  #note(item: unknown, url: string): void {
    try {
      const bytes = asBytes(item, { url, method: 'grandpa_subscribeJustifications' }, 'result');
      const { hash, number } = justificationTarget(bytes);
      const announced = { bytes, targetHash: hash, targetNumber: number, url };
      this.#newestOf.set(url, announced);
      this.newest.set(announced);
    } catch (error) {
      this.#client.blame(url, 'lie', error);
    }
  }
}
