import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../../walkie-2022/main.mjs', import.meta.url));

/** What a provider of 2022 holds. */
export interface Store2022Options {
  relay: string;
  para: string;
  paraId: number;
  /** The relay block that the parachain began behind. */
  relayFirst: number;
  relayLast: number;
  paraLast: number;
  /** Records of which one byte is wrong, at a part of their length. */
  lies?: readonly { key: string; at: number }[];
}

// twox128('Paras') ++ twox128('Heads'), then twox64Concat of the id, of which the hash is known for one.
const HEADS = '0xcd710b30bd2eab0352ddcc26417aa1941b3c252fcb29d88eff4f3de5de4476c3';
const TWOX64: Readonly<Record<number, string>> = { 2004: '9f434b9dae0bfb8e' };

/** The store and blob server of a provider of 2022, made from two nodes, in a process of its own. */
export class Provider2022 {
  readonly #child: ChildProcess;
  readonly #pending = new Map<number, (message: { result?: unknown; error?: string }) => void>();
  #nextId = 1;
  blobPort = 0;

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.on('message', (message: { id: number; result?: unknown; error?: string }) => {
      this.#pending.get(message.id)?.(message);
      this.#pending.delete(message.id);
    });
  }

  static async start({ paraId, ...options }: Store2022Options): Promise<Provider2022> {
    const provider = new Provider2022(
      fork(PROGRAM, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] }),
    );
    await new Promise((resolve) => provider.#pending.set(0, resolve));
    const id = Buffer.alloc(4);
    id.writeUInt32LE(paraId);
    const headKey = `${HEADS}${TWOX64[paraId]}${id.toString('hex')}`;
    await provider.#ask('fillStore', { ...options, headKey });
    provider.blobPort = (await provider.#ask('serveBlobTcp')) as number;
    return provider;
  }

  /** How often keys of each kind were asked for. */
  async asked(): Promise<Record<string, number>> {
    return (await this.#ask('askedTcp')) as Record<string, number>;
  }

  async stop(): Promise<void> {
    const exited = new Promise((resolve) => this.#child.once('exit', resolve));
    await this.#ask('stop');
    await exited;
  }

  async #ask(command: string, options: object = {}): Promise<unknown> {
    const id = this.#nextId;
    this.#nextId += 1;
    const { result, error } = await new Promise<{ result?: unknown; error?: string }>((resolve) => {
      this.#pending.set(id, resolve);
      this.#child.send({ id, command, ...options });
    });
    if (error !== undefined) throw new Error(`${command}: ${error}`);
    return result;
  }
}
