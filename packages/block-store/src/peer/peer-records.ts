import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { BridgeError, messageOf, toHex } from '@runtime-bridge/base';
import {
  decodeAuthoritySetChange,
  decodeHeader,
  decodeStorageProof,
  encodeHeader,
  storageKeys,
} from '@runtime-bridge/blob-codec';
import { ChainClientError, ChainClientErrorCode } from '@runtime-bridge/chain-client';

/*
 * Reads the records that a data provider serves under `para:N:pb` and `parent:N:pb`, ours or one of 2022. Nothing in them is
 * believed: each part goes through the same checks as a node's answer.
 * Source: runtime-bridge-walkie 0e488c7 src/proto/db.proto.
 */

/** A block as a peer tells of it. */
export interface PeerBlock {
  number: number;
  header: Uint8Array;
  /** By the number of its field. */
  fields: ReadonlyMap<number, Uint8Array>;
  /** Bytes of the whole record. */
  bytes: number;
}

/** Numbers of the fields of prb.db.ParaBlock and prb.db.ParentBlock that are used. */
export const Field = {
  HEADER: 3,
  PARA_DISPATCH_DATA: 5,
  PARENT_SYNC_HEADER: 6,
  PARENT_SET_CHANGE: 7,
  PARENT_PARA_PROOF: 9,
} as const;

/** @throws ChainClientError BAD_RESPONSE naming the key */
export function readPeerBlock(bytes: Uint8Array, about: { url: string; key: string }): PeerBlock {
  return readable(about, () => {
    const reader = new BinaryReader(bytes);
    const fields = new Map<number, Uint8Array>();
    let number = 0;
    while (reader.pos < reader.len) {
      const [field, type] = reader.tag();
      if (type === WireType.LengthDelimited) fields.set(field, reader.bytes());
      else if (field === 1 && type === WireType.Varint) number = reader.uint32();
      else reader.skip(type, field);
    }
    const header = fields.get(Field.HEADER);
    if (!header) throw new BridgeError('MISSING', 'it has no header');
    return { number, header, fields, bytes: bytes.length };
  });
}

/** The JSON form that a node gives a header. */
export function headerJson(raw: Uint8Array): Record<string, unknown> {
  const header = decodeHeader(raw);
  const bare = encodeHeader({ ...header, logs: [] }).length;
  return {
    parentHash: toHex(header.parentHash),
    number: `0x${header.number.toString(16)}`,
    stateRoot: toHex(header.stateRoot),
    extrinsicsRoot: toHex(header.extrinsicsRoot),
    digest: {
      // The count is one byte, for none and for one.
      logs: header.logs.map((log) =>
        toHex(encodeHeader({ ...header, logs: [log] }).subarray(bare)),
      ),
    },
  };
}

/** Turns what goes wrong while reading into an answer of the wrong form. */
export function readable<T>(about: { url: string; key: string }, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new ChainClientError(
      ChainClientErrorCode.BAD_RESPONSE,
      `The peer ${about.url} gave something wrong for ${about.key}: ${messageOf(error)}`,
      { facts: { endpoint: about.url, method: about.key, field: 'record' }, cause: error },
    );
  }
}

/** Of the two proofs in a relay block's record the one that was asked for: that of the next authorities, or of the para head. */
export function proofOf(block: PeerBlock, keys: readonly string[]): Uint8Array[] {
  const authorityKeys = [storageKeys.grandpaAuthoritiesOld, storageKeys.grandpaAuthorities].map(
    toHex,
  );
  if (!keys.some((key) => authorityKeys.includes(key as never))) {
    const proof = block.fields.get(Field.PARENT_PARA_PROOF);
    return proof && proof.length > 0 ? decodeStorageProof(proof) : [];
  }
  const change = block.fields.get(Field.PARENT_SET_CHANGE);
  return change?.[0] === 1 ? decodeAuthoritySetChange(change.subarray(1)).proof : [];
}
