/** Plain byte helpers of the dev network; on purpose not shared with the bridge's packages. */

/** Lower-case hex text with `0x`. */
export type Hex = `0x${string}`;

const HEX_DIGITS = /^(0x)?([0-9a-fA-F]{2})*$/;

/** Bytes as lower-case hex with `0x`. */
export function toHex(bytes: Uint8Array): Hex {
  return `0x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')}`;
}

/**
 * Bytes of hex text, with or without `0x`.
 *
 * @throws RangeError when the text is not an even number of hex digits.
 */
export function fromHex(text: string): Uint8Array {
  if (!HEX_DIGITS.test(text)) {
    throw new RangeError(`not hex: ${text.slice(0, 40)}`);
  }
  const digits = text.startsWith('0x') ? text.slice(2) : text;
  return new Uint8Array(Buffer.from(digits, 'hex'));
}

/** Concatenation in order; always a new array. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const out = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Same length and same bytes. */
export function bytesEqual(a: Uint8Array, b: Uint8Array): boolean {
  return compareBytes(a, b) === 0;
}

/** Lexicographic order, as storage keys are sorted: negative, zero or positive. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  return Buffer.compare(a, b);
}

/** Does `bytes` begin with `prefix`? */
export function startsWith(bytes: Uint8Array, prefix: Uint8Array): boolean {
  return bytes.length >= prefix.length && bytesEqual(bytes.subarray(0, prefix.length), prefix);
}

/** UTF-8 bytes of a text. */
export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
