import { bytesEqual, toHex } from '@runtime-bridge/base';
import { headerHash, ScaleWriter } from '@runtime-bridge/blob-codec';
import { ChainClientError, ChainClientErrorCode } from '../errors.js';
import { asArray, asBytes, asHeight, asObject, type AnswerOf } from './json.js';

/** A header as the chain hashes it. */
export interface RawHeader {
  /** SCALE bytes */
  raw: Uint8Array;
  /** BLAKE2-256 of `raw` */
  hash: Uint8Array;
  number: number;
}

/**
 * Turns the JSON form of a header into its SCALE bytes. Logs come as hex of their SCALE bytes and stay that.
 * @throws ChainClientError BAD_RESPONSE
 */
export function headerFromJson(value: unknown, of: AnswerOf): RawHeader {
  const json = asObject(value, of, 'header');
  const number = asHeight(json['number'], of, 'header.number');
  const logs = asArray(asObject(json['digest'], of, 'header.digest')['logs'], of, 'header.logs');
  const writer = new ScaleWriter()
    .raw(asBytes(json['parentHash'], of, 'header.parentHash', 32))
    .compact(number)
    .raw(asBytes(json['stateRoot'], of, 'header.stateRoot', 32))
    .raw(asBytes(json['extrinsicsRoot'], of, 'header.extrinsicsRoot', 32))
    .compact(logs.length);
  for (const log of logs) writer.raw(asBytes(log, of, 'header.logs'));
  const raw = writer.finish();
  return { raw, hash: headerHash(raw), number };
}

/**
 * Makes sure that a header is the one that was asked for.
 * @throws ChainClientError HEADER_HASH_MISMATCH
 */
export function expectHeaderHash(header: RawHeader, expected: Uint8Array, of: AnswerOf): RawHeader {
  if (bytesEqual(header.hash, expected)) return header;
  throw new ChainClientError(
    ChainClientErrorCode.HEADER_HASH_MISMATCH,
    `Header ${header.number} of ${of.url} does not have the hash that it was asked by`,
    {
      facts: {
        endpoint: of.url,
        method: of.method,
        number: header.number,
        expected: toHex(expected),
        actual: toHex(header.hash),
      },
    },
  );
}
