import { create, toBinary } from '@bufbuild/protobuf';
import { Backoff, isAbortError, type Clock } from '@runtime-bridge/base';
import type { CallOptions } from './walkie-client.js';
import { WalkieError, WalkieErrorCode } from './errors.js';
import type { Info } from './gen/prb/data-provider_pb.js';
import { HeadRequestSchema, HeadUpdateSchema, type HeadUpdate } from './gen/prb/head_pb.js';
import type { HeadRange } from './head-server.js';
import { decodeMessage } from './rpc-messages.js';

/** Providers of 2022 are asked so often, as 2022's managers did. */
const POLL_MS = 500;
/** A provider that does not push is asked for that again so often: it may begin to, or have been replaced. */
const OFFER_INTERVAL_MS = 5_000;
const RETRY_MS = { minMs: 250, maxMs: 2_000 };

/** How a head is followed. */
export interface FollowOptions {
  /** Ends the iteration. */
  signal?: AbortSignal | undefined;
  /** Last relay header of the newest range that is known already; later ranges are told. @default only the newest */
  afterRelay?: number;
  /** Between two questions to a provider that does not push. @default 500 */
  pollMs?: number;
  /** Told of each failure; following goes on by itself. */
  onProblem?: (error: unknown) => void;
}

/** How far a data provider is, as it was told. */
export interface HeadNews {
  info: Info;
  /** Ranges since the last news, oldest first; providers of 2022 tell none. */
  ranges: readonly HeadRange[];
  /** Some ranges before these were not told; blobs are found by key. */
  hasGap: boolean;
}

/** What following needs of a client. */
export interface HeadLink {
  /** One question on the head protocol. */
  ask(request: Uint8Array, signal: AbortSignal | undefined): Promise<Uint8Array>;
  /** GetDataProviderInfo. */
  getInfo(options: CallOptions): Promise<Info>;
  clock: Clock;
}

/** News of a provider's head for as long as somebody listens; survives disconnects and restarts. */
export async function* followHead(
  link: HeadLink,
  options: FollowOptions,
): AsyncGenerator<HeadNews, void, undefined> {
  const { signal, onProblem, pollMs = POLL_MS } = options;
  const backoff = new Backoff(RETRY_MS);
  let afterRelay = options.afterRelay ?? -1;
  let seen = '';
  let lastInfo = '';
  let nextOfferMs = -Infinity;
  const isOver = () => signal?.aborted === true;
  while (!isOver()) {
    try {
      if (link.clock.now() >= nextOfferMs) {
        try {
          const request = create(HeadRequestSchema, { afterRelay, seen });
          const update = decodeMessage(
            HeadUpdateSchema,
            await link.ask(toBinary(HeadRequestSchema, request), signal),
          );
          backoff.reset();
          const isNew = update.info !== undefined && update.token !== seen;
          seen = update.token;
          if (!isNew) {
            await link.clock.sleep(pollMs, signal);
            continue;
          }
          afterRelay = update.ranges.at(-1)?.relayEnd ?? afterRelay;
          yield newsOf(update, update.info!);
          continue;
        } catch (error) {
          if (!isNotSpoken(error)) throw error;
          nextOfferMs = link.clock.now() + OFFER_INTERVAL_MS;
        }
      }
      const info = await link.getInfo({ signal });
      backoff.reset();
      const text = JSON.stringify(info);
      if (text !== lastInfo) {
        lastInfo = text;
        yield { info, ranges: [], hasGap: false };
      }
      await link.clock.sleep(pollMs, signal);
    } catch (error) {
      if (isOver() && isAbortError(error)) return;
      if (isHopeless(error)) throw error;
      onProblem?.(error);
      lastInfo = '';
      // Whoever comes back may have learned to push.
      nextOfferMs = -Infinity;
      await link.clock.sleep(backoff.next(), signal).catch(() => {});
    }
  }
}

function newsOf({ ranges, hasGap }: HeadUpdate, info: Info): HeadNews {
  return {
    info,
    ranges: ranges.map(({ relayStart, relayEnd, paraStart, paraEnd }) => ({
      relayStart,
      relayEnd,
      paraStart,
      paraEnd,
    })),
    hasGap,
  };
}

function isNotSpoken(error: unknown): boolean {
  return error instanceof WalkieError && error.code === WalkieErrorCode.NOT_SPOKEN;
}

function isHopeless(error: unknown): boolean {
  return (
    error instanceof WalkieError &&
    (error.code === WalkieErrorCode.BAD_ADDRESS || error.code === WalkieErrorCode.NOT_RUNNING)
  );
}
