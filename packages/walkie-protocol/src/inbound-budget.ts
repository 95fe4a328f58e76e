import { Limiter } from '@runtime-bridge/base';
import { WalkieError, WalkieErrorCode } from './errors.js';
import type { WalkieLimits } from './limits.js';

interface PeerUse {
  streams: number;
  bytes: number;
  readonly turns: Limiter;
}

/** What one incoming stream may use; given back by `release`, however the stream ends. */
export interface StreamLease {
  /**
   * Counts bytes that are held for the stream until its release.
   * @throws WalkieError BUSY when its peer, or all together, hold too much
   */
  readonly take: (bytes: number) => void;
  /** Runs a handler in its peer's turn. @throws BridgeError QUEUE_FULL, ABORTED, and what the work throws */
  run<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T>;
  release(): void;
}

/** Shares streams, memory and turns out to callers, so that one that floods takes nothing from the others. */
export class InboundBudget {
  readonly #peers = new Map<string, PeerUse>();
  #streams = 0;
  #bytes = 0;

  constructor(private readonly limits: WalkieLimits) {}

  /** Incoming streams being served. */
  get streams(): number {
    return this.#streams;
  }

  /** Bytes of requests and answers being read or sent. */
  get bytes(): number {
    return this.#bytes;
  }

  /** @throws WalkieError BUSY when the peer, or all together, have too many streams */
  lease(peerId: string): StreamLease {
    const { limits } = this;
    const peer = this.#peers.get(peerId) ?? {
      streams: 0,
      bytes: 0,
      turns: new Limiter({
        concurrency: limits.maxRunningRequestsPerPeer,
        maxQueued: limits.maxStreamsPerPeer,
        name: 'walkie requests of a peer',
      }),
    };
    if (peer.streams >= limits.maxStreamsPerPeer) {
      throw busy(peerId, `has ${peer.streams} streams open`);
    }
    if (this.#streams >= limits.maxStreams) throw busy(peerId, 'comes when all streams are taken');
    this.#peers.set(peerId, peer);
    peer.streams += 1;
    this.#streams += 1;
    let held = 0;
    let isReleased = false;
    return {
      take: (bytes) => {
        if (peer.bytes + bytes > limits.maxHeldBytesPerPeer) {
          throw busy(peerId, `has ${peer.bytes} bytes under way`);
        }
        if (this.#bytes + bytes > limits.maxHeldBytes) {
          throw busy(peerId, 'comes when all memory for requests is taken');
        }
        held += bytes;
        peer.bytes += bytes;
        this.#bytes += bytes;
      },
      run: (work, signal) => peer.turns.run(work, { signal }),
      release: () => {
        if (isReleased) return;
        isReleased = true;
        peer.bytes -= held;
        this.#bytes -= held;
        peer.streams -= 1;
        this.#streams -= 1;
        if (peer.streams === 0) this.#peers.delete(peerId);
      },
    };
  }
}

function busy(peer: string, reason: string): WalkieError {
  return new WalkieError(WalkieErrorCode.BUSY, `${peer} ${reason}; ask again later`, {
    facts: { peer },
  });
}
