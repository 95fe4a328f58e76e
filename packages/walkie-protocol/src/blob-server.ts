import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import {
  Limiter,
  messageOf,
  systemClock,
  type Clock,
  type Logger,
  type MetricsRegister,
  type Service,
} from '@runtime-bridge/base';
import { BlobBudget } from './blob-budget.js';
import { BlobSession } from './blob-session.js';
import type { BlobSource } from './blob-stream.js';
import { WalkieError, WalkieErrorCode } from './errors.js';
import { defaultWalkieLimits } from './limits.js';
import { SendChunks } from './send-chunks.js';

/** Where the blob server listens and what it takes. */
export interface BlobServerOptions {
  /** @default all interfaces */
  host?: string;
  /** 0 takes a free one. */
  port: number;
  /** Bytes waiting to be taken by one client. */
  sessionMaxBytes: number;
  /** Bytes waiting to be taken by all clients together. */
  totalMaxBytes: number;
  /** Clients at once; more are turned away. @default 1024 */
  maxSessions?: number;
  /** Requests of one client that are not answered yet; above it, its requests are left in the network. @default 1024 */
  maxPendingRequests?: number;
  /** Longest key. @default 1 KiB */
  maxKeyBytes?: number;
  /** Reads from the source at once, of all clients. @default 16 */
  concurrentReads?: number;
  /** A client that takes nothing of what waits for it is dropped after this. @default 30 s */
  stallTimeoutMs?: number;
  /** The same while others wait for the room that it takes. @default 10 s */
  pressureStallTimeoutMs?: number;
  /** A client that asks nothing is dropped after this. @default 10 min */
  idleTimeoutMs?: number;
}

/** How often clients are looked over. */
const SWEEP_INTERVAL_MS = 1_000;
/** A client that has taken nothing for this long gives its room to those who wait for some. */
const PUT_BACK_AFTER_MS = 250;
/** How often that is looked for while somebody waits. */
const PRESSURE_INTERVAL_MS = 50;
/** Finds dead clients behind routers. */
const KEEP_ALIVE_DELAY_MS = 30_000;

/**
 * Serves blobs by key over plain TCP, in the frames of 2022: length, id, key; length, id, CRC-32C, value. Answers go as
 * they are ready. Memory is bounded whatever clients do: reading from a client stops while its answers do not fit.
 */
export class BlobServer implements Service {
  readonly name = 'blob-server';
  readonly #sessions = new Set<BlobSession>();
  readonly #budget: BlobBudget;
  readonly #reads: Limiter;
  readonly #chunks = new SendChunks();
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #onAnswer: (outcome: 'found' | 'missing' | 'failed', bytes: number) => void;
  #server: Server | undefined;
  #sweeper: NodeJS.Timeout | undefined;
  #reliever: NodeJS.Timeout | undefined;

