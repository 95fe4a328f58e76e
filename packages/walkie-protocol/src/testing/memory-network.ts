import {
  silentLogger,
  silentMetrics,
  systemClock,
  type Clock,
  type Logger,
  type Service,
} from '@runtime-bridge/base';
import { createAccessPolicy, type AccessPolicy } from '../access-policy.js';
import { AuthClient } from '../auth-client.js';
import { AuthServer } from '../auth-server.js';
import { BlobStreamServer, blobByKeyHandler, type BlobSource } from '../blob-stream.js';
import { BLOB_PROTOCOL, HEAD_PROTOCOL, type OpenChannel } from '../channel.js';
import { WalkieError, WalkieErrorCode } from '../errors.js';
import { WalkieRoles } from '../gen/prb/message_pb.js';
import { HeadServer, type Head } from '../head-server.js';
import { InboundBudget } from '../inbound-budget.js';
import { defaultWalkieLimits, type WalkieLimits } from '../limits.js';
import type { MethodName } from '../methods.js';
import { PeerDirectory, type Peer } from '../peer-directory.js';
import { createRpcMetrics } from '../rpc-metrics.js';
import { RpcServer, type Handler } from '../rpc-server.js';
import type { SharedSecret } from '../shared-secret.js';
import type { Walkie } from '../walkie.js';
import { WalkieClient } from '../walkie-client.js';
import { memoryChannelPair } from './memory-channel.js';

/** Who a node in memory is; everything has a default. */
export interface MemoryWalkieOptions {
  /** @default `peer-1`, `peer-2`, … */
  peerId?: string;
  /** @default WR_CLIENT */
  role?: WalkieRoles;
  /** @default 0x01 */
  chainIdentity?: string;
  /** @default default */
  bridgeIdentity?: string;
  /** @default the peer id */
  hostname?: string;
  /** Where calls of this node seem to come from, as a multiaddr. @default 127.0.0.1 and a port of its own */
  address?: string;
  access?: AccessPolicy;
  /** Whoever knows it may change things here; this node proves it, and asks for proof, before it changes things elsewhere. */
  secret?: SharedSecret | undefined;
  limits?: Partial<WalkieLimits>;
}

/** A network of Walkie nodes within one process: the real messages, server and client, no sockets. */
export class MemoryNetwork {
  readonly #nodes = new Map<string, MemoryWalkie>();
  #count = 0;

  constructor(private readonly collaborators: { logger?: Logger; clock?: Clock } = {}) {}

