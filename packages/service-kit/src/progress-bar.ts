/** Where a bar is drawn. */
export interface ProgressSink {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
}

const BAR_CELLS = 30;
/** A terminal is drawn on this often, a log is written to that often. */
const TERMINAL_EVERY_MS = 100;
const LINE_EVERY_MS = 5_000;

/** Shows how far some work is: a bar on a terminal, a line now and then elsewhere. */
export class ProgressBar {
  readonly #sink: ProgressSink;
  readonly #now: () => number;
  #what = '';
  #startedAtMs = 0;
  #startedAt = 0;
  #shownAtMs = -Infinity;

  constructor(collaborators: { sink: ProgressSink; now: () => number }) {
    this.#sink = collaborators.sink;
    this.#now = collaborators.now;
  }

  /** Notes that `done` of `total` is done. */
  show(what: string, done: number, total: number): void {
    const nowMs = this.#now();
    if (what !== this.#what) {
      this.#what = what;
      this.#startedAtMs = nowMs;
      this.#startedAt = done;
      this.#shownAtMs = -Infinity;
    }
    const everyMs = this.#sink.isTTY === true ? TERMINAL_EVERY_MS : LINE_EVERY_MS;
    const isDone = done >= total;
    if (!isDone && nowMs - this.#shownAtMs < everyMs) return;
    this.#shownAtMs = nowMs;
    const line = this.#line(done, total, nowMs);
    if (this.#sink.isTTY === true) this.#sink.write(`\r\u001b[K${line}${isDone ? '\n' : ''}`);
    else this.#sink.write(`${line}\n`);
  }

  #line(done: number, total: number, nowMs: number): string {
    const part = total > 0 ? Math.min(1, done / total) : 1;
    const cells = Math.round(part * BAR_CELLS);
    const seconds = (nowMs - this.#startedAtMs) / 1000;
    const perSec = seconds > 0 ? (done - this.#startedAt) / seconds : 0;
    const left = perSec > 0 ? Math.ceil((total - done) / perSec) : undefined;
    const bar = `${'#'.repeat(cells)}${'.'.repeat(BAR_CELLS - cells)}`;
    const eta = left === undefined ? '' : `, ${Math.round(perSec)}/s, ${left} s left`;
    return `${this.#what} [${bar}] ${Math.floor(part * 100)} % (${done} of ${total}${eta})`;
  }
}
