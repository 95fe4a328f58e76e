import { createPublicKey, verify } from 'node:crypto';
import { concatBytes, fromHex } from '../primitives/bytes.js';

const SPKI_PREFIX = fromHex('302a300506032b6570032100');

/** Is this an ed25519 signature of the key's owner? */
export function verifyEd25519(id: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const der = Buffer.from(concatBytes(SPKI_PREFIX, id));
  return verify(
    null,
    message,
    createPublicKey({ key: der, format: 'der', type: 'spki' }),
    signature,
  );
}
