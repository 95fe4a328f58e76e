import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';

/** A server in a process of its own. */
export class ServerProcess {
  private constructor(
    readonly child: ChildProcess,
    readonly port: number,
  ) {}

  /** @param args as serve-child.ts takes them; for `provider` the store is filled first, by another process */
  static async start(args: readonly string[]): Promise<ServerProcess> {
    if (args[0] === 'provider') {
      const fill = await ServerProcess.#spawn(['fill', ...args.slice(1)]);
      if (fill.child.exitCode === null) await once(fill.child, 'exit');
    }
    return ServerProcess.#spawn(args);
  }

  static async #spawn(args: readonly string[]): Promise<ServerProcess> {
    const script = fileURLToPath(new URL('./serve-child.js', import.meta.url));
    const child = spawn(process.execPath, [script, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    return new ServerProcess(child, Number(line.toString().trim()));
  }

  /** Memory of the process in MiB: now, and the most so far. */
  async rssMiB(): Promise<{ now: number; peak: number }> {
    const text = await readFile(`/proc/${this.child.pid}/status`, 'utf8');
    const of = (name: string) =>
      Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1]) / 1024;
    return { now: of('VmRSS'), peak: of('VmHWM') };
  }

  async stop(): Promise<void> {
    this.child.kill('SIGKILL');
    await once(this.child, 'exit');
  }
}

/** One client that keeps some requests under way and counts what comes. */
export class LoadClient {
  bytes = 0;
  private constructor(private readonly socket: Socket) {}

  static async open(port: number): Promise<LoadClient> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    await once(socket, 'connect');
    socket.on('error', () => {});
    return new LoadClient(socket);
  }

  /** Asks for a block. */
  request(number: number): void {
    const key = Buffer.from(`dryParaBlock:${number}`);
    this.socket.write(
      Buffer.concat([Buffer.from([8 + key.length]), Buffer.alloc(8, number & 255), key]),
    );
  }

  /** Keeps `inFlight` requests for blocks of a known answer length under way. */
  keepAsking(options: { blocks: number; frameBytes: number; inFlight: number }): void {
    let next = Math.floor(Math.random() * options.blocks);
    const ask = () => {
      next = (next + 1) % options.blocks;
      this.request(next + 1);
    };
    let answered = 0;
    this.socket.on('data', (data) => {
      this.bytes += data.length;
      const whole = Math.floor(this.bytes / options.frameBytes);
      for (; answered < whole; answered += 1) ask();
    });
    for (let count = 0; count < options.inFlight; count += 1) ask();
  }

  /** Takes nothing more of what is sent. */
  pause(): void {
    this.socket.pause();
  }

  close(): void {
    this.socket.destroy();
  }
}

/** MiB/s that some sessions get in some time. */
export async function measureLoad(
  port: number,
  sessions: number,
  options: { blocks: number; frameBytes: number; inFlight: number; ms: number },
): Promise<number> {
  const clients = await Promise.all(Array.from({ length: sessions }, () => LoadClient.open(port)));
  for (const client of clients) client.keepAsking(options);
  const sum = () => clients.reduce((bytes, client) => bytes + client.bytes, 0);
  await new Promise((resolve) => setTimeout(resolve, 200));
  const before = sum();
  const startedAtMs = performance.now();
  await new Promise((resolve) => setTimeout(resolve, options.ms));
  const rate = (sum() - before) / 2 ** 20 / ((performance.now() - startedAtMs) / 1000);
  for (const client of clients) client.close();
  return rate;
}
