/** What a checkpoint keeps of the benchmark. */
export interface BenchmarkState {
  readonly iterations: number;
  readonly isPaused: boolean;
  readonly isReady: boolean;
  readonly lastBlockMs: bigint | undefined;
}

/** How far behind the clock a block may be for the benchmark to count (pRuntime's rule). */
const MAX_BLOCK_AGE_SEC = 3600n;
/** A chain whose clock jumps does not make a worker faster than this per block. */
const MAX_BLOCK_GAP_MS = 600_000n;

/**
 * Iterations of the simulated benchmark: a fixed rate by the chain's own time, while running, so that
 * replaying the same blocks gives the same reports. Like the real one it counts nothing while the
 * worker works through old blocks (phala-blockchain 40ffcd1be crates/phactory/src/benchmark.rs).
 */
export class Benchmark {
  private count: number;
  private isPaused: boolean;
  private isReady: boolean;
  private lastBlockMs: bigint | undefined;

  constructor(
    private readonly iterationsPerSec: number,
    restored?: BenchmarkState,
  ) {
    this.count = restored?.iterations ?? 0;
    this.isPaused = restored?.isPaused ?? true;
    this.isReady = restored?.isReady ?? true;
    this.lastBlockMs = restored?.lastBlockMs;
  }

  /** Moves to a block's time; called before the block's messages are read. */
  onBlock(blockMs: bigint, systemTimeSec: bigint): void {
    if (this.lastBlockMs !== undefined && !this.isPaused && this.isReady) {
      const elapsedMs = blockMs - this.lastBlockMs;
      const countedMs = elapsedMs < MAX_BLOCK_GAP_MS ? elapsedMs : MAX_BLOCK_GAP_MS;
      if (countedMs > 0n) this.count += (Number(countedMs) * this.iterationsPerSec) / 1000;
    }
    this.lastBlockMs = blockMs;
    this.isReady = blockMs / 1000n + MAX_BLOCK_AGE_SEC > systemTimeSec;
  }

  get iterations(): bigint {
    return BigInt(Math.floor(this.count));
  }

  /** Local estimate, as GetInfo tells it: iterations in six seconds. */
  get score(): bigint {
    return this.count === 0 ? 0n : BigInt(this.iterationsPerSec * 6);
  }

  resume(): void {
    this.isPaused = false;
  }

  pause(): void {
    this.isPaused = true;
  }

  snapshot(): BenchmarkState {
    return {
      iterations: this.count,
      isPaused: this.isPaused,
      isReady: this.isReady,
      lastBlockMs: this.lastBlockMs,
    };
  }
}
