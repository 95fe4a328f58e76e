/**
 * One stream between two peers on which each side says one thing: bytes, then a half-close. Both `/pb` and `/blob` are
 * of that kind. libp2p streams and the in-memory pairs of `./testing` implement it.
 */
export interface Channel {
  /** Base58 id of the peer at the other end, proven by the connection. */
  readonly remotePeerId: string;
  /**
   * Reads until the other side half-closes.
   * @param onBytes told of each piece as it comes; what it throws ends the stream
   * @throws WalkieError TOO_LARGE as soon as more than `maxBytes` arrive, INTERRUPTED when the stream is reset;
   *   BridgeError ABORTED with the signal. The stream is reset then.
   */
  readAll(
    maxBytes: number,
    signal: AbortSignal,
    onBytes?: (count: number) => void,
  ): Promise<Uint8Array>;
  /**
   * Writes everything, waiting whenever the other side is slow, then half-closes.
   * @throws WalkieError INTERRUPTED when the stream is reset; BridgeError ABORTED with the signal. The stream is reset
   *   then.
   */
  writeAll(bytes: Uint8Array, signal: AbortSignal): Promise<void>;
  /** Ends the stream both ways at once; what is not delivered is lost. */
  reset(reason: Error): void;
}

/** Who is at the other end of an incoming stream. */
export interface Caller {
  /** Base58 peer id, proven by the connection. */
  readonly peerId: string;
  /** Multiaddr of the other end of the connection. */
  readonly remoteAddress: string;
  /** Whether it has proved to know the shared secret. @default false */
  readonly isAuthenticated?: boolean;
}

/** Opens a stream of a protocol to a peer (a peer id or multiaddr as text), connecting first where needed. */
export type OpenChannel = (peer: string, protocol: string, signal: AbortSignal) => Promise<Channel>;

/** Protocol id of the RPC: one request and one response per stream. */
export const PB_PROTOCOL = '/pb';
/** Protocol id of raw blobs by key. */
export const BLOB_PROTOCOL = '/blob';
/** Protocol id of the heads of a data provider: a request that is answered when there is news. */
export const HEAD_PROTOCOL = '/runtime-bridge/head/1';
