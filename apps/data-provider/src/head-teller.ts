import { fromBinary } from '@bufbuild/protobuf';
import { isAbortError, type Clock, type Logger, type Watched } from '@runtime-bridge/base';
import type { StoreHeights } from '@runtime-bridge/block-store';
import {
  RangeMetaSchema,
  type BlobSource,
  type HeadRange,
  type Walkie,
} from '@runtime-bridge/walkie-protocol';
import type { ProviderInfo } from './provider-info.js';

/** Targets move without the store; they are looked at so often. */
const LOOK_MS = 500;
/** Ranges that are remembered for those who ask. */
const MAX_RANGES = 64;
/** While the store is filled, ranges further back than this are not listed: nobody follows that head by them. */
const MAX_BACK_BLOCKS = 1_000;

/** Tells the provider's head over Walkie as soon as it moves. */
export class HeadTeller {
  #ranges: HeadRange[] = [];
  #nextRelay: number | undefined;
  #told = '';

  constructor(
    private readonly collaborators: {
      heights: Watched<StoreHeights | undefined>;
      info: () => ProviderInfo;
      blobs: BlobSource;
      logger: Logger;
      clock: Clock;
    },
  ) {}

  /** Tells until the signal. */
  async run(walkie: Pick<Walkie, 'tellHead'>, signal: AbortSignal): Promise<void> {
    const { heights, info, logger } = this.collaborators;
    for (;;) {
      const before = heights.value;
      try {
        const now = info();
        await this.#addRanges(now.parentProcessedHeight, signal);
        const text = JSON.stringify(now);
        if (text !== this.#told) {
          this.#told = text;
          walkie.tellHead({ info: now, ranges: this.#ranges });
        }
      } catch (error) {
        if (signal.aborted) throw error;
        logger.warn('The head could not be told', {}, error);
      }
      await this.#untilMoved(before, signal);
    }
  }

  async #addRanges(built: number, signal: AbortSignal): Promise<void> {
    if (built < 0) return;
    this.#nextRelay = Math.max(this.#nextRelay ?? built + 1, built + 1 - MAX_BACK_BLOCKS);
    while (this.#nextRelay <= built) {
      const blob = await this.collaborators.blobs.get(
        `rangeByParentBlock:${this.#nextRelay}:pb`,
        signal,
      );
      if (blob === undefined) return;
      const meta = fromBinary(RangeMetaSchema, blob.bytes);
      const range: HeadRange = {
        relayStart: this.#nextRelay,
        relayEnd: meta.parentStopBlock,
        paraStart: meta.paraStartBlock,
        paraEnd: meta.paraStopBlock,
      };
      this.#ranges = [...this.#ranges, range].slice(-MAX_RANGES);
      this.#nextRelay = range.relayEnd + 1;
    }
  }

  async #untilMoved(before: StoreHeights | undefined, signal: AbortSignal): Promise<void> {
    const { heights, clock } = this.collaborators;
    const either = new AbortController();
    const ends = AbortSignal.any([signal, either.signal]);
    try {
      await Promise.race([
        heights.until((value) => value !== before, ends),
        clock.sleep(LOOK_MS, ends),
      ]);
    } catch (error) {
      if (signal.aborted || !isAbortError(error)) throw error;
    } finally {
      either.abort();
    }
  }
}