  constructor(
    private readonly options: BlobServerOptions,
    private readonly collaborators: {
      source: BlobSource;
      logger: Logger;
      metrics: MetricsRegister;
      clock?: Clock;
    },
  ) {
    this.#budget = new BlobBudget(options.totalMaxBytes, () => this.#relieve());
    this.#reads = new Limiter({
      concurrency: options.concurrentReads ?? 16,
      maxQueued: Infinity, // at most eight of each session
      name: 'blob reads',
    });
    this.#logger = collaborators.logger.child({ module: 'blob-server' });
    this.#clock = collaborators.clock ?? systemClock;
    const { metrics } = collaborators;
    const requests = metrics.counter({
      name: 'runtime_bridge_blob_server_requests_total',
      help: 'Requests answered by the blob server, by outcome',
      labels: ['outcome'],
    });
    const sentBytes = metrics.counter({
      name: 'runtime_bridge_blob_server_sent_bytes_total',
      help: 'Bytes of values sent by the blob server',
    });
    this.#onAnswer = (outcome, bytes) => {
      requests.inc({ outcome });
      if (bytes > 0) sentBytes.inc({}, bytes);
    };
    metrics.gauge({
      name: 'runtime_bridge_blob_server_sessions_count',
      help: 'Clients of the blob server',
      collect: (gauge) => gauge.set(this.#sessions.size),
    });
    metrics.gauge({
      name: 'runtime_bridge_blob_server_waiting_bytes',
      help: 'Bytes of values that wait for clients of the blob server to take them',
      collect: (gauge) => gauge.set(this.#budget.usedBytes),
    });
  }

  /** The port it listens on; 0 before the start. */
  get port(): number {
    return (this.#server?.address() as AddressInfo | null)?.port ?? 0;
  }

  /** Bytes that wait for clients to take them. */
  get waitingBytes(): number {
    return this.#budget.usedBytes;
  }

  /** @throws WalkieError LISTEN_FAILED */
  async start(): Promise<void> {
    if (this.#server !== undefined) return;
    const { host, port, maxSessions = 1024 } = this.options;
    const server = createServer(
      {
        // A client may half-close after its last request.
        allowHalfOpen: true,
        noDelay: true,
        keepAlive: true,
        keepAliveInitialDelay: KEEP_ALIVE_DELAY_MS,
      },
      (socket) => this.#onSocket(socket),
    );
    server.maxConnections = maxSessions;
    server.on('drop', () => this.#logger.warn('Blob client turned away', { maxSessions }));
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) =>
        reject(
          new WalkieError(
            WalkieErrorCode.LISTEN_FAILED,
            `The blob server cannot listen on port ${port}: ${messageOf(error)}`,
            { facts: { host, port }, cause: error },
          ),
        ),
      );
      server.listen({ port, ...(host === undefined ? {} : { host }) }, resolve);
    });
    server.on('error', (error) => this.#logger.error('Blob server failed', {}, error));
    this.#server = server;
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_INTERVAL_MS);
    this.#logger.info('Blob server is up', { port: this.port });
  }

  async stop(): Promise<void> {
    clearInterval(this.#sweeper);
    clearTimeout(this.#reliever);
    this.#reliever = undefined;
    const server = this.#server;
    this.#server = undefined;
    for (const session of this.#sessions) session.destroy();
    await new Promise<void>((resolve) => {
      if (server === undefined) resolve();
      else server.close(() => resolve());
    });
  }

  #onSocket(socket: Socket): void {
    const { options } = this;
    const session = new BlobSession(
      socket,
      {
        sessionMaxBytes: options.sessionMaxBytes,
        maxKeyBytes: options.maxKeyBytes ?? defaultWalkieLimits.maxKeyBytes,
        maxPendingRequests: options.maxPendingRequests ?? 1024,
      },
      {
        source: this.collaborators.source,
        reads: this.#reads,
        budget: this.#budget,
        chunks: this.#chunks,
        onAnswer: this.#onAnswer,
        logger: this.#logger,
        clock: this.#clock,
      },
    );
    this.#sessions.add(session);
    socket.once('close', () => this.#sessions.delete(session));
  }

  /** Somebody waits for room: those who take nothing give theirs, until nobody waits. */
  #relieve(): void {
    if (this.#reliever !== undefined || this.#server === undefined) return;
    const nowMs = this.#clock.now();
    for (const session of this.#sessions) {
      if (session.isSending && nowMs - session.lastProgressMs > PUT_BACK_AFTER_MS)
        session.putBack();
    }
    this.#reliever = setTimeout(() => {
      this.#reliever = undefined;
      if (this.#budget.hasWaiting) this.#relieve();
    }, PRESSURE_INTERVAL_MS);
  }

  #sweep(): void {
    const {
      stallTimeoutMs = 30_000,
      pressureStallTimeoutMs = 10_000,
      idleTimeoutMs = 600_000,
    } = this.options;
    const nowMs = this.#clock.now();
    const stallMs = this.#budget.hasWaiting
      ? Math.min(stallTimeoutMs, pressureStallTimeoutMs)
      : stallTimeoutMs;
    for (const session of this.#sessions) {
      const isStalled = session.isSending && nowMs - session.lastProgressMs > stallMs;
      const isIdle = !session.isBusy && nowMs - session.lastActivityMs > idleTimeoutMs;
      if (!isStalled && !isIdle) continue;
      this.#logger.info(
        isStalled ? 'Blob session dropped: it takes nothing' : 'Blob session dropped: it is idle',
        { address: session.remoteAddress, waitingBytes: session.usedBytes },
      );
      session.destroy();
    }
  }
}
