import type { Connection, Libp2p, PeerId } from '@libp2p/interface';
import { peerIdFromString } from '@libp2p/peer-id';
import { CODE_P2P, multiaddr } from '@multiformats/multiaddr';
import {
  Backoff,
  BridgeError,
  isAbortError,
  Limiter,
  messageOf,
  TaskGroup,
  Watched,
  withTimeout,
  type Clock,
  type Logger,
} from '@runtime-bridge/base';
import type { BootNode } from './addresses.js';
import { isUsable, type Connections } from './connections.js';
import { WalkieError, WalkieErrorCode } from './errors.js';
import { WalkieRoles, type WalkieSystemInfo } from './gen/prb/message_pb.js';
import type { WalkieLimits } from './limits.js';
import type { PeerDirectory } from './peer-directory.js';

/** How often the known peers are looked over, whether anything happened or not. */
const SWEEP_INTERVAL_MS = 5_000;
/** First and longest wait before a peer that cannot be reached is dialled again; 2022 looked every 20 s. */
const REDIAL_MIN_MS = 500;
const REDIAL_MAX_MS = 20_000;
/** A peer that does not speak Walkie (mDNS finds those too) is asked again after this. */
const FOREIGN_PAUSE_MS = 10 * 60_000;
/** Dials and handshakes at once, as in 2022. */
const CONCURRENCY = 10;

interface PeerRecord {
  readonly peerId: PeerId;
  readonly backoff: Backoff;
  /** Nothing is tried before this. */
  nextTryMs: number;
  isBusy: boolean;
  /** The connection whose handshake the directory entry came from. */
  handshakenOn: Connection | undefined;
}

/**
 * Keeps one connection and one handshake per peer that discovery finds: dials what is found, says Hello on each new
 * connection, takes departed peers out of the directory and keeps looking for them.
 */
export class PeerKeeper {
  readonly #records = new Map<string, PeerRecord>();
  readonly #tasks: TaskGroup;
  readonly #turns = new Limiter({ concurrency: CONCURRENCY, name: 'walkie handshakes' });
  readonly #kicks = new Watched(0);
  /** Boot nodes that were told of as out of reach, and not met since. */
  readonly #missed = new Set<string>();

  constructor(
    private readonly options: { bootNodes: readonly BootNode[]; limits: WalkieLimits },
    private readonly collaborators: {
      libp2p: Libp2p;
      connections: Connections;
      directory: PeerDirectory;
      hello: (connection: Connection, signal: AbortSignal) => Promise<WalkieSystemInfo>;
      logger: Logger;
      clock: Clock;
    },
  ) {
    this.#tasks = new TaskGroup({ name: 'walkie peers' }, { logger: collaborators.logger });
  }

