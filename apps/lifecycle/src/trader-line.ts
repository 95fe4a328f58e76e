import { BridgeError, withTimeout, type Service } from '@runtime-bridge/base';
import type { IpcEndpoint } from '@runtime-bridge/tx-queue';
import type { HistoryQuery, TxHistory, TxSender } from '@runtime-bridge/tx-sender';

/** All messages of this line carry it, as jobs and metrics travel on the same channel. */
const TAG = 'runtime-bridge/trader-history';

/** Longest that a history is waited for: it is read from the trader's disk. */
const TIMEOUT_MS = 5_000;

/** Questions at once, at most. */
const MAX_OPEN = 100;

type Line =
  | { tag: typeof TAG; kind: 'ask'; call: number; query: HistoryQuery }
  | { tag: typeof TAG; kind: 'answer'; call: number; history: TxHistory }
  | { tag: typeof TAG; kind: 'refusal'; call: number; error: unknown };

/** The trader's end: answers what the manager asks about transactions. The channel has to carry bigints. */
export function traderLineEnd(ipc: IpcEndpoint, sender: Pick<TxSender, 'history'>): Service {
  const receive = (value: unknown) => {
    const message = lineOf(value);
    if (message?.kind !== 'ask') return;
    const { call, query } = message;
    sender.history(query).then(
      (history) => ipc.send?.({ tag: TAG, kind: 'answer', call, history }, () => {}),
      (error: unknown) => {
        const object = BridgeError.from(error).toObject();
        ipc.send?.({ tag: TAG, kind: 'refusal', call, error: object }, () => {});
      },
    );
  };
  return {
    name: 'line to the manager',
    start: () => {
      ipc.on('message', receive);
      return Promise.resolve();
    },
    stop: () => {
      ipc.off('message', receive);
      return Promise.resolve();
    },
  };
}

/** The manager's end: asks whichever trader there is now. */
export class TraderLine {
  #child: IpcEndpoint | undefined;
  readonly #open = new Map<
    number,
    { resolve: (history: TxHistory) => void; reject: (error: unknown) => void }
  >();
  #nextCall = 1;

  /** Talks to this child from now on; the returned function ends that. */
  attach(child: IpcEndpoint): () => void {
    const receive = (value: unknown) => {
      const message = lineOf(value);
      if (!message || message.kind === 'ask') return;
      const open = this.#open.get(message.call);
      this.#open.delete(message.call);
      if (message.kind === 'answer') open?.resolve(message.history);
      else open?.reject(BridgeError.fromObject(message.error));
    };
    child.on('message', receive);
    this.#child = child;
    return () => {
      child.off('message', receive);
      if (this.#child === child) this.#child = undefined;
      for (const { reject } of this.#open.values()) reject(traderAway());
      this.#open.clear();
    };
  }

  /**
   * Transactions of the built-in trader, newest first.
   * @throws BridgeError TRADER_AWAY, TIMEOUT, ABORTED; TxSenderError JOURNAL
   */
  async history(query: HistoryQuery, signal?: AbortSignal): Promise<TxHistory> {
    const child = this.#child;
    if (!child || this.#open.size >= MAX_OPEN) throw traderAway();
    const call = this.#nextCall++;
    try {
      return await withTimeout(
        TIMEOUT_MS,
        'history of transactions',
        (stop) =>
          new Promise<TxHistory>((resolve, reject) => {
            this.#open.set(call, { resolve, reject });
            stop.addEventListener('abort', () => reject(BridgeError.from(stop.reason)), {
              once: true,
            });
            child.send?.({ tag: TAG, kind: 'ask', call, query } satisfies Line, (error) => {
              if (error) reject(traderAway(error));
            });
          }),
        signal,
      );
    } finally {
      this.#open.delete(call);
    }
  }
}

function lineOf(value: unknown): Line | undefined {
  const message = value as Line | null | undefined;
  return typeof message === 'object' && message?.tag === TAG ? message : undefined;
}

function traderAway(cause?: unknown): BridgeError {
  return new BridgeError('TRADER_AWAY', 'The built-in trader does not answer now', {
    cause,
    remedy: 'It is started again by itself: try again in a moment.',
  });
}