  /** A new node; it is there once started, and departs when stopped. */
  node(options: MemoryWalkieOptions = {}): MemoryWalkie {
    this.#count += 1;
    return new MemoryWalkie(this, this.#count, options, this.collaborators);
  }

  /** @internal */
  join(node: MemoryWalkie): void {
    for (const other of this.#nodes.values()) {
      other.peers.set(node.info);
      node.peers.set(other.info);
    }
    this.#nodes.set(node.peerId, node);
  }

  /** @internal */
  leave(node: MemoryWalkie): void {
    if (this.#nodes.get(node.peerId) !== node) return;
    this.#nodes.delete(node.peerId);
    for (const other of this.#nodes.values()) other.peers.delete(node.peerId);
    node.peers.clear();
  }

  /** @internal */
  find(target: string): MemoryWalkie | undefined {
    return (
      this.#nodes.get(target) ??
      [...this.#nodes.values()].find(({ addresses }) => addresses.includes(target))
    );
  }
}

/** One node of a MemoryNetwork. */
export class MemoryWalkie implements Walkie, Service {
  readonly name = 'walkie';
  readonly peerId: string;
  readonly addresses: string[];
  readonly peers = new PeerDirectory();
  /** How others see it. */
  readonly info: Peer;
  readonly #limits: WalkieLimits;
  readonly #clock: Clock;
  readonly #metrics = createRpcMetrics(silentMetrics);
  readonly #rpcServer: RpcServer;
  readonly #auth: AuthClient | undefined;
  readonly #blobServer: BlobStreamServer;
  readonly #headServer: HeadServer;
  #tellsHead = false;
  readonly #address: string;
  #controller = new AbortController();
  #isRunning = false;

  constructor(
    private readonly network: MemoryNetwork,
    number: number,
    options: MemoryWalkieOptions,
    collaborators: { logger?: Logger; clock?: Clock },
  ) {
    const logger = collaborators.logger ?? silentLogger;
    this.peerId = options.peerId ?? `peer-${number}`;
    this.#address = options.address ?? `/ip4/127.0.0.1/tcp/${number}`;
    const multiaddr = `${this.#address}/p2p/${this.peerId}`;
    this.addresses = [multiaddr];
    this.info = {
      peerId: this.peerId,
      hostname: options.hostname ?? this.peerId,
      role: options.role ?? WalkieRoles.WR_CLIENT,
      chainIdentity: options.chainIdentity ?? '0x01',
      bridgeIdentity: options.bridgeIdentity ?? 'default',
      multiaddr,
    };
    this.#limits = { ...defaultWalkieLimits, ...options.limits };
    this.#clock = collaborators.clock ?? systemClock;
    this.#auth =
      options.secret &&
      new AuthClient({ secret: options.secret, peerId: this.peerId }, { clock: this.#clock });
    const budget = new InboundBudget(this.#limits);
    this.#rpcServer = new RpcServer(
      {
        access: options.access ?? createAccessPolicy(),
        limits: this.#limits,
        budget,
        auth: this.#authServer(options.secret),
      },
      { logger, metrics: this.#metrics, clock: this.#clock },
    );
    this.#blobServer = new BlobStreamServer(this.#limits, { logger, budget });
    this.#headServer = new HeadServer(this.#limits, { logger, budget, clock: this.#clock });
    const { hostname, role, chainIdentity, bridgeIdentity } = this.info;
    this.handle('Hello', () => ({
      hostname,
      peerId: this.peerId,
      role,
      chainIdentity,
      bridgeIdentity,
    }));
  }

  handle<M extends MethodName>(method: M, handler: Handler<M>): void {
    this.#rpcServer.handle(method, handler);
  }

  serveBlobs(source: BlobSource): void {
    this.#blobServer.use(source);
    this.handle('GetBlobByKey', blobByKeyHandler(source));
  }

  tellHead(head: Head): void {
    this.#tellsHead = true;
    this.#headServer.tell(head);
    this.#rpcServer.handleByDefault('GetDataProviderInfo', () => this.#headServer.info ?? {});
  }

  client(peer: string): WalkieClient {
    return new WalkieClient(peer, {
      open: this.#open,
      limits: this.#limits,
      metrics: this.#metrics,
      clock: this.#clock,
      auth: this.#auth,
    });
  }

  #authServer(secret: SharedSecret | undefined): AuthServer | undefined {
    if (secret === undefined) return undefined;
    const { peerId, bridgeIdentity } = this.info;
    const maxGrants = this.#limits.maxPeers;
    return new AuthServer({ secret, peerId, bridgeIdentity, maxGrants }, { clock: this.#clock });
  }

  start(): Promise<void> {
    if (!this.#isRunning) {
      this.#isRunning = true;
      this.#controller = new AbortController();
      this.network.join(this);
    }
    return Promise.resolve();
  }

  stop(): Promise<void> {
    this.#isRunning = false;
    this.network.leave(this);
    this.#controller.abort();
    return Promise.resolve();
  }

  readonly #open: OpenChannel = (target, protocol) => {
    if (!this.#isRunning) {
      throw new WalkieError(WalkieErrorCode.NOT_RUNNING, 'The Walkie node is not running');
    }
    const responder = this.network.find(target);
    if (responder === undefined) {
      throw new WalkieError(WalkieErrorCode.UNREACHABLE, `No connection to ${target}`);
    }
    const [here, there] = memoryChannelPair(this.peerId, responder.peerId);
    if (protocol === HEAD_PROTOCOL && !responder.#tellsHead) {
      throw new WalkieError(WalkieErrorCode.NOT_SPOKEN, `${target} does not speak ${protocol}`);
    }
    const server =
      protocol === HEAD_PROTOCOL
        ? responder.#headServer
        : protocol === BLOB_PROTOCOL
          ? responder.#blobServer
          : responder.#rpcServer;
    void server.serve(
      there,
      { peerId: this.peerId, remoteAddress: this.#address },
      responder.#controller.signal,
    );
    return Promise.resolve(here);
  };
}
