import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { testPair } from '../chain/pair.test.kit.js';
import type { RuntimeVersionJson, TxStatus } from '../chain/types.js';
import { silentLog } from '../log.js';
import { concatBytes, fromHex, toHex, utf8 } from '../primitives/bytes.js';
import { blake2b256, twox64Concat } from '../primitives/hash.js';
import { readProof } from '../primitives/proof.js';
import { bytes, compact, option, text, u128, u32, u64, u8 } from '../primitives/scale.js';
import { RelayKey, storageMapKey } from '../primitives/storage-key.js';
import { RelayRuntime } from '../relay/runtime.js';
import { RpcError } from './error.js';
import { nodeMethods } from './methods.js';
import type { RpcNode } from './node.js';
import { DEFAULT_RPC_LIMITS, RpcServer } from './server.js';

type Pair = Awaited<ReturnType<typeof testPair>>;
interface Message {
  id?: number;
  result?: unknown;
  error?: { code: number; message: string; data?: string };
  method?: string;
  params?: { subscription: string; result: unknown };
}

/** A bare client: no library between the test and the bytes. */
class Client {
  readonly notes: Message[] = [];
  private readonly waiting = new Map<number, (message: Message) => void>();
  private nextId = 1;

  private constructor(readonly socket: WebSocket) {
    socket.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString('utf8')) as Message;
      const resolve = message.id === undefined ? undefined : this.waiting.get(message.id);
      if (resolve === undefined) this.notes.push(message);
      else resolve(message);
    });
  }

  static async open(url: string): Promise<Client> {
    const socket = new WebSocket(url);
    const client = new Client(socket);
    await new Promise((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
    });
    return client;
  }

  ask(method: string, ...params: unknown[]): Promise<Message> {
    const id = this.nextId++;
    return new Promise((resolve) => {
      this.waiting.set(id, resolve);
      this.socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    });
  }

  async result<T = unknown>(method: string, ...params: unknown[]): Promise<T> {
    const { result, error } = await this.ask(method, ...params);
    if (error !== undefined) throw new Error(`${method}: ${error.code} ${error.message}`);
    return result as T;
  }

  async code(method: string, ...params: unknown[]): Promise<number | undefined> {
    return (await this.ask(method, ...params)).error?.code;
  }

  of(subscription: unknown): unknown[] {
    return this.notes
      .filter(({ params }) => params?.subscription === subscription)
      .map(({ params }) => params?.result);
  }
}

const ALICE = fromHex('d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d');
const ALICE_TEXT = '45R2pfjQUW2s9PQRHU48HQKLKHVMaDja7N3wpBtmF28UYDs2';
const WORKER = concatBytes(u8(2), new Uint8Array(32).fill(0xaa));

let pair: Pair;
let version: RuntimeVersionJson;
let relayServer: RpcServer;
let paraServer: RpcServer;
let relay: Client;
let para: Client;
let watchers: ((status: TxStatus) => void)[];
let tags: Set<string>;

