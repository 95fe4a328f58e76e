import { Keyring } from '@polkadot/keyring';
import { hexToU8a, stringToU8a, u8aConcat, u8aToHex } from '@polkadot/util';
import { cryptoWaitReady } from '@polkadot/util-crypto';

/** A message of a worker of its own, the first of its sender. */
export interface FirstMessage {
  /** SCALE MessageOrigin. */
  origin: string;
  /** SCALE SignedMessage. */
  signed: string;
}

/** First messages of so many workers, which the chain takes once each (spec of SignedMessage: phala-blockchain 654b1b6 crates/phala-mq). */
export async function firstMessages(count: number, seed: string): Promise<FirstMessage[]> {
  await cryptoWaitReady();
  const keyring = new Keyring({ type: 'sr25519' });
  return Array.from({ length: count }, (_, index) => {
    const pair = keyring.addFromUri(`//${seed}//${index}`);
    const origin = u8aConcat(Uint8Array.of(2), pair.publicKey);
    const message = u8aConcat(
      origin,
      bytes(stringToU8a('phala/test')),
      bytes(Uint8Array.of(index & 0xff)),
    );
    const sequence = hexToU8a('0x0000000000000000');
    const signature = pair.sign(u8aConcat(message, sequence));
    return {
      origin: u8aToHex(origin),
      signed: u8aToHex(u8aConcat(message, sequence, bytes(signature))),
    };
  });
}

/** SCALE bytes of less than 16 KiB. */
function bytes(content: Uint8Array): Uint8Array {
  const { length } = content;
  const prefix = length < 64 ? [length << 2] : [((length << 2) | 1) & 0xff, length >> 6];
  return u8aConcat(Uint8Array.from(prefix), content);
}
