import { BridgeError } from '@runtime-bridge/base';

/** Codes of the errors of this package. None of them ever carries key material, a mnemonic or a passphrase. */
export const KeystoreErrorCode = {
  /** The identity file cannot be read or written. */
  IDENTITY_IO: 'IDENTITY_IO',
  /** The file is there but is no RSA identity. */
  BAD_IDENTITY: 'BAD_IDENTITY',
  /** The identity file is protected and no passphrase was given. */
  PASSPHRASE_NEEDED: 'PASSPHRASE_NEEDED',
  /** The passphrase does not open the identity file. */
  PASSPHRASE_WRONG: 'PASSPHRASE_WRONG',
  /** The text is no mnemonic with optional derivation path. */
  BAD_MNEMONIC: 'BAD_MNEMONIC',
  /** The bytes are no sealed operator key, or were changed. */
  BAD_SEAL: 'BAD_SEAL',
  /** The operator key was sealed for another identity. */
  SEALED_FOR_ANOTHER: 'SEALED_FOR_ANOTHER',
} as const;
export type KeystoreErrorCode = (typeof KeystoreErrorCode)[keyof typeof KeystoreErrorCode];

/** An error about identities or operator keys. */
export class KeystoreError extends BridgeError<KeystoreErrorCode> {
  override readonly name: string = 'KeystoreError';
}
