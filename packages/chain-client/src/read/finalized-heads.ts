import {
  isAbortError,
  systemClock,
  TaskGroup,
  Watched,
  type Clock,
  type Logger,
  type Service,
} from '@runtime-bridge/base';
import type { JsonRpcClient } from '../rpc/json-rpc-client.js';
import { ChainReader } from './chain-reader.js';
import { headerFromJson, type RawHeader } from './header-json.js';

/** How heads are followed. */
export interface FinalizedHeadsOptions {
  /** How often the head is asked for besides the subscription, which may stall silently. */
  pollMs: number;
}

/** The default: a relay block takes 6 s, so that a dead subscription costs less than a block. */
export const defaultFinalizedHeadsOptions: FinalizedHeadsOptions = { pollMs: 3_000 };

/**
 * The newest finalised head that the nodes tell of, by subscription and by asking now and then. It is hearsay: good
 * for knowing that there is something to fetch, and for showing progress.
 */
export class FinalizedHeads implements Service {
  readonly name = 'finalized heads';
  /** Only grows. Undefined until a node has answered. */
  readonly head = new Watched<RawHeader | undefined>(undefined);
  readonly #client: JsonRpcClient;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #options: FinalizedHeadsOptions;
  readonly #tasks: TaskGroup;

  constructor(
    options: FinalizedHeadsOptions,
    collaborators: { client: JsonRpcClient; logger: Logger; clock?: Clock },
  ) {
    this.#options = options;
    this.#client = collaborators.client;
    this.#logger = collaborators.logger;
    this.#clock = collaborators.clock ?? systemClock;
    this.#tasks = new TaskGroup({ name: this.name }, { logger: this.#logger });
  }

  async start(): Promise<void> {
    this.#tasks.spawn('follow', (signal) =>
      this.#client.follow(
        { method: 'chain_subscribeFinalizedHeads', unsubscribe: 'chain_unsubscribeFinalizedHeads' },
        (item, url) => this.#note(item, url),
        { signal },
      ),
    );
    this.#tasks.spawn('poll', (signal) => this.#poll(signal));
  }

  async stop(): Promise<void> {
    await this.#tasks.stop();
  }

  #note(item: unknown, url: string): void {
    try {
      this.#advance(headerFromJson(item, { url, method: 'chain_subscribeFinalizedHeads' }));
    } catch (error) {
      this.#client.blame(url, 'lie', error);
    }
  }

  async #poll(signal: AbortSignal): Promise<void> {
    for (;;) {
      try {
        this.#advance(
          await this.#client.use((rpc) => new ChainReader({ rpc }).finalizedHeader({ signal }), {
            signal,
          }),
        );
      } catch (error) {
        if (isAbortError(error)) throw error;
        this.#logger.debug('Finalised head not known', {}, error);
      }
      await this.#clock.sleep(this.#options.pollMs, signal);
    }
  }

  #advance(header: RawHeader): void {
    this.head.update((head) => (head && head.number >= header.number ? head : header));
  }
}
