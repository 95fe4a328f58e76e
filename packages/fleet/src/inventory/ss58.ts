import { createHash } from 'node:crypto';

import { bytesEqual, toHex, type Hex } from '@runtime-bridge/base';

// The address format of Substrate (paritytech/ss58-registry; base58 of prefix, 32-byte account id and two bytes of
// blake2b-512 over "SS58PRE" and both). Done here in a few lines so that a runner never loads @polkadot/api.

const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
const CHECKSUM_PREFIX = new TextEncoder().encode('SS58PRE');
const ACCOUNT_BYTES = 32;
const CHECKSUM_BYTES = 2;
/** Longest text of 2 + 32 + 2 bytes in base58. */
const MAX_TEXT = 50;

/** The account id of an address of any network, undefined when the text is no such address. */
export function accountOfSs58(text: string): Hex | undefined {
  if (text.length === 0 || text.length > MAX_TEXT) return undefined;
  const bytes = fromBase58(text);
  if (!bytes) return undefined;
  const prefixBytes = bytes.length - ACCOUNT_BYTES - CHECKSUM_BYTES;
  const twoByteForm = ((bytes[0] ?? 0) & 0x40) !== 0;
  if (prefixBytes !== (twoByteForm ? 2 : 1) || bytes[0]! >= 0x80) return undefined;
  const body = bytes.subarray(0, bytes.length - CHECKSUM_BYTES);
  if (!bytesEqual(checksum(body), bytes.subarray(-CHECKSUM_BYTES))) return undefined;
  return toHex(body.subarray(prefixBytes));
}

/** The address of an account id on a network. @param prefix the network's SS58 prefix, 0 to 16383 */
export function ss58OfAccount(account: Uint8Array, prefix: number): string {
  const head =
    prefix < 64
      ? [prefix]
      : [((prefix & 0xfc) >> 2) | 0x40, (prefix >> 8) | ((prefix & 0x03) << 6)];
  const body = new Uint8Array([...head, ...account]);
  return toBase58(new Uint8Array([...body, ...checksum(body)]));
}

function checksum(body: Uint8Array): Uint8Array {
  const digest = createHash('blake2b512').update(CHECKSUM_PREFIX).update(body).digest();
  return digest.subarray(0, CHECKSUM_BYTES);
}

function toBase58(bytes: Uint8Array): string {
  let value = BigInt(toHex(bytes));
  let text = '';
  while (value > 0n) {
    text = ALPHABET[Number(value % 58n)]! + text;
    value /= 58n;
  }
  const zeros = bytes.findIndex((byte) => byte !== 0);
  return '1'.repeat(zeros < 0 ? bytes.length : zeros) + text;
}

function fromBase58(text: string): Uint8Array | undefined {
  let value = 0n;
  for (const letter of text) {
    const digit = ALPHABET.indexOf(letter);
    if (digit < 0) return undefined;
    value = value * 58n + BigInt(digit);
  }
  const hex = value === 0n ? '' : value.toString(16);
  const zeros = /^1*/.exec(text)![0].length;
  const digits = hex.length % 2 === 0 ? hex : `0${hex}`;
  return new Uint8Array([...new Uint8Array(zeros), ...Buffer.from(digits, 'hex')]);
}
