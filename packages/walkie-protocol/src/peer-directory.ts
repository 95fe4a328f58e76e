import { abortedError } from '@runtime-bridge/base';
import type { WalkieRoles } from './gen/prb/message_pb.js';

/** A peer that is there and has said who it is. */
export interface Peer {
  /** Base58, proven by its connection. */
  readonly peerId: string;
  readonly hostname: string;
  readonly role: WalkieRoles;
  /** Hash of parachain block 1, or `client`. Self-declared, like host name, role and bridge identity. */
  readonly chainIdentity: string;
  readonly bridgeIdentity: string;
  /** Where it was reached, with `/p2p/<peer id>` at its end. */
  readonly multiaddr: string;
}

/** The peers that are there. Departed ones are not in it. */
export class PeerDirectory {
  readonly #peers = new Map<string, Peer>();
  readonly #listeners = new Set<() => void>();

  /** All of them, in order of their peer ids, so that two looks at the same peers are equal. */
  list(): Peer[] {
    return [...this.#peers.values()].sort((a, b) => (a.peerId < b.peerId ? -1 : 1));
  }

  /** The peer of a base58 id. */
  get(peerId: string): Peer | undefined {
    return this.#peers.get(peerId);
  }

  get size(): number {
    return this.#peers.size;
  }

  /** Calls back at each change until the returned function is called. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /**
   * Waits until the peers satisfy a predicate, which may be at once.
   * @throws BridgeError ABORTED with the signal
   */
  until(predicate: (peers: Peer[]) => boolean, signal?: AbortSignal): Promise<Peer[]> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(abortedError(signal));
        return;
      }
      const end = () => {
        stop();
        signal?.removeEventListener('abort', onAbort);
      };
      const look = () => {
        const peers = this.list();
        if (!predicate(peers)) return;
        end();
        resolve(peers);
      };
      const onAbort = () => {
        end();
        reject(abortedError(signal!));
      };
      const stop = this.subscribe(look);
      signal?.addEventListener('abort', onAbort, { once: true });
      look();
    });
  }

  /** Puts a peer in, or what is new about it. Only the node that owns the directory does this. */
  set(peer: Peer): void {
    const old = this.#peers.get(peer.peerId);
    if (old !== undefined && isSame(old, peer)) return;
    this.#peers.set(peer.peerId, peer);
    this.#tell();
  }

  /** Takes a peer out. Only the node that owns the directory does this. */
  delete(peerId: string): boolean {
    const existed = this.#peers.delete(peerId);
    if (existed) this.#tell();
    return existed;
  }

  /** Takes all out. */
  clear(): void {
    if (this.#peers.size === 0) return;
    this.#peers.clear();
    this.#tell();
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}

function isSame(a: Peer, b: Peer): boolean {
  return (
    a.hostname === b.hostname &&
    a.role === b.role &&
    a.chainIdentity === b.chainIdentity &&
    a.bridgeIdentity === b.bridgeIdentity &&
    a.multiaddr === b.multiaddr
  );
}
