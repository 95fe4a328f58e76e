import { hostname } from 'node:os';
import {
  ServiceGroup,
  systemClock,
  type Logger,
  type MetricsRegister,
  type Service,
} from '@runtime-bridge/base';
import { Identity } from '@runtime-bridge/keystore';
import type { Health } from '@runtime-bridge/service-kit';
import { WalkieNode, WalkieRoles, type PeerDirectory } from '@runtime-bridge/walkie-protocol';
import { FleetReader } from './fleet-view.js';
import { MonitorServer } from './http-server.js';
import { JsonProxy } from './json-proxy.js';
import { RequestGuard } from './request-guard.js';
import type { MonitorSettings } from './settings.js';

/** For a call through the proxy; a peer that is slower times out alone. */
const CALL_TIMEOUT_MS = 30_000;
/** 2022's monitor calls itself so, in place of a chain and a bridge. */
const CLIENT_IDENTITY = 'client';

/** The monitor as a service. */
export interface Monitor extends Service {
  /** HTTP port in use. */
  readonly port: number;
  /** The peers it has found. */
  readonly peers: PeerDirectory;
}

/** Puts the monitor together. Its peer id is new at each start, as it was in 2022. */
export async function createMonitor(
  settings: MonitorSettings,
  collaborators: { logger: Logger; metrics: MetricsRegister; health: Health },
): Promise<Monitor> {
  const { logger, metrics, health } = collaborators;
  const identity = await Identity.generate();
  logger.info('Got my peer id', { peer: identity.peerId });
  const walkie = new WalkieNode(
    {
      role: WalkieRoles.WR_CLIENT,
      privateKey: identity.privateKey,
      chainIdentity: CLIENT_IDENTITY,
      bridgeIdentity: CLIENT_IDENTITY,
      hostname: hostname(),
      listenAddresses: settings.listenAddresses,
      bootNodes: settings.bootNodes,
      mdns: !settings.disableMdns,
      secret: settings.sharedSecret,
    },
    { logger, metrics },
  );
  const server = new MonitorServer(
    { host: settings.host, port: settings.port },
    {
      proxy: new JsonProxy({ timeoutMs: CALL_TIMEOUT_MS }, { walkie }),
      fleet: new FleetReader({ walkie, clock: systemClock }),
      guard: new RequestGuard({
        hostNames: [hostname(), settings.host, ...settings.hostNames],
        token: settings.token,
      }),
      logger,
    },
  );
  const group = new ServiceGroup('monitor', { logger });
  group.add(walkie);
  group.add(server);
  const isOpen = settings.token === undefined && !isLoopback(settings.host);
  return {
    name: 'monitor',
    peers: walkie.peers,
    get port() {
      return server.port;
    },
    async start(signal) {
      if (isOpen) {
        logger.warn('Everybody who reaches the monitor can use it: set PHALA_MONITOR_TOKEN', {
          host: settings.host,
        });
      }
      await group.start(signal);
      health.set('monitor', { ready: true, detail: `port ${server.port}` });
    },
    stop: () => group.stop(),
  };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}
