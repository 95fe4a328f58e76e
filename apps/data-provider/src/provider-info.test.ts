import { DataProviderStatus } from '@runtime-bridge/walkie-protocol';
import { describe, expect, it } from 'vitest';
import { providerInfo } from './provider-info.js';

const chain = { paraId: 2004, relayGenesisHeight: 8_325_311 };
const heights = { relay: 1_010, para: 500, built: 1_000, sealed: 900 };

describe('providerInfo', () => {
  it.each([
    ['both targets are reached', { relay: 1_000, para: 500 }, DataProviderStatus.S_IDLE],
    ['both are two blocks away', { relay: 1_002, para: 502 }, DataProviderStatus.S_IDLE],
    ['the relay chain is three away', { relay: 1_003, para: 500 }, DataProviderStatus.S_SYHCHING],
    ['the parachain is three away', { relay: 1_000, para: 503 }, DataProviderStatus.S_SYHCHING],
    ['the relay target is not known', { relay: -1, para: 500 }, DataProviderStatus.S_SYHCHING],
    ['the para target is not known', { relay: 1_000, para: -1 }, DataProviderStatus.S_SYHCHING],
  ])('while %s', (_what, targets, status) => {
    expect(providerInfo({ chain, heights, targets, blobServerPort: 8012 }).status).toBe(status);
  });

  it('tells heights under the names of 2022', () => {
    const targets = { relay: 2_000, para: 600 };
    expect(providerInfo({ chain, heights, targets, blobServerPort: 8012 })).toEqual({
      status: DataProviderStatus.S_SYHCHING,
      paraId: 2004,
      parentStartHeader: 8_325_311,
      parentTarget: 2_000,
      parentFetchedHeight: 1_010,
      parentProcessedHeight: 1_000,
      parentCommittedHeight: 900,
      paraTarget: 600,
      paraFetchedHeight: 500,
      paraProcessedHeight: 500,
      paraCommittedHeight: 500,
      blobServerPort: 8012,
    });
  });

  it('is not idle directly after the start, when nothing is known', () => {
    const targets = { relay: -1, para: -1 };
    const info = providerInfo({ chain: undefined, heights: undefined, targets, blobServerPort: 1 });
    expect(info).toMatchObject({
      status: DataProviderStatus.S_SYHCHING,
      paraId: -1,
      parentProcessedHeight: -1,
      paraCommittedHeight: -1,
    });
  });
});
