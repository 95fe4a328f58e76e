import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A program that runs on such a host. */
export interface HostedProcess {
  readonly child: ChildProcess;
  /** What it has written so far, both outputs. */
  readonly output: () => string;
  /** Its exit code, or the name of the signal that ended it. */
  readonly ended: Promise<number | string>;
}

/**
 * A host for one test: a network namespace of its own, so that programs may listen on the ports that they have in
 * production, with an interface that carries multicast. Each program sees a folder of its own as /var/data.
 */
export class HostOfItsOwn {
  readonly #name: string;
  readonly #folder = mkdtempSync(join(tmpdir(), 'host-'));
  readonly #running = new Set<HostedProcess>();

  /** @throws Error when namespaces cannot be made, as without root */
  constructor(name: string) {
    this.#name = `${name}-${process.pid}`;
    const inside = ['netns', 'exec', this.#name, 'ip'];
    for (const args of [
      ['netns', 'add', this.#name],
      [...inside, 'link', 'set', 'lo', 'up'],
      [...inside, 'link', 'add', 'lan', 'type', 'veth', 'peer', 'name', 'far-end'],
      [...inside, 'addr', 'add', '10.123.0.1/24', 'dev', 'lan'],
      [...inside, 'link', 'set', 'far-end', 'up'],
      [...inside, 'link', 'set', 'lan', 'up', 'multicast', 'on'],
      [...inside, 'route', 'add', 'default', 'dev', 'lan'],
    ]) {
      const result = spawnSync('ip', args, { encoding: 'utf8' });
      if (result.status !== 0)
        throw new Error(`ip ${args.join(' ')}: ${result.stderr ?? String(result.error)}`);
    }
    mkdirSync('/var/data', { recursive: true });
  }

  /** The folder that programs of this volume see as /var/data. */
  volume(name: string): string {
    const folder = join(this.#folder, name);
    mkdirSync(folder, { recursive: true });
    return folder;
  }

  /** Starts a program with nothing but this environment. */
  start(
    program: { volume: string; cwd: string; command: readonly string[] },
    env: Readonly<Record<string, string>>,
  ): HostedProcess {
    const child = spawn(
      'ip',
      [
        'netns',
        'exec',
        this.#name,
        'unshare',
        '--mount',
        'sh',
        '-c',
        'mount --bind "$0" /var/data && cd "$1" && shift && exec "$@"',
        this.volume(program.volume),
        program.cwd,
        ...program.command,
      ],
      {
        env: { PATH: process.env['PATH'] ?? '', ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const ended = new Promise<number | string>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => resolve(code ?? signal ?? 'unknown'));
    });
    const hosted = { child, output: () => output, ended };
    this.#running.add(hosted);
    void ended.catch(() => 'told by whoever waits').finally(() => this.#running.delete(hosted));
    return hosted;
  }

  /** Asks over HTTP from within the host. @throws Error when there is no answer within ten seconds */
  async fetch(url: string, body?: object): Promise<{ status: number; text: string }> {
    const script = `
      const [url, body] = process.argv.slice(1);
      const answer = await fetch(url, { signal: AbortSignal.timeout(10_000), ...(body ? { method: 'POST', body, headers: { 'content-type': 'application/json' } } : {}) });
      console.log(JSON.stringify({ status: answer.status, text: await answer.text() }));`;
    const asked = this.start(
      {
        volume: 'nobody',
        cwd: '/',
        command: [
          process.execPath,
          '--input-type=module',
          '-e',
          script,
          url,
          ...(body ? [JSON.stringify(body)] : []),
        ],
      },
      {},
    );
    const code = await asked.ended;
    if (code !== 0) throw new Error(`No answer of ${url}: ${asked.output().slice(-300)}`);
    return JSON.parse(asked.output()) as { status: number; text: string };
  }

  /** Ends every program and removes the host. */
  async remove(): Promise<void> {
    for (const { child } of this.#running) child.kill('SIGKILL');
    await Promise.allSettled([...this.#running].map(({ ended }) => ended));
    spawnSync('ip', ['netns', 'delete', this.#name]);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
