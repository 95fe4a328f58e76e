import { BaseErrorCode, BridgeError, type Hex } from './errors.js';

/** Lower-case hex with `0x` of some bytes. */
export function toHex(bytes: Uint8Array): Hex {
  return `0x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')}`;
}

/**
 * The bytes of a hex text, with or without `0x`.
 * @throws BridgeError BAD_HEX when a character or the length is wrong
 */
export function fromHex(text: string): Uint8Array {
  const digits = text.startsWith('0x') ? text.slice(2) : text;
  // Buffer.from stops silently at the first character that is no hex digit, so the length tells.
  const bytes = Buffer.from(digits, 'hex');
  if (bytes.length * 2 !== digits.length) {
    throw new BridgeError(BaseErrorCode.BAD_HEX, 'Text is not hex of whole bytes', {
      facts: { length: digits.length, start: text.slice(0, 20) },
    });
  }
  return bytes;
}

/** Whether two byte strings are equal. */
export function bytesEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}

/** One byte string out of several. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(parts);
}
