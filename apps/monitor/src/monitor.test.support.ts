import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger, type Logger } from '@runtime-bridge/base';
import { createMetrics, Health } from '@runtime-bridge/service-kit';
import { WalkieRoles } from '@runtime-bridge/walkie-protocol';
import {
  MemoryNetwork,
  type MemoryWalkie,
  type MemoryWalkieOptions,
} from '@runtime-bridge/walkie-protocol/testing';
import { afterEach, beforeEach } from 'vitest';
import { createMonitor, type Monitor, type MonitorOverrides } from './service.js';
import type { MonitorSettings } from './settings.js';

/** How a monitor is to be for some tests. */
export interface RigOptions extends MonitorOverrides {
  settings?: Partial<MonitorSettings>;
  logger?: Logger;
}

/** An answer to a request. */
export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
  /** Empty when it is no JSON. */
  json: Record<string, never> & { hasError?: boolean; error?: { type: number; message: string } };
}

/** A request as tests write it. */
export interface Asked {
  body?: string;
  headers?: Record<string, string>;
  /** Sent as JSON, with its content type. */
  json?: unknown;
}

/** A monitor before each test, with a provider and a manager that it has found, in memory but for HTTP. */
export interface Rig {
  readonly network: MemoryNetwork;
  readonly provider: MemoryWalkie;
  readonly manager: MemoryWalkie;
  readonly monitor: Monitor;
  readonly folder: string;
  readonly http: (method: string, path: string, asked?: Asked) => Promise<Answer>;
  /** Another node of the network; stopped with the test. */
  join(options: MemoryWalkieOptions): Promise<MemoryWalkie>;
  /** Takes the monitor down and puts another one in its place. */
  restart(options: RigOptions): Promise<void>;
}

const OPEN: MonitorSettings = {
  host: '127.0.0.1',
  port: 0,
  bootNodes: [],
  listenAddresses: [],
  disableMdns: true,
  sharedSecret: undefined,
  token: undefined,
  viewerToken: undefined,
  users: [],
  sessionHours: 12,
  auditPath: undefined,
  queuePageUrl: undefined,
  hostNames: [],
};

/** Makes a rig for the tests of a file. */
export function useMonitor(options: RigOptions = {}): Rig {
  let parts: {
    network: MemoryNetwork;
    provider: MemoryWalkie;
    manager: MemoryWalkie;
    monitor: Monitor;
    walkie: MemoryWalkie;
    folder: string;
  };
  let others: MemoryWalkie[] = [];

  const begin = async (network: MemoryNetwork, folder: string, wanted: RigOptions) => {
    const { settings, logger = silentLogger, ...overrides } = wanted;
    const walkie = network.node({ chainIdentity: 'client', bridgeIdentity: 'client' });
    await walkie.start();
    const monitor = await createMonitor(
      { ...OPEN, auditPath: join(folder, 'audit.jsonl'), ...settings },
      {
        logger,
        metrics: createMetrics({ service: 'monitor' }),
        health: new Health(),
        webRoot: join(folder, 'web'),
        walkie,
        ...overrides,
      },
    );
    await monitor.start();
    return { monitor, walkie };
  };

  beforeEach(async () => {
    const network = new MemoryNetwork();
    const provider = network.node({
      peerId: 'QmProvider',
      role: WalkieRoles.WR_DATA_PROVIDER_INT,
      chainIdentity: '0xabc',
    });
    const manager = network.node({
      peerId: 'QmManager',
      role: WalkieRoles.WR_LIFECYCLE_MANAGER,
      chainIdentity: '0xabc',
    });
    await provider.start();
    await manager.start();
    const folder = await mkdtemp(join(tmpdir(), 'monitor-'));
    parts = { network, provider, manager, folder, ...(await begin(network, folder, options)) };
  });

  afterEach(async () => {
    await parts.monitor.stop();
    for (const node of [...others, parts.walkie, parts.manager, parts.provider]) await node.stop();
    others = [];
    await rm(parts.folder, { recursive: true });
  });

  return {
    get network() {
      return parts.network;
    },
    get provider() {
      return parts.provider;
    },
    get manager() {
      return parts.manager;
    },
    get monitor() {
      return parts.monitor;
    },
    get folder() {
      return parts.folder;
    },
    http: (method, path, asked) => askHttp(parts.monitor.port, method, path, asked),
    async join(node) {
      const joined = parts.network.node(node);
      others.push(joined);
      await joined.start();
      return joined;
    },
    async restart(wanted) {
      await parts.monitor.stop();
      await parts.walkie.stop();
      Object.assign(parts, await begin(parts.network, parts.folder, { ...options, ...wanted }));
    },
  };
}

/** Asks over HTTP, just as told. */
export async function askHttp(
  port: number,
  method: string,
  path: string,
  { body, headers = {}, json }: Asked = {},
): Promise<Answer> {
  const text = json === undefined ? body : JSON.stringify(json);
  const request = httpRequest({
    host: '127.0.0.1',
    port,
    method,
    path,
    headers: {
      ...(text === undefined ? {} : { 'content-length': Buffer.byteLength(text) }),
      ...(json === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
  });
  request.end(text);
  const [response] = (await once(request, 'response')) as [
    AsyncIterable<Buffer> & { statusCode: number; headers: Answer['headers'] },
  ];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  const told = Buffer.concat(chunks).toString('utf8');
  let parsed = {};
  try {
    parsed = JSON.parse(told) as object;
  } catch {
    // Not every answer is JSON.
  }
  return { status: response.statusCode, headers: response.headers, text: told, json: parsed };
}
