import { mkdir } from 'node:fs/promises';
import { AuthorityKeys } from '../grandpa/authorities.js';
import { GrandpaFinality } from '../grandpa/finality.js';
import { ControlServer } from '../control/control-server.js';
import { FaultBook, NodeFaults, type FaultRequest } from '../faults/index.js';
import { votesWithAncestries } from '../grandpa/voting.js';
import { Ballast } from './ballast.js';
import { blocksAbove } from './blocks-above.js';
import type { Log } from '../log.js';
import { relayMetadata } from '../metadata/index.js';
import {
  codeOf,
  devGenesis,
  ParaRuntime,
  releaseIn,
  releaseOf,
  stateVersionOf,
  TxPool,
} from '../para/index.js';
import { toHex, utf8 } from '../primitives/bytes.js';
import type { StateVersion } from '../primitives/trie.js';
import { RelayAuthor } from '../relay/author.js';
import { RelayRuntime } from '../relay/runtime.js';
import { relayGenesis, type RelayEra } from '../relay/state.js';
import { RelayTransactions } from '../relay/transactions.js';
import { nodeMethods } from '../rpc/methods.js';
import type { NodeIdentity } from '../rpc/node.js';
import { DEFAULT_RPC_LIMITS, RpcServer } from '../rpc/server.js';
import { BufferedRows } from './buffered-rows.js';
import { Chain } from './chain.js';
import { FIRST_BLOCK_MS, makeHistory } from './history.js';
import { NetworkAccount } from './network-account.js';
import { chainCommands } from './chain-commands.js';
import { RealClock, type SlotClock } from './clock.js';
import { ChainDriver } from './driver.js';
import { ChainPair } from './pair.js';
import { RelayGenesisListing } from './relay-genesis-listing.js';
import { openChainDb, type ChainRows } from './store.js';

/** What decides the chains' blocks; fixed for a data directory when it is begun. */
export interface ConsensusOptions {
  relay: RelayEra;
  seed: string;
  /** Voters of each GRANDPA set. */
  authorities: number;
  /** Relay blocks per session; the set changes in the last of each. */
  sessionBlocks: number;
  paraId: number;
  /** Of the relay chain's states; as Kusama's of the era when undefined. */
  relayStateVersion?: StateVersion | undefined;
  /** Of the parachain's states at first; 0 when undefined, the only one that pRuntime computes. */
  paraStateVersion?: StateVersion | undefined;
}

/** Settings of the two chains. */
export interface ChainsOptions extends ConsensusOptions {
  /** Directory of the chains' database. */
  directory: string;
  host: string;
  /** 0: any; a busy one: the next free. */
  relayPort: number;
  paraPort: number;
  /** Time between relay blocks. */
  blockMs: number;
  /** Relay blocks between the best and the finalised one. */
  finalityLag: number;
  /** A justification is kept every so many blocks, besides those at set changes; 0: never. */
  justificationPeriod: number;
  /** Relay blocks between two parachain blocks; 2 when undefined. */
  relayBlocksPerParaBlock?: number | undefined;
  /** Parachain blocks per included head; 1 when undefined. */
  paraBlocksPerHead?: number | undefined;
  /** Before anything else relay blocks are made up to this height, `blockMs` apart; none when undefined. */
  historyBlocks?: number | undefined;
  /** What parachain blocks carry and change besides the rest, in bytes; 0 when undefined. */
  ballastBytes?: number | undefined;
  /** Some voters vote above the target: justifications have ancestries. */
  voteAncestries?: boolean | undefined;
  /** Nodes (RPC servers) per chain, each with faults of its own, their ports two apart; 1 when undefined. */
  nodes?: number | undefined;
  /** Port of the control server; 0: any; undefined: none. */
  controlPort?: number | undefined;
  /** Faults in force from the start. */
  faults?: readonly FaultRequest[] | undefined;
}

