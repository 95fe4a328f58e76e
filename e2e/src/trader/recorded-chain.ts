import { readFile } from 'node:fs/promises';
import type { ChopsticksProvider, GenesisProvider } from '@acala-network/chopsticks-core';
import { BridgeError, Watched } from '@runtime-bridge/base';
import type { RpcEndpoint } from '@runtime-bridge/chain-client';

type Core = Awaited<ReturnType<typeof load>>;

/** Tells of every block unless it is told not to, for which it looks when it is loaded. */
async function load() {
  process.env['LOG_LEVEL'] ??= 'fatal';
  return await import('@acala-network/chopsticks-core');
}

/** A real runtime of a public chain, executed in this process from its recorded genesis: blocks are made by hand. */
export class RecordedChain implements RpcEndpoint {
  readonly url = 'recorded:';
  readonly connected = new Watched(false);
  readonly lastError = undefined;

  private constructor(
    private readonly provider: ChopsticksProvider,
    private readonly core: Core,
  ) {}

  /** @param file chain specification with a raw genesis */
  static async open(file: string): Promise<RecordedChain> {
    const spec = JSON.parse(await readFile(file, 'utf8')) as ConstructorParameters<
      typeof GenesisProvider
    >[0];
    const core = await load();
    const chain = await core.setup({
      // Not used beside a genesis, but demanded.
      endpoint: [],
      genesis: new core.GenesisProvider(spec),
      buildBlockMode: core.BuildBlockMode.Manual,
    });
    return new RecordedChain(new core.ChopsticksProvider(chain), core);
  }

  start(): Promise<void> {
    this.connected.set(true);
    return Promise.resolve();
  }

  stop(): Promise<void> {
    this.connected.set(false);
    return Promise.resolve();
  }

  async close(): Promise<void> {
    await this.provider.chain.close();
  }

  /** Makes a block of what waits in the pool. */
  async block(): Promise<void> {
    await this.provider.chain.newBlock();
  }

  /** Sets storage by key and value in hex. */
  async set(entries: [string, string][]): Promise<void> {
    await this.core.setStorage(this.provider.chain, entries);
  }

  async call(method: string, params: readonly unknown[]): Promise<unknown> {
    try {
      return await this.provider.send(method, [...params]);
    } catch (error) {
      throw asCallError(method, error);
    }
  }

  async subscribe(
    { method, params = [] }: { method: string; params?: readonly unknown[] },
    onItem: (item: unknown) => void,
    signal: AbortSignal,
  ): Promise<void> {
    let id: number | string;
    try {
      id = await this.provider.subscribe('', method, [...params], (_error, item) => onItem(item));
    } catch (error) {
      throw asCallError(method, error);
    }
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    await this.provider.unsubscribe('', method, id).catch(() => false);
  }
}

/** What a node says of what the runtime calls a transaction (source: polkadot-sdk substrate/primitives/runtime/src/transaction_validity.rs). */
const words: Readonly<Record<string, string>> = {
  call: 'Transaction call is not expected',
  payment: 'Inability to pay some fees (e.g. account balance too low)',
  future: 'Transaction will be valid in the future',
  stale: 'Transaction is outdated',
  badProof: 'Transaction has a bad signature',
  ancientBirthBlock: 'Transaction has an ancient birth block',
  exhaustsResources: 'Transaction would exhaust the block limits',
};

/** As a node's error arrives over a WebSocket. */
function asCallError(method: string, error: unknown): BridgeError {
  const { code, message: text = String(error) } = error as { code?: number; message?: string };
  const name = Object.keys(words).find((key) => new RegExp(`"${key}"`, 'i').test(text));
  const message = name === undefined ? text : `Invalid Transaction: ${words[name]}`;
  return new BridgeError('RPC_ERROR', message, {
    facts: { method, rpcCode: code, rpcMessage: message },
    cause: error,
  });
}
