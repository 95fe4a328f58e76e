const KIB = 1024;
const MIB = 1024 * KIB;

/** What a node takes and gives, at most. Each can be set; these are the defaults and their reasons. */
export interface WalkieLimits {
  /** One RPC message that carries neither a blob nor a list: requests with 10,000 workers have some 2 MiB. */
  maxMessageBytes: number;
  /** An answer that lists pools, workers or history: the state of one worker has some 3.6 KiB, so that is 9,000 of them. */
  maxListBytes: number;
  /** One message that carries a blob, or a blob on `/blob`: the largest genesis state is some 10 MiB. */
  maxBlobBytes: number;
  /** The key of a blob: 2022's longest has some 60 characters. */
  maxKeyBytes: number;
  /** Streams of one protocol on one connection, each way: libp2p's 32 and 64 fail at 150 parallel requests. */
  maxStreamsPerConnection: number;
  /** Incoming streams of one peer being served, over all of its connections. */
  maxStreamsPerPeer: number;
  /** Incoming streams being served in all: a thousand connections with some requests each. */
  maxStreams: number;
  /** Bytes of one peer's requests and answers held at once: two of the largest blobs. */
  maxHeldBytesPerPeer: number;
  /** Bytes of all requests and answers held at once. */
  maxHeldBytes: number;
  /** Connections of one peer: newer ones keep one, a 2022 peer opens one per request. */
  maxConnectionsPerPeer: number;
  /** Connections in all: a provider serves hundreds of managers and their runners. */
  maxConnections: number;
  /** New connections per second from one host: a 2022 peer makes one per request. */
  maxNewConnectionsPerSecond: number;
  /** Requests handled at once, of all peers. */
  maxRunningRequests: number;
  /** Newest ranges in one update of the head; an older one is found by its key. */
  maxHeadRanges: number;
  /** Requests handled at once of one peer, so that slow ones leave room for the others. */
  maxRunningRequestsPerPeer: number;
  /** Requests that wait for their turn; more are refused. */
  maxWaitingRequests: number;
  /** Blobs read and sent at once over libp2p, as 2022's `/blob` does. */
  maxRunningBlobs: number;
  /** Peers in the directory. */
  maxPeers: number;
  /** From the opening of a stream to the end of its request. */
  requestReadTimeoutMs: number;
  /** For a handler to answer. */
  handlerTimeoutMs: number;
  /** For an answer to be taken by the other side. */
  answerWriteTimeoutMs: number;
  /** For which a question for news of the head is held open: so soon it is noticed that a provider hangs. */
  headHoldMs: number;
  /** For a call from dialling to the decoded answer, unless the caller says otherwise. */
  callTimeoutMs: number;
  /** For an incoming connection to be encrypted and multiplexed. */
  inboundHandshakeTimeoutMs: number;
  /** For a dial with all of its negotiation. */
  dialTimeoutMs: number;
}

/** The limits of a node that is told no others. */
export const defaultWalkieLimits: WalkieLimits = {
  maxMessageBytes: 4 * MIB,
  maxListBytes: 32 * MIB,
  maxBlobBytes: 64 * MIB,
  maxKeyBytes: 1 * KIB,
  maxStreamsPerConnection: 1024,
  maxStreamsPerPeer: 1024,
  maxStreams: 8192,
  maxHeldBytesPerPeer: 128 * MIB,
  maxHeldBytes: 512 * MIB,
  maxConnectionsPerPeer: 64,
  maxConnections: 1000,
  maxNewConnectionsPerSecond: 200,
  maxHeadRanges: 64,
  maxRunningRequests: 256,
  maxRunningRequestsPerPeer: 64,
  maxWaitingRequests: 4096,
  maxRunningBlobs: 10,
  maxPeers: 1024,
  requestReadTimeoutMs: 10_000,
  handlerTimeoutMs: 60_000,
  answerWriteTimeoutMs: 60_000,
  headHoldMs: 5_000,
  callTimeoutMs: 30_000,
  inboundHandshakeTimeoutMs: 10_000,
  dialTimeoutMs: 10_000,
};

/** What the wrapper of a message takes beside its payload: times, two nonces, tags, a method name. */
export const WRAPPER_BYTES = 1 * KIB;
