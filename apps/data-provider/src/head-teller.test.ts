import { create, toBinary } from '@bufbuild/protobuf';
import { silentLogger, systemClock, Watched } from '@runtime-bridge/base';
import type { StoreHeights } from '@runtime-bridge/block-store';
import { RangeMetaSchema, type Head } from '@runtime-bridge/walkie-protocol';
import { describe, expect, it } from 'vitest';
import { HeadTeller } from './head-teller.js';
import { providerInfo } from './provider-info.js';

const heightsAt = (built: number): StoreHeights => ({ relay: built, para: 0, built, sealed: 0 });

describe('HeadTeller', () => {
  it('tells heights at once, and the ranges that came since it began', async () => {
    const heights = new Watched<StoreHeights | undefined>(heightsAt(100));
    const told: Head[] = [];
    const stop = new AbortController();
    const teller = new HeadTeller({
      heights,
      info: () =>
        providerInfo({
          chain: undefined,
          heights: heights.value,
          targets: { relay: -1, para: -1 },
          blobServerPort: 1,
        }),
      blobs: {
        get: async (key) => {
          const start = Number(/^rangeByParentBlock:(\d+):pb$/.exec(key)![1]);
          const stopBlock = Math.ceil(start / 10) * 10;
          const meta = { parentStopBlock: stopBlock, paraStartBlock: 1, paraStopBlock: 2 };
          return { bytes: toBinary(RangeMetaSchema, create(RangeMetaSchema, meta)) };
        },
      },
      logger: silentLogger,
      clock: systemClock,
    });
    const running = teller.run({ tellHead: (head) => void told.push(head) }, stop.signal);
    await expect.poll(() => told.length).toBe(1);
    expect(told[0]).toMatchObject({ info: { parentProcessedHeight: 100 }, ranges: [] });
    heights.set(heightsAt(120));
    await expect.poll(() => told.length, { timeout: 400 }).toBe(2);
    expect(told[1]?.ranges.map(({ relayStart, relayEnd }) => [relayStart, relayEnd])).toEqual([
      [101, 110],
      [111, 120],
    ]);
    heights.set(heightsAt(90_000));
    await expect.poll(() => told.length).toBe(3);
    expect(told[2]?.ranges).toHaveLength(64);
    expect(told[2]?.ranges.at(-1)).toMatchObject({ relayEnd: 90_000 });
    stop.abort();
    await expect(running).rejects.toMatchObject({ code: 'ABORTED' });
  });
});
