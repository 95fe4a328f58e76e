import { hostname } from 'node:os';
import {
  ServiceGroup,
  systemClock,
  type Clock,
  type Logger,
  type MetricsRegister,
  type Service,
} from '@runtime-bridge/base';
import {
  BlobViews,
  BlockStore,
  ChainSync,
  type StoreHeights,
  type Targets,
} from '@runtime-bridge/block-store';
import { JsonRpcClient } from '@runtime-bridge/chain-client';
import { loadOrCreateIdentity } from '@runtime-bridge/keystore';
import type { Health } from '@runtime-bridge/service-kit';
import { BlobServer, WalkieRoles, type BlobSource } from '@runtime-bridge/walkie-protocol';
import { CopyPeers } from './copy-peers.js';
import { exposeHeights } from './height-metrics.js';
import { ProgressReporter } from './progress-reporter.js';
import { providerInfo, type ProviderInfo } from './provider-info.js';
import type { DataProviderSettings } from './settings.js';
import { WalkiePresence } from './walkie-presence.js';

/** What a data provider works with. */
export interface DataProviderCollaborators {
  logger: Logger;
  metrics: MetricsRegister;
  health: Health;
  clock?: Clock;
}

/** A data provider, with what tests and tools want to see of it. */
export interface DataProvider extends Service {
  readonly peerId: string;
  readonly blobs: BlobSource;
  readonly blobServerPort: number;
  /** Multiaddrs of its Walkie node; empty until that is up. */
  readonly addresses: string[];
  info(): ProviderInfo;
}

const MIB = 1024 * 1024;

/**
 * Puts a data provider together. It starts whether nodes are there or not: it serves what its store holds, and goes on
 * as soon as they are.
 * @throws KeystoreError when the identity cannot be read or made
 */
export async function createDataProvider(
  settings: DataProviderSettings,
  collaborators: DataProviderCollaborators,
): Promise<DataProvider> {
  const { logger, metrics, health, clock = systemClock } = collaborators;
  const identity = await loadOrCreateIdentity(
    {
      directory: settings.identityDirectory,
      name: 'DATA_PROVIDER',
      passphrase: settings.identityPassphrase,
    },
    { logger },
  );
  logger.info('Got my peer id', { peerId: identity.peerId });

  const group = new ServiceGroup('data provider', { logger });
  const store = group.add(
    new BlockStore({ path: settings.storePath, reserveBytes: settings.diskReserveMiB * MIB }),
  );
  const views = new BlobViews(
    {
      cacheBytes: settings.cacheMiB * MIB,
      maxRangeCount: settings.maxRangeCount,
      blocksPerBuffer: settings.maxParaBlocks,
      tellBuffers: settings.paraBatchSync,
    },
    { store, metrics, clock },
  );
  const blobs: BlobSource = {
    get: (key, signal) => views.get(key, signal),
    use: (key, take, signal) => views.use(key, take, signal),
  };
  const blobServer = group.add(
    new BlobServer(
      {
        port: settings.blobPort,
        ...(settings.blobHost === undefined ? {} : { host: settings.blobHost }),
        sessionMaxBytes: settings.sessionMaxMiB * MIB,
        totalMaxBytes: settings.totalMaxMiB * MIB,
      },
      { source: blobs, logger, metrics },
    ),
  );
  const peers = group.add(new CopyPeers(settings.copyFrom, { store, logger, clock }));
  const relay = group.add(
    new JsonRpcClient(
      { name: 'relay', endpoints: settings.relayEndpoints },
      { logger, metrics, clock, preferred: peers.relay },
    ),
  );
  const para = group.add(
    new JsonRpcClient(
      { name: 'para', endpoints: settings.paraEndpoints },
      { logger, metrics, clock, preferred: peers.para },
    ),
  );
  const sync = group.add(
    new ChainSync(
      {
        relay: { parallelBlocks: settings.relayParallelBlocks },
        para: {
          parallelBlocks: settings.paraParallelBlocks,
          verify: settings.verify,
          state: { maxBytes: settings.stateMiB * MIB },
        },
      },
      { store, relay, para, logger, metrics, clock },
    ),
  );
  const info = () =>
    providerInfo({
      chain: store.meta,
      heights: store.heights.value,
      targets: atLeast(sync.targets, store.heights.value),
      blobServerPort: blobServer.port,
    });
  exposeHeights(metrics, info);
  const walkie = group.add(
    new WalkiePresence(
      {
        role: WalkieRoles.WR_DATA_PROVIDER_INT,
        privateKey: identity.privateKey,
        bridgeIdentity: settings.bridgeIdentity,
        hostname: hostname(),
        listenAddresses: settings.listenAddresses,
        bootNodes: settings.bootNodes,
        mdns: !settings.disableMdns,
        secret: settings.sharedSecret,
      },
      { store, blobs, info, health, logger, metrics, clock },
    ),
  );
  health.set('blob server', { ready: false, detail: `Waiting to listen on ${settings.blobPort}` });
  group.add(new ProgressReporter({ info, sync, health, logger, metrics, clock }));
  return {
    name: group.name,
    peerId: identity.peerId,
    blobs,
    get blobServerPort() {
      return blobServer.port;
    },
    get addresses() {
      return walkie.addresses;
    },
    info,
    async start(signal) {
      await group.start(signal);
      health.set('blob server', { ready: true, detail: `Listening on ${blobServer.port}` });
    },
    stop: () => group.stop(),
  };
}

/** What is stored is proved final, also while the nodes' own announcement of it is still on its way. */
function atLeast(targets: Targets, heights: StoreHeights | undefined): Targets {
  const raise = (target: number, height: number | undefined) =>
    target < 0 ? target : Math.max(target, height ?? -1);
  return {
    relay: raise(targets.relay, heights?.relay),
    para: raise(targets.para, heights?.para),
  };
}
