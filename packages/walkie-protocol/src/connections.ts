import type { Connection, Libp2p, PeerId } from '@libp2p/interface';
import { peerIdFromString } from '@libp2p/peer-id';
import type { Multiaddr } from '@multiformats/multiaddr';
import { abortedError, isAbortError, messageOf } from '@runtime-bridge/base';
import { parseMultiaddr, peerIdOfAddress } from './addresses.js';
import type { Channel } from './channel.js';
import { WalkieError, WalkieErrorCode } from './errors.js';
import { Libp2pChannel } from './libp2p-channel.js';
import type { WalkieLimits } from './limits.js';

const YAMUX = '/yamux/1.0.0';

/** Finds, makes and keeps the connections that calls go over. */
export class Connections {
  constructor(
    private readonly libp2p: Libp2p,
    private readonly limits: WalkieLimits,
  ) {}

  /**
   * The connection to a peer that calls may use, the newest if there are several. One that a 2022 peer opened is none:
   * it closes its connection as soon as its own request is answered. Only newer peers speak yamux.
   */
  usable(peerId: PeerId | string): Connection | undefined {
    const id = typeof peerId === 'string' ? peerIdFromString(peerId) : peerId;
    return this.libp2p.getConnections(id).findLast(isUsable);
  }

  /**
   * A usable connection to a peer, dialled if there is none.
   * @param target a peer id or a multiaddr as text
   * @throws WalkieError BAD_ADDRESS, UNREACHABLE; BridgeError ABORTED
   */
  async connect(target: string, signal: AbortSignal): Promise<Connection> {
    const { peerId, address } = parseTarget(target);
    const existing = peerId === undefined ? undefined : this.usable(peerId);
    return existing ?? this.dial(peerId, address, signal);
  }

  /** Dials, also if there are connections already that are not usable. Equal dials at one time are one. */
  async dial(
    peerId: PeerId | undefined,
    address: Multiaddr | undefined,
    signal: AbortSignal,
  ): Promise<Connection> {
    try {
      const force = peerId !== undefined && this.libp2p.getConnections(peerId).length > 0;
      return await this.libp2p.dial(address ?? peerId!, { signal, ...(force ? { force } : {}) });
    } catch (error) {
      if (signal.aborted) throw abortedError(signal);
      const peer = peerId?.toString() ?? address?.toString();
      throw new WalkieError(
        WalkieErrorCode.UNREACHABLE,
        `No connection to ${peer}: ${dialFailure(error)}`,
        { facts: { peer }, cause: error },
      );
    }
  }

  /**
   * Opens a stream to a peer. A kept connection that turns out to be dead is replaced once; nothing was sent on it then.
   * @throws WalkieError BAD_ADDRESS, UNREACHABLE, NOT_SPOKEN; BridgeError ABORTED
   */
  async open(target: string, protocol: string, signal: AbortSignal): Promise<Channel> {
    const { peerId, address } = parseTarget(target);
    const kept = peerId === undefined ? undefined : this.usable(peerId);
    if (kept !== undefined) {
      try {
        return await this.openOn(kept, protocol, signal);
      } catch (error) {
        if (isAbortError(error) || isNotSpoken(error) || kept.status === 'open') throw error;
      }
    }
    return this.openOn(await this.dial(peerId, address, signal), protocol, signal);
  }

  /**
   * Opens a stream on a connection.
   * @throws WalkieError NOT_SPOKEN, INTERRUPTED; BridgeError ABORTED
   */
  async openOn(connection: Connection, protocol: string, signal: AbortSignal): Promise<Channel> {
    try {
      return new Libp2pChannel(
        await connection.newStream(protocol, {
          signal,
          maxOutboundStreams: this.limits.maxStreamsPerConnection,
        }),
        connection.remotePeer.toString(),
      );
    } catch (error) {
      if (signal.aborted) throw abortedError(signal);
      const peer = connection.remotePeer.toString();
      if (error instanceof Error && error.name === 'UnsupportedProtocolError') {
        throw new WalkieError(WalkieErrorCode.NOT_SPOKEN, `${peer} does not speak ${protocol}`, {
          facts: { peer, protocol },
          cause: error,
        });
      }
      throw new WalkieError(
        WalkieErrorCode.INTERRUPTED,
        `No stream to ${peer}: ${messageOf(error)}`,
        { facts: { peer, protocol }, cause: error },
      );
    }
  }

  /** From now on closes the oldest connections of a peer that opens too many. */
  limitPerPeer(): void {
    this.libp2p.addEventListener('connection:open', ({ detail }) => {
      const all = this.libp2p.getConnections(detail.remotePeer);
      const open = all.filter(({ status }) => status === 'open');
      for (const old of open.slice(
        0,
        Math.max(0, open.length - this.limits.maxConnectionsPerPeer),
      )) {
        old.abort(
          new WalkieError(
            WalkieErrorCode.BUSY,
            `${detail.remotePeer.toString()} has too many connections`,
          ),
        );
      }
    });
  }

  /** Where the peer of a connection can be found: its own listen address on that host, where it told one. */
  async addressOf(connection: Connection): Promise<string> {
    const peer = connection.remotePeer;
    let address = connection.remoteAddr;
    if (connection.direction === 'inbound') {
      const host = hostComponents(address);
      const known = await this.libp2p.peerStore.get(peer).catch(() => undefined);
      const listen = known?.addresses.find(({ multiaddr: a }) => hostComponents(a) === host);
      address = listen?.multiaddr ?? address;
    }
    return peerIdOfAddress(address) === undefined
      ? address.encapsulate(`/p2p/${peer.toString()}`).toString()
      : address.toString();
  }
}

/** Whether calls may use a connection. */
export function isUsable(connection: Connection): boolean {
  return (
    connection.status === 'open' &&
    (connection.direction === 'outbound' || connection.multiplexer === YAMUX)
  );
}

function isNotSpoken(error: unknown): boolean {
  return error instanceof WalkieError && error.code === WalkieErrorCode.NOT_SPOKEN;
}

function hostComponents(address: Multiaddr): string | undefined {
  return address.getComponents()[0]?.value;
}

/** @throws WalkieError BAD_ADDRESS */
function parseTarget(target: string): { peerId?: PeerId; address?: Multiaddr } {
  if (target.startsWith('/')) {
    const address = parseMultiaddr(target);
    const id = peerIdOfAddress(address);
    return { address, ...(id === undefined ? {} : { peerId: peerIdFromString(id) }) };
  }
  try {
    return { peerId: peerIdFromString(target) };
  } catch (error) {
    throw new WalkieError(
      WalkieErrorCode.BAD_ADDRESS,
      `'${target.slice(0, 80)}' is no peer id: ${messageOf(error)}`,
      { facts: { peer: target.slice(0, 80) }, cause: error },
    );
  }
}

/** Why a dial failed: where several addresses were tried, what each of them said. */
function dialFailure(error: unknown): string {
  if (!(error instanceof AggregateError)) return messageOf(error);
  return [...new Set(error.errors.map(messageOf))].slice(0, 5).join('; ');
}
