import { inspect } from 'node:util';
import { Keyring } from '@polkadot/keyring';
import type { KeyringPair, KeyringPair$Json } from '@polkadot/keyring/types';
import { cryptoWaitReady, encodeAddress, mnemonicValidate } from '@polkadot/util-crypto';
import { KeystoreError, KeystoreErrorCode } from './errors.js';

// sr25519 of @polkadot/util-crypto is WebAssembly and has to be there before the first key.
await cryptoWaitReady();

/** The key that signs for a pool. Prints and serializes as its public address only. */
export class OperatorKey {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  readonly #pair: KeyringPair;

  constructor(pair: KeyringPair) {
    this.#pair = pair;
    this.publicKey = pair.publicKey;
  }

  /** Its address in the form of a network: 30 is Phala's, 0 Polkadot's. */
  ss58(prefix: number): string {
    return encodeAddress(this.publicKey, prefix);
  }

  /** The unlocked pair, for signing. */
  get pair(): KeyringPair {
    return this.#pair;
  }

  toJSON(): { address: string } {
    return { address: this.ss58(PHALA_PREFIX) };
  }

  [inspect.custom](): string {
    return `OperatorKey(${this.ss58(PHALA_PREFIX)})`;
  }
}

const PHALA_PREFIX = 30;
const SEED = /^0x[0-9a-f]{64}$/i;
const DERIVATION = /^([^/]*)((?:\/\/?[^/]+)*)$/;

/**
 * The sr25519 key of a mnemonic, which may be followed by a derivation path (`word word …//stash`); a path alone
 * (`//Alice`) derives from the well-known phrase of development chains. In place of the words a seed of 32 bytes may
 * stand, in hex with 0x.
 * @throws KeystoreError BAD_MNEMONIC, which never repeats the text
 */
export function operatorFromMnemonic(text: string): OperatorKey {
  const [, phrase = '', path = ''] = DERIVATION.exec(text.trim()) ?? [];
  const words = phrase.trim().split(/\s+/).filter(Boolean).join(' ');
  // The keyring would take any short text for a seed, so that a typing error would become a key.
  const isSecret = words === '' ? path !== '' : SEED.test(words) || mnemonicValidate(words);
  if (!isSecret) throw badMnemonic();
  try {
    return new OperatorKey(new Keyring({ type: 'sr25519' }).createFromUri(words + path));
  } catch {
    // No cause: what others throw may quote the mnemonic.
    throw badMnemonic();
  }
}

/** The plain JSON of a key as 2022 put it in its envelopes: a polkadot-js pair without a passphrase. */
export function operatorToJson(key: OperatorKey): Uint8Array {
  return Buffer.from(JSON.stringify(key.pair.toJson()), 'utf8');
}

/** @throws KeystoreError BAD_SEAL */
export function operatorFromJson(json: Uint8Array): OperatorKey {
  try {
    const pair = new Keyring({ type: 'sr25519' }).createFromJson(
      JSON.parse(Buffer.from(json).toString('utf8')) as KeyringPair$Json,
    );
    pair.unlock();
    return new OperatorKey(pair);
  } catch {
    throw new KeystoreError(KeystoreErrorCode.BAD_SEAL, 'The sealed bytes hold no operator key');
  }
}

function badMnemonic(): KeystoreError {
  return new KeystoreError(
    KeystoreErrorCode.BAD_MNEMONIC,
    'The text is no mnemonic of 12 to 24 words with an optional derivation path',
  );
}
