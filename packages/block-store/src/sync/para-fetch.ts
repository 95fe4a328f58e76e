import { bytesEqual } from '@runtime-bridge/base';
import { headerNumber, headerParentHash } from '@runtime-bridge/blob-codec';
import type { ParaReader } from '@runtime-bridge/chain-client';
import { Check, refused } from '../errors.js';
import { inOrder, span } from './ordered.js';

/** A para header that the relay chain's state proves. */
export interface ProvenHead {
  number: number;
  hash: Uint8Array;
  /** encoded */
  raw: Uint8Array;
}

/** A para header that is linked to a proven one. */
export interface LinkedHeader {
  hash: Uint8Array;
  /** encoded */
  raw: Uint8Array;
}

/** Up to this many headers are walked from child to parent, which needs no canonical chain on the node's side. */
const WALK_BLOCKS = 8;

/** Hashes asked for in one call. */
const HASHES_PER_CALL = 256;

/** Bytes of headers under way. */
const MAX_BYTES_AHEAD = 4 * 1024 * 1024;

/**
 * Para headers from a height up to a proven head, each linked to the next by its hash, and to what is stored.
 * @param from the last para header stored
 * @throws BlockStoreError BLOCK_REFUSED
 */
export async function fetchLinkedHeaders(
  reader: ParaReader,
  from: { number: number; hash: Uint8Array },
  head: ProvenHead,
  parallelBlocks: number,
  signal: AbortSignal,
): Promise<LinkedHeader[]> {
  const headers =
    head.number - from.number <= WALK_BLOCKS
      ? await walkBack(reader, from.number, head, signal)
      : await readForward(reader, from.number, head, parallelBlocks, signal);
  expectLinked(headers, from, reader.url);
  return headers;
}

async function walkBack(
  reader: ParaReader,
  after: number,
  head: ProvenHead,
  signal: AbortSignal,
): Promise<LinkedHeader[]> {
  const headers: LinkedHeader[] = [{ hash: head.hash, raw: head.raw }];
  for (let number = head.number - 1; number > after; number -= 1) {
    const { hash, raw } = await reader.header(headerParentHash(headers[0]!.raw), { signal });
    headers.unshift({ hash, raw });
  }
  return headers;
}

async function readForward(
  reader: ParaReader,
  after: number,
  head: ProvenHead,
  parallelBlocks: number,
  signal: AbortSignal,
): Promise<LinkedHeader[]> {
  const headers: LinkedHeader[] = [];
  for (let first = after + 1; first < head.number; first += HASHES_PER_CALL) {
    const heights = [...span(first, Math.min(head.number - 1, first + HASHES_PER_CALL - 1))];
    const hashes = await reader.blockHashes(heights, { signal });
    const source = inOrder(
      heights,
      (height, workSignal) => reader.header(hashes[height - first]!, { signal: workSignal }),
      {
        maxAhead: parallelBlocks,
        maxBytesAhead: MAX_BYTES_AHEAD,
        sizeOf: (header) => header.raw.length,
      },
      signal,
    );
    for await (const { result } of source) headers.push({ hash: result.hash, raw: result.raw });
  }
  headers.push({ hash: head.hash, raw: head.raw });
  return headers;
}

/** Links are looked at from the proven end down, so that the block named is the one that does not belong. */
function expectLinked(
  headers: readonly LinkedHeader[],
  from: { number: number; hash: Uint8Array },
  endpoint: string,
): void {
  for (let index = headers.length - 1; index >= 0; index -= 1) {
    const { raw } = headers[index]!;
    const block = from.number + 1 + index;
    const number = headerNumber(raw);
    if (number !== block) {
      throw refused(
        { chain: 'para', block, check: Check.NUMBER, endpoint },
        `its number is ${number}`,
      );
    }
    const parent = index === 0 ? from : { number: block - 1, hash: headers[index - 1]!.hash };
    if (bytesEqual(headerParentHash(raw), parent.hash)) continue;
    const isStoredParent = index === 0;
    throw refused(
      {
        chain: 'para',
        block: isStoredParent ? block : parent.number,
        check: isStoredParent ? Check.PARENT_LINK : Check.PARA_FINALITY,
        endpoint,
      },
      isStoredParent
        ? 'its parent is not the block stored before it'
        : 'it is not an ancestor of the head that the relay chain holds',
    );
  }
}
