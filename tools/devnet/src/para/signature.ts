import { createPublicKey, verify } from 'node:crypto';

import { sr25519Verify, waitReady } from '@polkadot/wasm-crypto';

/** Call once and await before {@link verifySr25519}: the WebAssembly module loads by itself. */
export async function loadSignatures(): Promise<void> {
  await waitReady();
}

/** sr25519 in the context `substrate`; false for keys and signatures that are no such thing. */
export function verifySr25519(
  message: Uint8Array,
  signature: Uint8Array,
  publicKey: Uint8Array,
): boolean {
  if (signature.length !== 64 || publicKey.length !== 32) return false;
  try {
    return sr25519Verify(signature, message, publicKey);
  } catch {
    return false;
  }
}

/** SubjectPublicKeyInfo of an ed25519 key, up to the key's 32 bytes. */
const ED25519_SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

/** ed25519 (RFC 8032). */
export function verifyEd25519(
  message: Uint8Array,
  signature: Uint8Array,
  publicKey: Uint8Array,
): boolean {
  const key = createPublicKey({
    key: Buffer.concat([ED25519_SPKI_PREFIX, publicKey]),
    format: 'der',
    type: 'spki',
  });
  return verify(null, message, key, signature);
}