/** Chains that run. */
export interface RunningChains {
  relayUrl: string;
  paraUrl: string;
  /** All nodes; the first ones are those above. */
  relayUrls: readonly string[];
  paraUrls: readonly string[];
  /** Undefined when no control port was asked for. */
  controlUrl: string | undefined;
  faults: FaultBook;
  driver: ChainDriver;
  /** Rejects when the chains cannot go on; never resolves before `stop`. */
  done: Promise<void>;
  stop(): Promise<void>;
}

/** The data directory was begun with other settings. */
export class ConfigMismatchError extends Error {
  override readonly name = 'ConfigMismatchError';
}

const CONFIG = 'config';
/** A status line is logged every so many finalised relay blocks. */
const STATUS_BLOCKS = 50;
/** In picopha; enough for the fees of any history. */
const NETWORK_ACCOUNT_BALANCE = 10n ** 22n;
const CHAIN_ID = { relay: 1, para: 2 } as const;
const NODE_VERSION = '0.1.0-devnet';

/** Opens both chains, serves their RPC and makes blocks until stopped. */
export async function startChains(
  options: ChainsOptions,
  deps: {
    log: Log;
    clock?: SlotClock;
    /** Makes the clock once it is known where the chain stands; the wall clock when undefined. */
    newClock?: (times: { slotMs: number; startMs: number }) => SlotClock;
  },
): Promise<RunningChains> {
  const { log } = deps;
  await mkdir(options.directory, { recursive: true });
  const db = await openChainDb(options.directory);
  const opened: { stop(): Promise<void> }[] = [{ stop: () => db.close() }];
  const stopAll = async () => {
    for (const one of opened.splice(0).reverse()) await one.stop();
  };
  try {
    const rows = new BufferedRows(db);
    const network = await openNetwork(options, { db: rows, log });
    const { relay, para, pair } = network;
    await pair.recover();
    await makeHistory(options, { relay, pair, log });
    await rows.settle();
    log('chains opened', {
      directory: options.directory,
      relayBest: relay.best.number,
      relayFinalized: relay.finalized.number,
      paraBest: para.best.number,
      relayGenesis: toHex(relay.genesis.hash),
      paraGenesis: toHex(para.genesis.hash),
    });

    for (const { name, port, server } of network.servers) {
      await server.start();
      opened.push(server);
      if (port !== 0 && server.port !== port) {
        log('port is busy, another one is used', { node: name, wanted: port, port: server.port });
      }
      log('RPC listens', { node: name, url: server.url });
    }
    const urls = (chain: 'relay' | 'para') =>
      network.servers.filter((one) => one.chain === chain).map(({ server }) => server.url);
    const [relayUrls, paraUrls] = [urls('relay'), urls('para')];
    const faults = new FaultBook(() =>
      Object.fromEntries(network.servers.map((one) => [one.name, one.faults])),
    );
    for (const fault of options.faults ?? []) log('fault', { ...faults.add(fault) });

    const lastMs = relay.blockAt(relay.best.number)?.timestampMs ?? 0;
    const times = { slotMs: options.blockMs, startMs: lastMs > 0 ? lastMs : FIRST_BLOCK_MS };
    const clock =
      deps.clock ??
      deps.newClock?.(times) ??
      new RealClock({ slotMs: options.blockMs, notBeforeMs: lastMs });
    relay.events.on('finalized', ({ block }) => {
      if (block.number % STATUS_BLOCKS !== 0) return;
      log('chains stand at', {
        relayBest: relay.best.number,
        relayFinalized: block.number,
        paraBest: para.best.number,
        paraFinalized: para.finalized.number,
      });
    });
    const driver = new ChainDriver({ pair, relay, para, clock });
    opened.push(driver);
    const controlUrl = await startControl(options, { opened, faults, driver, network });
    return {
      relayUrl: relayUrls[0] ?? '',
      paraUrl: paraUrls[0] ?? '',
      relayUrls,
      paraUrls,
      controlUrl,
      faults,
      driver,
      done: driver.done,
      stop: stopAll,
    };
  } catch (error) {
    await stopAll();
    throw error;
  }
}