  start(): void {
    const { libp2p } = this.collaborators;
    libp2p.addEventListener('peer:discovery', this.#kick);
    libp2p.addEventListener('peer:update', this.#kick);
    libp2p.addEventListener('connection:open', this.#kick);
    libp2p.addEventListener('connection:close', this.#onClose);
    this.#tasks.spawn('sweep', (signal) => this.#sweepForever(signal));
  }

  async stop(): Promise<void> {
    const { libp2p, directory } = this.collaborators;
    libp2p.removeEventListener('peer:discovery', this.#kick);
    libp2p.removeEventListener('peer:update', this.#kick);
    libp2p.removeEventListener('connection:open', this.#kick);
    libp2p.removeEventListener('connection:close', this.#onClose);
    await this.#tasks.stop();
    this.#records.clear();
    directory.clear();
  }

  readonly #kick = () => this.#kicks.update((count) => count + 1);

  readonly #onClose = (event: CustomEvent<Connection>) => {
    const record = this.#records.get(event.detail.remotePeer.toString());
    if (record !== undefined && record.handshakenOn === event.detail) {
      record.handshakenOn = undefined;
      // Perhaps only the connection broke, so the peer is looked for at once.
      record.nextTryMs = 0;
    }
    this.#kick();
  };

  async #sweepForever(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.collaborators;
    for (;;) {
      const kicks = this.#kicks.value;
      try {
        await this.#sweep();
      } catch (error) {
        logger.warn('Looking over the known peers failed', {}, error);
      }
      const wakeUp = new AbortController();
      const either = AbortSignal.any([signal, wakeUp.signal]);
      const nextMs = Math.min(SWEEP_INTERVAL_MS, Math.max(50, this.#nextTryMs() - clock.now()));
      try {
        await Promise.race([
          clock.sleep(nextMs, either),
          this.#kicks.until((value) => value !== kicks, either),
        ]);
      } finally {
        wakeUp.abort();
      }
    }
  }

  #nextTryMs(): number {
    let next = Infinity;
    for (const record of this.#records.values()) {
      if (!record.isBusy && record.handshakenOn === undefined) {
        next = Math.min(next, record.nextTryMs);
      }
    }
    return next;
  }

  async #sweep(): Promise<void> {
    const { libp2p, clock } = this.collaborators;
    await this.#rememberBootNodes();
    const known = await libp2p.peerStore.all();
    const seen = new Set<string>();
    for (const peer of known) {
      const connection = libp2p.getConnections(peer.id).findLast(isUsable);
      if (connection === undefined && peer.addresses.length === 0) continue;
      const id = peer.id.toString();
      seen.add(id);
      const record = this.#recordOf(peer.id);
      if (record === undefined || record.isBusy || record.nextTryMs > clock.now()) continue;
      if (connection !== undefined && record.handshakenOn === connection) continue;
      // A second connection (both sides dialled) is no news while the first is good.
      if (record.handshakenOn !== undefined && isUsable(record.handshakenOn)) continue;
      record.isBusy = true;
      this.#tasks.spawn('meet', (signal) => this.#meet(record, signal));
    }
    for (const [id, record] of this.#records) {
      if (!seen.has(id) && !record.isBusy && record.handshakenOn === undefined) {
        this.#records.delete(id);
        this.#depart(record);
      }
    }
  }

  #recordOf(peerId: PeerId): PeerRecord | undefined {
    const id = peerId.toString();
    const existing = this.#records.get(id);
    if (existing !== undefined) return existing;
    if (this.#records.size >= this.options.limits.maxPeers) return undefined;
    const record: PeerRecord = {
      peerId,
      backoff: new Backoff({ minMs: REDIAL_MIN_MS, maxMs: REDIAL_MAX_MS }),
      nextTryMs: 0,
      isBusy: false,
      handshakenOn: undefined,
    };
    this.#records.set(id, record);
    return record;
  }

  /** The peer store forgets addresses that were not confirmed for an hour; boot nodes are to be tried for ever. */
  async #rememberBootNodes(): Promise<void> {
    const { libp2p } = this.collaborators;
    for (const { peerId, address } of this.options.bootNodes) {
      const id = peerIdFromString(peerId);
      if (id.equals(libp2p.peerId)) continue;
      const known = await libp2p.peerStore.get(id).catch(() => undefined);
      // One peer may be named at several addresses.
      const wanted = multiaddr(address).decapsulateCode(CODE_P2P);
      if (known?.addresses.some(({ multiaddr: one }) => one.equals(wanted)) === true) continue;
      await libp2p.peerStore.merge(id, { multiaddrs: [wanted] });
    }
  }

  async #meet(record: PeerRecord, signal: AbortSignal): Promise<void> {
    const { logger, clock } = this.collaborators;
    const peer = record.peerId.toString();
    try {
      await this.#turns.run(() => this.#connectAndGreet(record, signal), { signal });
      record.backoff.reset();
      record.nextTryMs = 0;
      this.#missed.delete(peer);
    } catch (error) {
      if (signal.aborted && isAbortError(error)) return;
      const { code } = BridgeError.from(error);
      const delayMs =
        code === WalkieErrorCode.NOT_SPOKEN ? FOREIGN_PAUSE_MS : record.backoff.next();
      record.nextTryMs = clock.now() + delayMs;
      this.#depart(record);
      if (!this.#warnOfBootNode(peer, code, error)) {
        logger.debug('Peer could not be met', { peer, code, delayMs }, error);
      }
    } finally {
      record.isBusy = false;
      this.#kick();
    }
  }

  /** A boot node was named by somebody, who wants to know that it does not answer; once is enough. */
  #warnOfBootNode(peer: string, code: string, error: unknown): boolean {
    const addresses = this.options.bootNodes.filter(({ peerId }) => peerId === peer);
    if (addresses.length === 0 || this.#missed.has(peer)) return false;
    this.#missed.add(peer);
    this.collaborators.logger.warn('Boot node cannot be met; it is tried again and again', {
      bootNode: addresses.map(({ address }) => address).join(' '),
      code,
      reason: messageOf(error),
    });
    return true;
  }

  async #connectAndGreet(record: PeerRecord, signal: AbortSignal): Promise<void> {
    const { connections, directory, hello, logger } = this.collaborators;
    const { limits } = this.options;
    const peer = record.peerId.toString();
    const connection = await withTimeout(
      limits.dialTimeoutMs,
      `dialling ${peer}`,
      async (dialSignal) =>
        connections.usable(record.peerId) ?? connections.dial(record.peerId, undefined, dialSignal),
      signal,
    );
    const info = await withTimeout(
      limits.dialTimeoutMs,
      `Hello to ${peer}`,
      (helloSignal) => hello(connection, helloSignal),
      signal,
    );
    if (info.peerId !== peer) {
      throw new WalkieError(
        WalkieErrorCode.IDENTITY_MISMATCH,
        `${peer} calls itself '${info.peerId.slice(0, 80)}'`,
        { facts: { peer, claimed: info.peerId.slice(0, 80) } },
      );
    }
    record.handshakenOn = connection;
    const isNew = directory.get(peer) === undefined;
    const address = await connections.addressOf(connection);
    directory.set({
      peerId: peer,
      hostname: info.hostname,
      role: info.role,
      chainIdentity: info.chainIdentity,
      bridgeIdentity: info.bridgeIdentity,
      multiaddr: address,
    });
    if (isNew) {
      logger.info('Peer found', {
        peer,
        role: WalkieRoles[info.role] ?? info.role,
        hostname: info.hostname,
        address,
      });
    }
  }

  #depart(record: PeerRecord): void {
    const { directory, logger } = this.collaborators;
    const peer = record.peerId.toString();
    if (directory.delete(peer)) logger.info('Peer departed', { peer });
  }
}
