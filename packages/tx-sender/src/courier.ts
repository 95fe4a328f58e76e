import { Backoff, isAbortError, sleep, Watched, type Hex, type Logger } from '@runtime-bridge/base';
import { Refusal, TxError, TxErrorCode, type PoolStatus } from '@runtime-bridge/chain-client/tx';
import type { TxChain } from './tx-chain.js';

/** How the node took a transaction that it had never seen. */
export type FirstAnswer =
  | { kind: 'accepted' }
  /** Nobody has it, and nobody will: its nonce is free again. */
  | { kind: 'refused'; refusal: Refusal; error: TxError }
  /** It may be in a pool or not. */
  | { kind: 'doubt' };

/** Pool statuses after which the node does not have the transaction any more. */
const gone: ReadonlySet<PoolStatus> = new Set(['usurped', 'dropped', 'invalid']);

/** Refusals that say nothing against the transaction itself: the same bytes may be taken later. */
const notYet: ReadonlySet<Refusal> = new Set([
  Refusal.POOL_FULL,
  Refusal.TEMPORARILY_BANNED,
  Refusal.FUTURE,
]);

/** What a courier carries. */
export interface Parcel {
  readonly bytes: Hex;
  readonly hash: Hex;
  /** False when it may have been sent before: then no refusal proves that nobody has it. */
  readonly isNew: boolean;
}

/**
 * Sees to it that a transaction is in the node's pool until it is in a block: hands it in, listens to what the pool
 * says, and hands the same bytes in again after a lost connection, a pool that dropped it, or a fork that took it out
 * of its block.
 */
export class Courier {
  readonly #isIncluded = new Watched(false);
  #watching: AbortController | undefined;
  readonly #parcel: Parcel;
  readonly #chain: TxChain;
  readonly #logger: Logger;
  readonly #backoff: Backoff;
  #answerFirst: ((answer: FirstAnswer) => void) | undefined;
  #inDoubt: boolean;
  /** How the node took it the first time; settled soon after run. */
  readonly firstAnswer: Promise<FirstAnswer>;

  constructor(
    options: { resendMinMs: number; resendMaxMs: number },
    collaborators: { parcel: Parcel; chain: TxChain; logger: Logger },
  ) {
    this.#parcel = collaborators.parcel;
    this.#chain = collaborators.chain;
    this.#logger = collaborators.logger.child({ tx: this.#parcel.hash });
    this.#backoff = new Backoff({ minMs: options.resendMinMs, maxMs: options.resendMaxMs });
    this.#inDoubt = !this.#parcel.isNew;
    this.firstAnswer = new Promise((resolve) => {
      this.#answerFirst = resolve;
    });
  }

  /** Works until the signal is aborted, or until the node has refused a transaction that nobody else has. */
  async run(signal: AbortSignal): Promise<void> {
    try {
      while (!signal.aborted) {
        await this.#isIncluded.until((value) => !value, signal);
        await this.#chain.connected.until((value) => value, signal);
        if ((await this.#handIn(signal)) === 'refused') return;
        await sleep(this.#backoff.next(), signal);
      }
    } catch (error) {
      if (!signal.aborted || !isAbortError(error)) throw error;
    } finally {
      this.#first({ kind: 'doubt' });
    }
  }

  /** It is in a block of the best chain: there is nothing to send. */
  included(): void {
    this.#isIncluded.set(true);
  }

  /** It is no longer in one. Most pools take it back by themselves; that this one did is found out by sending it. */
  retracted(): void {
    this.#isIncluded.set(false);
    this.#watching?.abort();
  }

  async #handIn(signal: AbortSignal): Promise<'again' | 'refused'> {
    const watching = new AbortController();
    this.#watching = watching;
    const either = AbortSignal.any([signal, watching.signal]);
    try {
      await this.#chain.submit(
        this.#parcel.bytes,
        (status) => {
          this.#logger.debug('Pool status', { status });
          if (gone.has(status)) {
            this.#logger.info('Pool gave the transaction up', { status });
            this.#first({ kind: 'doubt' });
            watching.abort();
            return;
          }
          this.#inDoubt = true;
          this.#first({ kind: 'accepted' });
        },
        either,
      );
      this.#inDoubt = true;
      return 'again';
    } catch (error) {
      if (signal.aborted) throw error;
      if (error instanceof TxError && error.code === TxErrorCode.REFUSED) {
        return this.#refused(error);
      }
      // Whether the node has it is unknown.
      this.#inDoubt = true;
      this.#logger.debug('Lost sight of the transaction', {}, error);
      this.#first({ kind: 'doubt' });
      return 'again';
    }
  }

  #refused(error: TxError): 'again' | 'refused' {
    const refusal = error.facts['refusal'] as Refusal;
    if (refusal === Refusal.ALREADY_IMPORTED) {
      this.#inDoubt = true;
      this.#first({ kind: 'accepted' });
      return 'again';
    }
    this.#logger.debug('Node refused the transaction', { refusal });
    if (this.#inDoubt || notYet.has(refusal)) {
      this.#first({ kind: 'doubt' });
      return 'again';
    }
    this.#first({ kind: 'refused', refusal, error });
    return 'refused';
  }

  #first(answer: FirstAnswer): void {
    this.#answerFirst?.(answer);
    this.#answerFirst = undefined;
  }
}
