import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { SteppedClock } from '../chain/clock.js';
import { startChains, type RunningChains } from '../chain/start.js';
import { threshold } from '../grandpa/authorities.js';
import { silentLog } from '../log.js';
import { concatBytes, fromHex, toHex } from '../primitives/bytes.js';
import { headerHash } from '../primitives/header.js';
import { blake2b256 } from '../primitives/hash.js';
import { ScaleReader, u32, u64 } from '../primitives/scale.js';
import { RelayKey } from '../primitives/storage-key.js';
import { verifyEd25519 } from './verify.test.kit.js';
import { FaultRequestError, NODE_FAULTS, parseFault } from './index.js';

let directory: string;
let chains: RunningChains;
let control: string;

const AUTHORITIES = 4;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'devnet-faults-'));
  chains = await startChains(
    {
      directory,
      host: '127.0.0.1',
      relayPort: 0,
      paraPort: 0,
      relay: 'old',
      seed: 'faults',
      paraId: 2004,
      authorities: AUTHORITIES,
      sessionBlocks: 5,
      blockMs: 600,
      finalityLag: 2,
      justificationPeriod: 8,
      controlPort: 0,
    },
    { log: silentLog, newClock: (times) => new SteppedClock(times) },
  );
  control = chains.controlUrl ?? '';
  await chains.driver.step(23);
});

afterAll(async () => {
  await chains.stop();
  await rm(directory, { recursive: true, force: true });
});

afterEach(() => chains.faults.clear());

interface Reply<T> {
  result: T;
  error?: { code: number; message: string };
}

/** Asks over HTTP; rejects when the connection breaks. */
async function ask<T = string>(chain: 'relay' | 'para', method: string, ...params: unknown[]) {
  const url = (chain === 'relay' ? chains.relayUrl : chains.paraUrl).replace('ws:', 'http:');
  const response = await fetch(url, {
    method: 'POST',
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    signal: AbortSignal.timeout(5000),
  });
  return (await response.json()) as Reply<T>;
}

const get = async <T = string>(chain: 'relay' | 'para', method: string, ...params: unknown[]) => {
  const { result, error } = await ask<T>(chain, method, ...params);
  if (error !== undefined) throw new Error(`${error.code} ${error.message}`);
  return result;
};

const fault = (text: string) => chains.faults.add(parseFault(text));

interface HeaderJson {
  parentHash: string;
  number: string;
  stateRoot: string;
}
const blockHash = (chain: 'relay' | 'para', number: number) =>
  get(chain, 'chain_getBlockHash', number);

describe('faults of the line', () => {
  it('delays answers, and ends when taken away', async () => {
    const { id } = fault('relay:latency,ms=150');
    const before = performance.now();
    await get('relay', 'system_name');
    expect(performance.now() - before).toBeGreaterThan(140);
    expect(chains.faults.list()).toMatchObject([{ id, kind: 'latency', count: 1 }]);
    expect(chains.faults.remove(id)).toBe(true);
    expect(chains.faults.remove(id)).toBe(false);
    const after = performance.now();
    await get('relay', 'system_name');
    expect(performance.now() - after).toBeLessThan(140);
  });

  it('lets bytes through at a rate, all calls together', async () => {
    const metadata = await get('para', 'state_getMetadata');
    fault(`para:bandwidth,bytesPerSec=${metadata.length * 10}`);
    const before = performance.now();
    await Promise.all([get('para', 'state_getMetadata'), get('para', 'state_getMetadata')]);
    expect(performance.now() - before).toBeGreaterThan(190);
  });

  it('breaks connections, one call in three', async () => {
    fault('para:drop,every=3');
    await get('para', 'system_name');
    await get('para', 'system_name');
    await expect(get('para', 'system_name')).rejects.toThrow('fetch failed');
    await get('para', 'system_name');
  });

  it('never answers, for named methods only', async () => {
    fault('relay:hang,methods=system_chain+system_name,times=1');
    const hanging = ask('relay', 'system_name').catch((error: Error) => error.name);
    const others = await Promise.all([
      get('relay', 'chain_getBlockHash', 1),
      get('relay', 'system_chain'),
    ]);
    expect(others.length).toBe(2);
    expect(await hanging).toBe('TimeoutError');
  });

  it('answers with wrong bytes, null, an error', async () => {
    const hash = await blockHash('relay', 3);
    const { id } = fault('relay:wrongBytes');
    const wrong = await blockHash('relay', 3);
    expect(wrong).not.toBe(hash);
    expect(wrong.slice(0, -1)).toBe(hash.slice(0, -1));
    chains.faults.remove(id);
    fault('relay:null');
    expect(await blockHash('relay', 3)).toBeNull();
    chains.faults.clear();
    fault('relay:error,code=-32000,message=node is tired');
    await expect(blockHash('relay', 3)).rejects.toThrow('-32000 node is tired');
  });

  it('hides pha_* methods', async () => {
    fault('para:withoutPha');
    const hash = await blockHash('para', 1);
    await expect(get('para', 'pha_getStorageChangesAt', hash)).rejects.toThrow('-32601');
    const { methods } = await get<{ methods: string[] }>('para', 'rpc_methods');
    expect(methods).toContain('chain_getHeader');
    expect(methods.filter((name) => name.startsWith('pha_'))).toEqual([]);
  });
});