beforeEach(async () => {
  pair = await testPair();
  await pair.steps(25);
  watchers = [];
  tags = new Set();
  const relayRuntime = new RelayRuntime({ era: 'old', metadata: utf8('meta'), stateVersion: 0 });
  version = { ...relayRuntime.version, specName: 'khala', specVersion: 1 };
  const identity = {
    chainName: 'Test',
    nodeName: 'node',
    nodeVersion: '0',
    chainType: 'Development',
    properties: { ss58Format: 30, tokenDecimals: 12, tokenSymbol: 'PHA' },
    peerId: 'peer',
  };
  const relayNode: RpcNode = {
    identity,
    chain: pair.relay,
    runtimeAt: () => relayRuntime,
    finality: pair.finality,
    pha: false,
  };
  const paraNode: RpcNode = {
    identity,
    chain: pair.para,
    runtimeAt: () => ({
      metadata: utf8('meta'),
      version,
      call: (method, args) => {
        if (method === 'AccountNonceApi_account_nonce') return u32(args[0] === 0xd4 ? 5 : 0);
        if (method === 'TransactionPaymentApi_query_info') {
          return concatBytes(compact(7_000_000_000), compact(300), u8(0), u128(9n));
        }
        if (method === 'TransactionPaymentApi_query_fee_details') {
          return option(concatBytes(u128(1), u128(2), u128(3)));
        }
        throw new Error(`no ${method}`);
      },
    }),
    pool: {
      ...pair.pool,
      submit: (extrinsic) => {
        if (extrinsic.length < 3) throw new RpcError(1010, 'Invalid Transaction', 'too short');
        return blake2b256(extrinsic);
      },
      watch: (_hash, listener) => {
        listener('ready');
        watchers.push(listener);
        return () => watchers.splice(watchers.indexOf(listener), 1);
      },
      readyProvides: (tag) => tags.has(toHex(tag)),
    },
    pha: true,
  };
  const server = async (node: RpcNode, limits = {}) => {
    const rpc = new RpcServer(
      { host: '127.0.0.1', port: 0, ...DEFAULT_RPC_LIMITS, ...limits },
      { table: nodeMethods(node), log: silentLog },
    );
    await rpc.start();
    return rpc;
  };
  relayServer = await server(relayNode);
  paraServer = await server(paraNode, { maxSubscriptionsPerConnection: 3, maxRequestBytes: 5000 });
  relay = await Client.open(relayServer.url);
  para = await Client.open(paraServer.url);
});

afterEach(async () => {
  await relayServer.stop();
  await paraServer.stop();
  await pair.dispose();
});

describe('blocks', () => {
  it('are found by number and hash', async () => {
    const hash = await relay.result<string>('chain_getBlockHash', 7);
    expect(hash).toBe(toHex(pair.relay.hashAt(7) ?? new Uint8Array()));
    expect(await relay.result('chain_getBlockHash', '0x7')).toBe(hash);
    expect(await relay.result('chain_getBlockHash', [7, 9999])).toEqual([hash, null]);
    expect(await relay.result('chain_getBlockHash')).toBe(toHex(pair.relay.best.hash));
    expect(await relay.result('chain_getBlockHash', 9999)).toBeNull();
    const header = await relay.result<{ number: string; digest: { logs: string[] } }>(
      'chain_getHeader',
      hash,
    );
    expect(header.number).toBe('0x7');
    expect(header.digest.logs.map((log) => log.slice(0, 4))).toEqual(['0x06', '0x05']);
    expect(await relay.result('chain_getHeader', toHex(new Uint8Array(32)))).toBeNull();
    expect(await relay.result('chain_getFinalizedHead')).toBe(toHex(pair.relay.finalized.hash));
  });

  it('carry kept justifications as nodes write them', async () => {
    const block = async (n: number) =>
      relay.result<{ justifications: unknown; block: { extrinsics: string[] } }>(
        'chain_getBlock',
        await relay.result('chain_getBlockHash', n),
      );
    expect((await block(9)).justifications).toBeNull();
    const { justifications } = await block(10);
    const kept = pair.relay.blockAt(10)?.justification ?? new Uint8Array();
    expect(justifications).toEqual([[[70, 82, 78, 75], [...kept]]]);
    expect((await block(10)).block.extrinsics).toHaveLength(1);
  });
});

