import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { spawnSync } from 'node:child_process';
import { SupervisedProcess } from '@runtime-bridge/demo';
import { firstMessages, type FirstMessage } from './messages.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** Of Substrate's well-known accounts; on the dev network it may act for //Bob. */
export const MNEMONIC =
  'bottom drive obey lake curtain smoke basket hold race lonely fit walk//Charlie';
/** The same with SS58 prefix 30, and //Bob. */
export const CHARLIE = '43tXcmhJfmvbczKaPKgWXirf3a9r6zD63KAxHq4CTSPm4DRf';
const BOB = '43qsYbZGLn2xzNuurY6BY4QNDSUU7gLEcXuckpm6B3DEmEx9';

/** Short, so that a run of many deaths takes minutes. */
const LEASE_MS = 1_000;
const RELAY_BLOCK_MS = 300;

/** Whether there is a Redis to start; without one tests are skipped, and said to be. */
export function hasRedis(): boolean {
  if (spawnSync('redis-server', ['--version']).status === 0) return true;
  if (process.env['CI'] === 'true') throw new Error('redis-server is not installed');
  console.warn('SKIPPED: no redis-server in PATH (apt-get install redis-server)');
  return false;
}

/** Names of the processes that can be killed. */
export type Victim = 'trader' | 'trader2' | 'manager' | 'redis' | 'node';

/** An answer that the manager got. */
export interface Answer {
  id: string;
  outcome: { ok: boolean; txHash?: string; error?: { code: string; message: string } };
}

/** A node, a Redis that keeps nothing, a trader and a manager that asks: each a process that is started again when it dies. */
export class KillRig {
  readonly #processes = new Map<Victim, SupervisedProcess>();
  readonly folder: string;
  paraUrl = '';
  redisUrl = '';
  messages: FirstMessage[] = [];

  constructor(
    private readonly options: {
      folder: string;
      /** 0 for no manager. */
      calls: number;
      askForMs: number;
      /** A second one has a journal of its own, as on another host. @default 1 */
      traders?: 1 | 2;
    },
  ) {
    this.folder = options.folder;
  }

  /** Ids of all calls. */
  get ids(): string[] {
    return this.messages.map(({ origin }) => `BATCH_SYNC_MQ_MESSAGE:${origin}:0-0`);
  }

  async start(): Promise<void> {
    const { folder } = this;
    await mkdir(folder, { recursive: true });
    const [relayPort, paraPort, redisPort] = [await freePort(), await freePort(), await freePort()];
    this.paraUrl = `ws://127.0.0.1:${paraPort}`;
    const url = `redis://127.0.0.1:${redisPort}/`;
    this.redisUrl = url;
    this.#run('node', 'tools/devnet/dist/main.js', [
      ...['chains', '--data', join(folder, 'chains'), '--block-ms', String(RELAY_BLOCK_MS)],
      ...['--relay-port', String(relayPort), '--para-port', String(paraPort)],
    ]);
    this.#start('redis', 'redis-server', [
      ...['--port', String(redisPort), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'],
    ]);
    this.messages = await firstMessages(this.options.calls, 'kill');
    const beganMs = Date.now() + 8_000;
    const settings = {
      ...{ url, leaseMs: LEASE_MS, mnemonic: MNEMONIC, answersFile: this.#answersFile },
      identityDirectory: join(folder, 'keys'),
      // Two pools that share an operator: of one it is a proxy, of the other its owner.
      calls: this.messages.map(({ signed }, index) => ({
        id: this.ids[index],
        message: signed,
        askAtMs: beganMs + (index * this.options.askForMs) / this.options.calls,
        ...(index % 2 === 0 ? { pid: '1' } : { pid: '2', proxiedAccount: BOB }),
      })),
    };
    const file = join(folder, 'manager.json');
    await writeFile(file, JSON.stringify(settings));
    await writeFile(this.#answersFile, '');
    if (this.options.calls > 0) this.#run('manager', 'e2e/src/trader/asking-manager.mjs', [file]);
    for (const name of ['trader', 'trader2'] as const) {
      if (name === 'trader2' && this.options.traders !== 2) continue;
      this.#run(name, 'apps/trader/dist/main.js', [], {
        NODE_ENV: 'production',
        PHALA_CHAIN_ENDPOINT: this.paraUrl,
        PHALA_Q_REDIS_ENDPOINT: url,
        PHALA_PEER_ID_PREFIX: join(folder, 'keys'),
        PHALA_TRADER_DB_PATH: join(folder, `journal-${name}`),
        PHALA_LOCAL_DB_PATH: this.localDb,
        PHALA_TRADER_BATCH_WAIT: '300',
        PHALA_TRADER_ERA_BLOCKS: '16',
        PHALA_LEASE_TIME: String(LEASE_MS),
        PHALA_QUEUE_PAGE_PORT: '0',
        PHALA_HEALTH_SOCKET: this.healthSocket(name),
      });
    }
  }

  kill(victim: Victim): void {
    this.#processes.get(victim)!.kill('SIGKILL');
  }

  /** Stops one in its tracks for a while. */
  async pause(victim: Victim, ms: number): Promise<void> {
    const one = this.#processes.get(victim)!;
    one.kill('SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, ms));
    one.kill('SIGCONT');
  }

  healthSocket(trader: 'trader' | 'trader2'): string {
    return join(this.folder, `${trader}.sock`);
  }

  /** Where the trader looks for operators of jobs of 2022. */
  get localDb(): string {
    return join(this.folder, 'local.db');
  }

  get keys(): string {
    return join(this.folder, 'keys');
  }

  async answers(): Promise<Answer[]> {
    const text = await readFile(this.#answersFile, 'utf8');
    return text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Answer);
  }

  async stop(): Promise<void> {
    const all = [...this.#processes.values()].reverse();
    for (const one of all) one.retire();
    for (const one of all) await one.stop();
  }

  get #answersFile(): string {
    return join(this.folder, 'answers.jsonl');
  }

  #run(
    name: Victim,
    program: string,
    args: readonly string[],
    env: Record<string, string> = {},
  ): void {
    this.#start(name, process.execPath, [join(root, program), ...args], env);
  }

  #start(
    name: Victim,
    command: string,
    args: readonly string[],
    env: Record<string, string> = {},
  ): void {
    const one = new SupervisedProcess(
      {
        ...{ name, command, args },
        env: { PATH: process.env['PATH'] ?? '', ...env },
        logFile: join(this.folder, `${name}.log`),
      },
      { onRestart: () => {} },
    );
    this.#processes.set(name, one);
    one.start();
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
