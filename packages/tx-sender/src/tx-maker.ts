import { retry, type Hex, type Logger } from '@runtime-bridge/base';
import {
  eraPeriodOf,
  type BlockLimits,
  type Head,
  type MortalEra,
} from '@runtime-bridge/chain-client/tx';
import type { BatchLimits, QueuedJob } from './batch.js';
import { isConnectionError } from './block-follower.js';
import type { TxSenderOptions } from './options.js';
import type { TxChain } from './tx-chain.js';

/** A signed transaction, and what it was signed with. */
export interface MadeTx {
  nonce: number;
  era: MortalEra;
  bytes: Hex;
  hash: Hex;
}

/** Makes transactions of jobs: how large, with which nonce and era, signed by whom. */
export class TxMaker {
  readonly #options: TxSenderOptions;
  readonly #chain: TxChain;
  readonly #logger: Logger;

  constructor(options: TxSenderOptions, collaborators: { chain: TxChain; logger: Logger }) {
    this.#options = options;
    this.#chain = collaborators.chain;
    this.#logger = collaborators.logger;
  }

  /** How much one batch may hold. */
  limits(): BatchLimits {
    const { maxBatchCalls, maxBatchBytes, maxBatchWeightShare } = this.#options;
    const block = this.#blockLimits();
    const share = (value: bigint) =>
      (value * BigInt(Math.round(maxBatchWeightShare * 1_000))) / 1_000n;
    return {
      maxCalls: maxBatchCalls,
      maxBytes: Math.min(maxBatchBytes, Math.floor(block.maxBytes / 2)),
      maxRefTime: share(block.maxRefTime),
      maxProofSize: share(block.maxProofSize),
    };
  }

  /** A runtime that does not tell its limits is found out about by its refusals. */
  #blockLimits(): BlockLimits {
    try {
      return this.#chain.blockLimits;
    } catch (error) {
      this.#logger.debug('Limits of a block are unknown', {}, error);
      return { maxBytes: 2 * this.#options.maxBatchBytes, maxRefTime: 0n, maxProofSize: 0n };
    }
  }

  /** The first nonce that the node would give; waits for the node as long as it takes. */
  async nextNonce(account: Hex, signal: AbortSignal): Promise<number> {
    return await retry(
      async (_attempt, stop) => {
        await this.#chain.connected.until((value) => value, stop);
        return await this.#chain.nextNonce(account, { signal: stop });
      },
      {
        minDelayMs: 200,
        maxDelayMs: 10_000,
        signal,
        onRetry: (error) => {
          if (isConnectionError(error)) return;
          this.#logger.warn('The node does not tell the nonce', { account }, error);
        },
      },
    );
  }

  /** Puts the calls of jobs with the same key and the same real account into one signed transaction. */
  async sign(queued: readonly QueuedJob[], nonce: number, signal: AbortSignal): Promise<MadeTx> {
    const { key, real } = queued[0]!;
    const { head, period } = await this.#eraStart(signal);
    const batch = this.#chain.calls.forceBatch(queued.flatMap((job) => job.calls));
    const call = real === undefined ? batch : this.#chain.calls.proxy(real, batch);
    const era = { birth: head.number, period };
    const { tip } = this.#options;
    const { bytes, hash } = this.#chain.sign({
      call,
      signer: key.pair,
      nonce,
      era,
      eraHash: head.hash,
      tip,
    });
    return { nonce, era, bytes, hash };
  }

  /** Waits for the node as long as it takes: a job must not fail because a connection was lost. */
  async #blockHash(number: number, signal: AbortSignal): Promise<Hex> {
    return await retry(
      async (_attempt, stop) => {
        await this.#chain.connected.until((value) => value, stop);
        return await this.#chain.blockHash(number, { signal: stop });
      },
      { minDelayMs: 200, maxDelayMs: 10_000, shouldRetry: isConnectionError, signal },
    );
  }

  /**
   * Where the next era begins: at the finalised head, which no fork changes; above it when finality lags so far behind
   * that too little of the era would be left.
   */
  async #eraStart(
    signal: AbortSignal,
  ): Promise<{ head: { number: number; hash: Hex }; period: number }> {
    const period = eraPeriodOf(this.#options.eraBlocks);
    const finalized = await this.#chain.finalizedHead.until(
      (value): value is Head => value !== undefined,
      signal,
    );
    const best = this.#chain.bestHead.value;
    const least = best ? best.number - Math.floor(period / 2) : 0;
    if (finalized.number >= least) return { head: finalized, period };
    return {
      head: { number: least, hash: await this.#blockHash(least, signal) },
      period,
    };
  }
}
