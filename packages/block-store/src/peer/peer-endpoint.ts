import {
  ByteLru,
  isAbortError,
  messageOf,
  systemClock,
  TaskGroup,
  toHex,
  Watched,
  type Clock,
  type Logger,
} from '@runtime-bridge/base';
import {
  decodeHeaderToSync,
  encodeFinalityProof,
  formatBlobKey,
  headerHash,
} from '@runtime-bridge/blob-codec';
import {
  ChainClientError,
  ChainClientErrorCode,
  type CallOptions,
  type RpcEndpoint,
  type SubscriptionRequest,
} from '@runtime-bridge/chain-client';
import {
  Field,
  headerJson,
  proofOf,
  readable,
  readPeerBlock,
  type PeerBlock,
} from './peer-records.js';

/** Blobs of another data provider by their keys. */
export type PeerBlobs = (key: string, signal?: AbortSignal) => Promise<Uint8Array | undefined>;

/** Which peer, and of which chain its blocks are wanted. */
export interface PeerEndpointOptions {
  /** What errors and log lines call it, such as `prb://10.0.0.7:8012`. */
  url: string;
  kind: 'relay' | 'para';
}

/** What a peer endpoint works with. */
export interface PeerEndpointCollaborators {
  blobs: PeerBlobs;
  /** The height that is stored already; undefined until the store has a genesis. */
  storedHeight: () => number | undefined;
  logger: Logger;
  clock?: Clock;
}

/** It is asked only while it has at least this much more than is stored: at the head nodes are nearer. */
const WORTHWHILE_BLOCKS = 16;
const LOOK_EVERY_MS = 5_000;
/** A peer that could not go on is asked again after this, or as soon as nodes have brought the store past that place. */
const LEFT_FOR_MS = 60_000;
/** Before there is a genesis, which nodes give in a moment. */
const WAIT_EVERY_MS = 200;
/** Records kept: those of headers that were read a moment before their storage changes. */
const CACHE_BYTES = 64 * 1024 * 1024;
const MAX_HASHES = 100_000;
/** A window of Polkadot has 2,400 headers. */
const MAX_RANGE_BLOCKS = 4_096;
const PARALLEL_RECORDS = 64;
/** Blocks above the stored one that may be asked for by a hash that only the relay chain told. */
const NEXT_BLOCKS = 16;
const MAX_HEIGHT = 0xffff_ffff;

/**
 * Another data provider in the place of a node: it answers the calls that fetching blocks makes, out of the blobs
 * `parent:N:pb` and `para:N:pb`. So whatever it serves is verified as a node's answers are, a peer that lies is set aside as
 * a node is, and a copy goes on where it stopped. The genesis always comes from nodes.
 */
export class PeerEndpoint implements RpcEndpoint {
  readonly connected = new Watched(false);
  readonly url: string;
  readonly #kind: 'relay' | 'para';
  readonly #with: PeerEndpointCollaborators;
  readonly #clock: Clock;
  readonly #tasks: TaskGroup;
  readonly #cache: ByteLru<number, PeerBlock>;
  readonly #heights = new Map<string, number>();
  #head = -1;
  /** Of the heights whose hashes were asked for last. */
  #highestAsked = -1;
  /** Where it could not go on, and when that was seen. */
  #end: { height: number; atMs: number } | undefined;
  #lastError: unknown;

