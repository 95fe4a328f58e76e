import type { Pool, Worker } from '@runtime-bridge/walkie-protocol';
import { Prbv3Error } from './errors.js';

// Commands and answers: Phala-Network/phala-blockchain 654b1b699 standalone/prb/src/{cli,configurator,inv_db,api}.rs.

type Command = string | Readonly<Record<string, Readonly<Record<string, unknown>>>>;

interface TheirWorker {
  name: string;
  endpoint: string;
  stake: string;
  enabled: boolean;
  sync_only: boolean;
  gatekeeper: boolean;
}

interface TheirPool {
  name: string;
  /** As text, since it may have 64 bits. */
  pid: string;
  enabled: boolean;
  sync_only: boolean;
  workers?: TheirWorker[] | null;
}

/** A command waits for the manager's RocksDB at most so long. */
const TIMEOUT_MS = 30_000;
const MAX_ANSWER_CHARACTERS = 64 * 1024 * 1024;

/** The configuration API of a PRBv3. */
export class Prbv3Client {
  readonly #url: string;

  constructor(
    url: string,
    private readonly signal: AbortSignal,
  ) {
    this.#url = `${url.replace(/\/+$/, '')}/wm/config`;
  }

  /** @throws Prbv3Error with what it answered */
  async send(command: Command): Promise<unknown> {
    const name = typeof command === 'string' ? command : Object.keys(command)[0]!;
    let text: string;
    let ok: boolean;
    try {
      const answer = await fetch(this.#url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        // A pool number is a u64 there; within a string these quotes would be escaped.
        body: JSON.stringify(command).replaceAll(/"pid":"(\d+)"/g, '"pid":$1'),
        signal: AbortSignal.any([this.signal, AbortSignal.timeout(TIMEOUT_MS)]),
      });
      text = await answer.text();
      ok = answer.ok;
    } catch (error) {
      throw new Prbv3Error(name, error instanceof Error ? error.message : 'no answer', error);
    }
    const value = text.length > MAX_ANSWER_CHARACTERS ? undefined : parse(text);
    if (ok && value !== undefined) return value;
    const { message } = (value ?? {}) as { message?: unknown };
    throw new Prbv3Error(name, typeof message === 'string' ? message : text.slice(0, 200));
  }
}

/** What is to be there. */
export interface PushedFleet {
  pools: readonly Pool[];
  workers: readonly Worker[];
  /** Mnemonics by pool number. */
  keys: ReadonlyMap<string, string>;
}

/**
 * Adds pools and workers that a PRBv3 does not have, and changes those that it has otherwise; removes nothing. Pools
 * whose mnemonic is given get their operator.
 * @returns a line for each command
 * @throws Prbv3Error at the first command that is refused; those before it were taken
 */
export async function pushToPrbv3(
  { pools, workers, keys }: PushedFleet,
  client: Pick<Prbv3Client, 'send'>,
  dryRun: boolean,
): Promise<string[]> {
  const theirs = (await client.send('GetAllPoolsWithWorkers')) as TheirPool[];
  const theirPools = new Map(theirs.map((pool) => [String(pool.pid), pool]));
  const theirWorkers = new Map(
    theirs.flatMap((pool) =>
      (pool.workers ?? []).map((worker) => [worker.name, { ...worker, pid: String(pool.pid) }]),
    ),
  );
  const done: string[] = [];
  const send = async (line: string, command: Command) => {
    if (!dryRun) await client.send(command);
    done.push(line);
  };
  for (const { pid: number, name, enabled, syncOnly, realPhalaSs58 } of pools) {
    const pid = number.toString();
    const there = theirPools.get(pid);
    const body = { name, pid, disabled: !enabled, sync_only: syncOnly };
    if (there === undefined) await send(`+ pool ${pid} ${name}`, { AddPool: body });
    else if (there.name !== name || there.enabled !== enabled || there.sync_only !== syncOnly) {
      await send(`~ pool ${pid} ${name}`, { UpdatePool: body });
    }
    const account = keys.get(pid);
    if (account === undefined) continue;
    const proxied_account_id = realPhalaSs58 === '' ? null : realPhalaSs58;
    const operator = { pid, account, account_type: 'Seed', proxied_account_id };
    await send(`= operator of pool ${pid}`, { SetPoolOperator: operator });
  }
  for (const worker of workers) {
    const { name, endpoint, stake, enabled, syncOnly } = worker;
    const pid = worker.pid.toString();
    const there = theirWorkers.get(name);
    const body = {
      name,
      endpoint,
      stake,
      pid,
      disabled: !enabled,
      sync_only: syncOnly,
      gatekeeper: false,
    };
    if (there === undefined) await send(`+ worker ${name}`, { AddWorker: body });
    else if (
      there.pid !== pid ||
      there.endpoint.replace(/\/+$/, '') !== endpoint ||
      there.stake !== stake ||
      there.enabled !== enabled ||
      there.sync_only !== syncOnly ||
      there.gatekeeper
    ) {
      await send(`~ worker ${name}`, { UpdateWorker: body });
    }
  }
  return done;
}

/** JSON with pool numbers as texts, so that none is rounded. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text.replaceAll(/"pid"(\s*:\s*)(\d+)/g, '"pid"$1"$2"'));
  } catch {
    return undefined;
  }
}
