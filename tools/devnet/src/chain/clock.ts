/** Tells when the next relay block is due. */
export interface SlotClock {
  /** Waits for the next slot; its time in unix ms, greater than every one before. Rejects on abort. */
  next(signal: AbortSignal): Promise<number>;
}

/** Slots of the wall clock: at multiples of `slotMs`; missed ones are skipped. */
export class RealClock implements SlotClock {
  private last = 0;

  constructor(
    private readonly options: { slotMs: number; notBeforeMs: number },
    private readonly now: () => number = Date.now,
  ) {
    this.last = options.notBeforeMs;
  }

  async next(signal: AbortSignal): Promise<number> {
    const { slotMs } = this.options;
    const due = Math.max(
      (Math.floor(this.now() / slotMs) + 1) * slotMs,
      (Math.floor(this.last / slotMs) + 1) * slotMs,
    );
    await wait(due - this.now(), signal);
    this.last = due;
    return due;
  }
}

/** Slots when somebody says so: by hand, and the block times as far apart as on a running chain. */
export class SteppedClock implements SlotClock {
  private readonly asked: (() => void)[] = [];
  private due = 0;
  private lastMs: number;

  constructor(private readonly options: { slotMs: number; startMs: number }) {
    this.lastMs = options.startMs;
  }

  /** Lets so many further slots come. */
  step(count: number): void {
    this.due += count;
    this.asked.splice(0).forEach((wake) => wake());
  }

  async next(signal: AbortSignal): Promise<number> {
    while (this.due < 1) {
      await new Promise<void>((resolve, reject) => {
        const onAbort = () => reject(signal.reason as Error);
        if (signal.aborted) return onAbort();
        signal.addEventListener('abort', onAbort, { once: true });
        this.asked.push(() => {
          signal.removeEventListener('abort', onAbort);
          resolve();
        });
      });
    }
    this.due -= 1;
    this.lastMs += this.options.slotMs;
    return this.lastMs;
  }
}

/** A timer that an abort ends at once, by rejecting. */
function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason as Error);
      return;
    }
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    const timer = setTimeout(
      () => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      },
      Math.max(0, ms),
    );
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
