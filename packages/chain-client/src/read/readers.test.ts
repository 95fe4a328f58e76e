import { fromHex, silentLogger, toHex } from '@runtime-bridge/base';
import { encodeFinalityProof } from '@runtime-bridge/blob-codec';
import { describe, expect, it } from 'vitest';
import { ChainClientError, ChainClientErrorCode } from '../errors.js';
import type { RpcCaller } from '../rpc/endpoint.js';
import { JsonRpcClient } from '../rpc/json-rpc-client.js';
import { ScriptedNode } from '../rpc/scripted-node.test.support.js';
import { ChainReader } from './chain-reader.js';
import { ParaReader } from './para-reader.js';
import { RelayReader } from './relay-reader.js';

type Answers = Record<string, unknown>;

/** A caller with fixed answers; an answer may be a function of the parameters, or an error. */
function caller(answers: Answers): RpcCaller {
  return {
    url: 'ws://node.test',
    call: async (method, params) => {
      const answer = answers[method];
      if (answer === undefined) {
        throw new ChainClientError(ChainClientErrorCode.METHOD_UNAVAILABLE, method);
      }
      if (answer instanceof Error) throw answer;
      return typeof answer === 'function'
        ? (answer as (...all: unknown[]) => unknown)(...params)
        : answer;
    },
  };
}

const byte = (hex: string) => `0x${hex.repeat(32)}`;
/** The vector of phala-blockchain's header layout: hash and bytes were computed elsewhere. */
const headerJson = {
  parentHash: byte('11'),
  number: '0x1',
  stateRoot: byte('22'),
  extrinsicsRoot: byte('33'),
  digest: { logs: ['0x0661757261080102', '0x056175726108aabb'] },
};
const HEADER_HASH = fromHex('0x313b40ec2372adc04338417ed8b31063bec529181afb926f8c77c892e58e71bb');
const HEADER =
  '11'.repeat(32) + '04' + '22'.repeat(32) + '33'.repeat(32) + '080661757261080102056175726108aabb';

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'no error',
    (error: ChainClientError) => error.code,
  );

describe('headers', () => {
  it('become the bytes that the chain hashes', async () => {
    const reader = new ChainReader({ rpc: caller({ chain_getHeader: headerJson }) });
    const header = await reader.header(HEADER_HASH);
    expect(toHex(header.raw)).toBe(`0x${HEADER}`);
    expect(header.number).toBe(1);
  });

  it('take numbers as numbers, and large ones', async () => {
    const { raw } = await read({ ...headerJson, number: 70_000 });
    expect(toHex(raw).slice(66, 74)).toBe('c2450400');
  });

  it.each([
    ['a flipped field', { stateRoot: byte('23') }, ChainClientErrorCode.HEADER_HASH_MISMATCH],
    ['a short hash', { parentHash: '0x11' }, ChainClientErrorCode.BAD_RESPONSE],
    ['no hex', { parentHash: byte('zz') }, ChainClientErrorCode.BAD_RESPONSE],
    ['a negative number', { number: -1 }, ChainClientErrorCode.BAD_RESPONSE],
    ['a number above u32', { number: '0x100000000' }, ChainClientErrorCode.BAD_RESPONSE],
    ['no digest', { digest: null }, ChainClientErrorCode.BAD_RESPONSE],
    ['logs that are no list', { digest: { logs: 'x' } }, ChainClientErrorCode.BAD_RESPONSE],
  ])('are refused with %s', async (_what, change, code) => {
    const rpc = caller({ chain_getHeader: { ...headerJson, ...change } });
    expect(await codeOf(new ChainReader({ rpc }).header(HEADER_HASH))).toBe(code);
  });

  it('that are not there are an unknown block', async () => {
    const rpc = caller({ chain_getHeader: null, chain_getBlockHash: null });
    expect(await codeOf(new ChainReader({ rpc }).header(HEADER_HASH))).toBe('BLOCK_UNKNOWN');
    expect(await codeOf(new ChainReader({ rpc }).blockHash(9))).toBe('BLOCK_UNKNOWN');
  });

  async function read(json: object) {
    const { headerFromJson } = await import('./header-json.js');
    return headerFromJson(json, { url: 'ws://node.test', method: 'm' });
  }
});

