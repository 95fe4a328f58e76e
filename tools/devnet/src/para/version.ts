import type { RuntimeVersionJson } from '../chain/types.js';
import { fromHex } from '../primitives/index.js';

/**
 * The parachain's runtime version: Khala's numbers at the time of the recorded metadata, and the
 * runtime APIs that are really answered: Core, Metadata, TaggedTransactionQueue,
 * AccountNonceApi, TransactionPaymentApi (ids: first 8 bytes of blake2-64 of the trait's name).
 */
export const VERSION: RuntimeVersionJson = {
  specName: 'khala',
  implName: 'khala',
  authoringVersion: 1,
  specVersion: 1251,
  implVersion: 0,
  apis: [
    ['0xdf6acb689907609b', 4],
    ['0x37e397fc7c91f5e4', 2],
    ['0xd2bc9897eed08f15', 3],
    ['0xbc9d89904f5b923f', 1],
    ['0x37c8bb1350a9a2a8', 4],
  ],
  transactionVersion: 6,
  stateVersion: 0,
};

/** {@link VERSION} as a value of the type `RuntimeVersion`. */
export const VERSION_VALUE = {
  ...VERSION,
  apis: VERSION.apis.map(([id, version]) => [fromHex(id), version]),
};
