import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  silentLogger,
  sleep,
  toHex,
  Watched,
  withTimeout,
  type Clock,
  type Facts,
  type Logger,
} from '@runtime-bridge/base';
import { JsonRpcClient } from '@runtime-bridge/chain-client';
import { FakeChains, type FakeChainsOptions } from './fake-chains.test.support.js';
import { FakeNode, type FakeNodeOptions } from './fake-node.test.support.js';
import { PeerEndpoint, type PeerBlobs } from './peer/peer-endpoint.js';
import { decodeRelayRow } from './rows/relay-row.js';
import { BlockStore } from './store/block-store.js';
import { ChainSync, type ChainSyncOptions } from './sync/chain-sync.js';

type NodeOptions = Partial<Omit<FakeNodeOptions, 'kind' | 'url'>> & {
  /** Other chains than those of the bench. */
  chains?: FakeChains;
  /** A finalised relay height of its own. */
  finalized?: Watched<number>;
};

export interface BenchOptions {
  chains?: Partial<FakeChainsOptions> | FakeChains;
  relay?: readonly NodeOptions[];
  para?: readonly NodeOptions[];
  /** Relay height that is final at first. */
  finalized?: number;
  sync?: ChainSyncOptions;
  path?: string;
  /** Free bytes on the disk. */
  freeBytes?: () => Promise<number>;
  clock?: Clock;
  /** Other data providers to copy from. */
  peers?: readonly PeerBlobs[];
}

/** A clock on which a second takes ten milliseconds. */
export const fastClock: Clock = {
  now: () => Date.now() * 100,
  sleep: (ms, signal) => sleep(ms / 100, signal),
};

/** Fake chains, nodes of them, a store on disk and the synchronisation that fills it. */
export class Bench {
  readonly errors: { message: string; facts: Facts | undefined; error: unknown }[] = [];
  private constructor(
    readonly chains: FakeChains,
    readonly relayNodes: FakeNode[],
    readonly paraNodes: FakeNode[],
    readonly finalized: Watched<number>,
    readonly path: string,
    private readonly options: BenchOptions,
  ) {}

  store!: BlockStore;
  sync!: ChainSync;
  #relay!: JsonRpcClient;
  #para!: JsonRpcClient;

  static async create(options: BenchOptions = {}): Promise<Bench> {
    const chains =
      options.chains instanceof FakeChains ? options.chains : new FakeChains(options.chains);
    const finalized = new Watched(options.finalized ?? chains.options.relayBlocks);
    const nodes = (kind: 'relay' | 'para') =>
      (options[kind] ?? [{}]).map(
        (node, index) =>
          new FakeNode(
            { url: `ws://${kind}-${index}.test`, kind, ...node },
            node.chains ?? chains,
            node.finalized ?? finalized,
          ),
      );
    const path = options.path ?? (await mkdtemp(join(tmpdir(), 'rb-block-store-')));
    const bench = new Bench(chains, nodes('relay'), nodes('para'), finalized, path, options);
    await bench.start();
    return bench;
  }

  async start(): Promise<void> {
    const logger: Logger = {
      ...silentLogger,
      error: (message, facts, error) => this.errors.push({ message, facts, error }),
      child: () => logger,
    };
    const client = (name: string, nodes: FakeNode[]) =>
      new JsonRpcClient(
        { name, endpoints: nodes.map((node) => node.url) },
        {
          logger,
          preferred: (this.options.peers ?? []).map(
            (blobs, index) =>
              new PeerEndpoint(
                { url: `prb://peer-${index}.test`, kind: name as 'relay' | 'para' },
                {
                  blobs,
                  storedHeight: () => this.store.heights.value?.[name as 'relay' | 'para'],
                  logger,
                  ...(this.options.clock ? { clock: this.options.clock } : {}),
                },
              ),
          ),
          openEndpoint: ({ url }) => nodes.find((node) => node.url === url)!,
          ...(this.options.clock ? { clock: this.options.clock } : {}),
        },
      );
    const { clock } = this.options;
    const withClock = clock ? { clock } : {};
    const { freeBytes } = this.options;
    this.store = new BlockStore({ path: this.path }, freeBytes ? { freeBytes } : {});
    this.#relay = client('relay', this.relayNodes);
    this.#para = client('para', this.paraNodes);
    this.sync = new ChainSync(
      { heads: { pollMs: 50 }, ...this.options.sync },
      { store: this.store, relay: this.#relay, para: this.#para, logger, ...withClock },
    );
    await this.store.start();
    await this.#relay.start();
    await this.#para.start();
    await this.sync.start();
  }

  /** Waits until blobs can be made up to a relay height. */
  async untilBuilt(height: number, timeoutMs = 10_000): Promise<void> {
    await withTimeout(timeoutMs, `built ${height}`, (signal) =>
      this.store.heights.until((heights) => (heights?.built ?? -1) >= height, signal),
    );
  }

  async stop(): Promise<void> {
    await this.sync.stop();
    await this.#relay.stop();
    await this.#para.stop();
    await this.store.stop();
  }

  async destroy(): Promise<void> {
    await this.stop();
    await rm(this.path, { recursive: true, force: true });
  }
}

/** All rows of a store by kind, as hex, without those that tell of ways instead of results. */
export async function rowsOf(store: BlockStore) {
  const rows: Record<
    'relay' | 'relayHeaders' | 'para' | 'genesis' | 'rangeEnds' | 'state' | 'meta',
    string[]
  > = { relay: [], relayHeaders: [], para: [], genesis: [], rangeEnds: [], state: [], meta: [] };
  const names = ['meta', 'relay', 'para', 'genesis', 'rangeEnds', 'state'] as const;
  for await (const [key, value] of store.database.iterator()) {
    const kind = names[key[0]!]!;
    rows[kind].push(`${toHex(key)} ${toHex(value)}`);
    if (kind === 'relay') rows.relayHeaders.push(toHex(decodeRelayRow(value).header));
  }
  return rows;
}
