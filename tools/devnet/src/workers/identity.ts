import { sr25519PairFromSeed, sr25519Sign } from '@polkadot/util-crypto';
import { blake2b256, concatBytes, scale, utf8 } from '../primitives/index.js';

/** A worker's sr25519 key. */
export class Identity {
  private readonly pair: { publicKey: Uint8Array; secretKey: Uint8Array };

  constructor(seed: Uint8Array) {
    this.pair = sr25519PairFromSeed(seed);
  }

  get publicKey(): Uint8Array {
    return this.pair.publicKey;
  }

  /** The ECDH key is made of the same secret and has the same public half. */
  get ecdhPublicKey(): Uint8Array {
    return this.pair.publicKey;
  }

  /** Signature of 64 bytes in the context `substrate`. */
  sign(message: Uint8Array): Uint8Array {
    return sr25519Sign(message, this.pair);
  }
}

/** What a simulated machine is, told apart by network seed and worker index. */
export interface Machine {
  /** Seed that a new identity is made of. */
  readonly identitySeed: Uint8Array;
  /** 16 bytes. */
  readonly machineId: Uint8Array;
  /** Benchmark rate; six times this is the score. */
  readonly iterationsPerSec: number;
  readonly cpuCores: number;
  readonly cpuFeatureLevel: number;
}

/**
 * Deterministic machine of a seed text and an index.
 *
 * @param lives how often it has lost its sealed key; the next one is another each time
 */
export function machineOf(seed: string, index: number, lives = 0): Machine {
  const derive = (what: string): Uint8Array =>
    blake2b256(concatBytes(utf8(`devnet worker ${what}/${seed}/`), scale.u32(index)));
  const [random = 0] = derive('speed');
  return {
    identitySeed: derive(lives === 0 ? 'identity' : `identity after loss ${lives}`),
    machineId: derive('machine').subarray(0, 16),
    iterationsPerSec: 200 + (random % 100),
    cpuCores: 4,
    cpuFeatureLevel: 1,
  };
}
