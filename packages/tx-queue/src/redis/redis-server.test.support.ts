import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { Redis as IoRedis } from 'ioredis';

/** Of the servers that are started here. */
export const password = 'secret word';

/** Path of redis-server by a PATH; undefined where there is none. */
export async function findRedisServer(searchPath: string): Promise<string | undefined> {
  for (const folder of searchPath.split(delimiter)) {
    const path = join(folder, 'redis-server');
    try {
      await access(path);
      return path;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}

/** A port that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** A real Redis that forgets everything when it is restarted. */
export class RedisServer {
  #process: ChildProcess | undefined;

  constructor(private readonly binary: string) {}

  folder = '';
  port = 0;

  async start(): Promise<void> {
    if (this.port === 0) {
      this.port = await freePort();
      this.folder = await mkdtemp(join(tmpdir(), 'redis-'));
    }
    this.#process = spawn(
      this.binary,
      [
        ['--port', String(this.port)],
        ['--bind', '127.0.0.1'],
        ['--save', ''],
        ['--dir', this.folder],
        ['--requirepass', password],
      ].flat(),
      { stdio: 'ignore' },
    );
    const probe = new IoRedis(this.url, { retryStrategy: () => 20, maxRetriesPerRequest: null });
    probe.on('error', () => {});
    await probe.ping();
    await probe.quit();
  }

  async stop(): Promise<void> {
    const child = this.#process;
    if (!child) return;
    this.#process = undefined;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  /** Stops it and removes what it left. */
  async close(): Promise<void> {
    await this.stop();
    if (this.folder !== '') await rm(this.folder, { recursive: true, force: true });
  }

  get url(): string {
    return `redis://:${encodeURIComponent(password)}@127.0.0.1:${this.port}`;
  }
}