describe('block hashes', () => {
  it('come many in one call, or not at all', async () => {
    const some = new ChainReader({
      rpc: caller({ chain_getBlockHash: [byte('01'), byte('02')] }),
    });
    expect((await some.blockHashes([1, 2])).map((hash) => hash[0])).toEqual([1, 2]);
    expect(await codeOf(some.blockHashes([1, 2, 3]))).toBe(ChainClientErrorCode.BAD_RESPONSE);
    const gap = new ChainReader({ rpc: caller({ chain_getBlockHash: [byte('01'), null] }) });
    expect(await codeOf(gap.blockHashes([1, 2]))).toBe(ChainClientErrorCode.BLOCK_UNKNOWN);
  });
});

describe('justifications', () => {
  const frnk = [70, 82, 78, 75];
  it.each([
    ['none', { justifications: null }, undefined],
    ['byte arrays', { justifications: [[frnk, [1, 2, 3]]] }, '0x010203'],
    ['hex', { justifications: [['0x46524e4b', '0x0102']] }, '0x0102'],
    ['text and hex', { justifications: [['FRNK', '0x01']] }, '0x01'],
    ['another engine only', { justifications: [['0x42454546', '0x01']] }, undefined],
    [
      'another engine beside',
      {
        justifications: [
          ['0x42454546', '0x09'],
          [frnk, '0x01'],
        ],
      },
      '0x01',
    ],
    [
      'several, of which the last counts',
      {
        justifications: [
          [frnk, '0x01'],
          [frnk, '0x02'],
        ],
      },
      '0x02',
    ],
    ['an empty one', { justifications: [[frnk, '0x']] }, undefined],
    ['the one of old nodes', { justification: '0x07' }, '0x07'],
  ])('are found: %s', async (_what, fields, expected) => {
    const rpc = caller({ chain_getBlock: { block: {}, ...fields } });
    const found = await new RelayReader({ rpc }).justification(HEADER_HASH);
    expect(found && toHex(found)).toBe(expected);
  });

  it('come with proofs of finality, which a node may not have yet', async () => {
    const proof = encodeFinalityProof({
      block: HEADER_HASH,
      justification: Uint8Array.of(1, 2),
      unknownHeaders: [fromHex(HEADER)],
    });
    const reader = (answer: unknown) =>
      new RelayReader({ rpc: caller({ grandpa_proveFinality: answer }) });
    const found = (await reader(toHex(proof)).proveFinality(5))!;
    expect(toHex(found.justification)).toBe('0x0102');
    expect(found.unknownHeaders.map((header) => toHex(header))).toEqual([`0x${HEADER}`]);
    expect(await reader(null).proveFinality(5)).toBeUndefined();
    const notYet = new ChainClientError(ChainClientErrorCode.RPC_ERROR, 'not yet finalized');
    expect(await reader(notYet).proveFinality(5)).toBeUndefined();
    const failing = new ChainClientError(ChainClientErrorCode.RPC_ERROR, 'failing', {
      facts: { rpcMessage: 'GRANDPA RPC endpoint not ready' },
    });
    expect(await codeOf(reader(failing).proveFinality(5))).toBe(ChainClientErrorCode.RPC_ERROR);
    expect(await codeOf(reader('0x00').proveFinality(5))).toBe(ChainClientErrorCode.BAD_RESPONSE);
    expect(await codeOf(reader(undefined).proveFinality(5))).toBe(
      ChainClientErrorCode.METHOD_UNAVAILABLE,
    );
  });
});

describe('storage', () => {
  it('tells an empty value from none', async () => {
    const reader = (answer: unknown) =>
      new ChainReader({ rpc: caller({ state_getStorage: answer }) });
    expect(await reader('0x').storage(HEADER_HASH, HEADER_HASH)).toEqual(Buffer.alloc(0));
    expect(await reader(null).storage(HEADER_HASH, HEADER_HASH)).toBeNull();
  });

  it('gives proofs as their nodes', async () => {
    const rpc = caller({ state_getReadProof: { at: byte('01'), proof: ['0x01', '0x0203'] } });
    const nodes = await new ChainReader({ rpc }).readProof([HEADER_HASH], HEADER_HASH);
    expect(nodes.map((node) => toHex(node))).toEqual(['0x01', '0x0203']);
  });

  it('that a node has thrown away is an error of it, an unknown block is not', async () => {
    const fail = (text: string) =>
      new ChainClientError(ChainClientErrorCode.RPC_ERROR, text, { facts: { rpcMessage: text } });
    const reader = (text: string) =>
      new ChainReader({ rpc: caller({ state_getReadProof: fail(text) }) });
    expect(
      await codeOf(reader('UnknownBlock: Header was not found').readProof([], HEADER_HASH)),
    ).toBe(ChainClientErrorCode.BLOCK_UNKNOWN);
    const discarded = 'Client error: UnknownBlock: State already discarded for 0x01';
    expect(await codeOf(reader(discarded).readProof([], HEADER_HASH))).toBe(
      ChainClientErrorCode.STATE_DISCARDED,
    );
  });
});

