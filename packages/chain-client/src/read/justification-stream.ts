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
 * The newest justification that a relay node announces by `grandpa_subscribeJustifications`. With it a range can end
 * at the finalised head although the node keeps no justification for that block: the node that headers are read from,
 * since another one may announce what that one does not know yet. Where it does not offer it, it stays undefined.
 */
export class JustificationStream implements Service {
  readonly name = 'justification stream';
  readonly newest = new Watched<AnnouncedJustification | undefined>(undefined);
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
        { signal, retryMs: 10_000, besideWork: true },
      ),
    );
  }

  async stop(): Promise<void> {
    await this.#tasks.stop();
  }

  /** Forgets what an endpoint announced, after it was found to be wrong: nobody else would replace it. */
  forget(url: string): void {
    this.newest.update((newest) => (newest?.url === url ? undefined : newest));
  }

  #note(item: unknown, url: string): void {
    try {
      const bytes = asBytes(item, { url, method: 'grandpa_subscribeJustifications' }, 'result');
      const { hash, number } = justificationTarget(bytes);
      this.newest.set({ bytes, targetHash: hash, targetNumber: number, url });
    } catch (error) {
      this.#client.blame(url, 'lie', error);
    }
  }
}
