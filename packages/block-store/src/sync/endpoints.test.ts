import { Watched } from '@runtime-bridge/base';
import { afterEach, describe, expect, it } from 'vitest';
import { BlockStoreErrorCode, Check } from '../errors.js';
import { FakeChains } from '../fake-chains.test.support.js';
import { Bench, fastClock, type BenchOptions } from '../store-filled.test.support.js';

const benches: Bench[] = [];

async function open(options: BenchOptions): Promise<Bench> {
  const bench = await Bench.create(options);
  benches.push(bench);
  return bench;
}

afterEach(async () => {
  await Promise.all(benches.splice(0).map((bench) => bench.destroy()));
});

describe('several endpoints', () => {
  it.each([
    ['para', { paraId: 2035 }],
    ['relay', { authorities: 7 }],
  ] as const)('of two %s chains begin no store', async (side, other) => {
    const bench = await open({ [side]: [{}, { chains: new FakeChains(other) }] });
    await expect.poll(() => bench.errors.length, { timeout: 5_000 }).toBeGreaterThan(0);
    expect(bench.errors[0]!.error).toMatchObject({
      code: BlockStoreErrorCode.BLOCK_REFUSED,
      facts: { chain: side, check: Check.SECOND_OPINION, endpoint: `ws://${side}-1.test` },
    });
    expect(bench.store.meta).toBeUndefined();
  });

  it.each(['relay', 'para'] as const)(
    'of which the first %s one stands still: the other is followed within 30 s',
    async (side) => {
      const still = new Watched(20);
      const bench = await open({
        [side]: [{ finalized: still }, {}],
        finalized: 20,
        clock: fastClock,
        sync: { heads: { pollMs: 3_000 } },
      });
      await bench.untilBuilt(20);
      // Six seconds of the chain are 60 ms here.
      const startedAtMs = fastClock.now();
      for (let height = 21; height <= 28; height += 1) {
        bench.finalized.set(height);
        await new Promise((resolve) => setTimeout(resolve, 60));
      }
      await bench.untilBuilt(28);
      expect(fastClock.now() - startedAtMs).toBeLessThan(8 * 6_000 + 30_000);
      expect(bench.sync.status[side].value.detail).toContain(`${side}-1`);
    },
  );
});
