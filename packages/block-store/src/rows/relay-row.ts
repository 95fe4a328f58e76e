import { decodeAll, ScaleWriter, skipHeader, type ScaleReader } from '@runtime-bridge/blob-codec';

/** What the end of a range adds to its relay header. Every part is encoded already. */
export interface RangeProof {
  /** Justification bytes. */
  justification: Uint8Array;
  /** The set that signed it. */
  setId: bigint;
  /** The para head in this header's state, and its StorageProof; undefined while the parachain has none. */
  paraHead: { number: number; proof: Uint8Array } | undefined;
  /** AuthoritySetChange without Option byte, where this header changes the set. */
  authoritySetChange: Uint8Array | undefined;
}

/** A relay row taken apart; all parts are views of the row. */
export interface RelayRow {
  header: Uint8Array;
  /** Only at the end of a range. */
  range: RangeProof | undefined;
}

/**
 * A relay row. It begins with the bytes of a HeaderToSync, so that those of the headers inside a range go into a blob
 * as they are; at the end of a range follow set id, Option of para head number and
 * proof, Option of the set change; proof and change as byte strings.
 */
export function encodeRelayRow(row: RelayRow): Uint8Array {
  const writer = new ScaleWriter().raw(row.header);
  if (!row.range) return writer.u8(0).finish();
  const { justification, setId, paraHead, authoritySetChange } = row.range;
  writer.u8(1).bytes(justification).u64(setId);
  writer.u8(paraHead ? 1 : 0);
  if (paraHead) writer.u32(paraHead.number).bytes(paraHead.proof);
  writer.u8(authoritySetChange ? 1 : 0);
  if (authoritySetChange) writer.bytes(authoritySetChange);
  return writer.finish();
}

/**
 * The reverse of {@link encodeRelayRow}.
 * @throws CodecError
 */
export function decodeRelayRow(bytes: Uint8Array): RelayRow {
  return decodeAll(bytes, 'relay row', (reader) => {
    const header = skipHeader(reader).raw;
    const range = reader.option('range', () => readRangeProof(reader));
    return { header, range };
  });
}

function readRangeProof(reader: ScaleReader): RangeProof {
  const justification = reader.bytes('justification');
  const setId = reader.u64('setId');
  const paraHead = reader.option('paraHead', () => ({
    number: reader.u32('paraHead.number'),
    proof: reader.bytes('paraHead.proof'),
  }));
  const authoritySetChange = reader.option('authoritySetChange', () =>
    reader.bytes('authoritySetChange'),
  );
  return { justification, setId, paraHead, authoritySetChange };
}
