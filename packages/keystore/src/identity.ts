import { createPrivateKey, type KeyObject } from 'node:crypto';
import { inspect } from 'node:util';
import {
  generateKeyPair,
  privateKeyFromProtobuf,
  privateKeyToProtobuf,
  publicKeyToProtobuf,
} from '@libp2p/crypto/keys';
import type { PrivateKey, RSAPrivateKey } from '@libp2p/interface';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import { decodeByteFields, encodeByteFields } from './byte-fields.js';
import { KeystoreError, KeystoreErrorCode } from './errors.js';

/** Size of the keys of 2022, which its nodes expect. */
const RSA_BITS = 2048;

/**
 * Who a service is: the RSA key of its libp2p node, which also opens the operator keys sealed for it. Prints and
 * serializes as its peer id only.
 */
export class Identity {
  /** Base58, `Qm…`. */
  readonly peerId: string;
  readonly #privateKey: RSAPrivateKey;
  readonly #rsaKey: KeyObject;

  /** @throws KeystoreError BAD_IDENTITY when the key is no RSA key */
  constructor(privateKey: PrivateKey) {
    if (privateKey.type !== 'RSA') throw badIdentity(`its key is ${privateKey.type}, not RSA`);
    this.peerId = peerIdFromPrivateKey(privateKey).toString();
    this.#privateKey = privateKey;
    this.#rsaKey = createPrivateKey({
      key: Buffer.from(privateKey.raw),
      format: 'der',
      type: 'pkcs1',
    });
  }

  /** A new one, held in memory only. */
  static async generate(): Promise<Identity> {
    return new Identity(await generateKeyPair('RSA', RSA_BITS));
  }

  /**
   * From the bytes of an identity file: a libp2p `PeerId` message of id, public key, private key.
   * @throws KeystoreError BAD_IDENTITY
   */
  static fromBytes(bytes: Uint8Array): Identity {
    const fields = decodeByteFields(bytes, 3);
    if (fields === undefined) throw badIdentity('it is no libp2p PeerId message');
    const privateKey = fields[2]!;
    if (privateKey.length === 0) throw badIdentity('it has no private key');
    let key: PrivateKey;
    try {
      key = privateKeyFromProtobuf(privateKey);
    } catch {
      // The decoder's error may quote the bytes.
      throw badIdentity('its private key cannot be decoded');
    }
    return new Identity(key);
  }

  /** The bytes of an identity file, as 2022 writes them. */
  toBytes(): Uint8Array {
    const peerId = peerIdFromPrivateKey(this.#privateKey);
    return encodeByteFields([
      peerId.toMultihash().bytes,
      publicKeyToProtobuf(this.#privateKey.publicKey),
      privateKeyToProtobuf(this.#privateKey),
    ]);
  }

  /** For libp2p. */
  get privateKey(): PrivateKey {
    return this.#privateKey;
  }

  /** The same key for node:crypto. */
  get rsaKey(): KeyObject {
    return this.#rsaKey;
  }

  toJSON(): { peerId: string } {
    return { peerId: this.peerId };
  }

  [inspect.custom](): string {
    return `Identity(${this.peerId})`;
  }
}

function badIdentity(reason: string): KeystoreError {
  return new KeystoreError(KeystoreErrorCode.BAD_IDENTITY, `Not an identity: ${reason}`);
}
