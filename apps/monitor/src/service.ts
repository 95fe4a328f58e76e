import { access, constants } from 'node:fs/promises';
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
import {
  WalkieNode,
  WalkieRoles,
  type PeerDirectory,
  type Walkie,
} from '@runtime-bridge/walkie-protocol';
import { Access } from './access/access.js';
import { Accounts } from './access/accounts.js';
import { defaultLoginLimiterOptions, LoginLimiter } from './access/login-limiter.js';
import { RequestGuard } from './access/request-guard.js';
import { AuditLog, defaultAuditLogOptions } from './audit/audit-log.js';
import { ActionDesk, defaultActionDeskOptions } from './desk/action-desk.js';
import { InventoryDesk } from './desk/inventory-desk.js';
import { LookupDesk } from './desk/lookup-desk.js';
import { Managers } from './desk/managers.js';
import {
  defaultFleetWatchOptions,
  FleetWatch,
  type FleetWatchOptions,
} from './fleet/fleet-watch.js';
import { Callers } from './http/callers.js';
import type { Exposition } from './http/health-routes.js';
import { MonitorServer } from './http/http-server.js';
import { defaultWebRoot } from './http/page-routes.js';
import { JsonProxy } from './proxy/json-proxy.js';
import { describeSettings } from './settings-info.js';
import { monitorSettings, type MonitorSettings } from './settings.js';
import { defaultStreamHubOptions, StreamHub, type StreamHubOptions } from './stream/stream-hub.js';
import { version } from './version.js';

const CALL_TIMEOUT_MS = 30_000;
/** 2022's monitor calls itself so, in place of a chain and a bridge. */
const CLIENT_IDENTITY = 'client';
const MAX_SESSIONS = 1_000;
/** The volume of the container images. */
const DATA_FOLDER = '/var/data';

/** The monitor as a service. */
export interface Monitor extends Service {
  /** HTTP port in use. */
  readonly port: number;
  /** The peers it has found. */
  readonly peers: PeerDirectory;
}

/** What tests and those who embed it may set besides. */
export interface MonitorOverrides {
  /** Folder of the dashboard. @default the one built beside the compiled code */
  webRoot?: string;
  /** Speaks Walkie in place of a node of its own; it has to be started and stopped by whoever made it. */
  walkie?: Walkie;
  /** For a call through the JSON proxy; a peer that is slower times out alone. @default 30000 */
  callTimeoutMs?: number;
  fleetWatch?: Partial<FleetWatchOptions>;
  streamHub?: Partial<StreamHubOptions>;
}

/** What a monitor is told with, and tells by. */
export interface MonitorCollaborators extends MonitorOverrides {
  logger: Logger;
  /** Served on the monitor's own port too where it can be exposed. */
  metrics: MetricsRegister & Partial<NonNullable<Exposition>>;
  health: Health;
}

/** Puts the monitor together. Its peer id is new at each start, as it was in 2022. */
export async function createMonitor(
  settings: MonitorSettings,
  collaborators: MonitorCollaborators,
): Promise<Monitor> {
  const { logger, metrics, health } = collaborators;
  const clock = systemClock;
  const group = new ServiceGroup('monitor', { logger });
  const walkie = collaborators.walkie ?? group.add(await createNode(settings, collaborators));
  const startedMs = clock.now();
  const fleet = group.add(
    new FleetWatch(
      { ...defaultFleetWatchOptions, ...collaborators.fleetWatch },
      { walkie, clock, logger, metrics },
    ),
  );
  const source = {
    state: () => fleet.state(),
    takeDelta: (atMs: number) => fleet.store.takeDelta(atMs),
    watch: () => fleet.watch(),
  };
  const hub = new StreamHub(
    { ...defaultStreamHubOptions, ...collaborators.streamHub },
    { source, clock, logger, metrics },
  );
  const managers = new Managers({ walkie });
  const onChanged = (manager: string) => fleet.hurry(manager);
  const actions = new ActionDesk(defaultActionDeskOptions, {
    managers,
    store: fleet.store,
    clock,
    logger,
    onProgress: (brief) => hub.tellAction(brief),
    onChanged,
  });
  const accounts = new Accounts(settings);
  const limiter = new LoginLimiter(defaultLoginLimiterOptions, { clock });
  const login = new Access(
    { sessionMs: settings.sessionHours * 3_600_000, maxSessions: MAX_SESSIONS },
    { accounts, limiter, clock },
  );
  const path = settings.auditPath ?? (await defaultAuditPath());
  const audit = await AuditLog.open({ ...defaultAuditLogOptions, path }, { clock, logger });
  const server = new MonitorServer(
    {
      host: settings.host,
      port: settings.port,
      webRoot: collaborators.webRoot ?? defaultWebRoot,
    },
    {
      proxy: new JsonProxy(
        { timeoutMs: collaborators.callTimeoutMs ?? CALL_TIMEOUT_MS },
        { walkie },
      ),
      guard: new RequestGuard({ hostNames: [hostname(), settings.host, ...settings.hostNames] }),
      access: login,
      callers: new Callers({ access: login }),
      audit,
      fleet,
      hub,
      actions,
      inventory: new InventoryDesk({ managers, onChanged }),
      lookup: new LookupDesk({ managers, fleet, clock }),
      settings: () => ({
        version,
        startedMs,
        peerId: walkie.peerId,
        settings: describeSettings(monitorSettings, settings),
        links: (settings.queuePageUrl ?? []).map((url) => ({ label: 'Transaction queue', url })),
      }),
      version,
      health,
      metrics: expositionOf(metrics),
      onChanged,
      logger,
    },
  );
  // Stopped in reverse order: first nobody comes in, then those who listen are told, then what goes on is ended.
  group.add({ name: 'audit', start: async () => {}, stop: () => audit.flush() });
  group.add({ name: 'actions', start: async () => {}, stop: () => actions.stop() });
  group.add(server);
  group.add(hub);
  const isOpen = !login.isLoginNeeded && !isLoopback(settings.host);
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
      if (path === undefined) {
        logger.info('Who changes what is told in this log alone: no PHALA_MONITOR_AUDIT_PATH');
      }
      await group.start(signal);
      health.set('monitor', { ready: true, detail: `port ${server.port}` });
    },
    stop: () => group.stop(),
  };
}

async function createNode(
  settings: MonitorSettings,
  { logger, metrics }: Pick<MonitorCollaborators, 'logger' | 'metrics'>,
): Promise<WalkieNode> {
  const identity = await Identity.generate();
  logger.info('Got my peer id', { peer: identity.peerId });
  return new WalkieNode(
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
}

/** In the volume of a container; elsewhere there is no such folder, and it is not made. */
async function defaultAuditPath(): Promise<string | undefined> {
  try {
    await access(DATA_FOLDER, constants.W_OK);
    return `${DATA_FOLDER}/monitor-audit.jsonl`;
  } catch {
    return undefined;
  }
}

function expositionOf({ expose, contentType }: Partial<NonNullable<Exposition>>): Exposition {
  return expose === undefined || contentType === undefined
    ? undefined
    : { expose: () => expose(), contentType };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}
