import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toHex, type BridgeError } from '@runtime-bridge/base';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BlockStoreErrorCode } from '../errors.js';
import { FakeChains } from '../fake-chains.test.support.js';
import { genesisKeys, heightKey, heightOfKey, metaKey, RowKind } from '../rows/keys.js';
import { SCHEMA } from '../rows/meta.js';
import { decodeRangeEnd, encodeRangeEnd } from '../rows/range-end.js';
import { decodeRelayRow, encodeRelayRow } from '../rows/relay-row.js';
import { BlockStore, type GenesisRows } from './block-store.js';

const chains = new FakeChains();
const zero = chains.para[0]!;
const genesis: GenesisRows = {
  chain: {
    paraId: 2004,
    paraBlock1: toHex(chains.para[1]!.hash),
    paraGenesis: toHex(zero.hash),
    relayGenesisHeight: 3,
    relayGenesis: toHex(chains.relay[3]!.hash),
  },
  info: Uint8Array.of(1),
  state: Uint8Array.of(2),
  paraHeader: zero.raw,
};

const range = (first: number, last: number, paraNumber = -1, changesSet = false) => ({
  headers: chains.relay.slice(first, last + 1).map((block) => block.raw),
  proof: {
    justification: Uint8Array.of(7),
    setId: 5n,
    paraHead: paraNumber < 0 ? undefined : { number: paraNumber, proof: Uint8Array.of(0) },
    authoritySetChange: changesSet ? Uint8Array.of(9, 9) : undefined,
  },
});

const para = (first: number, last: number) =>
  chains.para
    .slice(first, last + 1)
    .map((block) => ({ header: block.raw, storageChanges: Uint8Array.of(0, 0) }));

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'no error',
    (error: BridgeError) => error.code,
  );

