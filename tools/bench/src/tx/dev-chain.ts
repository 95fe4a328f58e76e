import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../../../devnet/dist/main.js', import.meta.url));
const READY_TIMEOUT_MS = 60_000;

/** The dev network's chains as a process of their own. */
export class DevChain {
  private constructor(
    private readonly child: ChildProcess,
    private readonly folder: string,
    readonly paraUrl: string,
  ) {}

  /** @param relayBlockMs the parachain makes a block every second one */
  static async start(relayBlockMs: number): Promise<DevChain> {
    const folder = await mkdtemp(join(tmpdir(), 'rb-bench-tx-'));
    const child = spawn(
      process.execPath,
      [
        ...[PROGRAM, 'chains', '--data', folder, '--block-ms', String(relayBlockMs)],
        ...['--relay-port', '0', '--para-port', '0', '--stop-with-stdin'],
      ],
      { stdio: ['pipe', 'pipe', 'ignore'] },
    );
    const url = await new Promise<string>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error('The dev network did not get ready')),
        READY_TIMEOUT_MS,
      );
      child.once('exit', () => reject(new Error('The dev network ended')));
      createInterface({ input: child.stdout }).on('line', (line) => {
        const { event, para } = JSON.parse(line) as { event: string; para: string };
        if (event !== 'ready') return;
        clearTimeout(timer);
        resolve(para);
      });
    });
    return new DevChain(child, folder, url);
  }

  async stop(): Promise<void> {
    const gone = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    await gone;
    await rm(this.folder, { recursive: true, force: true });
  }
}
