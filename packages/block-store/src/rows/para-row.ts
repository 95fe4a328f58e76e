import { concatBytes } from '@runtime-bridge/base';
import { ScaleReader, skipHeader } from '@runtime-bridge/blob-codec';

/** A para row taken apart; both parts are views of the row. */
export interface ParaRow {
  header: Uint8Array;
  /** SCALE StorageChanges as the node gave them. */
  storageChanges: Uint8Array;
}

/** A para row: the bytes of a BlockHeaderWithChanges, so that rows go into a blob as they are. */
export function encodeParaRow(row: ParaRow): Uint8Array {
  return concatBytes([row.header, row.storageChanges]);
}

/**
 * The reverse of {@link encodeParaRow}; does not look into the storage changes.
 * @throws CodecError
 */
export function splitParaRow(bytes: Uint8Array): ParaRow {
  const header = paraRowHeader(bytes);
  return { header, storageChanges: bytes.subarray(header.length) };
}

/** The header of a para row. */
export function paraRowHeader(bytes: Uint8Array): Uint8Array {
  return skipHeader(new ScaleReader(bytes, 'para row')).raw;
}
