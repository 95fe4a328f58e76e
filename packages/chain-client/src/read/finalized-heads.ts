import {
  isAbortError,
  systemClock,
  TaskGroup,
  Watched,
  type Clock,
  type Logger,
  type Service,
} from '@runtime-bridge/base';
import { ChainClientErrorCode, hasCode } from '../errors.js';
import type { RpcCaller } from '../rpc/endpoint.js';
import { faultOf } from '../rpc/error-faults.js';
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

/** A node that takes longer to name its head than this has no say in it; the others are not waited for longer either. */
const ANSWER_MS = 10_000;

/**
 * The newest finalised head that any of the nodes tells of, by subscription and by asking all now and then: one
 * that stands still does not hide that the chain goes on. It is hearsay: good for knowing that there is something to
 * fetch, and for showing progress.
 */
export class FinalizedHeads implements Service {
  readonly name = 'finalized heads';
  /**
   * Undefined until a node has answered. It goes back only when the node that named it takes it back, or loses its
   * standing.
   */
  readonly head = new Watched<RawHeader | undefined>(undefined);
  /** What each endpoint said last. */
  readonly #claims = new Map<string, RawHeader>();
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
      this.#claim(url, headerFromJson(item, { url, method: 'chain_subscribeFinalizedHeads' }));
    } catch (error) {
      this.#client.blame(url, 'lie', error);
    }
  }

  async #poll(signal: AbortSignal): Promise<void> {
    for (;;) {
      try {
        const { usable } = this.#client;
        // At once, so that one that hangs does not keep the others from being heard.
        if (usable.length > 0) await Promise.all(usable.map((rpc) => this.#askOne(rpc, signal)));
        else await this.#client.use((rpc) => this.#ask(rpc, signal), { signal });
        this.#forgetOthers(this.#client.usable);
      } catch (error) {
        if (isAbortError(error)) throw error;
        this.#logger.debug('Finalised head not known', {}, error);
      }
      // Time alone makes one that stands still a lagging one.
      this.#client.review();
      this.#tell();
      await this.#clock.sleep(this.#options.pollMs, signal);
    }
  }

  async #ask(rpc: RpcCaller, signal: AbortSignal): Promise<void> {
    const reader = new ChainReader({ rpc });
    const startedAtMs = this.#clock.now();
    const header = await reader
      .finalizedHeader({ signal, timeoutMs: ANSWER_MS })
      .catch((error: unknown) => {
        if (hasCode(error, ChainClientErrorCode.CALL_TIMEOUT))
          this.#client.noteSilence(rpc.url, this.#clock.now() - startedAtMs);
        throw error;
      });
    this.#claim(rpc.url, header, this.#clock.now() - startedAtMs);
  }

  async #askOne(rpc: RpcCaller, signal: AbortSignal): Promise<void> {
    try {
      await this.#ask(rpc, signal);
    } catch (error) {
      if (signal.aborted) throw error;
      const fault = faultOf(error);
      if (fault) this.#client.blame(rpc.url, fault, error);
    }
  }

  #claim(url: string, header: RawHeader, latencyMs?: number): void {
    this.#claims.set(url, header);
    this.#client.noteHead(url, header.number, latencyMs);
    this.#tell();
  }

  /** What an endpoint said that is away or set aside does not count, as long as there is another. */
  #forgetOthers(usable: readonly RpcCaller[]): void {
    if (usable.length === 0) return;
    const urls = new Set(usable.map(({ url }) => url));
    for (const url of this.#claims.keys()) if (!urls.has(url)) this.#claims.delete(url);
    this.#tell();
  }

  #tell(): void {
    let best: RawHeader | undefined;
    for (const [url, header] of this.#claims) {
      if (!this.#client.isTrusted(url)) continue;
      if (!best || header.number > best.number) best = header;
    }
    if (best && best.number !== this.head.value?.number) this.head.set(best);
  }
}
