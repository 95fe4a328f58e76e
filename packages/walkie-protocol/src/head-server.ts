import { randomUUID } from 'node:crypto';
import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import {
  BridgeError,
  isAbortError,
  Watched,
  withTimeout,
  type Clock,
  type Logger,
} from '@runtime-bridge/base';
import type { Caller, Channel } from './channel.js';
import type { InfoSchema } from './gen/prb/data-provider_pb.js';
import {
  HeadRequestSchema,
  HeadUpdateSchema,
  type HeadRequest,
  type HeadUpdate,
} from './gen/prb/head_pb.js';
import type { InboundBudget, StreamLease } from './inbound-budget.js';
import { WRAPPER_BYTES, type WalkieLimits } from './limits.js';
import { decodeMessage } from './rpc-messages.js';

/** A range as plain numbers; para heights are -1 when it proves no new para header. */
export interface HeadRange {
  relayStart: number;
  relayEnd: number;
  paraStart: number;
  paraEnd: number;
}

/** How far a data provider is. */
export interface Head {
  /** What GetDataProviderInfo answers, unless there is a handler of its own. */
  info: MessageInitShape<typeof InfoSchema>;
  /** The newest ranges, oldest first; those beyond the limit are not told. */
  ranges: readonly HeadRange[];
}

/** Answers those who ask what is new at the head, each as soon as there is something that it has not seen. */
export class HeadServer {
  /** A token holds for one life of the provider. */
  readonly #life = randomUUID();
  readonly #state = new Watched<{ head: Head; token: string } | undefined>(undefined);
  #count = 0;

  constructor(
    private readonly limits: WalkieLimits,
    private readonly collaborators: { logger: Logger; budget: InboundBudget; clock: Clock },
  ) {}

  /** Tells a new head to everybody who waits. */
  tell(head: Head): void {
    this.#count += 1;
    const ranges = head.ranges.slice(-this.limits.maxHeadRanges);
    const token = `${this.#life}-${this.#count}`;
    this.#state.set({ head: { info: head.info, ranges }, token });
  }

  /** What was told last; undefined before the first time. */
  get info(): Head['info'] | undefined {
    return this.#state.value?.head.info;
  }

  /** Serves one stream. Never rejects. */
  async serve(channel: Channel, caller: Caller, signal: AbortSignal): Promise<void> {
    const { limits } = this;
    const { budget, logger } = this.collaborators;
    let lease: StreamLease | undefined;
    try {
      lease = budget.lease(caller.peerId);
      const { take } = lease;
      const bytes = await withTimeout(
        limits.requestReadTimeoutMs,
        'reading a question for the head',
        (readSignal) => channel.readAll(WRAPPER_BYTES, readSignal, take),
        signal,
      );
      const request = decodeMessage(HeadRequestSchema, bytes);
      await this.#untilNews(request.seen, signal);
      const answer = toBinary(HeadUpdateSchema, this.#updateFor(request));
      take(answer.length);
      await withTimeout(
        limits.answerWriteTimeoutMs,
        'sending the head',
        (writeSignal) => channel.writeAll(answer, writeSignal),
        signal,
      );
    } catch (error) {
      channel.reset(BridgeError.from(error));
      logger.debug('Question for the head was not served', { peer: caller.peerId }, error);
    } finally {
      lease?.release();
    }
  }

  async #untilNews(seen: string, signal: AbortSignal): Promise<void> {
    const holds = new AbortController();
    const either = AbortSignal.any([signal, holds.signal]);
    const isNews = (state: { token: string } | undefined) =>
      state !== undefined && state.token !== seen;
    try {
      await Promise.race([
        this.#state.until(isNews, either),
        this.collaborators.clock.sleep(this.limits.headHoldMs, either),
      ]);
    } catch (error) {
      if (signal.aborted || !isAbortError(error)) throw error;
    } finally {
      holds.abort();
    }
  }

  #updateFor({ afterRelay, seen }: HeadRequest): HeadUpdate {
    const state = this.#state.value;
    if (state === undefined) return create(HeadUpdateSchema, { token: '' });
    const { head, token } = state;
    const ranges = head.ranges.filter(({ relayEnd }) => relayEnd > afterRelay);
    const first = ranges[0];
    const hasGap = afterRelay >= 0 && first !== undefined && first.relayStart > afterRelay + 1;
    return create(HeadUpdateSchema, {
      info: head.info,
      ranges: token === seen ? [] : ranges,
      hasGap,
      token,
    });
  }
}
