import { abortedError, BaseErrorCode, BridgeError, isAbortError } from './errors.js';

/** Longest delay that a Node timer takes; more would fire at once. */
const MAX_TIMER_MS = 2_147_483_647;

/** Where time comes from, so that tests need not wait. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Waits; rejects with ABORTED. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/**
 * Waits for some milliseconds.
 * @throws BridgeError ABORTED as soon as the signal is aborted
 */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(abortedError(signal));
      return;
    }
    const onAbort = () => {
      clearTimeout(timer);
      reject(abortedError(signal!));
    };
    const timer = setTimeout(
      () => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      },
      Math.min(Math.max(0, ms), MAX_TIMER_MS),
    );
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** The machine's own clock. */
export const systemClock: Clock = { now: () => Date.now(), sleep };

/**
 * Runs something with a deadline. The work gets a signal that is aborted at the deadline or with the caller's own
 * signal; the promise settles at once then, whether the work heeds the signal or not.
 * @param ms the deadline in milliseconds
 * @param what names the work in the error
 * @throws BridgeError TIMEOUT at the deadline, ABORTED with the caller's signal
 */
export async function withTimeout<T>(
  ms: number,
  what: string,
  run: (signal: AbortSignal) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  if (signal?.aborted) throw abortedError(signal);
  const controller = new AbortController();
  let stopWaiting: (() => void) | undefined;
  const gaveUp = new Promise<never>((_resolve, reject) => {
    const end = (error: BridgeError) => {
      controller.abort(error);
      reject(error);
    };
    const timer = setTimeout(
      () =>
        end(
          new BridgeError(BaseErrorCode.TIMEOUT, `No answer within ${ms} ms: ${what}`, {
            facts: { what, timeoutMs: ms },
          }),
        ),
      Math.min(ms, MAX_TIMER_MS),
    );
    const onAbort = () => end(abortedError(signal!));
    signal?.addEventListener('abort', onAbort, { once: true });
    stopWaiting = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    };
  });
  try {
    return await Promise.race([run(controller.signal), gaveUp]);
  } finally {
    stopWaiting?.();
  }
}

/** How delays grow. */
export interface BackoffOptions {
  minMs: number;
  maxMs: number;
  /** Growth per attempt. @default 2 */
  factor?: number;
  /** Share of the delay that is random, so that many do not come back at once. @default 0.2 */
  jitter?: number;
  /** Numbers from 0 to 1. @default Math.random */
  random?: () => number;
}

/** Growing, jittered delays. */
export class Backoff {
  #attempt = 0;
  constructor(private readonly options: BackoffOptions) {}

  /** How many delays were handed out since the last reset. */
  get attempt(): number {
    return this.#attempt;
  }

  /** The next delay in milliseconds. */
  next(): number {
    const { minMs, maxMs, factor = 2, jitter = 0.2, random = Math.random } = this.options;
    const full = Math.min(maxMs, minMs * factor ** Math.min(this.#attempt, 64));
    this.#attempt += 1;
    return Math.round(full * (1 - jitter + random() * jitter));
  }

  /** Begins again with the shortest delay. */
  reset(): void {
    this.#attempt = 0;
  }
}

/** How something is tried again. */
export interface RetryOptions {
  /** How often it is tried in all. @default Infinity */
  attempts?: number;
  minDelayMs: number;
  maxDelayMs: number;
  /** Whether an error is worth another try. @default every one but an abort */
  shouldRetry?: (error: unknown) => boolean;
  /** Told before each wait. */
  onRetry?: (error: unknown, attempt: number, delayMs: number) => void;
  signal?: AbortSignal | undefined;
  random?: () => number;
}

/**
 * Runs something until it succeeds, waiting longer after each failure. Attempts count from 1.
 * @throws the last error, when attempts are used up or it is not worth another try; ABORTED with the signal
 */
export async function retry<T>(
  run: (attempt: number, signal: AbortSignal) => Promise<T>,
  options: RetryOptions,
): Promise<T> {
  const { attempts = Infinity, shouldRetry = () => true, signal } = options;
  const runSignal = signal ?? new AbortController().signal;
  const backoff = new Backoff({
    minMs: options.minDelayMs,
    maxMs: options.maxDelayMs,
    ...(options.random ? { random: options.random } : {}),
  });
  for (let attempt = 1; ; attempt += 1) {
    if (signal?.aborted) throw abortedError(signal);
    try {
      return await run(attempt, runSignal);
    } catch (error) {
      if (attempt >= attempts || isAbortError(error) || !shouldRetry(error)) throw error;
      const delayMs = backoff.next();
      options.onRetry?.(error, attempt, delayMs);
      await sleep(delayMs, signal);
    }
  }
}
