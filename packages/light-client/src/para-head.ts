import { bytesEqual, toHex } from '@runtime-bridge/base';
import {
  decodeParaHead,
  encodeParaHead,
  headerHash,
  storageKeys,
} from '@runtime-bridge/blob-codec';
import { LightClientError, LightClientErrorCode } from './errors.js';
import { type ChainTip, verifyHeaderChain } from './header-chain.js';
import { readProof } from './storage-proof.js';

/** A proof of `Paras.Heads(paraId)` under a relay header's state root. */
export interface ParaHeadProof {
  paraId: number;
  /** state root of the relay header, 32 bytes */
  stateRoot: Uint8Array;
  /** trie nodes */
  proof: readonly Uint8Array[];
}

/**
 * The para head that a proof shows.
 * @returns the encoded header with its number and hash, or null when the relay state holds no head
 * @throws LightClientError PROOF_NODE_MISSING, BAD_TRIE_NODE
 * @throws CodecError when the value is no para head
 */
export function readParaHead({
  paraId,
  stateRoot,
  proof,
}: ParaHeadProof): (ChainTip & { raw: Uint8Array }) | null {
  const value = readProof(proof, stateRoot, storageKeys.parasHeads(paraId));
  if (value === null) return null;
  const { raw, header } = decodeParaHead(value);
  return { raw, number: header.number, hash: headerHash(raw) };
}

/**
 * Checks, as a worker does, that the last of the para headers is exactly the head in the relay state and that they follow
 * on each other (and on `parent`, which a worker does not check, since the proof covers it).
 * Source: phala-blockchain 40ffcd1be crates/phactory/api/src/storage_sync.rs (sync_parachain_header).
 * @throws LightClientError NO_HEADERS, BROKEN_CHAIN, PARA_HEAD_ABSENT, PARA_HEAD_MISMATCH, PROOF_NODE_MISSING
 */
export function verifyParaHead(
  claim: ParaHeadProof & {
    /** encoded headers, ascending, ending in the para head */
    headers: readonly Uint8Array[];
    /** the para header before them */
    parent?: ChainTip | undefined;
  },
): ChainTip {
  const tip = verifyHeaderChain(claim.headers, claim.parent);
  const key = storageKeys.parasHeads(claim.paraId);
  const value = readProof(claim.proof, claim.stateRoot, key);
  const facts = { paraId: claim.paraId, block: tip.number, hash: toHex(tip.hash) };
  if (value === null) {
    throw new LightClientError(
      LightClientErrorCode.PARA_HEAD_ABSENT,
      'The relay state holds no head of the parachain',
      { facts },
    );
  }
  const last = claim.headers.at(-1);
  if (last === undefined || !bytesEqual(value, encodeParaHead(last))) {
    throw new LightClientError(
      LightClientErrorCode.PARA_HEAD_MISMATCH,
      'The para head in the relay state is another header',
      { facts },
    );
  }
  return tip;
}
