import { describe, expect, it } from 'vitest';
import { BlockStoreErrorCode } from '../errors.js';
import { FakeChains } from '../fake-chains.test.support.js';
import { encodeParaRow } from '../rows/para-row.js';
import type { BlockStore } from '../store/block-store.js';
import { defaultStateKeeperOptions, StateKeeper } from './state-keeper.js';

describe('the state', () => {
  it('blames the store, not a block, for rows of its own that are gone', async () => {
    const chains = new FakeChains();
    const [zero, one] = chains.para;
    const store = {
      meta: { stateHeight: 0 },
      paraRow: async () =>
        encodeParaRow({ header: zero!.raw, storageChanges: Uint8Array.of(0, 0) }),
      database: { getMany: async (keys: unknown[]) => keys.map(() => undefined) },
    } as unknown as BlockStore;
    const keeper = await StateKeeper.open(defaultStateKeeperOptions, store);
    await expect(keeper.advance(chains.changesOf(1), one!.raw, 1)).rejects.toMatchObject({
      code: BlockStoreErrorCode.STORE_CORRUPT,
    });
  });
});
