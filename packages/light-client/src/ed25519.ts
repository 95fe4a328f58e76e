import { createPublicKey, type KeyObject, verify } from 'node:crypto';

/** Checks ed25519 signatures; the light client takes it as a function so that others can be put in. */
export interface SignatureVerifier {
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
  /** The same off the event loop's thread, so that many run in parallel. */
  verifyAsync(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<boolean>;
}

/** SubjectPublicKeyInfo of an ed25519 key up to the key itself (RFC 8410). */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

/** Enough for the sets of two sessions of the largest relay chain (1,000 voters each). */
const DEFAULT_MAX_KEYS = 4096;

/**
 * Signature checks by node:crypto. Making a key object costs as much as several checks, and the same voters sign for a
 * whole session, so the objects are kept, the oldest giving way.
 */
export class NodeEd25519 implements SignatureVerifier {
  readonly #maxKeys: number;
  readonly #keys = new Map<string, KeyObject>();

  constructor({ maxKeys = DEFAULT_MAX_KEYS }: { maxKeys?: number } = {}) {
    this.#maxKeys = maxKeys;
  }

  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
    return verify(null, message, this.#key(publicKey), signature);
  }

  verifyAsync(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<boolean> {
    return new Promise((resolve, reject) => {
      verify(null, message, this.#key(publicKey), signature, (error, valid) => {
        if (error) reject(error);
        else resolve(valid);
      });
    });
  }

  #key(publicKey: Uint8Array): KeyObject {
    const name = Buffer.from(publicKey).toString('latin1');
    const known = this.#keys.get(name);
    if (known !== undefined) return known;
    const key = createPublicKey({
      key: Buffer.concat([SPKI_PREFIX, publicKey]),
      format: 'der',
      type: 'spki',
    });
    if (this.#keys.size >= this.#maxKeys) {
      const oldest = this.#keys.keys().next();
      if (!oldest.done) this.#keys.delete(oldest.value);
    }
    this.#keys.set(name, key);
    return key;
  }
}