async function startControl(
  options: ChainsOptions,
  deps: {
    opened: { stop(): Promise<void> }[];
    faults: FaultBook;
    driver: ChainDriver;
    network: { servers: readonly { server: RpcServer }[]; account: NetworkAccount };
  },
): Promise<string | undefined> {
  const { faults, driver, network, opened } = deps;
  if (options.controlPort === undefined) return undefined;
  const disconnect = () => network.servers.forEach(({ server }) => server.dropConnections());
  const upgrade = (specVersion: number, stateVersion: StateVersion) =>
    network.account.submitAsRoot('system', 'setCode', [
      toHex(codeOf(releaseOf(specVersion, stateVersion))),
    ]);
  const control = new ControlServer(
    { host: options.host, port: options.controlPort },
    { faults, commands: chainCommands(driver, { disconnect, upgrade }) },
  );
  await control.start();
  opened.push(control);
  return control.url;
}

async function openNetwork(options: ChainsOptions, deps: { db: ChainRows; log: Log }) {
  const { relay: era, seed, paraId, sessionBlocks } = options;
  const { relayStateVersion, paraStateVersion } = stateVersions(options);
  const { db, log } = deps;
  const keys = new AuthorityKeys({ seed, count: options.authorities });
  const relayRuntime = new RelayRuntime({
    era,
    metadata: relayMetadata(era),
    stateVersion: relayStateVersion,
  });
  const paraRuntime = await ParaRuntime.create({ paraId });
  const accountPair = await NetworkAccount.pair();
  const dev = devGenesis();
  const { sudo } = dev;
  const genesis = {
    ...dev,
    release: releaseOf(undefined, paraStateVersion),
    balances: [...dev.balances, [accountPair.publicKey, NETWORK_ACCOUNT_BALANCE] as const],
    proxies: [
      ...dev.proxies,
      { real: sudo, delegate: accountPair.publicKey, type: 'Any' as const },
    ],
  };
  const onListenerError = (error: unknown) =>
    log('a listener failed', { error: error instanceof Error ? error.stack : String(error) });

  const para = await Chain.open(
    { name: 'para', id: CHAIN_ID.para, stateVersion: paraStateVersion },
    {
      db,
      onListenerError,
      genesis: () => paraRuntime.genesis(genesis),
      stateVersionAfter: (state) => stateVersionOf(releaseIn(state)),
    },
  );
  const relay = await Chain.open(
    { name: 'relay', id: CHAIN_ID.relay, stateVersion: relayStateVersion },
    {
      db,
      onListenerError,
      genesis: () =>
        relayGenesis({
          era,
          authorities: keys.authorities(0n),
          specName: relayRuntime.version.specName,
          specVersion: relayRuntime.version.specVersion,
          paraId,
          paraGenesisHeader: para.genesis.header,
        }),
    },
  );
  await checkConfig(relay, options);

  const finality = await GrandpaFinality.create(
    { justificationPeriod: options.justificationPeriod },
    {
      chain: relay,
      keys,
      ...(options.voteAncestries === true && { votePlan: votesWithAncestries(blocksAbove(relay)) }),
    },
  );
  const transactions = new RelayTransactions(relayRuntime.version);
  const author = new RelayAuthor(
    { era, paraId, sessionBlocks, slotMs: options.blockMs, seed },
    { chain: relay, keys, transactions },
  );
  const relayPool = new TxPool({}, { runtime: transactions, chain: relay });
  const pool = new TxPool({}, { runtime: paraRuntime, chain: para });
  const runtimeAt = (hash: Uint8Array) => paraRuntime.at(para.state(hash));
  const account = NetworkAccount.create({ para, runtimeAt, pool, sudo }, accountPair);
  const listing = new RelayGenesisListing({ relay, para, account, log });
  const ballast = new Ballast({ bytesPerBlock: options.ballastBytes ?? 0, seed }, account);
  const pair = new ChainPair(
    {
      paraId,
      finalityLag: options.finalityLag,
      relayBlocksPerParaBlock: options.relayBlocksPerParaBlock ?? 2,
      paraBlocksPerHead: options.paraBlocksPerHead ?? 1,
    },
    {
      relay,
      para,
      author,
      builder: paraRuntime,
      pool,
      relayPool,
      finality,
      beforeParaBlock: (relayParent) => {
        listing.beforeParaBlock(relayParent);
        ballast.beforeParaBlock(para.best.number + 1);
      },
      log,
    },
  );

  const tables = {
    relay: nodeMethods({
      identity: RELAY_IDENTITY,
      chain: relay,
      runtimeAt: () => relayRuntime,
      pool: relayPool,
      finality,
      pha: false,
    }),
    para: nodeMethods({
      identity: PARA_IDENTITY,
      chain: para,
      runtimeAt,
      pool,
      pha: true,
    }),
  };
  const node = (name: 'relay' | 'para', index: number) => {
    const faults = new NodeFaults(name === 'relay' ? { chain: relay, keys } : { chain: para });
    const first = name === 'relay' ? options.relayPort : options.paraPort;
    // Known from the first one's, so that a restart finds them where they were.
    const port = first === 0 ? 0 : first + 2 * index;
    const { intercept, onNotification } = faults;
    const server = new RpcServer(
      { host: options.host, port, ...DEFAULT_RPC_LIMITS },
      { table: tables[name], log, intercept, onNotification },
    );
    return { name: index === 0 ? name : `${name}${index + 1}`, chain: name, port, faults, server };
  };
  const servers = Array.from({ length: options.nodes ?? 1 }, (_, index) => [
    node('relay', index),
    node('para', index),
  ]).flat();
  return { relay, para, pair, servers, account };
}

