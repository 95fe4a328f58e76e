import { readHeaderList } from './header.js';
import { decodeAll } from './scale-reader.js';
import { expectLength, ScaleWriter } from './scale-writer.js';

/** One voter's signed precommit. */
export interface Precommit {
  /** 32 bytes */
  targetHash: Uint8Array;
  targetNumber: number;
  /** ed25519, 64 bytes */
  signature: Uint8Array;
  /** ed25519 public key, 32 bytes */
  authorityId: Uint8Array;
}

/** A GRANDPA proof of finality for one relay header (engine `FRNK`). */
export interface Justification {
  round: bigint;
  /** hash of the header that is proved final, 32 bytes */
  targetHash: Uint8Array;
  targetNumber: number;
  precommits: Precommit[];
  /** encoded headers that link precommits for later blocks to the target */
  votesAncestries: Uint8Array[];
}

/** The answer of `grandpa_proveFinality`. */
export interface FinalityProof {
  /** hash of the header that the justification proves, 32 bytes */
  block: Uint8Array;
  /** encoded {@link Justification} */
  justification: Uint8Array;
  /** encoded headers, ascending, between the block asked for and `block` */
  unknownHeaders: Uint8Array[];
}

const PRECOMMIT_BYTES = 32 + 4 + 64 + 32;

/**
 * Decodes a justification that fills `bytes`. Structure only; whether it proves anything is the light client's matter.
 * Source: phala-blockchain 40ffcd1be crates/phactory/src/light_validation/justification.rs.
 * @throws CodecError
 */
export function decodeJustification(bytes: Uint8Array): Justification {
  return decodeAll(bytes, 'justification', (reader) => ({
    round: reader.u64('round'),
    targetHash: reader.take(32, 'targetHash'),
    targetNumber: reader.u32('targetNumber'),
    precommits: reader.vec(PRECOMMIT_BYTES, 'precommits', () => ({
      targetHash: reader.take(32, 'precommit.targetHash'),
      targetNumber: reader.u32('precommit.targetNumber'),
      signature: reader.take(64, 'precommit.signature'),
      authorityId: reader.take(32, 'precommit.authorityId'),
    })),
    votesAncestries: readHeaderList(reader, 'votesAncestries'),
  }));
}

/** The reverse of {@link decodeJustification}. */
export function encodeJustification(justification: Justification): Uint8Array {
  const writer = new ScaleWriter()
    .u64(justification.round)
    .raw(expectLength(justification.targetHash, 32, 'targetHash'))
    .u32(justification.targetNumber)
    .compact(justification.precommits.length);
  for (const precommit of justification.precommits) {
    writer
      .raw(expectLength(precommit.targetHash, 32, 'precommit.targetHash'))
      .u32(precommit.targetNumber)
      .raw(expectLength(precommit.signature, 64, 'precommit.signature'))
      .raw(expectLength(precommit.authorityId, 32, 'precommit.authorityId'));
  }
  return writer.items(justification.votesAncestries).finish();
}

/** The block that an encoded justification proves, without decoding the votes. */
export function justificationTarget(bytes: Uint8Array): { hash: Uint8Array; number: number } {
  return decodeAll(bytes.subarray(0, 8 + 32 + 4), 'justification', (reader) => {
    reader.u64('round');
    return { hash: reader.take(32, 'targetHash'), number: reader.u32('targetNumber') };
  });
}

/**
 * Decodes the bytes that `grandpa_proveFinality` answers.
 * Source: phala-blockchain 654b1b699 standalone/pherry/src/lib.rs.
 * @throws CodecError
 */
export function decodeFinalityProof(bytes: Uint8Array): FinalityProof {
  return decodeAll(bytes, 'finality proof', (reader) => ({
    block: reader.take(32, 'block'),
    justification: reader.bytes('justification'),
    unknownHeaders: readHeaderList(reader, 'unknownHeaders'),
  }));
}

/** The reverse of {@link decodeFinalityProof}. */
export function encodeFinalityProof(proof: FinalityProof): Uint8Array {
  return new ScaleWriter()
    .raw(expectLength(proof.block, 32, 'block'))
    .bytes(proof.justification)
    .items(proof.unknownHeaders)
    .finish();
}

/** What a voter signs: the precommit message, bound to round and set. 53 bytes. */
export function precommitPayload(
  targetHash: Uint8Array,
  targetNumber: number,
  round: bigint,
  setId: bigint,
): Uint8Array {
  return new ScaleWriter()
    .u8(1) // Message::Precommit
    .raw(expectLength(targetHash, 32, 'targetHash'))
    .u32(targetNumber)
    .u64(round)
    .u64(setId)
    .finish();
}
