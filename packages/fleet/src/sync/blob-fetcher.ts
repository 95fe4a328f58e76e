import {
  Backoff,
  ByteLru,
  Limiter,
  SingleFlight,
  systemClock,
  Watched,
  type Clock,
  type Logger,
  type MetricsRegister,
} from '@runtime-bridge/base';

import type { ProviderView } from '../runner/messages.js';
import { FleetError, FleetErrorCode } from '../errors.js';

/** A connection to one provider's blob server. */
export interface BlobConnection {
  /** Undefined when the provider has no such blob. */
  get(
    key: string,
    options: { signal: AbortSignal; timeoutMs: number },
  ): Promise<Uint8Array | undefined>;
  close(): Promise<void>;
}

/** Bounds of a fetcher. */
export interface BlobFetcherOptions {
  /** Requests under way at once. */
  concurrency: number;
  /** For one request to one provider. */
  requestTimeoutMs: number;
  cacheMaxItems: number;
  cacheMaxBytes: number;
  cacheMaxAgeMs: number;
}

/** What a fetcher works with. */
export interface BlobFetcherCollaborators {
  connect: (provider: ProviderView) => BlobConnection;
  logger: Logger;
  metrics: MetricsRegister;
  clock?: Clock;
  random?: () => number;
}

/** How one blob is fetched. */
export interface FetchOptions {
  signal: AbortSignal;
  /** Larger goes first. */
  priority?: number;
  /** Peer id of the provider to ask first. */
  from?: string | undefined;
  /** Whether the blob may come from the cache and be put there. @default true */
  cache?: boolean;
  /** Providers worth asking; the others come last. */
  serves?: (provider: ProviderView) => boolean;
}

/** A blob and who gave it. */
export interface Fetched {
  readonly bytes: Uint8Array;
  readonly from: string;
}

interface Source {
  view: ProviderView;
  connection: BlobConnection;
  inFlight: number;
  backoff: Backoff;
  restUntilMs: number;
}

/** A provider that failed rests this long, growing; it is still asked when no other is left. */
const REST_MIN_MS = 1_000;
const REST_MAX_MS = 30_000;
/** Requests that wait for a turn before more are refused. */
const MAX_WAITING = 20_000;

/**
 * Gets blobs for all workers of a process: once for all who want the same one at the same time, from a byte-bounded
 * cache where it may, else from the least busy healthy provider, and from the next one at once when that fails.
 */
export class BlobFetcher {
  readonly providers = new Watched<readonly ProviderView[]>([]);
  readonly #sources = new Map<string, Source>();
  readonly #flights = new SingleFlight<string, Fetched | undefined>();
  readonly #cache: ByteLru<string, Fetched>;
  readonly #turns: Limiter;
  readonly #options: BlobFetcherOptions;
  readonly #collaborators: BlobFetcherCollaborators;
  readonly #clock: Clock;

