import { createCipheriv, createDecipheriv, randomBytes, scrypt } from 'node:crypto';
import { bytesEqual, concatBytes } from '@runtime-bridge/base';
import { KeystoreError, KeystoreErrorCode } from './errors.js';

/** Begins a protected file; a plain one begins with the tag of a protobuf field. */
const MAGIC = Buffer.from('RBID\x01', 'latin1');
const SALT_BYTES = 16;
const IV_BYTES = 12;
const TAG_BYTES = 16;
/** 64 MiB and some 200 ms per guess; the passphrase is asked once per start. */
const SCRYPT = { N: 2 ** 16, r: 8, p: 1, maxmem: 128 * 1024 * 1024 };

/** Whether the bytes of a file are protected by a passphrase. */
export function isProtected(bytes: Uint8Array): boolean {
  return bytesEqual(bytes.subarray(0, MAGIC.length), MAGIC);
}

/** Protects bytes: AES-256-GCM under a key that scrypt makes of the passphrase. */
export async function protect(bytes: Uint8Array, passphrase: string): Promise<Uint8Array> {
  const salt = randomBytes(SALT_BYTES);
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv('aes-256-gcm', await deriveKey(passphrase, salt), iv);
  cipher.setAAD(MAGIC);
  const sealed = concatBytes([cipher.update(bytes), cipher.final()]);
  return concatBytes([MAGIC, salt, iv, cipher.getAuthTag(), sealed]);
}

/** @throws KeystoreError PASSPHRASE_WRONG, also when the file was changed or cut */
export async function unprotect(bytes: Uint8Array, passphrase: string): Promise<Uint8Array> {
  const take = (from: number, length: number) => bytes.subarray(from, from + length);
  const salt = take(MAGIC.length, SALT_BYTES);
  const iv = take(MAGIC.length + SALT_BYTES, IV_BYTES);
  const tag = take(MAGIC.length + SALT_BYTES + IV_BYTES, TAG_BYTES);
  try {
    const decipher = createDecipheriv('aes-256-gcm', await deriveKey(passphrase, salt), iv, {
      authTagLength: TAG_BYTES,
    });
    decipher.setAAD(MAGIC);
    decipher.setAuthTag(tag);
    const sealed = bytes.subarray(MAGIC.length + SALT_BYTES + IV_BYTES + TAG_BYTES);
    return concatBytes([decipher.update(sealed), decipher.final()]);
  } catch {
    throw new KeystoreError(
      KeystoreErrorCode.PASSPHRASE_WRONG,
      'The passphrase does not open the identity file, or the file was changed',
    );
  }
}

function deriveKey(passphrase: string, salt: Uint8Array): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(passphrase.normalize('NFKC'), salt, 32, SCRYPT, (error, key) =>
      error === null ? resolve(key) : reject(error),
    );
  });
}
