import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { access } from 'node:fs/promises';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';

/** Path of redis-server by a PATH; undefined where there is none. */
export async function redisServerIn(searchPath: string): Promise<string | undefined> {
  for (const folder of searchPath.split(delimiter)) {
    const path = join(folder, 'redis-server');
    const isThere = await access(path).then(
      () => true,
      () => false,
    );
    if (isThere) return path;
  }
  return undefined;
}

/** A real Redis that keeps nothing. */
export class RedisForTest {
  #child: ChildProcess | undefined;
  url = '';

  constructor(private readonly binary: string) {}

  /** Whoever connects before it listens tries again. */
  async start(): Promise<void> {
    const probe = createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const { port } = probe.address() as { port: number };
    probe.close();
    await once(probe, 'close');
    this.url = `redis://127.0.0.1:${port}`;
    const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', ''];
    this.#child = spawn(this.binary, args, { stdio: 'ignore' });
    await once(this.#child, 'spawn');
  }

  async stop(): Promise<void> {
    const child = this.#child;
    if (!child) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }
}