  constructor(options: BlobFetcherOptions, collaborators: BlobFetcherCollaborators) {
    this.#options = options;
    this.#collaborators = collaborators;
    this.#clock = collaborators.clock ?? systemClock;
    this.#cache = new ByteLru({
      maxBytes: options.cacheMaxBytes,
      maxItems: options.cacheMaxItems,
      maxAgeMs: options.cacheMaxAgeMs,
      sizeOf: (blob) => blob.bytes.length,
      clock: this.#clock,
    });
    this.#turns = new Limiter({
      concurrency: options.concurrency,
      maxQueued: MAX_WAITING,
      name: 'blob requests',
    });
    const { metrics } = collaborators;
    metrics.gauge({
      name: 'runtime_bridge_blob_cache_bytes',
      help: 'Bytes of blobs in the cache',
      collect: (gauge) => gauge.set(this.#cache.bytes),
    });
  }

  /** Sets who there is to ask. Connections to those that are gone are closed. */
  setProviders(views: readonly ProviderView[]): void {
    const known = new Map(views.map((view) => [view.peerId, view]));
    for (const [peerId, source] of this.#sources) {
      const view = known.get(peerId);
      if (view?.host === source.view.host && view.port === source.view.port) {
        source.view = view;
        continue;
      }
      this.#sources.delete(peerId);
      void this.#close(source);
    }
    for (const view of views) {
      if (this.#sources.has(view.peerId)) continue;
      this.#sources.set(view.peerId, {
        view,
        connection: this.#collaborators.connect(view),
        inFlight: 0,
        backoff: new Backoff({ minMs: REST_MIN_MS, maxMs: REST_MAX_MS }),
        restUntilMs: 0,
      });
    }
    this.providers.set(views);
  }

  /**
   * Gets a blob.
   * @returns undefined when no provider has it
   * @throws FleetError BLOB_UNAVAILABLE when every provider failed, or there is none; BridgeError ABORTED
   */
  async get(key: string, options: FetchOptions): Promise<Fetched | undefined> {
    const mayCache = options.cache ?? true;
    const cached = mayCache ? this.#cache.get(key) : undefined;
    if (cached) return cached;
    return this.#flights.do(
      `${options.from ?? ''} ${key}`,
      (signal) =>
        this.#turns.run(
          async () => {
            const fetched = await this.#ask(key, { ...options, signal });
            if (fetched && mayCache) this.#cache.set(key, fetched);
            return fetched;
          },
          { signal, priority: options.priority ?? 0 },
        ),
      options.signal,
    );
  }

  /** A worker refused what these keys hold: they are fetched anew, from another provider where there is one. */
  refuse(keys: readonly string[], from: string): void {
    for (const key of keys) this.#cache.delete(key);
    const source = this.#sources.get(from);
    if (source) this.#rest(source);
  }

  async close(): Promise<void> {
    const sources = [...this.#sources.values()];
    this.#sources.clear();
    this.#cache.clear();
    await Promise.all(sources.map((source) => this.#close(source)));
  }

  async #ask(key: string, options: FetchOptions): Promise<Fetched | undefined> {
    let missing = false;
    let failure: unknown;
    for (const source of this.#inOrder(options)) {
      source.inFlight += 1;
      try {
        const bytes = await source.connection.get(key, {
          signal: options.signal,
          timeoutMs: this.#options.requestTimeoutMs,
        });
        source.backoff.reset();
        if (bytes !== undefined) return { bytes, from: source.view.peerId };
        missing = true;
      } catch (error) {
        if (options.signal.aborted) throw error;
        failure = error;
        this.#rest(source);
        this.#collaborators.logger.debug(
          'Data provider failed a request',
          { peer: source.view.peerId, key },
          error,
        );
      } finally {
        source.inFlight -= 1;
      }
    }
    if (missing) return undefined;
    throw new FleetError(
      FleetErrorCode.BLOB_UNAVAILABLE,
      failure === undefined ? 'No data provider is known' : 'No data provider gives the blob',
      { facts: { key }, cause: failure },
    );
  }

  #inOrder({ from, serves }: FetchOptions): Source[] {
    const now = this.#clock.now();
    const random = this.#collaborators.random ?? Math.random;
    return [...this.#sources.values()]
      .map((source) => {
        const rests = source.restUntilMs > now ? 4 : 0;
        const serving = (serves?.(source.view) ?? true) ? 0 : 2;
        const other = from === undefined || source.view.peerId === from ? 0 : 1;
        return { source, rank: rests + serving + other, load: source.inFlight + random() };
      })
      .sort((a, b) => a.rank - b.rank || a.load - b.load)
      .map(({ source }) => source);
  }

  #rest(source: Source): void {
    source.restUntilMs = this.#clock.now() + source.backoff.next();
  }

  async #close(source: Source): Promise<void> {
    try {
      await source.connection.close();
    } catch (error) {
      this.#collaborators.logger.debug(
        'Connection to a data provider did not close',
        { peer: source.view.peerId },
        error,
      );
    }
  }
}
