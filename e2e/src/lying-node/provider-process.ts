import { spawn, type ChildProcess } from 'node:child_process';
import { createServer } from 'node:net';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../../../apps/data-provider/dist/main.js', import.meta.url));

/** A line of its log. */
export interface LogLine {
  level: string;
  message: string;
  error?: { code: string; message: string; facts?: Record<string, unknown> };
  [fact: string]: unknown;
}

/** How far it is. */
export interface ProviderHeights {
  relayTarget: number;
  /** What blobs are made up to. */
  relay: number;
  para: number;
}

export interface ProviderOptions {
  folder: string;
  relay: readonly string[];
  para: readonly string[];
  /** More environment variables, or other ones. */
  env?: Readonly<Record<string, string>>;
  /** The blob server's; any free one when undefined. */
  blobPort?: number;
}

const STOP_DEADLINE_MS = 12_000;

/** The built data provider as the process that it is in production. */
export class ProviderProcess {
  readonly log: LogLine[] = [];
  /** How it ended, when it did by itself. */
  ended: string | undefined;

  private constructor(
    private readonly child: ChildProcess,
    readonly blobPort: number,
    private readonly metricsPort: number,
    private readonly logFile: string,
  ) {
    createInterface({ input: child.stdout! }).on('line', (line) => {
      if (line.startsWith('{')) this.log.push(JSON.parse(line) as LogLine);
    });
    child.stderr!.on('data', (data: Buffer) =>
      this.log.push({ level: 'stderr', message: data.toString('utf8') }),
    );
    child.once('exit', (code, signal) => (this.ended = signal ?? `exit code ${code}`));
  }

  static async start(options: ProviderOptions): Promise<ProviderProcess> {
    const { folder } = options;
    await mkdir(folder, { recursive: true });
    const [blobPort, metricsPort] = [options.blobPort ?? (await freePort()), await freePort()];
    const child = spawn(process.execPath, ['--enable-source-maps', PROGRAM], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env['PATH'],
        HOME: process.env['HOME'],
        NODE_ENV: 'production',
        PHALA_LOGGER_LEVEL: 'debug',
        PHALA_CHAIN_ENDPOINT: options.para.join(','),
        PHALA_PARENT_CHAIN_ENDPOINT: options.relay.join(','),
        PHALA_LOCAL_DB_PATH: join(folder, 'store'),
        PHALA_PEER_ID_PREFIX: join(folder, 'keys'),
        PHALA_HEALTH_SOCKET: join(folder, 'health.sock'),
        PHALA_DATA_PROVIDER_LOCAL_SERVER_PORT: String(blobPort),
        PHALA_METRICS_PORT: String(metricsPort),
        PHALA_WALKIE_LISTEN_ADDRESSES: '/ip4/127.0.0.1/tcp/0',
        PHALA_WALKIE_DISABLE_MDNS_DISCOVERY: 'true',
        ...options.env,
      },
    });
    return new ProviderProcess(child, blobPort, metricsPort, join(folder, 'provider.log'));
  }

  /** Its heights, as its metrics tell them; -1 while it is not up. */
  async heights(): Promise<ProviderHeights> {
    const text = await this.metrics();
    const height = (chain: string, stage: string) => {
      const sample = new RegExp(
        `^runtime_bridge_provider_height_blocks{chain="${chain}",stage="${stage}"[^}]*} (\\S+)$`,
        'm',
      );
      return Number(sample.exec(text)?.[1] ?? -1);
    };
    return {
      relayTarget: height('relay', 'finalized'),
      relay: height('relay', 'built'),
      para: height('para', 'fetched'),
    };
  }

  /** A sample of its metrics by labels, which may have more; 0 when there is none. */
  async metric(name: string, labels: Readonly<Record<string, string>>): Promise<number> {
    const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
    const line = (await this.metrics())
      .split('\n')
      .find((one) => one.startsWith(`${name}{`) && wanted.every((label) => one.includes(label)));
    return Number(line?.slice(line.lastIndexOf(' ')) ?? 0);
  }

  /** What its metrics port says; nothing while it is not up. */
  private metrics(): Promise<string> {
    return fetch(`http://127.0.0.1:${this.metricsPort}/metrics`)
      .then((response) => response.text())
      .catch(() => '');
  }

  /** SIGKILL; resolves when it is gone. */
  async kill(): Promise<void> {
    if (this.ended !== undefined) return;
    const exited = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGKILL');
    await exited;
  }

  /** SIGTERM, after a deadline SIGKILL; its log is kept beside its data. */
  async stop(): Promise<void> {
    if (this.ended === undefined) {
      const exited = new Promise((resolve) => this.child.once('exit', resolve));
      this.child.kill('SIGTERM');
      const timer = setTimeout(() => this.child.kill('SIGKILL'), STOP_DEADLINE_MS);
      await exited;
      clearTimeout(timer);
    }
    await writeFile(this.logFile, this.log.map((line) => JSON.stringify(line)).join('\n'));
  }
}

const given = new Set<number>();

/** A free port below those that the system hands out for outgoing connections, never the same twice. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    if (given.has(port)) continue;
    given.add(port);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, () => resolve(true));
    });
    if (!isFree) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}
