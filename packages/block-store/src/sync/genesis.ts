import { bytesEqual, toHex } from '@runtime-bridge/base';
import {
  decodeU32Value,
  decodeU64Value,
  decodeValidationData,
  encodeGenesisInfo,
  encodeGenesisState,
  headerParentHash,
  headerStateRoot,
  storageKeys,
} from '@runtime-bridge/blob-codec';
import {
  ChainReader,
  ParaReader,
  RelayReader,
  type RpcCaller,
  type StoragePair,
} from '@runtime-bridge/chain-client';
import { readAuthorityProof, readProof, verifyGenesisInfo } from '@runtime-bridge/light-client';
import { BlockStoreError, BlockStoreErrorCode, Check, refused, type Refused } from '../errors.js';
import type { ChainId } from '../rows/meta.js';
import type { GenesisRows } from '../store/block-store.js';
import type { RowOperation } from '../store/database.js';
import { genesisState } from '../state/state-keeper.js';
import { proveAuthorities } from './relay-fetch.js';
import { checked } from './verify-with.js';

/** What a parachain begins with, checked against its own headers. */
export interface ParaGenesis extends Pick<
  ChainId,
  'paraId' | 'paraBlock1' | 'paraGenesis' | 'relayGenesisHeight'
> {
  /** State root of the relay block that para block 1 was built on: the one behind `relayGenesisHeight`. */
  relayParentRoot: Uint8Array;
  header: Uint8Array;
  pairs: readonly StoragePair[];
  /** The state's trie. */
  stateRows: readonly RowOperation[];
}

/**
 * Reads the start of a parachain: header 0 with its whole state, which must give the header's root, and from block 1 the
 * relay block that the chain began behind.
 * @throws BlockStoreError BLOCK_REFUSED; ChainClientError BLOCK_UNKNOWN while there is no block 1
 */
export async function fetchParaGenesis(rpc: RpcCaller, signal: AbortSignal): Promise<ParaGenesis> {
  const reader = new ParaReader({ rpc });
  const about = (block: number, check: Check): Refused => ({
    chain: 'para',
    block,
    check,
    endpoint: rpc.url,
  });
  const { paraBlock1, paraGenesis } = await fetchChainIdentity(rpc, signal);
  const [zero, one] = await Promise.all([
    reader.header(paraGenesis, { signal }),
    reader.header(paraBlock1, { signal }),
  ]);
  if (!bytesEqual(headerParentHash(one.raw), zero.hash)) {
    throw refused(about(1, Check.PARENT_LINK), 'its parent is not block 0');
  }
  const relayParent = await fetchRelayParent(reader, one, about(1, Check.VALIDATION_DATA), signal);
  const pairs = await reader.statePairs(zero.hash, { signal, timeoutMs: GENESIS_TIMEOUT_MS });
  const { root, rows } = genesisState(pairs);
  if (!bytesEqual(root, headerStateRoot(zero.raw))) {
    throw refused(
      about(0, Check.GENESIS_STATE),
      'its pairs do not give the state root of header 0',
    );
  }
  return {
    paraId: await findParaId(reader, pairs, one.hash, signal),
    paraBlock1: toHex(one.hash),
    paraGenesis: toHex(zero.hash),
    relayGenesisHeight: relayParent.number - 1,
    relayParentRoot: relayParent.stateRoot,
    header: zero.raw,
    pairs,
    stateRows: rows,
  };
}

/** The hashes of para blocks 0 and 1, which tell chains apart. */
export async function fetchChainIdentity(
  rpc: RpcCaller,
  signal: AbortSignal,
): Promise<{ paraGenesis: Uint8Array; paraBlock1: Uint8Array }> {
  const reader = new ChainReader({ rpc });
  const paraGenesis = await reader.blockHash(0, { signal });
  const paraBlock1 = await reader.blockHash(1, { signal });
  return { paraGenesis, paraBlock1 };
}

/**
 * Reads the relay block that a parachain began behind, with its authority set, as genesis info.
 * @throws BlockStoreError BLOCK_REFUSED
 */
