import { createPrivateKey, sign, type KeyObject } from 'node:crypto';
import { ed25519KeypairFromSeed, waitReady } from '@polkadot/wasm-crypto';
import { utf8 } from '../primitives/bytes.js';
import { blake2b256 } from '../primitives/hash.js';
import type { Authority } from '../primitives/header.js';

/** One voter: its public key and what signs for it. */
export interface Voter {
  readonly id: Uint8Array;
  sign(message: Uint8Array): Uint8Array;
}

await waitReady();

const KEPT_SETS = 8;

/** The voter whose ed25519 key comes from this 32-byte seed. */
export function voterFromSeed(seed: Uint8Array): Voter {
  // The seed, then the public key.
  const id = ed25519KeypairFromSeed(seed).slice(32, 64);
  // Opened when it signs, as a JSON web key: OpenSSL takes ten times as long to read DER.
  let key: KeyObject | undefined;
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url');
  const open = () =>
    createPrivateKey({
      key: { kty: 'OKP', crv: 'Ed25519', d: text(seed), x: text(id) },
      format: 'jwk',
    });
  return { id, sign: (message) => new Uint8Array(sign(null, message, (key ??= open()))) };
}

/**
 * The voters of every set, made from a seed: set n has other keys than set n - 1, all of them.
 */
export class AuthorityKeys {
  private readonly sets = new Map<bigint, readonly Voter[]>();

  constructor(private readonly options: { seed: string; count: number }) {}

  /** Voters of a set, in the order of its authority list. */
  voters(setId: bigint): readonly Voter[] {
    const known = this.sets.get(setId);
    if (known !== undefined) return known;
    const voters = Array.from({ length: this.options.count }, (_, index) =>
      voterFromSeed(blake2b256(utf8(`${this.options.seed}/grandpa/${setId}/${index}`))),
    );
    this.sets.set(setId, voters);
    for (const oldest of this.sets.keys()) {
      if (this.sets.size <= KEPT_SETS) break;
      this.sets.delete(oldest);
    }
    return voters;
  }

  /** Authority list of a set; every weight is 1, as on the relay chains. */
  authorities(setId: bigint): Authority[] {
    return this.voters(setId).map(({ id }) => ({ id, weight: 1n }));
  }
}

/** Votes that a set of `total` voters of weight 1 needs: n - ⌊(n - 1) / 3⌋. */
export function threshold(total: number): number {
  return total - Math.floor((total - 1) / 3);
}
