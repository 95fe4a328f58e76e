import { BinaryReader } from '@bufbuild/protobuf/wire';
import { bytesEqual, concatBytes, fromHex, toHex } from '@runtime-bridge/base';
import {
  crc32c,
  decodeAuthoritySetChange,
  decodeGenesisInfo,
  decodeGenesisState,
  decodeHeadersToSync,
  decodeHeaderToSync,
  decodeStorageChanges,
  encodeParaHead,
  headerHash,
  headerNumber,
  headerStateRoot,
  ScaleReader,
  skipHeader,
  splitBlocks,
  splitCombinedHeaders,
  storageKeys,
  type AuthoritySet,
} from '@runtime-bridge/blob-codec';
import {
  readProof,
  verifyAuthoritySetChange,
  verifyGenesisInfo,
  verifyHeaderChain,
  verifyJustification,
} from '@runtime-bridge/light-client';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Bench } from '../store-filled.test.support.js';
import { BlobViews } from './blob-views.js';

const G = 3;
const TOP = 40;

/** Fields of a flat protobuf message by number; repeated packed numbers stay bytes. */
function fields(bytes: Uint8Array): Map<number, number | Uint8Array> {
  const reader = new BinaryReader(bytes);
  const result = new Map<number, number | Uint8Array>();
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    result.set(field, Number(wireType) === 0 ? Number(reader.int64()) : reader.bytes());
  }
  return result;
}

const text = (value: number | Uint8Array | undefined) =>
  Buffer.from(value as Uint8Array).toString('utf8');