  constructor(options: PeerEndpointOptions, collaborators: PeerEndpointCollaborators) {
    this.url = options.url;
    this.#kind = options.kind;
    this.#with = collaborators;
    this.#clock = collaborators.clock ?? systemClock;
    this.#tasks = new TaskGroup(
      { name: `peer ${options.url} ${options.kind}` },
      { logger: collaborators.logger },
    );
    this.#cache = new ByteLru({ maxBytes: CACHE_BYTES, sizeOf: (block) => block.bytes });
  }

  get lastError(): unknown {
    return this.#lastError;
  }

  async start(): Promise<void> {
    this.#tasks.spawn('look how far it is', (signal) => this.#look(signal));
  }

  async stop(): Promise<void> {
    await this.#tasks.stop();
    this.connected.set(false);
  }

  async call(method: string, params: readonly unknown[], options: CallOptions = {}) {
    if (!this.connected.value) {
      throw this.#error(ChainClientErrorCode.NOT_CONNECTED, 'is not asked now', method);
    }
    const { signal } = options;
    try {
      return await this.#answer(method, params, signal);
    } catch (error) {
      if (error instanceof ChainClientError || isAbortError(error)) throw error;
      throw this.#error(ChainClientErrorCode.DISCONNECTED, messageOf(error), method, error);
    }
  }

  /** Announces nothing: while blocks are copied from it, nodes need not either. Ends when it is left for them. */
  async subscribe(
    _request: SubscriptionRequest,
    _onItem: (item: unknown) => void,
    signal: AbortSignal,
  ): Promise<void> {
    await this.connected.until((isConnected) => !isConnected, signal);
  }

  async #answer(
    method: string,
    params: readonly unknown[],
    signal: AbortSignal | undefined,
  ): Promise<unknown> {
    switch (method) {
      case 'chain_getFinalizedHead':
        return this.#hashAt(this.#head, signal);
      case 'chain_getBlockHash': {
        const [heights] = params;
        this.#highestAsked = Math.max(-1, ...[heights as number | number[]].flat());
        return Array.isArray(heights)
          ? Promise.all((heights as number[]).map((height) => this.#hashAt(height, signal)))
          : this.#hashAt(heights as number, signal);
      }
      case 'chain_getHeader': {
        const block = await this.#byHash(params[0], signal);
        return block ? readable(this.#about(block), () => headerJson(block.header)) : null;
      }
    }
    return this.#kind === 'relay'
      ? this.#relayAnswer(method, params, signal)
      : this.#paraAnswer(method, params, signal);
  }

  async #paraAnswer(
    method: string,
    params: readonly unknown[],
    signal: AbortSignal | undefined,
  ): Promise<unknown> {
    if (method !== 'pha_getStorageChangesAt') throw this.#missing(method);
    const block = await this.#known(params[0], method, signal);
    const data = block.fields.get(Field.PARA_DISPATCH_DATA) ?? new Uint8Array();
    return toHex(data.subarray(block.header.length));
  }

  async #relayAnswer(
    method: string,
    params: readonly unknown[],
    signal: AbortSignal | undefined,
  ): Promise<unknown> {
    switch (method) {
      case 'chain_getBlock': {
        const justification = this.#justificationOf(await this.#known(params[0], method, signal));
        return { justifications: justification ? [['FRNK', toHex(justification)]] : null };
      }
      case 'grandpa_proveFinality':
        return this.#proveFinality(Number(params[0]), signal);
      // Which key holds the authorities is seen from the proof.
      case 'state_getStorage':
        return null;
      case 'state_getReadProof': {
        const block = await this.#known(params[1], method, signal);
        const nodes = readable(this.#about(block), () =>
          proofOf(block, params[0] as readonly string[]),
        );
        return { at: params[1], proof: nodes.map((node) => toHex(node)) };
      }
      default:
        throw this.#missing(method);
    }
  }

  /**
   * The range from a height to the next justified header. Where it has none, a node is asked at once: a provider of 2022
   * has only those justifications that its node keeps, and may hold hundreds of headers behind the last of them.
   */
  async #proveFinality(start: number, signal: AbortSignal | undefined): Promise<string> {
    const last = Math.min(this.#head, start + MAX_RANGE_BLOCKS - 1);
    const headers: Uint8Array[] = [];
    for (let from = start; from <= last; from += PARALLEL_RECORDS) {
      const count = Math.min(PARALLEL_RECORDS, last - from + 1);
      const blocks = await Promise.all(
        Array.from({ length: count }, (_, index) => this.#block(from + index, signal)),
      );
      for (const block of blocks) {
        if (!block) throw this.#ends(start, 'grandpa_proveFinality');
        const justification = this.#justificationOf(block);
        headers.push(block.header);
        if (!justification) continue;
        const unknownHeaders = headers.slice(1);
        return toHex(
          encodeFinalityProof({ block: headerHash(block.header), justification, unknownHeaders }),
        );
      }
    }
    throw this.#ends(Math.max(start, last), 'grandpa_proveFinality');
  }

  /** Nothing more comes from it for now: it is left for the nodes until they are past that height. */
  #ends(height: number, method: string): ChainClientError {
    this.#end = { height, atMs: this.#clock.now() };
    this.connected.set(false);
    return this.#error(
      ChainClientErrorCode.NOT_CONNECTED,
      `has nothing to go on with up to block ${height}`,
      method,
    );
  }

  /** Whether it still has nothing more than what it was left for. */
  #hasEnded(stored: number): boolean {
    if (!this.#end) return false;
    const isOver = stored >= this.#end.height || this.#clock.now() - this.#end.atMs >= LEFT_FOR_MS;
    if (isOver) this.#end = undefined;
    return !isOver;
  }

  #justificationOf(block: PeerBlock): Uint8Array | undefined {
    const bytes = block.fields.get(Field.PARENT_SYNC_HEADER);
    if (!bytes) return undefined;
    return readable(this.#about(block), () => decodeHeaderToSync(bytes).justification);
  }

  async #hashAt(height: number, signal: AbortSignal | undefined): Promise<string | null> {
    const block = await this.#block(height, signal);
    if (block) return toHex(headerHash(block.header));
    // Waiting for it to know the block, as for a node, would only delay the copy.
    if (height > (this.#with.storedHeight() ?? MAX_HEIGHT))
      throw this.#ends(height, 'getBlockHash');
    return null;
  }

  async #byHash(hash: unknown, signal: AbortSignal | undefined): Promise<PeerBlock | undefined> {
    const height = this.#heights.get(String(hash));
    if (height !== undefined) return this.#block(height, signal);
    return this.#kind === 'para' ? this.#nextByHash(String(hash), signal) : undefined;
  }

  /**
   * The relay chain proves the hash of a para head, and a peer knows blocks by their heights: it is the one behind those
   * that were asked for, or one of the next.
   */
  async #nextByHash(hash: string, signal: AbortSignal | undefined): Promise<PeerBlock | undefined> {
    const stored = this.#with.storedHeight();
    if (stored === undefined) return undefined;
    const next = Array.from({ length: NEXT_BLOCKS }, (_, index) => stored + 1 + index);
    for (const height of [this.#highestAsked + 1, ...next]) {
      const block = await this.#block(height, signal);
      if (block && toHex(headerHash(block.header)) === hash) return block;
    }
    throw this.#ends(stored + 1, 'getBlockByHash');
  }

  async #known(hash: unknown, method: string, signal: AbortSignal | undefined): Promise<PeerBlock> {
    const block = await this.#byHash(hash, signal);
    if (block) return block;
    throw this.#error(
      ChainClientErrorCode.BLOCK_UNKNOWN,
      `does not know block ${String(hash)}`,
      method,
    );
  }

  async #block(height: number, signal?: AbortSignal): Promise<PeerBlock | undefined> {
    const cached = this.#cache.get(height);
    if (cached) return cached;
    const key = this.#keyOf(height);
    const bytes = await this.#with.blobs(key, signal);
    if (!bytes) return undefined;
    const block = readPeerBlock(bytes, { url: this.url, key });
    this.#cache.set(height, block);
    if (this.#heights.size >= MAX_HASHES) this.#heights.clear();
    this.#heights.set(toHex(headerHash(block.header)), height);
    return block;
  }

  /** Looks now and then how far the peer is, and whether that is worth asking it. */
  async #look(signal: AbortSignal): Promise<void> {
    for (;;) {
      const stored = this.#with.storedHeight();
      try {
        if (stored !== undefined) {
          this.#head = await this.#highest(Math.max(stored, this.#head), signal);
          const ahead = this.#head - stored;
          const isWorthwhile =
            ahead >= (this.connected.value ? 1 : WORTHWHILE_BLOCKS) && !this.#hasEnded(stored);
          if (isWorthwhile !== this.connected.value) {
            const facts = { peer: this.url, chain: this.#kind, height: this.#head, stored };
            this.#with.logger.info(
              isWorthwhile ? 'Copying from a peer' : 'Copied from a peer',
              facts,
            );
          }
          this.connected.set(isWorthwhile);
        }
      } catch (error) {
        if (isAbortError(error)) throw error;
        this.#lastError = error;
        this.connected.set(false);
        this.#with.logger.debug('Peer cannot be asked', { peer: this.url }, error);
      }
      await this.#clock.sleep(stored === undefined ? WAIT_EVERY_MS : LOOK_EVERY_MS, signal);
    }
  }

  /** The highest block that the peer has: there is no key for it, so it is searched for from a known one on. */
  async #highest(known: number, signal: AbortSignal): Promise<number> {
    const has = async (height: number) =>
      height <= MAX_HEIGHT && (await this.#with.blobs(this.#keyOf(height), signal)) !== undefined;
    let low = known;
    let step = 1;
    while (await has(low + step)) {
      low += step;
      step *= 2;
    }
    for (let high = low + step; high - low > 1;) {
      const middle = low + Math.floor((high - low) / 2);
      if (await has(middle)) low = middle;
      else high = middle;
    }
    return low;
  }

  #keyOf(height: number): string {
    const kind = this.#kind === 'relay' ? 'parent' : 'para';
    return formatBlobKey({ kind, number: height });
  }

  #about(block: PeerBlock): { url: string; key: string } {
    return { url: this.url, key: this.#keyOf(block.number) };
  }

  #missing(method: string): ChainClientError {
    return this.#error(ChainClientErrorCode.METHOD_UNAVAILABLE, `does not offer ${method}`, method);
  }

  #error(
    code: ChainClientErrorCode,
    text: string,
    method: string,
    cause?: unknown,
  ): ChainClientError {
    return new ChainClientError(code, `The peer ${this.url} ${text}`, {
      facts: { endpoint: this.url, method, rpcMessage: text },
      cause,
    });
  }
}
