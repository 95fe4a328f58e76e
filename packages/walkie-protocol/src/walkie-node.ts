import './polyfill.js';
import { setMaxListeners } from 'node:events';
import { noise } from '@chainsafe/libp2p-noise';
import { yamux } from '@chainsafe/libp2p-yamux';
import { identify } from '@libp2p/identify';
import type { Connection, Libp2p, PrivateKey, Stream } from '@libp2p/interface';
import { FaultTolerance } from '@libp2p/interface';
import { kadDHT, passthroughMapper } from '@libp2p/kad-dht';
import { mdns } from '@libp2p/mdns';
import { mplex } from '@libp2p/mplex';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import { ping } from '@libp2p/ping';
import { tcp } from '@libp2p/tcp';
import {
  abortedError,
  messageOf,
  silentLogger,
  silentMetrics,
  systemClock,
  type Clock,
  type Logger,
  type MetricsRegister,
  type Service,
} from '@runtime-bridge/base';
import { createLibp2p } from 'libp2p';
import { createAccessPolicy, type AccessPolicy } from './access-policy.js';
import { parseBootNodes, parseMultiaddr, type BootNode } from './addresses.js';
import { AuthClient } from './auth-client.js';
import { AuthServer } from './auth-server.js';
import { blobByKeyHandler, BlobStreamServer, type BlobSource } from './blob-stream.js';
import {
  BLOB_PROTOCOL,
  HEAD_PROTOCOL,
  PB_PROTOCOL,
  type Caller,
  type Channel,
  type OpenChannel,
} from './channel.js';
import { Connections } from './connections.js';
import { WalkieError, WalkieErrorCode } from './errors.js';
import type { WalkieRoles } from './gen/prb/message_pb.js';
import { type WalkieSystemInfo } from './gen/prb/message_pb.js';
import { HeadServer, type Head } from './head-server.js';
import { InboundBudget } from './inbound-budget.js';
import { Libp2pChannel } from './libp2p-channel.js';
import { defaultWalkieLimits, type WalkieLimits } from './limits.js';
import { Mdns2022 } from './mdns-2022.js';
import type { MethodName } from './methods.js';
import { PeerDirectory } from './peer-directory.js';
import { PeerKeeper } from './peer-keeper.js';
import { createRpcMetrics, type RpcMetrics } from './rpc-metrics.js';
import { RpcServer, type Handler } from './rpc-server.js';
import type { SharedSecret } from './shared-secret.js';
import type { Walkie } from './walkie.js';
import { WalkieClient } from './walkie-client.js';

/** The routing table of 2022's nodes in a local network; Walkie itself does not need it. */
const LAN_DHT_PROTOCOL = '/ipfs/lan/kad/1.0.0';
/** For calls under way to end when peers are to be greeted anew. */
const CLOSE_MS = 2_000;
/** mplex closes a connection that keeps opening streams above the limit; a burst of calls must not do that. */
const MPLEX_DISCONNECT_THRESHOLD = 1_000_000;

/** What a node is and where it is to be found. */
export interface WalkieNodeOptions {
  role: WalkieRoles;
  privateKey: PrivateKey;
  /** Lower-case hash of parachain block 1 with 0x; `client` for the monitor; empty while it is not known. */
  chainIdentity: string;
  /** Free label that separates bridges in one network. */
  bridgeIdentity: string;
  hostname: string;
  /** Multiaddrs; none for a node that only calls. */
  listenAddresses: readonly string[];
  /** Multiaddrs with `/p2p/<peer id>`; others are named in one warning each and ignored. */
  bootNodes: readonly string[];
  /** Whether to find peers, and be found, by multicast in the local network. */
  mdns: boolean;
  /** Who may call changing methods. @default this host only */
  access?: AccessPolicy;
  /** Whoever knows it may change things here; this node proves it, and asks for proof, before it changes things elsewhere. */
  secret?: SharedSecret | undefined;
  limits?: Partial<WalkieLimits>;
}