describe('blobs as views of rows', () => {
  let dense: Bench;
  let sparse: Bench;
  let views: BlobViews;

  beforeAll(async () => {
    // Ranges as they come near the head, one or two blocks each, and as they come from far away, one per session.
    dense = await Bench.create({ finalized: G + 1, chains: { relayBlocks: TOP } });
    for (let height = G + 1; height <= TOP; height += height % 3 === 0 ? 2 : 1) {
      dense.finalized.set(height);
      await dense.untilBuilt(height);
    }
    dense.finalized.set(TOP);
    await dense.untilBuilt(TOP);
    sparse = await Bench.create({ chains: { relayBlocks: TOP } });
    await sparse.untilBuilt(TOP);
    views = new BlobViews({}, { store: dense.store });
  }, 30_000);

  afterAll(async () => {
    await dense.destroy();
    await sparse.destroy();
  });

  const get = async (key: string, from = views) => {
    const blob = await from.get(key);
    if (blob) expect(blob.crc32c).toBe(crc32c(blob.bytes));
    return blob?.bytes;
  };

  const rangeMeta = async (height: number, from = views) => {
    const bytes = await get(`rangeByParentBlock:${height}:pb`, from);
    if (!bytes) return undefined;
    const all = fields(bytes);
    const number = (field: number) => all.get(field) as number;
    return {
      relayStart: number(1),
      relayEnd: number(2),
      paraStart: number(3),
      paraEnd: number(4),
      dryKey: text(all.get(7)),
      setId: number(8),
      blobEnd: number(9),
      blobParaEnd: number(10),
      blobKey: text(all.get(11)),
      parentRange: all.get(5) as Uint8Array,
      paraRange: all.get(6),
    };
  };

  /** Does with a headers blob what a worker at (h, q) does, with nothing but the set in force there. */
  function acceptHeaders(blob: Uint8Array, chains = dense.chains) {
    const { encodedRelayHeaders, authoritySetChange, encodedParaHeaders, proof } =
      splitCombinedHeaders(blob);
    const relay = decodeHeadersToSync(encodedRelayHeaders);
    const last = relay.at(-1)!;
    const first = headerNumber(relay[0]!.header);
    verifyHeaderChain(
      relay.map(({ header }) => header),
      { number: first - 1, hash: chains.relay[first - 1]!.hash },
    );
    expect(relay.slice(0, -1).every(({ justification }) => justification === undefined)).toBe(true);
    const height = headerNumber(last.header);
    const setId = chains.setIdFor(first);
    const set: AuthoritySet = {
      authorities: chains.authorities(setId),
      setId: BigInt(setId),
    };
    verifyJustification({
      justification: last.justification!,
      set,
      target: { number: height, hash: headerHash(last.header) },
    });
    expect(authoritySetChange !== undefined).toBe(chains.changesSet(height));
    if (authoritySetChange) {
      verifyAuthoritySetChange(
        set,
        decodeAuthoritySetChange(authoritySetChange),
        headerStateRoot(last.header),
      );
    }
    const reader = new ScaleReader(encodedParaHeaders, 'para headers');
    const para = reader.vec(1, 'headers', () => skipHeader(reader).raw);
    if (para.length > 0) {
      const firstPara = headerNumber(para[0]!);
      verifyHeaderChain(
        para,
        firstPara === 0
          ? undefined
          : { number: firstPara - 1, hash: chains.para[firstPara - 1]!.hash },
      );
      const value = readProof(proof, headerStateRoot(last.header), storageKeys.parasHeads(2004));
      expect(bytesEqual(value!, encodeParaHead(para.at(-1)!))).toBe(true);
    }
    return { first, height, para: para.map((header) => headerNumber(header)), proof };
  }

  it('serve every position that a worker may stand at', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: G + 1, max: TOP }),
        fc.nat(),
        fc.boolean(),
        async (h, someQ, isDense) => {
          const bench = isDense ? dense : sparse;
          const from = isDense ? views : new BlobViews({}, { store: sparse.store });
          const meta = (await rangeMeta(h, from))!;
          const { relayEnd } = meta;
          const head = bench.chains.paraHeadAt(relayEnd);
          const q = someQ % (head + 2);
          const span = q > head ? '-1:-1' : `${q}:${head}`;
          const blob = await get(`drySyncHeader:${h}:${relayEnd}:${span}`, from);
          const accepted = acceptHeaders(blob!, bench.chains);
          expect(accepted.first).toBe(h);
          expect(accepted.height).toBe(relayEnd);
          const expected = Array.from({ length: Math.max(0, head - q + 1) }, (_, i) => q + i);
          expect(accepted.para).toEqual(expected);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('lead a client of 2022 from the start to the head by their metadata', async () => {
    for (const from of [views, new BlobViews({}, { store: sparse.store })]) {
      for (const useBlobRange of [false, true]) {
        let h = G + 1;
        let q = 1;
        while (h <= TOP) {
          const meta = (await rangeMeta(h, from))!;
          const blob = await get(useBlobRange ? meta.blobKey : meta.dryKey, from);
          const accepted = acceptHeaders(blob!);
          expect(accepted.first).toBe(h);
          // A worker passes over para headers that it has; the rest must go on where it stands.
          const fresh = accepted.para.filter((number) => number >= q);
          if (fresh.length > 0) expect(fresh[0]).toBe(q);
          q += fresh.length;
          h = accepted.height + 1;
        }
        expect(q).toBe(dense.chains.paraHeadAt(TOP) + 1);
      }
    }
  });

  it('tell of ranges as 2022 did', async () => {
    const meta = (await rangeMeta(G + 1, new BlobViews({}, { store: sparse.store })))!;
    const head = sparse.chains.paraHeadAt(10);
    expect(meta).toMatchObject({
      relayStart: 4,
      relayEnd: 10,
      paraStart: 1,
      paraEnd: head,
      dryKey: `drySyncHeader:4:10:1:${head}`,
      // The state of the header that changes the set holds the next number already.
      setId: 1,
      blobEnd: 10,
      blobParaEnd: head,
      blobKey: `blobRange:4:10:1:${head}:SyncHeaderReq`,
    });
    expect([...meta.parentRange]).toEqual([4, 5, 6, 7, 8, 9, 10]);
    expect([...(meta.paraRange as Uint8Array)]).toEqual([1, 2, 3]);
  });

  it('join ranges up to the end of the window, or up to the bound', async () => {
    const joined = (await rangeMeta(11))!;
    expect(joined.relayEnd).toBeLessThan(20);
    expect(joined.blobEnd).toBe(20);
    acceptHeaders((await get(joined.blobKey))!);
    const few = new BlobViews({ maxRangeCount: 2 }, { store: dense.store });
    const bounded = (await rangeMeta(11, few))!;
    expect(bounded.blobEnd).toBeGreaterThan(bounded.relayEnd);
    expect(bounded.blobEnd).toBeLessThan(20);
  });

  it('say -1 where no para header is due', async () => {
    // Para heads change every other relay block, so one of two neighbours has none.
    const metas = await Promise.all([21, 22, 23, 24].map((height) => rangeMeta(height)));
    const without = metas.find((meta) => meta!.paraEnd === -1)!;
    expect(without).toMatchObject({ paraStart: -1, paraEnd: -1, paraRange: undefined });
    expect(without.dryKey).toBe(`drySyncHeader:${without.relayStart}:${without.relayEnd}:-1:-1`);
    expect(acceptHeaders((await get(without.dryKey))!)).toMatchObject({ para: [], proof: [] });
  });

  it.each([
    ['a relay end without justification', 'drySyncHeader:11:18:5:9'],
    ['a range over a set change', 'drySyncHeader:15:30:7:13'],
    ['another para end than the head there', 'drySyncHeader:11:20:4:7'],
    ['heights that are not there yet', 'drySyncHeader:35:99:16:48'],
    ['a start at the genesis', 'drySyncHeader:3:10:1:3'],
    ['an end before the start', 'drySyncHeader:20:11:4:8'],
    ['no key of a blob', 'LAST_COMMITTED_PARA_BLOCK'],
    ['a key of the store', '\u0000'],
    ['a window', 'window:0:pb'],
    ['a marker', 'para:1:written'],
    ['another parachain', 'genesis:2005:pb'],
    ['block 0, which is never dispatched', 'dryParaBlock:0'],
    ['a block above the head', 'dryParaBlock:999'],
  ])('are not there for %s', async (_what, key) => {
    const forSparse = new BlobViews({}, { store: sparse.store });
    expect(await get(key, forSparse)).toBeUndefined();
  });

  it('give the genesis', async () => {
    const all = fields((await get('genesis:2004:pb'))!);
    expect([all.get(1), all.get(2), all.get(3)]).toEqual([2004, 0, G]);
    const info = all.get(4) as Uint8Array;
    verifyGenesisInfo(info);
    expect(headerNumber(decodeGenesisInfo(info).header)).toBe(G);
    const pairs = decodeGenesisState(all.get(5) as Uint8Array);
    expect(new Map(pairs.map(([key, value]) => [toHex(key), value]))).toEqual(
      dense.chains.para[0]!.state,
    );
  });

  it('give para blocks one by one and in batches', async () => {
    const { chains } = dense;
    const block = (number: number) =>
      concatBytes([chains.para[number]!.raw, chains.changesOf(number)]);
    expect(await get('dryParaBlock:7')).toEqual(Buffer.concat([Buffer.from([4]), block(7)]));
    const batch = splitBlocks((await get('rangeParaBlock:buffer:2'))!);
    expect(batch.map(({ number }) => number)).toEqual(Array.from({ length: 15 }, (_, i) => 2 + i));
    // A batch is the same whenever it is asked for, so there is none before it is full.
    expect(await get('rangeParaBlock:buffer:5')).toBeUndefined();
    expect(JSON.parse(text(await get('rangeParaBlock:key:2')))).toEqual({
      firstBlockNumber: 2,
      lastBlockNumber: 2,
    });
    const telling = new BlobViews({ tellBuffers: true }, { store: dense.store });
    expect(JSON.parse(text(await get('rangeParaBlock:key:2', telling)))).toEqual({
      bufferKey: 'rangeParaBlock:buffer:2',
      firstBlockNumber: 2,
      lastBlockNumber: 16,
    });
    expect(JSON.parse(text(await get('rangeParaBlock:key:17', telling)))).toEqual({
      firstBlockNumber: 17,
      lastBlockNumber: 17,
    });
  });

  it('end a batch before it gets too large, but never before its first block', async () => {
    const one = (await get('dryParaBlock:3'))!.length;
    const small = new BlobViews({ maxBufferBytes: 2.5 * one }, { store: dense.store });
    expect(splitBlocks((await get('rangeParaBlock:buffer:3', small))!)).toHaveLength(2);
    const tiny = new BlobViews({ maxBufferBytes: 1 }, { store: dense.store });
    expect(splitBlocks((await get('rangeParaBlock:buffer:3', tiny))!)).toHaveLength(1);
  });

  it('give para blocks as records, block 0 with its state as changes', async () => {
    const { chains } = dense;
    const seven = fields((await get('para:7:pb'))!);
    expect(seven.get(1)).toBe(7);
    expect(toHex(seven.get(2) as Uint8Array)).toBe(toHex(chains.para[7]!.hash));
    expect(toHex(seven.get(3) as Uint8Array)).toBe(toHex(chains.para[7]!.raw));
    expect(toHex(seven.get(5) as Uint8Array)).toBe(
      toHex(concatBytes([chains.para[7]!.raw, chains.changesOf(7)])),
    );
    const zero = fields((await get('para:0:pb'))!).get(5) as Uint8Array;
    const { main } = decodeStorageChanges(zero.subarray(chains.para[0]!.raw.length));
    expect(new Map(main.map(([key, value]) => [toHex(key), value]))).toEqual(chains.para[0]!.state);
  });

  it('give relay blocks as records', async () => {
    const { chains } = sparse;
    const from = new BlobViews({}, { store: sparse.store });
    const end = fields((await get('parent:20:pb', from))!);
    const { header, justification } = decodeHeaderToSync(end.get(6) as Uint8Array);
    expect(toHex(header)).toBe(toHex(chains.relay[20]!.raw));
    expect(toHex(justification!)).toBe(toHex(chains.justification(20)));
    expect([end.get(1), end.get(4), end.get(5), end.get(8)]).toEqual([
      20,
      2,
      1,
      chains.paraHeadAt(20),
    ]);
    expect((end.get(7) as Uint8Array)[0]).toBe(1);
    const inside = fields((await get('parent:19:pb', from))!);
    expect([inside.get(4), inside.get(5), inside.get(8)]).toEqual([1, 0, 0]);
    expect(toHex(inside.get(6) as Uint8Array)).toBe(`${toHex(chains.relay[19]!.raw)}00`);
    expect(toHex(inside.get(7) as Uint8Array)).toBe('0x00');
  });

  it('are composed once for all who ask at the same time, and kept within bounds', async () => {
    const own = new BlobViews({ cacheBytes: 4_000 }, { store: dense.store });
    const read = vi.spyOn(dense.store, 'paraRows');
    const all = await Promise.all(Array.from({ length: 20 }, () => own.get('dryParaBlock:5')));
    expect(new Set(all.map((blob) => blob!.bytes)).size).toBe(1);
    expect(read).toHaveBeenCalledTimes(1);
    for (let number = 1; number <= 15; number += 1) await own.get(`dryParaBlock:${number}`);
    read.mockClear();
    await own.get('dryParaBlock:15');
    expect(read).not.toHaveBeenCalled();
    await own.get('dryParaBlock:5');
    expect(read).toHaveBeenCalledTimes(1);
    read.mockRestore();
  });

  it('know the keys of 2022 by their white space too', async () => {
    expect(await get('  dryParaBlock:5\n')).toEqual(await get('dryParaBlock:5'));
    expect(fromHex('00')).toHaveLength(1);
  });
});
