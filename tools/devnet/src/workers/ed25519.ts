import { createPublicKey, verify, type KeyObject } from 'node:crypto';
import { concatBytes } from '../primitives/index.js';

/** ASN.1 head of an ed25519 SubjectPublicKeyInfo; the raw key follows (RFC 8410). */
const SPKI_HEAD = Uint8Array.from([
  0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
]);

/** Twice the largest authority set in use, so that a hand-over does not flush it. */
const MAX_KEYS = 2048;
/** Some dozens of justifications of four-voter sets up to a few of the largest ones. */
const MAX_VERDICTS = 8192;

/**
 * Verifies ed25519 signatures and remembers verdicts: many workers in one process are fed the same
 * justification, and a verdict depends on nothing but its three inputs.
 */
export class SignatureVerifier {
  private readonly keys = new Map<string, KeyObject | undefined>();
  private readonly verdicts = new Map<string, boolean>();

  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
    const id = text(concatBytes(publicKey, signature, message));
    const known = this.verdicts.get(id);
    if (known !== undefined) return known;
    const key = this.keyObject(publicKey);
    const verdict = key !== undefined && verify(null, message, key, signature);
    remember(this.verdicts, id, verdict, MAX_VERDICTS);
    return verdict;
  }

  private keyObject(publicKey: Uint8Array): KeyObject | undefined {
    const id = text(publicKey);
    if (this.keys.has(id)) return this.keys.get(id);
    let key: KeyObject | undefined;
    try {
      const der = Buffer.from(concatBytes(SPKI_HEAD, publicKey));
      key = createPublicKey({ key: der, format: 'der', type: 'spki' });
    } catch {
      key = undefined; // not a point of the curve: no signature by it is valid
    }
    remember(this.keys, id, key, MAX_KEYS);
    return key;
  }
}

function remember<V>(map: Map<string, V>, key: string, value: V, maxItems: number): void {
  map.set(key, value);
  if (map.size <= maxItems) return;
  const oldest = map.keys().next();
  if (oldest.done !== true) map.delete(oldest.value);
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