describe('storage changes', () => {
  // [(01 → empty), (02 → deleted), (03 → 0a)] and no child tries.
  const expected = '0x0c0401010004020004030104' + '0a00';
  const json = {
    mainStorageChanges: [
      ['0x01', '0x'],
      ['0x02', null],
      ['0x03', '0x0a'],
    ],
    childStorageChanges: [],
  };

  it('are taken as they are where the node gives bytes', async () => {
    const rpc = caller({ pha_getStorageChangesAt: '0xdeadbeef' });
    expect(toHex(await new ParaReader({ rpc }).storageChanges(HEADER_HASH))).toBe('0xdeadbeef');
  });

  it('are made of JSON without losing an empty value', async () => {
    const rpc = caller({ pha_getStorageChanges: [json] });
    expect(toHex(await new ParaReader({ rpc }).storageChanges(HEADER_HASH))).toBe(expected);
  });

  it.each([[[]], [[json, json]], [[{ mainStorageChanges: [['0x01']] }]], ['0x00']])(
    'are refused in another form: %j',
    async (answer) => {
      const rpc = caller({ pha_getStorageChanges: answer });
      expect(await codeOf(new ParaReader({ rpc }).storageChanges(HEADER_HASH))).toBe(
        ChainClientErrorCode.BAD_RESPONSE,
      );
    },
  );
});

describe('pairs of a state', () => {
  const state = new Map(
    Array.from({ length: 2_345 }, (_, index) => [
      `0x${index.toString(16).padStart(8, '0')}`,
      `0x${'ab'.repeat(index % 7)}`,
    ]),
  );
  const keysPaged = (_prefix: string, count: number, after: string | null) =>
    [...state.keys()].filter((key) => after === null || key > after).slice(0, count);
  const tooLarge = new ChainClientError(ChainClientErrorCode.RESPONSE_TOO_LARGE, 'too big');
  const queryAt =
    (most: number) =>
    (keys: string[]): unknown => {
      if (keys.length > most) throw tooLarge;
      return [{ block: 'x', changes: keys.map((key) => [key, state.get(key)]) }];
    };

  it.each([
    ['in one answer', { state_getPairs: [...state] }],
    [
      'in pages where that is refused',
      { state_getKeysPaged: keysPaged, state_queryStorageAt: queryAt(1_000) },
    ],
    [
      'in pages where that is too large, in smaller ones where those are',
      {
        state_getPairs: tooLarge,
        state_getKeysPaged: keysPaged,
        state_queryStorageAt: queryAt(40),
      },
    ],
    [
      'one by one where nothing else is offered',
      { state_getKeysPaged: keysPaged, state_getStorage: (key: string) => state.get(key) },
    ],
  ])('are read %s', async (_what, answers) => {
    const pairs = await new ParaReader({ rpc: caller(answers) }).statePairs(HEADER_HASH);
    expect(pairs.map(([key, value]) => [toHex(key), toHex(value)])).toEqual([...state]);
  });

  it('are read in pages where one answer is above the limit of the connection', async () => {
    const node = new ScriptedNode(({ method, params, reply }) => {
      if (method === 'state_getPairs') reply([...state]);
      if (method === 'state_getKeysPaged') {
        reply(keysPaged('0x', params[1] as number, params[2] as string | null));
      }
      if (method === 'state_queryStorageAt') reply(queryAt(1_000)(params[0] as string[]));
    });
    await node.start();
    const client = new JsonRpcClient(
      { name: 'para', endpoints: [node.url], maxResponseBytes: 32_768, reconnectMinMs: 10 },
      { logger: silentLogger },
    );
    await client.start();
    try {
      const pairs = await client.use((rpc) => new ParaReader({ rpc }).statePairs(HEADER_HASH));
      expect(pairs.map(([key, value]) => [toHex(key), toHex(value)])).toEqual([...state]);
      // The first one was lost with the answer that was too large.
      expect(node.connections).toBe(2);
    } finally {
      await client.stop();
      await node.stop();
    }
  });

  it('do not go round in circles', async () => {
    const rpc = caller({
      state_getKeysPaged: () => [...state.keys()].slice(0, 1_000),
      state_queryStorageAt: queryAt(1_000),
    });
    expect(await codeOf(new ParaReader({ rpc }).statePairs(HEADER_HASH))).toBe(
      ChainClientErrorCode.BAD_RESPONSE,
    );
  });
});