describe('state', () => {
  it('is read, listed and proved at a block', async () => {
    const at = toHex(pair.relay.hashAt(12) ?? new Uint8Array());
    const key = toHex(RelayKey.grandpaCurrentSetId);
    expect(await relay.result('state_getStorage', key, at)).toBe('0x0100000000000000');
    expect(await relay.result('state_getStorage', '0x99', at)).toBeNull();
    expect(await relay.result('state_getStorageSize', key, at)).toBe(8);
    const proof = await relay.result<{ at: string; proof: string[] }>(
      'state_getReadProof',
      [key],
      at,
    );
    expect(proof.at).toBe(at);
    const root = pair.relay.blockAt(12)?.stateRoot ?? new Uint8Array();
    expect(readProof(proof.proof.map(fromHex), root, fromHex(key))).toEqual(u64(1));
    const pairs = await relay.result<[string, string][]>('state_getPairs', '0x', at);
    const keys = await relay.result<string[]>('state_getKeysPaged', '0x', 1000, null, at);
    expect(pairs.map(([k]) => k)).toEqual(keys);
    expect(keys.length).toBeGreaterThan(8);
    const page = await relay.result<string[]>('state_getKeysPaged', '0x', 3, keys[1], at);
    expect(page).toEqual(keys.slice(2, 5));
    expect(await relay.result('state_queryStorageAt', [key, '0x99'], at)).toEqual([
      {
        block: at,
        changes: [
          [key, '0x0100000000000000'],
          ['0x99', null],
        ],
      },
    ]);
    const from = await relay.result('chain_getBlockHash', 8);
    expect(await relay.result('state_queryStorage', [key], from, at)).toEqual([
      { block: from, changes: [[key, '0x0000000000000000']] },
      {
        block: toHex(pair.relay.hashAt(10) ?? new Uint8Array()),
        changes: [[key, '0x0100000000000000']],
      },
    ]);
  });

  it('is refused for an unknown block, a long page, an unknown call', async () => {
    const nowhere = toHex(new Uint8Array(32).fill(7));
    expect(await relay.code('state_getStorage', '0x00', nowhere)).toBe(4003);
    expect(await relay.code('state_getKeysPaged', '0x', 1001)).toBe(4002);
    expect(await relay.code('state_call', 'Nothing_here', '0x')).toBe(4003);
    expect(await relay.result('state_call', 'GrandpaApi_current_set_id', '0x')).toBe(
      '0x0200000000000000',
    );
  });
});

describe('finality', () => {
  it('is proved, or refused with the node codes', async () => {
    const proof = await relay.result<string>('grandpa_proveFinality', 4);
    expect(proof).toBe(toHex(pair.finality.proveFinality(4) ?? new Uint8Array()));
    expect(await relay.code('grandpa_proveFinality', 25)).toBe(4);
    expect(await para.code('grandpa_proveFinality', 1)).toBe(-32601);
    expect(await relay.result('grandpa_roundState')).toMatchObject({ setId: 2 });
  });

  it('streams every justification', async () => {
    const id = await relay.result('grandpa_subscribeJustifications');
    await pair.steps(3);
    await relay.result('system_name');
    const numbers = relay.of(id).map((j) => Buffer.from(fromHex(j as string)).readUInt32LE(40));
    expect(numbers).toEqual([24, 25, 26]);
  });
});

describe('streams', () => {
  it('begin with what is there, and only after the subscription is known', async () => {
    const order: string[] = [];
    para.socket.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString('utf8')) as Message;
      order.push(message.id === undefined ? 'note' : 'answer');
    });
    const id = await para.result<string>('chain_subscribeNewHeads');
    await para.result('system_name');
    expect(order).toEqual(['answer', 'note', 'answer']);
    expect((para.of(id)[0] as { number: string }).number).toBe(
      `0x${pair.para.best.number.toString(16)}`,
    );
  });

  it('follow best and finalised heads and storage until unsubscribed', async () => {
    const key = toHex(utf8('number'));
    const storage = await para.result<string>('state_subscribeStorage', [key, '0x77']);
    const heads = await para.result<string>('chain_subscribeFinalizedHeads');
    await pair.steps(4);
    await para.result('system_name');
    expect(para.of(storage).map((s) => (s as { changes: unknown[] }).changes)).toEqual([
      [
        [key, toHex(u32(12))],
        ['0x77', null],
      ],
      [[key, toHex(u32(13))]],
      [[key, toHex(u32(14))]],
    ]);
    expect(para.of(heads).length).toBe(3);
    expect(await para.result('chain_unsubscribeFinalizedHeads', storage)).toBe(false);
    expect(await para.result('state_unsubscribeStorage', storage)).toBe(true);
    expect(await para.result('state_unsubscribeStorage', storage)).toBe(false);
    await pair.steps(4);
    await para.result('system_name');
    expect(para.of(storage).length).toBe(3);
    expect(para.of(heads).length).toBe(5);
  });

  it('tell a runtime upgrade', async () => {
    const id = await para.result('state_subscribeRuntimeVersion');
    await pair.steps(2);
    version = { ...version, specVersion: 2 };
    await pair.steps(4);
    await para.result('system_name');
    expect(para.of(id).map((v) => (v as RuntimeVersionJson).specVersion)).toEqual([1, 2]);
  });

  it('are limited in number', async () => {
    for (let i = 0; i < 3; i++) await para.result('chain_subscribeAllHeads');
    expect(await para.code('chain_subscribeAllHeads')).toBe(-32005);
  });

  it('end when the client is gone', async () => {
    await para.result('author_submitAndWatchExtrinsic', '0x01020304');
    expect(watchers).toHaveLength(1);
    para.socket.terminate();
    await expect.poll(() => watchers.length).toBe(0);
  });
});

