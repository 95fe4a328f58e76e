import { ChainClientError, ChainClientErrorCode } from '@runtime-bridge/chain-client';
import { Backoff, isBridgeError, type Clock, type Logger } from '@runtime-bridge/base';

/** The longest pause between two attempts at going on. */
const MAX_PAUSE_MS = 30_000;

/** The same refusal is told again only this often. */
const REPEAT_LOG_MS = 60_000;

/**
 * Runs something that only ends by failing, again and again until the signal is aborted. A failure is logged when it is
 * news, and handed on.
 */
export async function keepTrying(
  run: () => Promise<void>,
  options: { what: string; onFailure: (error: unknown) => void; signal: AbortSignal },
  collaborators: { logger: Logger; clock: Clock },
): Promise<void> {
  const { what, onFailure, signal } = options;
  const { logger, clock } = collaborators;
  const backoff = new Backoff({ minMs: 500, maxMs: MAX_PAUSE_MS });
  let told = '';
  let toldAtMs = -Infinity;
  while (!signal.aborted) {
    const startedAtMs = clock.now();
    try {
      await run();
    } catch (error) {
      // Only our own signal ends it: an abort from elsewhere is a failure like any other.
      if (signal.aborted) return;
      onFailure(error);
      // That a node is away is told by its connection.
      if (isAway(error)) logger.debug(`${what} waits for a node`, {}, error);
      const text = isBridgeError(error) ? `${error.code} ${error.message}` : String(error);
      if (!isAway(error) && (text !== told || clock.now() - toldAtMs >= REPEAT_LOG_MS)) {
        const facts = isBridgeError(error) ? { ...error.facts, code: error.code } : {};
        const remedy = isBridgeError(error) ? error.remedy : undefined;
        logger.error(`${what} cannot go on`, remedy ? { ...facts, remedy } : facts, error);
        told = text;
        toldAtMs = clock.now();
      }
    }
    // It ran well for a while: begin with short pauses again.
    if (clock.now() - startedAtMs > MAX_PAUSE_MS) backoff.reset();
    await clock.sleep(backoff.next(), signal).catch(() => {});
  }
}

/** Whether an error only says that there is no node to talk to now. */
export function isAway(error: unknown): boolean {
  return error instanceof ChainClientError && awayCodes.has(error.code);
}

const awayCodes: ReadonlySet<string> = new Set([
  ChainClientErrorCode.CONNECT_FAILED,
  ChainClientErrorCode.NOT_CONNECTED,
  ChainClientErrorCode.DISCONNECTED,
  ChainClientErrorCode.NO_ENDPOINT,
  ChainClientErrorCode.CLOSED,
]);
