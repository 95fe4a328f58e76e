import { bytesEqual, toHex } from '@runtime-bridge/base';
import { headerHash, headerNumber, headerParentHash } from '@runtime-bridge/blob-codec';
import { LightClientError, LightClientErrorCode } from './errors.js';

/** A header that the chain goes on from, or ends in. */
export interface ChainTip {
  number: number;
  /** 32 bytes */
  hash: Uint8Array;
}

/**
 * Checks that encoded headers follow on each other, and on `parent` where that is given, by number and parent hash.
 * @returns the last header's number and hash
 * @throws LightClientError NO_HEADERS, BROKEN_CHAIN
 * @throws CodecError when one of them is no header
 */
export function verifyHeaderChain(
  headers: readonly Uint8Array[],
  parent?: Uint8Array | ChainTip,
): ChainTip {
  let hash = parent instanceof Uint8Array ? parent : parent?.hash;
  let number = parent instanceof Uint8Array ? undefined : parent?.number;
  for (const raw of headers) {
    const next = headerNumber(raw);
    if (number !== undefined && next !== number + 1) {
      throw brokenChain(next, 'A header does not follow on the one before it', {
        expected: number + 1,
      });
    }
    const parentHash = headerParentHash(raw);
    if (hash !== undefined && !bytesEqual(parentHash, hash)) {
      throw brokenChain(next, "A header's parent is not the header before it", {
        parentHash: toHex(parentHash),
        expected: toHex(hash),
      });
    }
    hash = headerHash(raw);
    number = next;
  }
  if (hash === undefined || number === undefined || headers.length === 0) {
    throw new LightClientError(LightClientErrorCode.NO_HEADERS, 'There are no headers to check');
  }
  return { number, hash };
}

/**
 * Checks that an encoded header has the hash that it was asked for.
 * @throws LightClientError HASH_MISMATCH
 */
export function verifyHeaderHash(raw: Uint8Array, hash: Uint8Array): void {
  const actual = headerHash(raw);
  if (!bytesEqual(actual, hash)) {
    throw new LightClientError(
      LightClientErrorCode.HASH_MISMATCH,
      'A header has another hash than it was asked for by',
      { facts: { hash: toHex(actual), expected: toHex(hash) } },
    );
  }
}

function brokenChain(
  block: number,
  message: string,
  facts: Record<string, string | number>,
): LightClientError {
  return new LightClientError(LightClientErrorCode.BROKEN_CHAIN, message, {
    facts: { block, ...facts },
  });
}
