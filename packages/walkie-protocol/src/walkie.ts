import type { BlobSource } from './blob-stream.js';
import type { Head } from './head-server.js';
import type { MethodName } from './methods.js';
import type { PeerDirectory } from './peer-directory.js';
import type { Handler } from './rpc-server.js';
import type { WalkieClient } from './walkie-client.js';

/** What a party that speaks Walkie can do; `WalkieNode` does it over the network, `./testing` in memory. */
export interface Walkie {
  /** Base58. */
  readonly peerId: string;
  /** Multiaddrs that others can dial. */
  readonly addresses: string[];
  /** The peers that are there. */
  readonly peers: PeerDirectory;
  /** Answers a method with what the handler gives; a later handler replaces an earlier one. */
  handle<M extends MethodName>(method: M, handler: Handler<M>): void;
  /** Answers `GetBlobByKey` and `/blob` from a source. */
  serveBlobs(source: BlobSource): void;
  /**
   * Tells a data provider's head to those who follow it; from the first call on it is served, and GetDataProviderInfo
   * answered by it unless a handler was registered.
   */
  tellHead(head: Head): void;
  /** Calls a peer, given by peer id or multiaddr; connects at the first call. */
  client(peer: string): WalkieClient;
}
