import { toHex, utf8 } from '../primitives/bytes.js';
import { blake2b256 } from '../primitives/hash.js';
import { concatBytes } from '../primitives/bytes.js';
import { u32 } from '../primitives/scale.js';
import type { NetworkAccount } from './network-account.js';

const VALUE_BYTES = 1024;
/** Keys are written in turn, so that the state does not grow without end. */
const KEYS = 4096;

/** Makes parachain blocks, and what they change, as large as asked: by `system.setStorage`. */
export class Ballast {
  private turn = 0;

  constructor(
    /** May be changed between blocks; 0: nothing. */
    readonly options: { bytesPerBlock: number; seed: string },
    private readonly account: NetworkAccount,
  ) {}

  /** Submits what the next block is to carry; `number` is that block's. */
  beforeParaBlock(number: number): void {
    const { bytesPerBlock, seed } = this.options;
    if (bytesPerBlock <= 0) return;
    const items: [string, string][] = [];
    for (let left = bytesPerBlock; left > 0; left -= VALUE_BYTES) {
      const value = new Uint8Array(Math.min(left, VALUE_BYTES));
      const filler = blake2b256(utf8(`${seed}/ballast/${number}/${items.length}`));
      for (let at = 0; at < value.length; at += filler.length) {
        value.set(filler.subarray(0, Math.min(filler.length, value.length - at)), at);
      }
      const key = concatBytes(utf8('devnet/ballast/'), blake2b256(u32(this.turn++ % KEYS)));
      items.push([toHex(key), toHex(value)]);
    }
    this.account.submitAsRoot('system', 'setStorage', [items]);
  }
}