describe('BlockStore', () => {
  let path: string;
  let store: BlockStore;

  beforeEach(async () => {
    path = await mkdtemp(join(tmpdir(), 'rb-block-store-'));
    store = new BlockStore({ path });
    await store.start();
  });

  afterEach(async () => {
    await store.stop();
    await rm(path, { recursive: true, force: true });
  });

  it('has nothing before a genesis', async () => {
    expect(store.meta).toBeUndefined();
    expect(store.heights.value).toBeUndefined();
    expect(await store.genesis()).toBeUndefined();
    expect(await codeOf(store.appendRange(range(4, 5)))).toBe(BlockStoreErrorCode.STORE_CORRUPT);
  });

  it('tells what is stored, built and sealed, also after it was opened again', async () => {
    await store.putGenesis(genesis);
    await store.appendRange(range(4, 7, 1));
    await store.appendRange(range(8, 10, 3, true));
    await store.appendRange(range(11, 13, 4));
    expect(store.heights.value).toEqual({ relay: 13, para: 0, built: 3, sealed: 3 });
    await store.appendParaBlocks(para(1, 2), undefined);
    expect(store.heights.value).toEqual({ relay: 13, para: 2, built: 7, sealed: 3 });
    expect(store.unbuilt.map((end) => end.height)).toEqual([10, 13]);
    await store.appendParaBlocks(para(3, 3), undefined);
    const heights = { relay: 13, para: 3, built: 10, sealed: 10 };
    expect(store.heights.value).toEqual(heights);
    await store.stop();
    await store.start();
    expect(store.heights.value).toEqual(heights);
    expect(store.unbuilt.map((end) => end.height)).toEqual([13]);
    expect(store.meta).toMatchObject({ schema: SCHEMA, setHeight: 10, stateHeight: 0 });
    await store.appendParaBlocks(para(4, 4), []);
    expect(store.heights.value).toMatchObject({ built: 13, sealed: 10 });
    expect(store.meta).toMatchObject({ stateHeight: 4 });
  });

  it('finds ends of ranges around a height', async () => {
    await store.putGenesis(genesis);
    await store.appendRange(range(4, 7, 1));
    await store.appendRange(range(8, 10, 3, true));
    expect(await store.rangeEndBefore(8)).toEqual({
      height: 7,
      setId: 5n,
      changesSet: false,
      paraNumber: 1,
    });
    expect(await store.rangeEndBefore(7)).toBeUndefined();
    expect((await store.rangeEndsFrom(8, 5)).map((end) => end.height)).toEqual([10]);
    expect(await store.rangeEndAt(9)).toBeUndefined();
    expect(await store.rangeEndAt(10)).toMatchObject({ changesSet: true });
  });

  it('lets steps of both chains go on at the same time', async () => {
    await store.putGenesis(genesis);
    await Promise.all([
      store.appendRange(range(4, 5, 0)),
      store.appendParaBlocks(para(1, 1), []),
      store.appendRange(range(6, 7, 1)),
      store.appendParaBlocks(para(2, 3), []),
    ]);
    await store.stop();
    await store.start();
    expect(store.heights.value).toEqual({ relay: 7, para: 3, built: 7, sealed: 3 });
  });

  it.each([
    ['a gap', () => store.appendRange(range(5, 6))],
    ['the same again', () => store.appendRange(range(3, 4))],
    ['another parent', () => store.appendRange({ ...range(4, 4), headers: [zero.raw] })],
    ['a para gap', () => store.appendParaBlocks(para(2, 2), [])],
  ])('refuses %s', async (_what, append) => {
    await store.putGenesis(genesis);
    expect(await codeOf(append())).toBe(BlockStoreErrorCode.OUT_OF_ORDER);
    expect(store.heights.value).toEqual({ relay: 3, para: 0, built: 3, sealed: 3 });
  });

  it('is open in one place only', async () => {
    expect(await codeOf(new BlockStore({ path }).start())).toBe(BlockStoreErrorCode.STORE_LOCKED);
  });

  it.each([
    ['a newer layout', { schema: SCHEMA + 1 }, BlockStoreErrorCode.STORE_TOO_NEW],
    ['no layout', { schema: undefined }, BlockStoreErrorCode.STORE_CORRUPT],
    ['a height that is none', { paraHeight: 'many' }, BlockStoreErrorCode.STORE_CORRUPT],
    ['a hash that is none', { relayHash: '0x12' }, BlockStoreErrorCode.STORE_CORRUPT],
  ])('refuses %s in what it says of itself', async (_what, change, code) => {
    await store.putGenesis(genesis);
    const meta = Buffer.from(JSON.stringify({ ...store.meta, ...change }));
    await store.database.put(metaKey, meta);
    await store.stop();
    expect(await codeOf(store.start())).toBe(code);
    // It can be opened again once that is mended: nothing was left open.
    expect(await codeOf(store.start())).toBe(code);
  });

  it('refuses another chain, naming the difference', async () => {
    await store.putGenesis(genesis);
    const other = { ...genesis, chain: { ...genesis.chain, paraId: 2035 } };
    await expect(store.putGenesis(other)).rejects.toMatchObject({
      code: BlockStoreErrorCode.STORE_OF_OTHER_CHAIN,
      facts: { field: 'paraId', stored: 2004, given: 2035 },
    });
  });

  it('refuses a path that is no folder', async () => {
    expect(await codeOf(new BlockStore({ path: '/dev/null/store' }).start())).toBe(
      BlockStoreErrorCode.STORE_CORRUPT,
    );
  });
});

describe('rows', () => {
  it('lie in order of kind and height', () => {
    expect(toHex(heightKey(RowKind.RELAY, 0x01020304))).toBe('0x0101020304');
    expect(heightOfKey(heightKey(RowKind.PARA, 0xffff_ffff))).toBe(0xffff_ffff);
    expect(toHex(genesisKeys.state)).toBe('0x0301');
  });

  it('inside a range are the bytes that go into a blob', () => {
    const header = chains.relay[4]!.raw;
    expect(toHex(encodeRelayRow({ header, range: undefined }))).toBe(`${toHex(header)}00`);
    expect(decodeRelayRow(encodeRelayRow({ header, range: undefined })).range).toBeUndefined();
  });

  it.each([
    ['everything', range(4, 4, 6, true).proof],
    ['no para head', range(4, 4, -1, true).proof],
    ['no set change', range(4, 4, 6, false).proof],
  ])('at the end of a range keep %s', (_what, proof) => {
    const header = chains.relay[4]!.raw;
    const row = decodeRelayRow(encodeRelayRow({ header, range: proof }));
    expect(toHex(row.header)).toBe(toHex(header));
    expect(row.range).toEqual(proof);
  });

  it.each([-1, 0, 0xffff_fffe])('keep para head %i', (paraNumber) => {
    const end = { height: 9, setId: 3n, changesSet: true, paraNumber };
    expect(decodeRangeEnd(9, encodeRangeEnd(end))).toEqual(end);
  });
});