describe('faults of heights', () => {
  const numberOfHead = async () => {
    const head = await get('relay', 'chain_getFinalizedHead');
    return Number((await get<HeaderJson>('relay', 'chain_getHeader', head)).number);
  };

  it('stands still while the chain goes on, then catches up', async () => {
    const { id } = fault('relay:stall');
    const before = await numberOfHead();
    await chains.driver.step(3);
    expect(await numberOfHead()).toBe(before);
    expect(await get('relay', 'chain_getBlockHash', before + 5)).toBeNull();
    await expect(get('relay', 'grandpa_proveFinality', before + 1)).rejects.toThrow('4 GRANDPA');
    chains.faults.remove(id);
    expect(await numberOfHead()).toBe(before + 3);
  });

  it('is behind, or goes back', async () => {
    const now = await numberOfHead();
    const { id } = fault('relay:stale,blocks=4');
    expect(await numberOfHead()).toBe(now - 4);
    chains.faults.remove(id);
    fault('relay:heightBack,blocks=3');
    expect([await numberOfHead(), await numberOfHead(), await numberOfHead()]).toEqual([
      now,
      now - 3,
      now,
    ]);
  });

  it('changes notifications too', async () => {
    fault('relay:stale,blocks=4');
    const socket = new WebSocket(chains.relayUrl);
    const seen: number[] = [];
    socket.on('message', (data: Buffer) => {
      const { params } = JSON.parse(data.toString('utf8')) as {
        params?: { result: { number: string } };
      };
      if (params !== undefined) seen.push(Number(params.result.number));
    });
    await new Promise((resolve) => socket.once('open', resolve));
    socket.send(
      JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'chain_subscribeFinalizedHeads',
        params: [],
      }),
    );
    const { relayFinalized } = chains.driver.heights();
    await expect.poll(() => seen).toEqual([relayFinalized - 4]);
    await chains.driver.step(1);
    await expect.poll(() => seen).toEqual([relayFinalized - 4, relayFinalized - 3]);
    socket.terminate();
  });

  it('has pruned old state, or discarded all', async () => {
    const key = toHex(RelayKey.grandpaCurrentSetId);
    const [old, young] = [
      await blockHash('relay', 2),
      await get('relay', 'chain_getFinalizedHead'),
    ];
    const { id } = fault('relay:pruned,keep=6');
    await expect(get('relay', 'state_getStorage', key, old)).rejects.toThrow('discarded');
    expect(await get('relay', 'state_getStorage', key, young)).toMatch(/^0x/);
    chains.faults.remove(id);
    fault('relay:stateDiscarded');
    await expect(get('relay', 'state_getReadProof', [key], young)).rejects.toThrow('discarded');
    fault('para:pruned,keep=2');
    const first = await blockHash('para', 1);
    await expect(get('para', 'pha_getStorageChangesAt', first)).rejects.toThrow('10000');
  });
});

