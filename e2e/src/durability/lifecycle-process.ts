import { spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { silentLogger } from '@runtime-bridge/base';
import { Identity } from '@runtime-bridge/keystore';
import { WalkieNode, WalkieRoles, WorkerStatus } from '@runtime-bridge/walkie-protocol';
import { freePort, type LogLine } from '../lying-node/index.js';
import { until } from '../with-demo.js';

const PROGRAM = fileURLToPath(new URL('../../../apps/lifecycle/dist/main.js', import.meta.url));
const START_TIMEOUT_MS = 60_000;
const STOP_DEADLINE_MS = 12_000;

/** How a lifecycle manager is run. */
export interface LifecycleOptions {
  folder: string;
  para: string;
  /** Walkie multiaddrs of the data providers. */
  providers: readonly string[];
  env?: Readonly<Record<string, string>>;
}

/** The built lifecycle manager as the process that it is in production, keeping workers at the head and no more. */
export class LifecycleProcess {
  readonly log: LogLine[] = [];

  private constructor(
    private readonly child: ChildProcess,
    private readonly client: WalkieNode,
  ) {}

  #address = '';

  static async start(options: LifecycleOptions): Promise<LifecycleProcess> {
    const { folder } = options;
    await mkdir(folder, { recursive: true });
    const child = spawn(process.execPath, ['--enable-source-maps', PROGRAM], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        PATH: process.env['PATH'],
        HOME: process.env['HOME'],
        NODE_ENV: 'production',
        PHALA_LOGGER_LEVEL: 'debug',
        PHALA_SYNC_ONLY: 'true',
        PHALA_CHAIN_ENDPOINT: options.para,
        PHALA_LOCAL_DB_PATH: join(folder, 'local.db'),
        USE_BUILT_IN_TRADER: 'true',
        PHALA_TRADER_DB_PATH: join(folder, 'trade'),
        PHALA_QUEUE_PAGE_PORT: String(await freePort()),
        PHALA_PEER_ID_PREFIX: join(folder, 'keys'),
        PHALA_HEALTH_SOCKET: join(folder, 'health.sock'),
        // Its Walkie comes up anew when it knows its chain: at the same address.
        PHALA_WALKIE_LISTEN_ADDRESSES: `/ip4/127.0.0.1/tcp/${await freePort()}`,
        PHALA_WALKIE_DISABLE_MDNS_DISCOVERY: 'true',
        PHALA_WALKIE_BOOT_NODES: options.providers.join(','),
        ...options.env,
      },
    });
    const client = new WalkieNode(
      {
        role: WalkieRoles.WR_CLIENT,
        privateKey: (await Identity.generate()).privateKey,
        chainIdentity: 'client',
        bridgeIdentity: 'client',
        hostname: 'test',
        listenAddresses: [],
        bootNodes: [],
        mdns: false,
      },
      { logger: silentLogger },
    );
    await client.start();
    const manager = new LifecycleProcess(child, client);
    const log = createWriteStream(join(folder, 'lifecycle.log'));
    child.stdout.pipe(log);
    manager.#address = await addressOf(child, manager.log);
    return manager;
  }

  /** Asks it to keep workers at the head, until it has them: while it comes up it refuses, or breaks off. */
  async addWorkers(endpoints: readonly string[]): Promise<void> {
    const manager = this.client.client(this.#address);
    const pool = { pid: 1n, name: 'pool', enabled: true, syncOnly: true };
    await until(
      'the lifecycle manager has a pool',
      async () => {
        const { pools } = await manager.call('ListPool', {});
        if (pools.length > 0) return true;
        const owner = { mnemonic: `${DEV_PHRASE}//Alice` };
        await manager.call('CreatePool', { pools: [{ ...pool, owner }] });
        return false;
      },
      (isThere) => isThere,
      START_TIMEOUT_MS,
    );
    await until(
      'the lifecycle manager has its workers',
      async () => {
        const { workers } = await manager.call('ListWorker', {});
        if (workers.length > 0) return true;
        await manager.call('CreateWorker', {
          workers: endpoints.map((endpoint, index) => ({
            pid: 1n,
            name: `worker-${index + 1}`,
            endpoint,
            enabled: true,
            syncOnly: true,
            stake: '1000000000000000',
          })),
        });
        return false;
      },
      (isThere) => isThere,
      START_TIMEOUT_MS,
    );
  }

  /** The states of its workers by name, each with its last message. */
  async states(): Promise<Record<string, string>> {
    const { workerStates } = await this.client.client(this.#address).call('GetWorkerStatus', {});
    return Object.fromEntries(
      workerStates.map(({ worker, status, lastMessage }) => [
        worker?.name ?? '?',
        `${WorkerStatus[status]} ${lastMessage ?? ''}`,
      ]),
    );
  }

  async stop(): Promise<void> {
    await this.client.stop();
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exited = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGTERM');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), STOP_DEADLINE_MS);
    await exited;
    clearTimeout(timer);
  }
}

// The well-known development phrase of Substrate.
const DEV_PHRASE = 'bottom drive obey lake curtain smoke basket hold race lonely fit walk';

/** Reads the log until it tells where Walkie listens. */
function addressOf(child: ChildProcess, log: LogLine[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error('The lifecycle manager did not come up')),
      START_TIMEOUT_MS,
    );
    child.once('exit', (code) => reject(new Error(`The lifecycle manager ended with ${code}`)));
    createInterface({ input: child.stdout! }).on('line', (text) => {
      if (!text.startsWith('{')) return;
      const line = JSON.parse(text) as LogLine;
      log.push(line);
      if (line.message !== 'Walkie is up') return;
      clearTimeout(timer);
      resolve(String(line['addresses']).split(' ')[0]!);
    });
  });
}

/** Where the Walkie node of a data provider listens, as its log tells. */
export function walkieAddressIn(log: readonly LogLine[]): string | undefined {
  const line = log.find(({ message }) => message === 'Walkie is up');
  return line && String(line['addresses']).split(' ')[0];
}
