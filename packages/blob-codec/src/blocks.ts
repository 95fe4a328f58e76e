import { readSpan, type Span } from './combined-headers.js';
import { MIN_HEADER_BYTES, skipHeader } from './header.js';
import { decodeAll, type ScaleReader } from './scale-reader.js';
import { ScaleWriter } from './scale-writer.js';
import { skipStorageChanges } from './storage-changes.js';

/** One para block as a worker gets it: encoded header and encoded storage changes. */
export interface BlockWithChanges {
  header: Uint8Array;
  storageChanges: Uint8Array;
}

/** a header and two empty collections */
const MIN_BLOCK_BYTES = MIN_HEADER_BYTES + 2;

/**
 * A blocks blob: Vec<BlockHeaderWithChanges>, identical to DispatchBlockReq, the body of `/bin_api/dispatch_block`.
 * The storage changes go in as they are.
 */
export function composeBlocks(blocks: readonly BlockWithChanges[]): Uint8Array {
  const writer = new ScaleWriter().compact(blocks.length);
  for (const { header, storageChanges } of blocks) writer.raw(header).raw(storageChanges);
  return writer.finish();
}

/**
 * The first and last block number of a blocks blob; its whole structure is gone through. Undefined for an empty one.
 * @throws CodecError
 */
export function peekBlocks(blob: Uint8Array): Span | undefined {
  return decodeAll(
    blob,
    'blocks blob',
    (reader) => readSpan(reader, 'blocks', MIN_BLOCK_BYTES, (r) => skipBlock(r).number).span,
  );
}

/**
 * Takes a blocks blob apart into views of its blocks.
 * @throws CodecError
 */
export function splitBlocks(blob: Uint8Array): (BlockWithChanges & { number: number })[] {
  return decodeAll(blob, 'blocks blob', (reader) =>
    reader.vec(MIN_BLOCK_BYTES, 'blocks', () => skipBlock(reader)),
  );
}

function skipBlock(reader: ScaleReader): BlockWithChanges & { number: number } {
  const { raw, number } = skipHeader(reader);
  const start = reader.position;
  skipStorageChanges(reader);
  return { header: raw, storageChanges: reader.since(start), number };
}