describe('extrinsics', () => {
  it('are submitted and watched', async () => {
    const extrinsic = '0x01020304';
    expect(await para.result('author_submitExtrinsic', extrinsic)).toBe(
      toHex(blake2b256(fromHex(extrinsic))),
    );
    const id = await para.result('author_submitAndWatchExtrinsic', extrinsic);
    watchers[0]?.({ inBlock: '0x11' });
    await para.result('system_name');
    expect(para.of(id)).toEqual(['ready', { inBlock: '0x11' }]);
    expect((await para.ask('author_submitExtrinsic', '0x01')).error).toEqual({
      code: 1010,
      message: 'Invalid Transaction',
      data: 'too short',
    });
    expect(await relay.code('author_submitExtrinsic', extrinsic)).toBe(1010);
  });

  it('have their price told', async () => {
    expect(await para.result('payment_queryInfo', '0x01020304')).toEqual({
      weight: { ref_time: 7_000_000_000, proof_size: 300 },
      class: 'normal',
      partialFee: '9',
    });
    expect(await para.result('payment_queryFeeDetails', '0x01020304')).toEqual({
      inclusionFee: { baseFee: '0x1', lenFee: '0x2', adjustedWeightFee: '0x3' },
    });
  });

  it('count for the next nonce and message sequence', async () => {
    expect(await para.result('system_accountNextIndex', ALICE_TEXT)).toBe(5);
    for (const nonce of [5, 6, 8]) tags.add(toHex(concatBytes(ALICE, u32(nonce))));
    expect(await para.result('system_accountNextIndex', ALICE_TEXT)).toBe(7);
    expect(await para.code('system_accountNextIndex', 'junk')).toBe(-32602);
    const sender = toHex(WORKER).slice(2);
    expect(await para.result('pha_getMqNextSequence', sender)).toBe(0);
    tags.add(toHex(concatBytes(text('PhalaMqOffchainMessages'), WORKER, u64(0))));
    expect(await para.result('pha_getMqNextSequence', sender)).toBe(1);
    expect(await para.code('pha_getMqNextSequence', `0x${sender}`)).toBe(10_000);
    expect(toHex(storageMapKey('PhalaMq', 'OffchainIngress', twox64Concat(WORKER)))).toMatch(
      /^0x2f039a6a7f13e94b9545257e54062a042bd035cc68bbf7411ccb4d17987934cf08e2ac5d9be229b502/,
    );
  });
});