export async function fetchGenesisRows(
  rpc: RpcCaller,
  para: ParaGenesis,
  signal: AbortSignal,
): Promise<{ genesis: GenesisRows; more: readonly RowOperation[] }> {
  const reader = new RelayReader({ rpc });
  const height = para.relayGenesisHeight;
  const about: Refused = {
    chain: 'relay',
    block: height,
    check: Check.AUTHORITY_PROOF,
    endpoint: rpc.url,
  };
  const { raw: header, hash } = await reader.header(await reader.blockHash(height, { signal }), {
    signal,
  });
  await expectRelayParent(reader, { height, hash }, para.relayParentRoot, signal);
  const proof = await proveAuthorities(reader, hash, [storageKeys.grandpaCurrentSetId], signal);
  const info = checked(about, () => {
    const stateRoot = headerStateRoot(header);
    const setId = readProof(proof, stateRoot, storageKeys.grandpaCurrentSetId);
    const { authorities } = readAuthorityProof(proof, stateRoot);
    const encoded = encodeGenesisInfo({
      header,
      authoritySet: {
        authorities,
        setId: setId === null ? 0n : decodeU64Value(setId, 'Grandpa.CurrentSetId'),
      },
      proof,
    });
    verifyGenesisInfo(encoded);
    return encoded;
  });
  const { paraId, paraBlock1, paraGenesis } = para;
  return {
    genesis: {
      chain: {
        paraId,
        paraBlock1,
        paraGenesis,
        relayGenesisHeight: height,
        relayGenesis: toHex(hash),
      },
      info,
      state: encodeGenesisState(para.pairs),
      paraHeader: para.header,
    },
    more: para.stateRows,
  };
}

/**
 * Makes sure that both nodes are of chains that belong together: the block behind the one that all begins with is the
 * one that para block 1 names by its state root.
 * @throws BlockStoreError BLOCK_REFUSED
 */
async function expectRelayParent(
  reader: RelayReader,
  start: { height: number; hash: Uint8Array },
  stateRoot: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  const block = start.height + 1;
  const { raw } = await reader.header(await reader.blockHash(block, { signal }), { signal });
  const about = { chain: 'relay', block, endpoint: reader.url } as const;
  if (!bytesEqual(headerStateRoot(raw), stateRoot)) {
    throw refused(
      { ...about, check: Check.RELAY_PARENT },
      'para block 1 was not built on it; check that PHALA_PARENT_CHAIN_ENDPOINT is a node of the relay chain of PHALA_CHAIN_ENDPOINT',
    );
  }
  if (!bytesEqual(headerParentHash(raw), start.hash)) {
    throw refused({ ...about, check: Check.PARENT_LINK }, 'its parent is another block');
  }
}

/** The genesis state of a parachain is some MiB in one answer, which a node takes its time for. */
const GENESIS_TIMEOUT_MS = 120_000;

async function fetchRelayParent(
  reader: ParaReader,
  one: { raw: Uint8Array; hash: Uint8Array },
  about: Refused,
  signal: AbortSignal,
): Promise<{ number: number; stateRoot: Uint8Array }> {
  const proof = await reader.readProof([storageKeys.validationData], one.hash, { signal });
  const relayParent = checked(about, () => {
    const value = readProof(proof, headerStateRoot(one.raw), storageKeys.validationData);
    return value && decodeValidationData(value);
  });
  if (relayParent !== null && relayParent.relayParentNumber > 0) {
    const { relayParentNumber: number, relayParentStorageRoot: stateRoot } = relayParent;
    return { number, stateRoot };
  }
  throw new BlockStoreError(
    BlockStoreErrorCode.NODE_UNSUITABLE,
    'Para block 1 does not tell which relay block it was built on',
    {
      facts: { endpoint: about.endpoint, block: 1 },
      remedy: 'Check that PHALA_CHAIN_ENDPOINT is a node of a parachain',
    },
  );
}

/** The para id stands in the genesis state, or, where a later runtime brought it, in a later one. */
async function findParaId(
  reader: ParaReader,
  pairs: readonly StoragePair[],
  block1: Uint8Array,
  signal: AbortSignal,
): Promise<number> {
  const inGenesis = pairs.find(([key]) => bytesEqual(key, storageKeys.parachainId))?.[1];
  const value =
    inGenesis ??
    (await reader.storage(storageKeys.parachainId, block1, { signal })) ??
    (await reader.storage(
      storageKeys.parachainId,
      (await reader.finalizedHeader({ signal })).hash,
      { signal },
    ));
  if (value) return decodeU32Value(value, 'ParachainInfo.ParachainId');
  throw new BlockStoreError(BlockStoreErrorCode.NODE_UNSUITABLE, 'The chain has no parachain id', {
    facts: { endpoint: reader.url, block: 0 },
    remedy: 'Check that PHALA_CHAIN_ENDPOINT is a node of a parachain',
  });
}
