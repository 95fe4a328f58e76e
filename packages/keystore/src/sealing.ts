import {
  constants,
  createCipheriv,
  createDecipheriv,
  createPublicKey,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
} from 'node:crypto';
import { bytesEqual, concatBytes } from '@runtime-bridge/base';
import { decodeByteFields } from './byte-fields.js';
import { KeystoreError, KeystoreErrorCode } from './errors.js';
import type { Identity } from './identity.js';
import { operatorFromJson, operatorToJson, type OperatorKey } from './operator-key.js';

/** Begins our seals; an envelope of 2022 begins with the tag of a protobuf field. */
const MAGIC = Buffer.from('RBOP\x01', 'latin1');
const KEY_BYTES = 32;
const IV_BYTES = 12;
const TAG_BYTES = 16;
/** Of RSA-2048. */
const WRAPPED_KEY_BYTES = 256;
const HEAD_BYTES = MAGIC.length + WRAPPED_KEY_BYTES + IV_BYTES + TAG_BYTES;
/** A pair's JSON has some 400 bytes. */
const MAX_SEALED_BYTES = 16 * 1024;

/**
 * Seals an operator key so that only an identity can open it: AES-256-GCM under a random key, which is wrapped by
 * RSA-OAEP with SHA-256. The identity's peer id is bound in.
 */
export function sealOperator(identity: Identity, key: OperatorKey): Uint8Array {
  const contentKey = randomBytes(KEY_BYTES);
  const iv = randomBytes(IV_BYTES);
  const wrapped = publicEncrypt(
    {
      key: createPublicKey(identity.rsaKey),
      padding: constants.RSA_PKCS1_OAEP_PADDING,
      oaepHash: 'sha256',
    },
    contentKey,
  );
  const cipher = createCipheriv('aes-256-gcm', contentKey, iv);
  cipher.setAAD(boundData(identity));
  const sealed = concatBytes([cipher.update(operatorToJson(key)), cipher.final()]);
  return concatBytes([MAGIC, wrapped, iv, cipher.getAuthTag(), sealed]);
}

/**
 * Opens a sealed operator key: our seals, and the envelopes of 2022 (AES-256-CBC under a key wrapped by RSA-OAEP with
 * SHA-1, in a protobuf message of iv, key, payload; runtime-bridge 80fde2c src/lifecycle/local_db).
 * @throws KeystoreError SEALED_FOR_ANOTHER, BAD_SEAL
 */
export function openOperator(identity: Identity, sealed: Uint8Array): OperatorKey {
  if (sealed.length > MAX_SEALED_BYTES) throw badSeal('it is too large');
  const isOurs = bytesEqual(sealed.subarray(0, MAGIC.length), MAGIC);
  return operatorFromJson(isOurs ? openSeal(identity, sealed) : openEnvelope(identity, sealed));
}

function openSeal(identity: Identity, sealed: Uint8Array): Uint8Array {
  if (sealed.length <= HEAD_BYTES) throw badSeal('it is cut short');
  const ivAt = MAGIC.length + WRAPPED_KEY_BYTES;
  const contentKey = unwrap(identity, sealed.subarray(MAGIC.length, ivAt), 'sha256');
  try {
    const iv = sealed.subarray(ivAt, ivAt + IV_BYTES);
    const decipher = createDecipheriv('aes-256-gcm', contentKey, iv, { authTagLength: TAG_BYTES });
    decipher.setAAD(boundData(identity));
    decipher.setAuthTag(sealed.subarray(ivAt + IV_BYTES, HEAD_BYTES));
    return concatBytes([decipher.update(sealed.subarray(HEAD_BYTES)), decipher.final()]);
  } catch {
    throw badSeal('it was changed');
  }
}

function openEnvelope(identity: Identity, sealed: Uint8Array): Uint8Array {
  const fields = decodeByteFields(sealed, 3);
  if (fields === undefined || fields.some((field) => field.length === 0)) {
    throw badSeal('it is no envelope');
  }
  const [iv, key, payload] = fields as [Uint8Array, Uint8Array, Uint8Array];
  const contentKey = unwrap(identity, key, 'sha1');
  try {
    const decipher = createDecipheriv('aes-256-cbc', contentKey, iv);
    return concatBytes([decipher.update(payload), decipher.final()]);
  } catch {
    throw badSeal('it was changed');
  }
}

function unwrap(identity: Identity, wrapped: Uint8Array, oaepHash: 'sha1' | 'sha256'): Uint8Array {
  let key: Uint8Array;
  try {
    key = privateDecrypt(
      { key: identity.rsaKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash },
      wrapped,
    );
  } catch {
    throw new KeystoreError(
      KeystoreErrorCode.SEALED_FOR_ANOTHER,
      `The operator key was sealed for another identity than ${identity.peerId}, or was changed`,
      { facts: { peer: identity.peerId } },
    );
  }
  if (key.length !== KEY_BYTES) throw badSeal('its key has a wrong length');
  return key;
}

function boundData(identity: Identity): Uint8Array {
  return concatBytes([MAGIC, Buffer.from(identity.peerId, 'utf8')]);
}

function badSeal(reason: string): KeystoreError {
  return new KeystoreError(KeystoreErrorCode.BAD_SEAL, `Not a sealed operator key: ${reason}`);
}