/** Kusama's states have been of version 1 since spec 1,000,000, before `:grandpa_authorities` went; Khala's never. */
function stateVersions(options: ConsensusOptions) {
  const relayDefault: StateVersion = options.relay === 'new' ? 1 : 0;
  return {
    relayStateVersion: options.relayStateVersion ?? relayDefault,
    paraStateVersion: options.paraStateVersion ?? 0,
  };
}

async function checkConfig(relay: Chain, options: ConsensusOptions): Promise<void> {
  const { relay: era, seed, authorities, sessionBlocks, paraId } = options;
  const wanted = JSON.stringify({
    ...{ relay: era, seed, authorities, sessionBlocks, paraId },
    ...stateVersions(options),
  });
  const stored = relay.meta(CONFIG);
  if (stored === undefined) {
    await relay.putMeta(CONFIG, utf8(wanted));
    return;
  }
  const held = Buffer.from(stored).toString('utf8');
  if (held !== wanted) {
    throw new ConfigMismatchError(
      `the data directory was begun with ${held}, now asked for is ${wanted}: ` +
        'use the same settings, or another --data directory',
    );
  }
}

const RELAY_IDENTITY: NodeIdentity = {
  chainName: 'Devnet Relay',
  nodeName: 'Runtime Bridge Devnet',
  nodeVersion: NODE_VERSION,
  chainType: 'Development',
  properties: { ss58Format: 2, tokenDecimals: 12, tokenSymbol: 'KSM' },
  peerId: '12D3KooWDevnetRelay1111111111111111111111111111111111',
};

const PARA_IDENTITY: NodeIdentity = {
  chainName: 'Khala Devnet',
  nodeName: 'Runtime Bridge Devnet',
  nodeVersion: NODE_VERSION,
  chainType: 'Development',
  properties: { ss58Format: 30, tokenDecimals: 12, tokenSymbol: 'PHA' },
  peerId: '12D3KooWDevnetPara11111111111111111111111111111111111',
};
