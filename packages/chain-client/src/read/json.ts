import { fromHex } from '@runtime-bridge/base';
import { ChainClientError, ChainClientErrorCode } from '../errors.js';

/** Which answer is being read, for errors. */
export interface AnswerOf {
  url: string;
  method: string;
}

/** The BAD_RESPONSE error of a field of an answer. */
export function badResponse(of: AnswerOf, field: string, cause?: unknown): ChainClientError {
  return new ChainClientError(
    ChainClientErrorCode.BAD_RESPONSE,
    `The answer to ${of.method} of ${of.url} is not of the known form: ${field}`,
    { facts: { endpoint: of.url, method: of.method, field }, cause },
  );
}

/** A JSON object. */
export function asObject(value: unknown, of: AnswerOf, field: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw badResponse(of, field);
}

/** A JSON array. */
export function asArray(value: unknown, of: AnswerOf, field: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw badResponse(of, field);
}

/**
 * Bytes, which nodes write as hex text or as an array of numbers.
 * @param length how many there must be, when that is known
 */
export function asBytes(value: unknown, of: AnswerOf, field: string, length?: number): Uint8Array {
  const bytes = toBytes(value, of, field);
  if (length !== undefined && bytes.length !== length) throw badResponse(of, field);
  return bytes;
}

/** A u32, which nodes write as a number or as hex text (of a number, so without leading zeros). */
export function asHeight(value: unknown, of: AnswerOf, field: string): number {
  const height =
    typeof value === 'string' && /^0x[0-9a-f]{1,16}$/i.test(value) ? Number(value) : value;
  if (typeof height === 'number' && Number.isInteger(height) && height >= 0 && height < 2 ** 32) {
    return height;
  }
  throw badResponse(of, field);
}

function toBytes(value: unknown, of: AnswerOf, field: string): Uint8Array {
  if (typeof value === 'string' && value.startsWith('0x')) {
    try {
      return fromHex(value);
    } catch (error) {
      throw badResponse(of, field, error);
    }
  }
  if (
    Array.isArray(value) &&
    value.every((byte) => Number.isInteger(byte) && byte >= 0 && byte < 256)
  ) {
    return Uint8Array.from(value as number[]);
  }
  throw badResponse(of, field);
}