describe('lies', () => {
  it.each([
    ['headerField', 'stateRoot'],
    ['brokenParent', 'parentHash'],
  ] as const)('about headers: %s', async (kind, field) => {
    const hash = await blockHash('relay', 4);
    const honest = await get<HeaderJson>('relay', 'chain_getHeader', hash);
    fault(`relay:${kind}`);
    const header = await get<HeaderJson>('relay', 'chain_getHeader', hash);
    expect(header[field]).not.toBe(honest[field]);
    expect({ ...header, [field]: honest[field] }).toEqual(honest);
    const { block } = await get<{ block: { header: HeaderJson } }>('relay', 'chain_getBlock', hash);
    expect(block.header).toEqual(header);
  });

  /** Distinct voters of set `setId` with a good signature, and votes in all. */
  const votes = (justification: Uint8Array, setId: bigint) => {
    const reader = new ScaleReader(justification);
    const round = reader.u64();
    reader.take(36);
    const all = reader.vec(
      (r) => ({ hash: r.take(32), number: r.u32(), signature: r.take(64), id: r.take(32) }),
      132,
    );
    const good = all.filter(({ hash, number, signature, id }) =>
      verifyEd25519(
        id,
        concatBytes(Uint8Array.of(1), hash, u32(number), u64(round), u64(setId)),
        signature,
      ),
    );
    return { all: all.length, good: new Set(good.map(({ id }) => toHex(id))).size };
  };
  const justificationOf = async (number: number) => {
    const { justifications } = await get<{ justifications: [number[], number[]][] }>(
      'relay',
      'chain_getBlock',
      await blockHash('relay', number),
    );
    return Uint8Array.from(justifications[0]?.[1] ?? []);
  };

  it('about finality: another set, too few votes, a voter twice', async () => {
    // Block 10 ends set 1.
    const needed = threshold(AUTHORITIES);
    expect(votes(await justificationOf(10), 1n).good).toBeGreaterThanOrEqual(needed);
    const other = fault('relay:justificationOtherSet');
    expect(votes(await justificationOf(10), 1n)).toEqual({ all: AUTHORITIES, good: 0 });
    expect(votes(await justificationOf(10), 2n).good).toBe(AUTHORITIES);
    chains.faults.remove(other.id);
    const below = fault('relay:justificationBelowThreshold');
    expect(votes(await justificationOf(10), 1n)).toEqual({ all: needed - 1, good: needed - 1 });
    const proof = fromHex(await get('relay', 'grandpa_proveFinality', 8));
    expect(votes(new ScaleReader(proof, 32).bytes(), 1n).good).toBe(needed - 1);
    chains.faults.remove(below.id);
    fault('relay:justificationDuplicateVoter');
    expect(votes(await justificationOf(10), 1n)).toEqual({ all: needed, good: needed - 1 });
    expect(() => fault('para:justificationOtherSet')).toThrow(FaultRequestError);
  });

  it('about storage: a missing proof node, another head', async () => {
    const hash = await blockHash('relay', 12);
    const key = toHex(RelayKey.parasHeads(2004));
    const proofOf = async () =>
      (await get<{ proof: string[] }>('relay', 'state_getReadProof', [key], hash)).proof;
    const [honest, head] = [await proofOf(), await get('relay', 'state_getStorage', key, hash)];
    const { id } = fault('relay:proofNodeMissing');
    expect(await proofOf()).toEqual(honest.slice(0, -1));
    chains.faults.remove(id);
    fault('relay:otherParaHead');
    const other = await get('relay', 'state_getStorage', key, hash);
    expect(other.length).toBe(head.length);
    expect(headerHash(new ScaleReader(fromHex(other)).bytes())).not.toEqual(
      headerHash(new ScaleReader(fromHex(head)).bytes()),
    );
    const proof = await proofOf();
    expect(proof).not.toEqual(honest);
    // Honest nodes, of another key: the root is the same.
    expect(proof.map((node) => toHex(blake2b256(fromHex(node))))).toContain(
      (await get<HeaderJson>('relay', 'chain_getHeader', hash)).stateRoot,
    );
  });

  it.each([
    ['changeFlipped', 0],
    ['changeAdded', 1],
    ['changeDropped', -1],
    ['changeEmptyToNone', 0],
    ['changeNoneToEmpty', 0],
  ])('about storage changes: %s, the same in every form', async (kind, more) => {
    type Change = [string, string | null];
    const hash = await blockHash('para', 3);
    const inJson = async () =>
      (
        await get<{ mainStorageChanges: Change[] }[]>('para', 'pha_getStorageChanges', hash, hash)
      )[0]?.mainStorageChanges ?? [];
    const inScale = async () =>
      new ScaleReader(fromHex(await get('para', 'pha_getStorageChangesAt', hash))).vec(
        (r): Change => {
          const key = toHex(r.bytes());
          const value = r.option((o) => o.bytes());
          return [key, value === undefined ? null : toHex(value)];
        },
      );
    const honest = await inJson();
    expect(await inScale()).toEqual(honest);
    fault(`para:${kind}`);
    const lied = await inJson();
    expect(await inScale()).toEqual(lied);
    expect(lied.length).toBe(honest.length + more);
    if (more === 0) {
      const differ = lied.filter(
        (one, index) => JSON.stringify(one) !== JSON.stringify(honest[index]),
      );
      expect(differ.length).toBe(1);
    }
  });

  it('about the genesis state, and only about that', async () => {
    const [genesis, later] = [await blockHash('para', 0), await blockHash('para', 2)];
    const pairs = (hash: string) => get<[string, string][]>('para', 'state_getPairs', '0x', hash);
    const [honest, honestLater] = [await pairs(genesis), await pairs(later)];
    fault('para:genesisPair');
    const lied = await pairs(genesis);
    expect(lied.filter(([, value], index) => value !== honest[index]?.[1]).length).toBe(1);
    expect(await pairs(later)).toEqual(honestLater);
  });
});

