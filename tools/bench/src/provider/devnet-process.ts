import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../../../devnet/dist/main.js', import.meta.url));

/** Where the nodes of a dev network listen. */
export interface DevnetUrls {
  relay: string;
  para: string;
}

/** A dev network, or a replay of one, in a process of its own. */
export class DevnetProcess {
  private constructor(
    readonly child: ChildProcess,
    readonly urls: DevnetUrls,
  ) {}

  /** @param args as the dev network's command line takes them; it must be one that says when it is ready */
  static async start(args: readonly string[]): Promise<DevnetProcess> {
    const child = spawn(process.execPath, [program, ...args, '--stop-with-stdin'], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    const gone = once(child, 'exit').then(([code]) => {
      throw new Error(`the dev network ended with ${String(code)}: ${args.join(' ')}`);
    });
    const ready = (async () => {
      for await (const line of createInterface({ input: child.stdout })) {
        const event = JSON.parse(line) as { event: string } & DevnetUrls;
        if (event.event === 'ready') return event;
      }
      return gone;
    })();
    const urls = await Promise.race([ready, gone]);
    gone.catch(() => {});
    return new DevnetProcess(child, urls);
  }

  async stop(): Promise<void> {
    const ended = once(this.child, 'exit');
    this.child.stdin?.end();
    await ended;
  }
}

/** Runs a command of the dev network to its end. */
export async function runDevnet(args: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, [program, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let text = '';
  child.stderr.on('data', (data: Buffer) => (text = (text + data.toString()).slice(-2_000)));
  const [code] = (await once(child, 'exit')) as [number];
  if (code !== 0) throw new Error(`dev network: ${args[0]} ended with ${code}: ${text}`);
}
