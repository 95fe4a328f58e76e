import type { Chain } from './chain.js';
import type { SlotClock } from './clock.js';
import { SteppedClock } from './clock.js';
import type { ChainPair } from './pair.js';

/** Heights of both chains. */
export interface Heights {
  relayBest: number;
  relayFinalized: number;
  paraBest: number;
  paraFinalized: number;
}

/** Makes blocks when the clock says so, one thing at a time, and lets others act in between. */
export class ChainDriver {
  /** Rejects when no block can be made any more. */
  readonly done: Promise<void>;
  private readonly controller = new AbortController();
  private turn: Promise<void> = Promise.resolve();
  private isPaused = false;
  private onResume: (() => void) | undefined;

  constructor(
    private readonly deps: { pair: ChainPair; relay: Chain; para: Chain; clock: SlotClock },
  ) {
    this.done = this.run();
    // Whoever started the chains may look at `done` later, or never.
    this.done.catch(() => undefined);
  }

  get pair(): ChainPair {
    return this.deps.pair;
  }

  /** No blocks until `resume`. */
  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
    this.onResume?.();
  }

  /**
   * Makes so many relay blocks at once; resolves when they are there.
   *
   * @throws RangeError when the clock is not stepped by hand
   */
  async step(count: number): Promise<void> {
    const { clock, relay } = this.deps;
    if (!(clock instanceof SteppedClock)) throw new RangeError('the clock is not stepped by hand');
    const target = relay.best.number + count;
    const made = new Promise<void>((resolve) => {
      const stop = relay.events.on('best', ({ block }) => {
        if (block.number < target) return;
        stop();
        resolve();
      });
    });
    clock.step(count);
    await Promise.race([made, this.done]);
    // The last block's own step goes on after it is stored: finality, the parachain.
    await this.exclusive(() => Promise.resolve());
  }

  /** Replaces the newest relay blocks by a longer branch; how many were replaced. */
  async reorganise(depth: number): Promise<number> {
    const { pair, relay } = this.deps;
    let replaced = 0;
    await this.exclusive(async () => {
      const lastMs = relay.blockAt(relay.best.number)?.timestampMs ?? 0;
      replaced = await pair.reorganise(depth, lastMs + 1);
    });
    return replaced;
  }

  heights(): Heights {
    const { relay, para } = this.deps;
    return {
      relayBest: relay.best.number,
      relayFinalized: relay.finalized.number,
      paraBest: para.best.number,
      paraFinalized: para.finalized.number,
    };
  }

  /** Ends the making of blocks after the one that is being made. */
  async stop(): Promise<void> {
    this.controller.abort();
    this.resume();
    await this.done.catch(() => undefined);
  }

  private async run(): Promise<void> {
    const { clock, pair } = this.deps;
    const { signal } = this.controller;
    while (!signal.aborted) {
      let timestampMs: number;
      try {
        timestampMs = await clock.next(signal);
      } catch (error) {
        if (signal.aborted) return;
        throw error;
      }
      if (this.isPaused) {
        await new Promise<void>((resolve) => (this.onResume = resolve));
        if (!(clock instanceof SteppedClock)) continue;
      }
      await this.exclusive(() => pair.step(timestampMs));
    }
  }

  private exclusive(run: () => Promise<void>): Promise<void> {
    const result = this.turn.then(run);
    this.turn = result.catch(() => undefined);
    return result;
  }
}