/** A Walkie node on libp2p: meets peers, answers their calls, calls them over kept connections. */
export class WalkieNode implements Service, Walkie {
  readonly name = 'walkie';
  readonly peerId: string;
  readonly peers = new PeerDirectory();
  readonly #options: WalkieNodeOptions;
  #chainIdentity: string;
  readonly #limits: WalkieLimits;
  readonly #budget: InboundBudget;
  readonly #bootNodes: readonly BootNode[];
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #rpcMetrics: RpcMetrics;
  readonly #rpcServer: RpcServer;
  readonly #auth: AuthClient | undefined;
  readonly #blobServer: BlobStreamServer;
  readonly #headServer: HeadServer;
  readonly #stopping = new AbortController();
  readonly #found2022 = new Set<string>();
  #mdns2022: Mdns2022 | undefined;
  readonly #served = new Set<string>([PB_PROTOCOL]);
  #running: { libp2p: Libp2p; connections: Connections; keeper: PeerKeeper } | undefined;
  #starting: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;

  /** @throws WalkieError BAD_ADDRESS naming a listen address that is no multiaddr */
  constructor(
    options: WalkieNodeOptions,
    collaborators: { logger?: Logger; metrics?: MetricsRegister; clock?: Clock } = {},
  ) {
    const { logger = silentLogger, metrics = silentMetrics } = collaborators;
    this.#options = options;
    this.#chainIdentity = options.chainIdentity;
    this.#limits = { ...defaultWalkieLimits, ...options.limits };
    this.#budget = new InboundBudget(this.#limits);
    this.#logger = logger.child({ module: 'walkie' });
    this.#clock = collaborators.clock ?? systemClock;
    this.peerId = peerIdFromPrivateKey(options.privateKey).toString();
    for (const address of options.listenAddresses) parseMultiaddr(address);
    const { nodes, ignored } = parseBootNodes(options.bootNodes);
    for (const { entry, reason } of ignored) {
      this.#logger.warn('Boot node ignored', { bootNode: entry, reason });
    }
    this.#bootNodes = nodes;
    this.#rpcMetrics = createRpcMetrics(metrics);
    const { secret, bridgeIdentity } = options;
    if (secret !== undefined) {
      this.#auth = new AuthClient({ secret, peerId: this.peerId }, { clock: this.#clock });
    }
    const maxGrants = this.#limits.maxPeers;
    this.#rpcServer = new RpcServer(
      {
        access: options.access ?? createAccessPolicy(),
        limits: this.#limits,
        budget: this.#budget,
        auth:
          secret &&
          new AuthServer(
            { secret, peerId: this.peerId, bridgeIdentity, maxGrants },
            { clock: this.#clock },
          ),
      },
      { logger: this.#logger, metrics: this.#rpcMetrics, clock: this.#clock },
    );
    this.#blobServer = new BlobStreamServer(this.#limits, {
      logger: this.#logger,
      budget: this.#budget,
    });
    this.#headServer = new HeadServer(this.#limits, {
      logger: this.#logger,
      budget: this.#budget,
      clock: this.#clock,
    });
    // Each request under way listens to it.
    setMaxListeners(0, this.#stopping.signal);
    this.handle('Hello', () => this.#ownInfo());
    metrics.gauge({
      name: 'runtime_bridge_walkie_peers_count',
      help: 'Walkie peers in the directory',
      collect: (gauge) => gauge.set(this.peers.size),
    });
    metrics.gauge({
      name: 'runtime_bridge_walkie_held_bytes',
      help: 'Bytes of Walkie requests and answers under way',
      collect: (gauge) => gauge.set(this.#budget.bytes),
    });
  }

  /** Multiaddrs that others can dial, with `/p2p/<peer id>`; empty before the start and for a node that only calls. */
  get addresses(): string[] {
    return this.#running?.libp2p.getMultiaddrs().map(String) ?? [];
  }

  /** What callers use of it just now: streams being served, and bytes held for them. */
  get load(): { streams: number; bytes: number } {
    return { streams: this.#budget.streams, bytes: this.#budget.bytes };
  }

  handle<M extends MethodName>(method: M, handler: Handler<M>): void {
    this.#rpcServer.handle(method, handler);
  }

  /** Tells another chain identity from now on. Peers that heard the former are greeted anew, over new connections. */
  setChainIdentity(chainIdentity: string): void {
    if (chainIdentity === this.#chainIdentity) return;
    this.#chainIdentity = chainIdentity;
    for (const connection of this.#running?.libp2p.getConnections() ?? []) {
      connection
        .close({ signal: AbortSignal.timeout(CLOSE_MS) })
        .catch((error: unknown) => connection.abort(new Error(messageOf(error))));
    }
  }

  serveBlobs(source: BlobSource): void {
    this.#blobServer.use(source);
    this.handle('GetBlobByKey', blobByKeyHandler(source));
    this.#offer(BLOB_PROTOCOL);
  }

  tellHead(head: Head): void {
    this.#headServer.tell(head);
    this.#rpcServer.handleByDefault('GetDataProviderInfo', () => this.#headServer.info ?? {});
    this.#offer(HEAD_PROTOCOL);
  }

  client(peer: string): WalkieClient {
    return new WalkieClient(peer, {
      open: this.#open,
      limits: this.#limits,
      metrics: this.#rpcMetrics,
      clock: this.#clock,
      auth: this.#auth,
    });
  }

  /**
   * Resolves when it listens. A start that failed may be tried again.
   * @throws WalkieError LISTEN_FAILED; BridgeError ABORTED
   */
  start(signal?: AbortSignal): Promise<void> {
    this.#starting ??= this.#start(signal).catch((error: unknown) => {
      this.#starting = undefined;
      throw error;
    });
    return this.#starting;
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #start(signal?: AbortSignal): Promise<void> {
    const libp2p = await this.#createLibp2p();
    try {
      for (const protocol of this.#served) await this.#serveProtocol(libp2p, protocol);
      await startListening(libp2p, this.#options.listenAddresses);
      if (signal?.aborted) throw abortedError(signal);
      if (this.#stopping.signal.aborted) throw abortedError(this.#stopping.signal);
    } catch (error) {
      await libp2p.stop();
      throw error;
    }
    const connections = new Connections(libp2p, this.#limits);
    connections.limitPerPeer();
    const keeper = new PeerKeeper(
      { bootNodes: this.#bootNodes, limits: this.#limits },
      {
        libp2p,
        connections,
        directory: this.peers,
        hello: (connection, helloSignal) => this.#hello(connections, connection, helloSignal),
        logger: this.#logger,
        clock: this.#clock,
      },
    );
    this.#running = { libp2p, connections, keeper };
    keeper.start();
    if (this.#options.mdns) this.#startMdns2022(libp2p);
    this.#logger.info('Walkie is up', {
      peer: this.peerId,
      addresses: this.addresses.join(' '),
      bootNodes: this.#bootNodes.length,
      mdns: this.#options.mdns,
    });
  }

  async #stop(): Promise<void> {
    this.#stopping.abort();
    await this.#starting?.catch(() => {});
    const running = this.#running;
    this.#running = undefined;
    await this.#mdns2022?.stop();
    await running?.keeper.stop();
    await running?.libp2p.stop();
  }

  #startMdns2022(libp2p: Libp2p): void {
    this.#mdns2022 = new Mdns2022(
      { peerId: this.peerId },
      {
        addresses: () => libp2p.getMultiaddrs(),
        onPeer: (peerId, multiaddrs) => {
          // Strangers may flood the network with names; the keeper takes no more either.
          if (!this.#found2022.has(peerId.toString())) {
            if (this.#found2022.size >= this.#limits.maxPeers) return;
            this.#found2022.add(peerId.toString());
          }
          // The keeper looks at the peer store when something in it changes.
          libp2p.peerStore
            .merge(peerId, { multiaddrs })
            .catch((error: unknown) =>
              this.#logger.debug('Peer could not be noted', { peer: peerId.toString() }, error),
            );
        },
        logger: this.#logger,
      },
    );
    this.#mdns2022.start();
  }

  #createLibp2p(): Promise<Libp2p> {
    const { privateKey, listenAddresses, mdns: withMdns } = this.#options;
    const limits = this.#limits;
    // Calls may come before this side has set the connection up; beyond libp2p's ten of them it hangs up.
    const early = { maxEarlyStreams: limits.maxStreamsPerConnection };
    return createLibp2p({
      start: false,
      privateKey,
      addresses: { listen: [...listenAddresses] },
      // An address family that the host lacks is no reason not to use the other.
      transportManager: { faultTolerance: FaultTolerance.NO_FATAL },
      transports: [tcp()],
      connectionEncrypters: [noise()],
      // 2022 knows mplex only; yamux has flow control and is taken where both know it.
      streamMuxers: [
        yamux({
          maxInboundStreams: limits.maxStreamsPerConnection,
          maxOutboundStreams: limits.maxStreamsPerConnection,
          ...early,
        }),
        mplex({ disconnectThreshold: MPLEX_DISCONNECT_THRESHOLD, ...early }),
      ],
      connectionManager: {
        maxConnections: limits.maxConnections,
        inboundConnectionThreshold: limits.maxNewConnectionsPerSecond,
        maxIncomingPendingConnections: limits.maxNewConnectionsPerSecond,
        dialTimeout: limits.dialTimeoutMs,
        inboundUpgradeTimeout: limits.inboundHandshakeTimeoutMs,
      },
      peerDiscovery: withMdns ? [mdns()] : [],
      services: {
        identify: identify(),
        ping: ping(),
        dht: kadDHT({
          protocol: LAN_DHT_PROTOCOL,
          peerInfoMapper: passthroughMapper,
          clientMode: listenAddresses.length === 0,
        }),
      },
    });
  }

  /** Serves a protocol from now on, or from the start. */
  #offer(protocol: string): void {
    if (this.#served.has(protocol)) return;
    this.#served.add(protocol);
    if (this.#running === undefined) return;
    this.#serveProtocol(this.#running.libp2p, protocol).catch((error: unknown) =>
      this.#logger.error('A protocol cannot be served', { protocol }, error),
    );
  }

  #serveProtocol(libp2p: Libp2p, protocol: string): Promise<void> {
    const server =
      protocol === PB_PROTOCOL
        ? this.#rpcServer
        : protocol === BLOB_PROTOCOL
          ? this.#blobServer
          : this.#headServer;
    const serve = (channel: Channel, caller: Caller): Promise<void> =>
      server.serve(channel, caller, this.#stopping.signal);
    return libp2p.handle(
      protocol,
      (stream: Stream, connection: Connection) =>
        serve(new Libp2pChannel(stream, connection.remotePeer.toString()), {
          peerId: connection.remotePeer.toString(),
          remoteAddress: connection.remoteAddr.toString(),
        }),
      {
        maxInboundStreams: this.#limits.maxStreamsPerConnection,
        maxOutboundStreams: this.#limits.maxStreamsPerConnection,
      },
    );
  }

  readonly #open: OpenChannel = (peer, protocol, signal) => {
    if (this.#running === undefined) {
      throw new WalkieError(WalkieErrorCode.NOT_RUNNING, 'The Walkie node is not running');
    }
    return this.#running.connections.open(peer, protocol, signal);
  };

  #hello(
    connections: Connections,
    connection: Connection,
    signal: AbortSignal,
  ): Promise<WalkieSystemInfo> {
    const client = new WalkieClient(connection.remotePeer.toString(), {
      open: (_peer, protocol, openSignal) => connections.openOn(connection, protocol, openSignal),
      limits: this.#limits,
      metrics: this.#rpcMetrics,
      clock: this.#clock,
    });
    return client.call('Hello', this.#ownInfo(), { signal });
  }

  #ownInfo() {
    const { hostname, role, bridgeIdentity } = this.#options;
    const chainIdentity = this.#chainIdentity;
    return { hostname, peerId: this.peerId, role, chainIdentity, bridgeIdentity };
  }
}

/** @throws WalkieError LISTEN_FAILED when there are addresses to listen on and none works */
async function startListening(libp2p: Libp2p, addresses: readonly string[]): Promise<void> {
  try {
    await libp2p.start();
  } catch (error) {
    throw listenFailed(addresses, error);
  }
  if (addresses.length > 0 && libp2p.getMultiaddrs().length === 0) throw listenFailed(addresses);
}

function listenFailed(addresses: readonly string[], cause?: unknown): WalkieError {
  const reason = cause === undefined ? '' : `: ${messageOf(cause)}`;
  return new WalkieError(
    WalkieErrorCode.LISTEN_FAILED,
    `Walkie can listen on none of ${addresses.join(', ')}${reason}`,
    { facts: { addresses: addresses.join(' ') }, cause },
  );
}
