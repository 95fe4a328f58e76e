import { BridgeError, withTimeout, type Hex, type Service } from '@runtime-bridge/base';
import type { IpcEndpoint } from '@runtime-bridge/tx-queue';
import type { HistoryQuery, TxHistory, TxSender } from '@runtime-bridge/tx-sender';

/** All messages of this line carry it, as jobs and metrics travel on the same channel. */
const TAG = 'runtime-bridge/trader-line';

/** Longest that an answer is waited for: a history is read from the trader's disk. */
const TIMEOUT_MS = 5_000;

/** Questions at once, at most. */
const MAX_OPEN = 100;

/** What is asked for, and what is answered. */
interface Answers {
  history: TxHistory;
  fees: ReadonlyMap<Hex, bigint>;
}
type Question = { what: 'history'; query: HistoryQuery } | { what: 'fees' };

type Line =
  | { tag: typeof TAG; kind: 'ask'; call: number; question: Question }
  | { tag: typeof TAG; kind: 'answer'; call: number; answer: Answers[Question['what']] }
  | { tag: typeof TAG; kind: 'refusal'; call: number; error: unknown };

/** What the trader's end asks of its sender. */
export type LineSender = Pick<TxSender, 'history' | 'fees'>;

/** The trader's end: answers what the manager asks about transactions and fees. The channel has to carry bigints. */
export function traderLineEnd(ipc: IpcEndpoint, sender: LineSender): Service {
  const receive = (value: unknown) => {
    const message = lineOf(value);
    if (message?.kind !== 'ask') return;
    const { call, question } = message;
    answerOf(sender, question).then(
      (answer) => ipc.send?.({ tag: TAG, kind: 'answer', call, answer } satisfies Line, () => {}),
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
    { resolve: (answer: never) => void; reject: (error: unknown) => void }
  >();
  #nextCall = 1;

  /** Talks to this child from now on; the returned function ends that. */
  attach(child: IpcEndpoint): () => void {
    const receive = (value: unknown) => {
      const message = lineOf(value);
      if (!message || message.kind === 'ask') return;
      const open = this.#open.get(message.call);
      this.#open.delete(message.call);
      if (message.kind === 'answer') open?.resolve(message.answer as never);
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
  history(query: HistoryQuery, signal?: AbortSignal): Promise<TxHistory> {
    return this.#ask({ what: 'history', query }, signal);
  }

  /**
   * Fees that each account has paid, in the smallest unit.
   * @throws BridgeError TRADER_AWAY, TIMEOUT, ABORTED
   */
  fees(signal?: AbortSignal): Promise<ReadonlyMap<Hex, bigint>> {
    return this.#ask({ what: 'fees' }, signal);
  }

  async #ask<Q extends Question>(question: Q, signal?: AbortSignal): Promise<Answers[Q['what']]> {
    const child = this.#child;
    if (!child || this.#open.size >= MAX_OPEN) throw traderAway();
    const call = this.#nextCall++;
    try {
      return await withTimeout(
        TIMEOUT_MS,
        `trader's answer about ${question.what}`,
        (stop) =>
          new Promise<Answers[Q['what']]>((resolve, reject) => {
            this.#open.set(call, { resolve, reject });
            stop.addEventListener('abort', () => reject(BridgeError.from(stop.reason)), {
              once: true,
            });
            child.send?.({ tag: TAG, kind: 'ask', call, question } satisfies Line, (error) => {
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

async function answerOf(
  sender: LineSender,
  question: Question,
): Promise<Answers[Question['what']]> {
  return question.what === 'history' ? await sender.history(question.query) : sender.fees;
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
