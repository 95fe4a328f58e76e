import type { Log } from '../log.js';
import { RpcCode, RpcError } from '../rpc/error.js';
import type { MethodTable, Subscriber } from '../rpc/node.js';
import { DEFAULT_RPC_LIMITS, RpcServer } from '../rpc/server.js';
import { keyOf, readRecording, type ChainRecording, type Recording } from './recording.js';

/** Serves recorded chains. */
export interface RunningReplay {
  relayUrl: string;
  paraUrl: string;
  stop(): Promise<void>;
}

/**
 * Serves a recording from memory, each chain on its own port; everything of it is final.
 *
 * @throws RecordingError when the directory holds none
 */
export async function startReplay(
  options: { directory: string; host: string; relayPort: number; paraPort: number },
  deps: { log: Log },
): Promise<RunningReplay> {
  const recording: Recording = await readRecording(options.directory);
  const serve = async (chain: ChainRecording, port: number) => {
    const server = new RpcServer(
      { host: options.host, port, ...DEFAULT_RPC_LIMITS },
      { table: replayMethods(chain), log: deps.log },
    );
    await server.start();
    return server;
  };
  const relay = await serve(recording.relay, options.relayPort);
  const para = await serve(recording.para, options.paraPort);
  return {
    relayUrl: relay.url,
    paraUrl: para.url,
    stop: async () => {
      await relay.stop();
      await para.stop();
    },
  };
}

/** The recorded calls as a node's methods. */
export function replayMethods({ last, answers }: ChainRecording): MethodTable {
  const names = new Set([...answers.keys()].map((key) => key.slice(0, key.indexOf(' '))));
  const recorded = (method: string, params: readonly unknown[]): unknown => {
    const key = keyOf(method, params);
    if (answers.has(key)) return answers.get(key);
    throw new RpcError(RpcCode.stateClient, `Client error: not recorded: ${key.slice(0, 200)}`);
  };
  const hashAt = (number: unknown) => answers.get(keyOf('chain_getBlockHash', [number])) ?? null;
  const head = () => hashAt(last);
  const table: MethodTable = {
    methods: Object.fromEntries(
      [...names].map((name) => [name, (p) => recorded(name, [...p.all()])]),
    ),
    subscriptions: {},
  };
  Object.assign(table.methods, {
    chain_getBlockHash: (p: { raw(index: number): unknown }) => {
      const asked = p.raw(0) ?? last;
      return Array.isArray(asked) ? asked.map(hashAt) : hashAt(asked);
    },
    chain_getHeader: (p: { raw(index: number): unknown }) =>
      recorded('chain_getHeader', [p.raw(0) ?? head()]),
    chain_getFinalizedHead: head,
    system_chain: () => 'Replay',
    system_name: () => 'Runtime Bridge Devnet',
    system_version: () => 'replay',
    system_health: () => ({ peers: 0, isSyncing: false, shouldHavePeers: false }),
  });
  const heads = (name: string, notification: string) => {
    table.subscriptions[`chain_subscribe${name}`] = {
      notification,
      unsubscribe: `chain_unsubscribe${name}`,
      start: (_params: unknown, subscriber: Subscriber) =>
        subscriber.send(recorded('chain_getHeader', [head()])),
    };
  };
  heads('FinalizedHeads', 'chain_finalizedHead');
  heads('NewHeads', 'chain_newHead');
  table.subscriptions['grandpa_subscribeJustifications'] = {
    notification: 'grandpa_justifications',
    unsubscribe: 'grandpa_unsubscribeJustifications',
    start: () => undefined,
  };
  const methods = [...Object.keys(table.methods), ...Object.keys(table.subscriptions)].sort();
  table.methods['rpc_methods'] = () => ({ version: 1, methods });
  return table;
}
