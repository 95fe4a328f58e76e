import { spawn } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { startBridge, startRedis, type Bridge } from './bridge.js';
import { ChainRpc } from './chain-rpc.js';
import { startDevNetwork, type DevNetwork } from './dev-network.js';
import { pools, wantedWorkers, type WantedWorker } from './inventory.js';
import { MonitorApi } from './monitor-api.js';
import type { DemoOptions } from './options.js';
import { PortFinder } from './ports.js';
import { ProcessSet } from './process-set.js';
import { Progress } from './progress.js';

const AUDITOR = 'tools/auditor/dist/main.js';
const PEERS_TIMEOUT_MS = 60_000;

/** What a demo needs besides its options. */
export interface DemoCollaborators {
  /** Root of the project, where the built programs are. */
  root: string;
  tell: (line: string) => void;
  /** More environment variables for every service. */
  serviceEnv?: Record<string, string>;
  /** Leaves the manager without pools and workers, as a first start finds it. */
  isEmpty?: boolean;
}

/** A whole bridge on a dev network, each part a process of its own. */
export class Demo {
  readonly #ports: PortFinder;
  readonly #tell: (line: string) => void;
  readonly folder: string;
  readonly processes: ProcessSet;
  #network: DevNetwork | undefined;
  #bridge: Bridge | undefined;
  #monitor: MonitorApi | undefined;
  #workers: WantedWorker[] = [];
  #peers: { provider: string; manager: string } | undefined;

  constructor(
    private readonly options: Omit<DemoOptions, 'once'>,
    private readonly collaborators: DemoCollaborators,
  ) {
    this.#tell = collaborators.tell;
    this.#ports = new PortFinder(this.#tell);
    this.folder =
      options.data ??
      join(collaborators.root, '.runtime-bridge', `demo-${process.pid}-${Date.now()}`);
    this.processes = new ProcessSet({ root: collaborators.root, folder: this.folder }, this.#tell);
  }

  get network(): DevNetwork {
    return started(this.#network);
  }

  get monitor(): MonitorApi {
    return started(this.#monitor);
  }

  get workers(): readonly WantedWorker[] {
    return this.#workers;
  }

  /** Peer ids of the data provider and the lifecycle manager. */
  get peers(): { provider: string; manager: string } {
    return started(this.#peers);
  }

  /** Walkie multiaddrs of the same. */
  get addresses(): { provider: string; manager: string } {
    return started(this.#bridge).addresses;
  }

  /**
   * Starts everything and asks for pools and workers as an operator would.
   * @param endpointOf what the lifecycle manager is told as a worker's endpoint, for tests that stand in between
   */
  async start(
    endpointOf: (workerUrl: string) => Promise<string> = (url) => Promise.resolve(url),
  ): Promise<void> {
    await mkdir(this.folder, { recursive: true });
    this.#tell(`Data and logs are in ${this.folder}`);
    this.#network = await startDevNetwork(this.options, this.processes, this.#ports);
    this.#tell(
      `Dev network runs: relay chain ${this.#network.relayUrl}, parachain ${this.#network.paraUrl}, ${this.#network.workerUrls.length} workers`,
    );
    const { controlUrls } = this.#network;
    this.#tell(`Faults by curl: nodes ${controlUrls.chains}, workers ${controlUrls.workers}`);
    const redisUrl = this.options.redis ? await startRedis(this.processes, this.#ports) : undefined;
    if (redisUrl !== undefined) this.#tell(`Redis runs: ${redisUrl}`);
    this.#bridge = await startBridge(
      {
        network: this.#network,
        redisUrl,
        monitorPort: await this.#ports.find(this.options.port, 'the dashboard'),
        identity: `demo-${process.pid}`,
        ...(this.collaborators.serviceEnv ? { env: this.collaborators.serviceEnv } : {}),
      },
      this.processes,
      this.#ports,
    );
    this.#monitor = new MonitorApi(this.#bridge.monitorUrl);
    const endpoints: string[] = [];
    for (const url of this.#network.workerUrls) endpoints.push(await endpointOf(url));
    this.#workers = wantedWorkers(endpoints);
    this.#peers = this.#bridge.peers;
    await this.#untilFound(this.#monitor, this.#peers);
    this.#tell(`Dashboard: ${this.#bridge.monitorUrl}`);
    if (this.collaborators.isEmpty === true) return;
    const { manager } = this.#peers;
    await this.#monitor.call(manager, 'CreatePool', { pools });
    await this.#monitor.call(manager, 'CreateWorker', { workers: this.#workers });
    this.#tell(
      `Created ${pools.length} pools and ${this.#workers.length} workers through the dashboard's JSON API`,
    );
  }

  /** What to ask for the status line. */
  progress(): Progress {
    const { provider, manager } = this.peers;
    return new Progress({
      relay: new ChainRpc(this.network.relayUrl),
      para: new ChainRpc(this.network.paraUrl),
      monitor: this.monitor,
      providerPeer: provider,
      managerPeer: manager,
    });
  }

  /**
   * Runs the auditor, which knows the chains and the workers but nothing of ours.
   * @returns its exit code: 0 when it is content
   */
  async audit(
    options: { holdBlocks: number; timeoutSec: number },
    signal?: AbortSignal,
  ): Promise<number> {
    const expectations = this.network.workerUrls.flatMap((url, index) => {
      const worker = this.#workers[index]!;
      return ['--worker', `${url},${worker.pid},${worker.stake}`];
    });
    const child = spawn(
      process.execPath,
      [
        join(this.collaborators.root, AUDITOR),
        ...['--relay', this.network.relayUrl, '--para', this.network.paraUrl],
        ...['--hold', String(options.holdBlocks), '--timeout', String(options.timeoutSec)],
        ...expectations,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'], ...(signal ? { signal } : {}) },
    );
    createInterface({ input: child.stdout }).on('line', (line) => this.#tell(line));
    return new Promise((resolve) => {
      child.once('error', () => resolve(1));
      child.once('close', (code) => resolve(code ?? 1));
    });
  }

  /** Ends every process; data goes too unless a folder was given or it shall be kept. */
  async stop({ keepData = this.options.data !== undefined } = {}): Promise<void> {
    await this.processes.stop();
    if (!keepData) await rm(this.folder, { recursive: true, force: true });
  }

  /** Waits until the dashboard has met both, which also shows that it is ours and not another one on its port. */
  async #untilFound(monitor: MonitorApi, peers: Bridge['peers']): Promise<void> {
    const deadline = Date.now() + PEERS_TIMEOUT_MS;
    let last = 'it does not answer';
    while (Date.now() < deadline) {
      try {
        const { dataProviders, lifecycleManagers } = await monitor.discover();
        const found = [...dataProviders, ...lifecycleManagers].map(({ peerId }) => peerId);
        const missing = Object.entries(peers).filter(([, peerId]) => !found.includes(peerId));
        if (missing.length === 0) return;
        last = missing.map(([role, peerId]) => `no ${role} ${peerId}`).join(', ');
      } catch (error) {
        last = error instanceof Error ? error.message : String(error);
      }
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    throw new Error(`The dashboard at ${monitor.url} has not found its peers: ${last}`);
  }
}

function started<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('The demo has not started yet');
  return value;
}
