import { randomBytes } from 'node:crypto';
import { toHex } from '@runtime-bridge/base';
import { encodeHeader, headerHash } from '@runtime-bridge/blob-codec';
import type { BlockStore } from '@runtime-bridge/block-store';

/** A header with roots of its own. */
export function randomHeader(number: number, parentHash: Uint8Array, logBytes = 0): Uint8Array {
  return encodeHeader({
    parentHash,
    number,
    stateRoot: randomBytes(32),
    extrinsicsRoot: randomBytes(32),
    logs: logBytes > 0 ? [{ kind: 'other', data: randomBytes(logBytes) }] : [],
  });
}

/** Begins a store with a genesis that is nothing but well-formed; benchmarks measure rows, not proofs. */
export async function beginStore(store: BlockStore): Promise<{ genesisHash: Uint8Array }> {
  await store.start();
  const zero = new Uint8Array(32);
  const genesis = randomHeader(0, zero);
  const genesisHash = headerHash(genesis);
  await store.putGenesis({
    chain: {
      paraId: 2004,
      paraBlock1: toHex(zero),
      paraGenesis: toHex(genesisHash),
      relayGenesisHeight: 0,
      relayGenesis: toHex(genesisHash),
    },
    info: zero,
    state: zero,
    paraHeader: genesis,
  });
  return { genesisHash };
}

/** A store with some para blocks of incompressible changes. */
export async function fillParaBlocks(
  store: BlockStore,
  count: number,
  changesBytes: number,
): Promise<void> {
  const { genesisHash } = await beginStore(store);
  let parent = genesisHash;
  for (let number = 1; number <= count; number += 1) {
    const header = randomHeader(number, parent);
    parent = headerHash(header);
    await store.appendParaBlocks(
      [{ header, storageChanges: randomBytes(changesBytes) }],
      undefined,
    );
  }
}
