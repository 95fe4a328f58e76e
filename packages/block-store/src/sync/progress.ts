/** How a height moves towards its target. */
export interface Progress {
  height: number;
  target: number;
  /** Blocks per second, over the last minute or so; undefined until it is known. */
  perSecond: number | undefined;
  /** Seconds until the target is reached at that rate; undefined when it is not known or not coming nearer. */
  etaSec: number | undefined;
}

/** Samples older than this do not count: the rate is that of now, not that of yesterday. */
const WINDOW_MS = 60_000;

/** Works out rate and ETA of a height from samples of it. */
export class ProgressMeter {
  #samples: { atMs: number; height: number }[] = [];

  /** Notes a height and tells how it moves. */
  sample(height: number, target: number, atMs: number): Progress {
    this.#samples.push({ atMs, height });
    while (this.#samples.length > 2 && this.#samples[0]!.atMs < atMs - WINDOW_MS) {
      this.#samples.shift();
    }
    const first = this.#samples[0]!;
    const seconds = (atMs - first.atMs) / 1000;
    const perSecond = seconds > 0 ? (height - first.height) / seconds : undefined;
    return { height, target, perSecond, etaSec: etaOf(target - height, target, perSecond) };
  }
}

function etaOf(left: number, target: number, perSecond: number | undefined): number | undefined {
  if (target < 0) return undefined;
  if (left <= 0) return 0;
  return perSecond && perSecond > 0 ? Math.round(left / perSecond) : undefined;
}
