import {
  AbortScope,
  systemClock,
  TaskGroup,
  Watched,
  type Clock,
  type Hex,
  type Logger,
  type Service,
} from '@runtime-bridge/base';
import type { ChainFacts, ChainFactsQuery } from '@runtime-bridge/chain-client/tx';

/** What is asked of the chain. */
export type ChainInterest = Omit<ChainFactsQuery, 'at'>;

/** The chain as the manager needs it; the app makes it of ParaApi and ChainFactsReader. */
export interface ChainSource {
  /** Newest finalised block. */
  readonly finalizedHead: Watched<{ number: number; hash: Hex } | undefined>;
  read(query: ChainFactsQuery, signal: AbortSignal): Promise<ChainFacts>;
  /** Whether the runtime has register_worker_v2. */
  supportsRegisterWorkerV2(): boolean;
}

/** A read that failed is tried again after this long, unless a new block comes first. */
const RETRY_MS = 2_000;

/** Reads the chain once per finalised block, and at once when something new is of interest. */
export class ChainWatch implements Service {
  readonly name = 'chain watch';
  readonly facts = new Watched<ChainFacts | undefined>(undefined);
  readonly #source: ChainSource;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #tasks: TaskGroup;
  readonly #interest = new Watched<ChainInterest>({ workers: [], origins: [], pools: [] });

  #readAtMs: number | undefined;

  constructor(collaborators: { source: ChainSource; logger: Logger; clock?: Clock }) {
    this.#source = collaborators.source;
    this.#logger = collaborators.logger;
    this.#clock = collaborators.clock ?? systemClock;
    this.#tasks = new TaskGroup({ name: this.name }, { logger: this.#logger });
  }

  /** When the facts were read, ms since 1970; undefined before. */
  get readAtMs(): number | undefined {
    return this.#readAtMs;
  }

  /** Sets what is asked from now on. */
  setInterest(interest: ChainInterest): void {
    this.#interest.set(interest);
  }

  start(): Promise<void> {
    this.#tasks.spawn('read', (signal) => this.#follow(signal));
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    await this.#tasks.stop();
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { finalizedHead } = this.#source;
    let failing = false;
    for (;;) {
      const head = await finalizedHead.until((value) => value !== undefined, signal);
      const { value: interest } = this.#interest;
      try {
        const facts = await this.#source.read({ ...interest, at: head.hash }, signal);
        this.#readAtMs = this.#clock.now();
        this.facts.set(facts);
        if (failing) this.#logger.info('Chain facts can be read again');
        failing = false;
        await this.#change(head, interest, signal);
      } catch (error) {
        if (signal.aborted) throw error;
        if (!failing)
          this.#logger.warn('Chain facts cannot be read', { block: head.number }, error);
        failing = true;
        await this.#change(
          head,
          interest,
          AbortSignal.any([signal, AbortSignal.timeout(RETRY_MS)]),
        ).catch((reason: unknown) => {
          if (signal.aborted) throw reason;
        });
      }
    }
  }

  /** Waits for another head or another interest. */
  async #change(head: { hash: Hex }, interest: ChainInterest, signal: AbortSignal): Promise<void> {
    const ending = new AbortScope(signal);
    const inner = ending.signal;
    const waits = [
      this.#source.finalizedHead.until((value) => value?.hash !== head.hash, inner),
      this.#interest.until((value) => value !== interest, inner),
    ];
    for (const wait of waits) wait.catch(() => undefined);
    try {
      await Promise.race(waits);
    } finally {
      ending.end();
    }
  }
}
