import type { DevNetwork } from './dev-network.js';
import type { PortFinder } from './ports.js';
import type { ProcessSet } from './process-set.js';

/** How the bridge is run. */
export interface BridgeOptions {
  network: Pick<DevNetwork, 'relayUrls' | 'paraUrls'>;
  /** URL of a Redis; the queue is embedded in the lifecycle manager when undefined. */
  redisUrl: string | undefined;
  monitorPort: number;
  /** Separates this bridge from others on the same network. */
  identity: string;
  /** More environment variables for every service. */
  env?: Record<string, string>;
}

/** Where it listens. */
export interface Bridge {
  monitorUrl: string;
  /** Peer ids of the data provider and the lifecycle manager. */
  peers: { provider: string; manager: string };
  /** Their Walkie multiaddrs, peer id included. */
  addresses: { provider: string; manager: string };
}

const IDENTITY_TIMEOUT_MS = 60_000;

/** Starts each service of the bridge as the process that it is in production. */
export async function startBridge(
  options: BridgeOptions,
  processes: ProcessSet,
  ports: PortFinder,
): Promise<Bridge> {
  const { network, redisUrl } = options;
  const shared = (name: string) => ({
    NODE_ENV: 'production',
    PHALA_LOGGER_LEVEL: 'debug',
    PHALA_CHAIN_ENDPOINT: network.paraUrls.join(','),
    PHALA_PARENT_CHAIN_ENDPOINT: network.relayUrls.join(','),
    PHALA_PEER_ID_PREFIX: `${processes.folderOf(name)}/keys`,
    PHALA_BRIDGE_IDENTITY: options.identity,
    PHALA_WALKIE_DISABLE_MDNS_DISCOVERY: 'true',
    PHALA_HEALTH_SOCKET: `${processes.folderOf(name)}/health.sock`,
    ...options.env,
  });
  const walkie = async () => `/ip4/127.0.0.1/tcp/${await ports.any()}`;

  const providerAddress = await walkie();
  const provider = peerId('data-provider');
  await processes.startNode('data-provider', 'apps/data-provider/dist/main.js', {
    env: {
      ...shared('data-provider'),
      PHALA_LOCAL_DB_PATH: `${processes.folderOf('data-provider')}/store`,
      PHALA_DATA_PROVIDER_LOCAL_SERVER_PORT: String(await ports.find(8012, 'the blob server')),
      PHALA_WALKIE_LISTEN_ADDRESSES: providerAddress,
    },
    onLine: provider.onLine,
  });
  const providerId = await provider.id;
  const providerPeer = `${providerAddress}/p2p/${providerId}`;

  const managerAddress = await walkie();
  const manager = peerId('lifecycle');
  const lifecycleEnv = {
    ...shared('lifecycle'),
    PHALA_LOCAL_DB_PATH: `${processes.folderOf('lifecycle')}/local.db`,
    PHALA_WALKIE_LISTEN_ADDRESSES: managerAddress,
    PHALA_WALKIE_BOOT_NODES: providerPeer,
    PHALA_QUEUE_PAGE_PORT: String(await ports.find(4567, 'the queue page')),
    ...(redisUrl === undefined
      ? {
          USE_BUILT_IN_TRADER: 'true',
          PHALA_TRADER_DB_PATH: `${processes.folderOf('lifecycle')}/trade`,
        }
      : // Short, since the dev network is in a hurry.
        { PHALA_Q_REDIS_ENDPOINT: redisUrl, PHALA_LEASE_TIME: '3000' }),
  };
  await processes.startNode('lifecycle', 'apps/lifecycle/dist/main.js', {
    env: lifecycleEnv,
    onLine: manager.onLine,
  });
  const managerId = await manager.id;
  const managerPeer = `${managerAddress}/p2p/${managerId}`;

  if (redisUrl !== undefined) {
    await processes.startNode('trader', 'apps/trader/dist/main.js', {
      env: {
        ...shared('trader'),
        // The trader opens operator keys that are sealed for the lifecycle manager's identity.
        PHALA_PEER_ID_PREFIX: lifecycleEnv.PHALA_PEER_ID_PREFIX,
        PHALA_Q_REDIS_ENDPOINT: redisUrl,
        PHALA_LEASE_TIME: '3000',
        PHALA_TRADER_DB_PATH: `${processes.folderOf('trader')}/journal`,
        PHALA_QUEUE_PAGE_PORT: lifecycleEnv.PHALA_QUEUE_PAGE_PORT,
      },
    });
  }

  await processes.startNode('monitor', 'apps/monitor/dist/main.js', {
    env: {
      NODE_ENV: 'production',
      PHALA_LOGGER_LEVEL: 'debug',
      HOST: '127.0.0.1',
      PORT: String(options.monitorPort),
      PTP_BOOT_NODES: `${providerPeer},${managerPeer}`,
      PHALA_WALKIE_DISABLE_MDNS_DISCOVERY: 'true',
      PHALA_HEALTH_SOCKET: `${processes.folderOf('monitor')}/health.sock`,
      ...options.env,
    },
  });
  return {
    monitorUrl: `http://127.0.0.1:${options.monitorPort}`,
    peers: { provider: providerId, manager: managerId },
    addresses: { provider: providerPeer, manager: managerPeer },
  };
}

/** Starts a Redis that keeps nothing on disk. */
export async function startRedis(processes: ProcessSet, ports: PortFinder): Promise<string> {
  const port = await ports.any();
  await processes.startProgram('redis', 'redis-server', {
    args: ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'],
  });
  return `redis://127.0.0.1:${port}/`;
}

/** Finds the peer id in a service's log, where it says `Got my peer id` at each start. */
function peerId(name: string): { onLine: (line: string) => void; id: Promise<string> } {
  let onLine: (line: string) => void = () => {};
  const id = new Promise<string>((resolve, reject) => {
    const timer = setTimeout(
      () =>
        reject(
          new Error(`${name} did not tell its peer id within ${IDENTITY_TIMEOUT_MS / 1000} s`),
        ),
      IDENTITY_TIMEOUT_MS,
    );
    onLine = (line) => {
      if (!line.includes('Got my peer id')) return;
      const found = /\b(Qm[1-9A-HJ-NP-Za-km-z]{44}|12D3[1-9A-HJ-NP-Za-km-z]{48})\b/.exec(line)?.[1];
      if (found === undefined) return;
      clearTimeout(timer);
      resolve(found);
    };
  });
  return { onLine: (line) => onLine(line), id };
}
