import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { inspect } from 'node:util';
import { WalkieError, WalkieErrorCode } from './errors.js';

const SECRET_BYTES = 32;

/** What a proof is made for; it holds for nothing else. */
export interface ProofClaim {
  /** Whether the caller proves itself or the responder does, so that neither can be handed the other's proof. */
  side: 'caller' | 'responder';
  /** Base58 peer id of the caller. */
  caller: string;
  /** Base58 peer id of the responder. */
  responder: string;
  /** Bridge identity of the responder. */
  bridgeIdentity: string;
  /** Unix time in milliseconds. */
  timeMs: number;
  /** Lower-case hex. */
  nonce: string;
}

/** The secret that peers of one bridge share so that they may change things at each other. Prints as nothing of itself. */
export class SharedSecret {
  readonly #key: Uint8Array;

  private constructor(key: Uint8Array) {
    this.#key = key;
  }

  /** A new one. */
  static generate(): SharedSecret {
    return new SharedSecret(randomBytes(SECRET_BYTES));
  }

  /**
   * From its text form: 32 bytes as 64 hex digits, or as base64 (as `openssl rand -base64 32` gives it).
   * @throws WalkieError BAD_SECRET, which quotes nothing of the text
   */
  static parse(text: string): SharedSecret {
    const trimmed = text.trim();
    const hex = /^(?:0x)?([0-9a-f]{64})$/i.exec(trimmed)?.[1];
    if (hex !== undefined) return new SharedSecret(Buffer.from(hex, 'hex'));
    if (/^[A-Za-z0-9+/_-]{43}=?$/.test(trimmed)) {
      return new SharedSecret(Buffer.from(trimmed, 'base64'));
    }
    throw new WalkieError(
      WalkieErrorCode.BAD_SECRET,
      'A shared secret is 32 random bytes as 64 hex digits or as base64; `prb secret` makes one',
    );
  }

  /** 64 lower-case hex digits. */
  toText(): string {
    return Buffer.from(this.#key).toString('hex');
  }

  /** HMAC-SHA256 over all of a claim, in lower-case hex. */
  prove(claim: ProofClaim): string {
    const { side, caller, responder, bridgeIdentity, timeMs, nonce } = claim;
    // As JSON no text can reach into its neighbour.
    const text = JSON.stringify([
      'walkie auth 1',
      side,
      caller,
      responder,
      bridgeIdentity,
      timeMs,
      nonce,
    ]);
    return createHmac('sha256', this.#key).update(text).digest('hex');
  }

  /** Whether a proof is that of a claim; takes the same time whatever is wrong. */
  verify(claim: ProofClaim, proof: string): boolean {
    const expected = Buffer.from(this.prove(claim));
    const given = Buffer.from(proof);
    return expected.length === given.length && timingSafeEqual(expected, given);
  }

  toJSON(): string {
    return '[shared secret]';
  }

  [inspect.custom](): string {
    return '[shared secret]';
  }
}
