import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';
import { ControlPort } from '../control-port.js';

const PROGRAM = fileURLToPath(new URL('../../../tools/devnet/dist/main.js', import.meta.url));

interface Ready {
  relay: string;
  para: string;
  relayNodes?: string[];
  paraNodes?: string[];
  chainsControl: string;
}

/** Both chains of the dev network as one process. */
export class DevChains {
  private constructor(
    private readonly child: ChildProcess,
    readonly relay: string,
    readonly para: string,
    /** All nodes, the first ones being those above. */
    readonly nodes: { relay: readonly string[]; para: readonly string[] },
    readonly control: ControlPort,
  ) {}

  static async start(folder: string, args: readonly string[]): Promise<DevChains> {
    const child = spawn(
      process.execPath,
      [
        ...[PROGRAM, 'chains', '--data', folder, '--relay-port', '0', '--para-port', '0'],
        ...['--chains-control-port', '0'],
        ...args,
      ],
      { stdio: ['ignore', 'pipe', 'ignore'] },
    );
    const ready = await new Promise<Ready>((resolve, reject) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        if (line.startsWith('{')) resolve(JSON.parse(line) as Ready);
      });
      child.once('exit', (code) => reject(new Error(`The chains ended with ${code}`)));
    });
    const { relay, para, relayNodes = [relay], paraNodes = [para], chainsControl } = ready;
    const nodes = { relay: relayNodes, para: paraNodes };
    return new DevChains(child, relay, para, nodes, new ControlPort(chainsControl));
  }

  /** One call to a node. */
  async ask(url: string, method: string, params: readonly unknown[] = []): Promise<unknown> {
    const socket = new WebSocket(url);
    try {
      return await new Promise((resolve, reject) => {
        socket.on('open', () =>
          socket.send(JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })),
        );
        socket.on('error', reject);
        socket.on('message', (data) =>
          resolve((JSON.parse((data as Buffer).toString()) as { result: unknown }).result),
        );
      });
    } finally {
      socket.terminate();
    }
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) {
      throw new Error(`The chains had ended by themselves: ${this.child.exitCode}`);
    }
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGTERM');
    await ended;
  }
}
