import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../../../apps/monitor/dist/main.js', import.meta.url));
const START_MS = 60_000;

/** The monitor as a process of its own. */
export class MonitorProcess {
  private constructor(
    readonly url: string,
    readonly pid: number,
    private readonly child: ChildProcess,
    private readonly folder: string,
  ) {}

  /** Starts it and waits until it answers. @param env more of its environment */
  static async start(bootNodes: string, env: Record<string, string> = {}): Promise<MonitorProcess> {
    const port = await freePort();
    const folder = await mkdtemp(join(tmpdir(), 'dashboard-'));
    const child = spawn(process.execPath, [PROGRAM], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: {
        PATH: process.env['PATH'],
        NODE_ENV: 'production',
        PHALA_LOGGER_LEVEL: 'error',
        PORT: String(port),
        PTP_BOOT_NODES: bootNodes,
        PHALA_WALKIE_DISABLE_MDNS_DISCOVERY: 'true',
        PHALA_MONITOR_AUDIT_PATH: join(folder, 'audit.jsonl'),
        PHALA_HEALTH_SOCKET: join(folder, 'health.sock'),
        ...env,
      },
    });
    const url = `http://127.0.0.1:${port}`;
    const deadline = Date.now() + START_MS;
    for (;;) {
      try {
        if ((await fetch(`${url}/api/session`)).ok) break;
      } catch {
        // It does not listen yet.
      }
      if (Date.now() > deadline || child.exitCode !== null) {
        child.kill('SIGKILL');
        throw new Error('The monitor did not start');
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return new MonitorProcess(url, child.pid!, child, folder);
  }

  /** Memory that it holds, in bytes, and the CPU time that it has used, in ms. */
  async usage(): Promise<{ rssBytes: number; cpuMs: number }> {
    const status = await readFile(`/proc/${this.pid}/status`, 'utf8');
    const fields = (await readFile(`/proc/${this.pid}/stat`, 'utf8'))
      .replace(/^.*\) /s, '')
      .split(' ');
    const ticks = Number(fields[11]) + Number(fields[12]);
    return {
      rssBytes: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1_024,
      cpuMs: ticks * 10,
    };
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    if (this.child.exitCode === null) {
      this.child.kill('SIGTERM');
      await ended;
    }
    await rm(this.folder, { recursive: true, force: true });
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