describe('asking for faults', () => {
  it.each([
    'relay',
    'relay:nothing',
    'relay:latency,seconds=1',
    'relay:latency,ms=-1',
    'relay:latency,ms',
    'nobody:latency',
    'relay:constructor',
  ])('refuses %s', (text) => {
    expect(() => fault(text)).toThrow(FaultRequestError);
    expect(chains.faults.list()).toEqual([]);
  });

  it('has a description for every kind', () => {
    for (const [name, { description }] of Object.entries(NODE_FAULTS)) {
      expect(`${name} ${description}`).toMatch(/^\w+ [a-z].{10}/);
    }
  });

  it('goes by the control port', async () => {
    const post = async (path: string, body: unknown) => {
      const response = await fetch(`${control}/${path}`, {
        method: 'POST',
        body: JSON.stringify(body),
      });
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    };
    expect((await post('faults', { target: 'relay', kind: 'null' })).body).toMatchObject({
      kind: 'null',
    });
    expect(await blockHash('relay', 1)).toBeNull();
    expect(await (await fetch(`${control}/faults`)).json()).toMatchObject([{ target: 'relay' }]);
    await fetch(`${control}/faults`, { method: 'DELETE' });
    expect(await blockHash('relay', 1)).not.toBeNull();
    expect((await post('faults', { target: 'relay' })).status).toBe(400);
    expect((await post('faults', [])).status).toBe(400);
    expect((await post('nothing', {})).status).toBe(404);
    const before = chains.driver.heights();
    expect((await post('step', { count: 2 })).body).toMatchObject({
      relayBest: before.relayBest + 2,
    });
    expect((await post('step', { count: -1 })).status).toBe(400);
  });
});
