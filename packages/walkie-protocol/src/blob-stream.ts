import { BridgeError, Limiter, withTimeout, type Logger } from '@runtime-bridge/base';
import type { Caller, Channel } from './channel.js';
import type { InboundBudget, StreamLease } from './inbound-budget.js';
import type { WalkieLimits } from './limits.js';
import type { Handler } from './rpc-server.js';

/** A blob with, where it is known already, the CRC-32C of its bytes as an unsigned number. */
export interface Blob {
  bytes: Uint8Array;
  crc32c?: number | undefined;
}

/** A blob whose bytes lie in several places, in this order. */
export interface BlobParts {
  parts: readonly Uint8Array[];
  /** CRC-32C of all bytes as an unsigned number. */
  crc32c: number;
  /** Whether the bytes stay as they are, so that they need not be copied. @default false */
  isKept?: boolean;
}

/** Where blobs come from. */
export interface BlobSource {
  /** The blob of a key, undefined when there is none. A key's bytes never change, or are small. */
  get(key: string, signal: AbortSignal): Promise<Blob | undefined>;
  /**
   * Lends the blob for the moment of the call, without joining its bytes; false when there is none. The blob server uses
   * it where it is offered.
   */
  use?(key: string, take: (blob: BlobParts) => void, signal: AbortSignal): Promise<boolean>;
}

/** Serves `/blob`: a key comes, the raw bytes go, nothing when there are none or reading them fails. */
export class BlobStreamServer {
  readonly #turns: Limiter;
  #source: BlobSource | undefined;

  constructor(
    private readonly limits: WalkieLimits,
    private readonly collaborators: { logger: Logger; budget: InboundBudget },
  ) {
    this.#turns = new Limiter({
      concurrency: limits.maxRunningBlobs,
      maxQueued: limits.maxWaitingRequests,
      name: 'walkie blobs',
    });
  }

  /** Sets where blobs come from. */
  use(source: BlobSource): void {
    this.#source = source;
  }

  /** Serves one stream. Never rejects. */
  async serve(channel: Channel, caller: Caller, signal: AbortSignal): Promise<void> {
    const { limits } = this;
    let lease: StreamLease | undefined;
    try {
      lease = this.collaborators.budget.lease(caller.peerId);
      const { take } = lease;
      const keyBytes = await withTimeout(
        limits.requestReadTimeoutMs,
        'reading a blob key',
        (readSignal) => channel.readAll(limits.maxKeyBytes, readSignal, take),
        signal,
      );
      const key = Buffer.from(keyBytes).toString('utf8').trim();
      // One deadline for reading and sending, so that slow readers give their turn back.
      await withTimeout(
        limits.answerWriteTimeoutMs,
        'sending a blob',
        (sendSignal) =>
          this.#turns.run(
            async () => {
              const blob = await this.#read(key, caller, sendSignal);
              take(blob.length);
              await channel.writeAll(blob, sendSignal);
            },
            { signal: sendSignal },
          ),
        signal,
      );
    } catch (error) {
      channel.reset(BridgeError.from(error));
      this.collaborators.logger.debug(
        'Blob request was not served',
        { peer: caller.peerId },
        error,
      );
    } finally {
      lease?.release();
    }
  }

  async #read(key: string, caller: Caller, signal: AbortSignal): Promise<Uint8Array> {
    if (key === '' || this.#source === undefined) return NOTHING;
    try {
      const blob = await this.#source.get(key, signal);
      return blob === undefined || blob.bytes.length > this.limits.maxBlobBytes
        ? NOTHING
        : blob.bytes;
    } catch (error) {
      this.collaborators.logger.warn('Blob could not be read', { key, peer: caller.peerId }, error);
      return NOTHING;
    }
  }
}

const NOTHING = new Uint8Array(0);

/** The handler of `GetBlobByKey` for a source; a missing blob is an answer, not an error. */
export function blobByKeyHandler(source: BlobSource): Handler<'GetBlobByKey'> {
  return async ({ key }, { signal }) => {
    const blob = await source.get(key.trim(), signal);
    return blob === undefined || blob.bytes.length === 0
      ? { key, empty: true }
      : { key, empty: false, data: blob.bytes };
  };
}
