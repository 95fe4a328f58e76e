import { Keyring } from '@polkadot/keyring';
import { stringToU8a, u8aConcat, u8aToHex } from '@polkadot/util';

/** SCALE SignedMessages, each the first of a worker of its own, so that the chain takes it once. */
export function firstMessages(count: number, seed: string): `0x${string}`[] {
  const keyring = new Keyring({ type: 'sr25519' });
  return Array.from({ length: count }, (_, index) => {
    const pair = keyring.addFromUri(`//${seed}//${index}`);
    const origin = u8aConcat(Uint8Array.of(2), pair.publicKey);
    const message = u8aConcat(origin, bytes(stringToU8a('phala/bench')), bytes(new Uint8Array(64)));
    const sequence = new Uint8Array(8);
    const signature = pair.sign(u8aConcat(message, sequence));
    return u8aToHex(u8aConcat(message, sequence, bytes(signature)));
  });
}

/** SCALE bytes of less than 16 KiB. */
function bytes(content: Uint8Array): Uint8Array {
  const { length } = content;
  const prefix = length < 64 ? [length << 2] : [((length << 2) | 1) & 0xff, length >> 6];
  return u8aConcat(Uint8Array.from(prefix), content);
}
