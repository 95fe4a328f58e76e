import { decodeAll, ScaleWriter } from '@runtime-bridge/blob-codec';

/** What is known of the end of a range without its relay row. */
export interface RangeEnd {
  /** Height of the justified relay header. */
  height: number;
  /** The set that signed it. */
  setId: bigint;
  /** Whether the header changes the set: a window ends here. */
  changesSet: boolean;
  /** The para head there; -1 while the parachain has none. */
  paraNumber: number;
}

/** The row of a range end, without its height, which is in the key. */
export function encodeRangeEnd(end: RangeEnd): Uint8Array {
  return new ScaleWriter()
    .u64(end.setId)
    .u8(end.changesSet ? 1 : 0)
    .u32(end.paraNumber + 1)
    .finish();
}

/**
 * The reverse of {@link encodeRangeEnd}.
 * @throws CodecError
 */
export function decodeRangeEnd(height: number, bytes: Uint8Array): RangeEnd {
  return decodeAll(bytes, 'range end row', (reader) => ({
    height,
    setId: reader.u64('setId'),
    changesSet: reader.bool('changesSet'),
    paraNumber: reader.u32('paraNumber') - 1,
  }));
}
