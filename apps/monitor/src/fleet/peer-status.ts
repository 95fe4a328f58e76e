import { BridgeError, isAbortError, type Clock, type Logger } from '@runtime-bridge/base';
import type { Peer } from '@runtime-bridge/walkie-protocol';
import type { PeerRow } from '../api/index.js';
import { clip } from './worker-facts.js';

/** Characters of what a peer says is wrong. */
const MAX_PROBLEM = 500;

/** How one peer has been answering. */
export class PeerStatus {
  #answeredMs: number | null = null;
  #latencyMs: number | null = null;
  #problem: PeerRow['problem'] = null;

  constructor(private readonly collaborators: { clock: Clock; logger: Logger }) {}

  get problem(): PeerRow['problem'] {
    return this.#problem;
  }

  /** Notes an answer and how long it took. */
  answered(tookMs: number): void {
    this.#answeredMs = this.collaborators.clock.now();
    this.#latencyMs = Math.round(tookMs);
  }

  /** All is well with it. */
  recovered(peer: Peer): void {
    if (this.#problem === null) return;
    this.#problem = null;
    this.collaborators.logger.info('Peer answers again', { peer: peer.peerId });
  }

  /** Something failed; told in the log when it is new. */
  failed(peer: Peer, error: unknown): void {
    if (isAbortError(error)) return;
    const { code, message } = BridgeError.from(error);
    const isNew = this.#problem?.code !== code;
    this.#problem = {
      code,
      message: clip(message, MAX_PROBLEM),
      sinceMs: this.#problem?.sinceMs ?? this.collaborators.clock.now(),
    };
    if (isNew) {
      const { logger } = this.collaborators;
      logger.warn('Peer does not answer as it should', { peer: peer.peerId }, error);
    }
  }

  /** The part of its row that all peers have. */
  row(peer: Peer, isThere: boolean): PeerRow {
    return {
      peerId: peer.peerId,
      hostname: clip(peer.hostname, 200),
      chainIdentity: clip(peer.chainIdentity, 200),
      bridgeIdentity: clip(peer.bridgeIdentity, 200),
      multiaddr: peer.multiaddr,
      isThere,
      answeredMs: this.#answeredMs,
      latencyMs: this.#latencyMs,
      problem: this.#problem,
    };
  }
}