describe('storage changes', () => {
  it('are told as SCALE and as an object, deletions and all', async () => {
    const block = pair.para.blockAt(5);
    const hash = toHex(block?.hash ?? new Uint8Array());
    const gone = toHex(bytes(utf8('gone'))).slice(2);
    const scale = await para.result<string>('pha_getStorageChangesAt', hash);
    expect(scale.startsWith(`0x0c${gone}00`)).toBe(true);
    expect(scale.endsWith('00')).toBe(true);
    const [changes] = await para.result<{ mainStorageChanges: unknown[] }[]>(
      'pha_getStorageChanges',
      hash,
      hash,
    );
    expect(changes).toEqual({
      mainStorageChanges: [
        [toHex(utf8('gone')), null],
        [toHex(utf8('number')), toHex(u32(5))],
        [toHex(utf8('relay/5')), toHex(u32(10))],
      ],
      childStorageChanges: [],
    });
    const genesis = toHex(pair.para.genesis.hash);
    const all = await para.result<unknown[]>('pha_getStorageChanges', genesis, hash);
    expect(all).toHaveLength(6);
    expect(await para.code('pha_getStorageChanges', hash, genesis)).toBe(10_000);
    expect(await para.code('pha_getStorageChangesAt', toHex(new Uint8Array(32)))).toBe(10_000);
    expect(await relay.code('pha_getStorageChangesAt', genesis)).toBe(-32601);
  });
});

describe('transport', () => {
  const post = (body: string) =>
    fetch(`http://127.0.0.1:${paraServer.port}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });

  it('answers HTTP and batches', async () => {
    const one = await post('{"jsonrpc":"2.0","id":"a","method":"system_chain","params":[]}');
    expect(await one.json()).toEqual({ jsonrpc: '2.0', result: 'Test', id: 'a' });
    const batch = await post(
      '[{"jsonrpc":"2.0","id":1,"method":"system_chain"},{"jsonrpc":"2.0","id":2,"method":"nope"}]',
    );
    const answers = (await batch.json()) as Message[];
    expect(answers.map(({ result, error }) => result ?? error?.code)).toEqual(['Test', -32601]);
    const stream = await post('{"jsonrpc":"2.0","id":1,"method":"chain_subscribeNewHeads"}');
    expect(((await stream.json()) as Message).error?.code).toBe(-32601);
    expect((await fetch(`http://127.0.0.1:${paraServer.port}`)).status).toBe(405);
  });

  it.each([
    ['{', -32700],
    ['[]', -32600],
    ['7', -32600],
    ['{"id":1}', -32600],
    ['{"id":1,"method":"constructor"}', -32601],
    ['{"id":1,"method":"__proto__"}', -32601],
    ['{"id":1,"method":"chain_getHeader","params":["0x12"]}', -32602],
    ['{"id":1,"method":"chain_getHeader","params":[5]}', -32602],
    ['{"id":1,"method":"chain_getBlockHash","params":[-1]}', -32602],
    ['{"id":1,"method":"chain_getBlockHash","params":["0x1ffffffff"]}', -32602],
  ])('refuses %s', async (body, code) => {
    expect(((await (await post(body)).json()) as Message).error?.code).toBe(code);
  });

  it('does not read more than it may', async () => {
    expect((await post(' '.repeat(6000)).catch(() => ({ status: 413 }))).status).toBe(413);
    const closed = new Promise<number>((resolve) => para.socket.once('close', resolve));
    para.socket.send(' '.repeat(6000));
    expect(await closed).toBe(1009);
  });

  it('takes the next port when one is busy', async () => {
    const busy = createServer();
    await new Promise<void>((resolve) => busy.listen(0, '127.0.0.1', resolve));
    const { port } = busy.address() as AddressInfo;
    const server = new RpcServer(
      { host: '127.0.0.1', port, ...DEFAULT_RPC_LIMITS },
      { table: { methods: {}, subscriptions: {} }, log: silentLog },
    );
    await server.start();
    expect(server.port).toBeGreaterThan(port);
    await server.stop();
    await new Promise((resolve) => busy.close(resolve));
  });

  it('lists its methods', async () => {
    const { methods } = await para.result<{ methods: string[] }>('rpc_methods');
    for (const name of [
      'pha_getStorageChangesAt',
      'state_getPairs',
      'author_submitAndWatchExtrinsic',
      'author_unwatchExtrinsic',
      'rpc_methods',
    ]) {
      expect(methods).toContain(name);
    }
  });
});
