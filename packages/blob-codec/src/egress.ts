import { decodeAll, type ScaleReader } from './scale-reader.js';
import { expectLength, ScaleWriter } from './scale-writer.js';

/**
 * Who sends a message: `pallet`, `contract`, `worker`, `account`, `multiLocation`, `gatekeeper`, `cluster`; `reserved`
 * marks signed content that is no message.
 */
export type MessageOrigin =
  | { kind: 'pallet' | 'multiLocation'; name: Uint8Array }
  | { kind: 'contract' | 'worker' | 'account' | 'cluster'; id: Uint8Array }
  | { kind: 'gatekeeper' | 'reserved' };

/** A message that a worker wants on chain. */
export interface EgressMessage {
  /** the whole SignedMessage, as the call syncOffchainMessage wants it */
  raw: Uint8Array;
  /** SCALE MessageOrigin */
  sender: Uint8Array;
  sequence: bigint;
  /** topic path */
  destination: Uint8Array;
}

/** The messages of one sender. */
export interface EgressQueue {
  /** SCALE MessageOrigin, the key of `PhalaMq.OffchainIngress` */
  origin: Uint8Array;
  /** in the order given by the worker */
  messages: EgressMessage[];
}

/** sender, destination, payload, sequence, signature with the shortest sender and empty byte strings */
const MIN_SIGNED_MESSAGE_BYTES = 1 + 1 + 1 + 8 + 1;

/**
 * Decodes EgressMessages, Vec<(MessageOrigin, Vec<SignedMessage>)>, far enough to filter by sequence; everything is a
 * view of the input.
 * Source: phala-blockchain 40ffcd1be crates/phala-mq/src/types.rs.
 * @throws CodecError
 */
export function decodeEgressMessages(bytes: Uint8Array): EgressQueue[] {
  return decodeAll(bytes, 'egress messages', (reader) =>
    reader.vec(2, 'queues', () => ({
      origin: readOrigin(reader).raw,
      messages: reader.vec(MIN_SIGNED_MESSAGE_BYTES, 'messages', () => readSignedMessage(reader)),
    })),
  );
}

/** The reverse of {@link decodeEgressMessages}. */
export function encodeEgressMessages(
  queues: readonly { origin: Uint8Array; messages: readonly { raw: Uint8Array }[] }[],
): Uint8Array {
  const writer = new ScaleWriter().compact(queues.length);
  for (const { origin, messages } of queues) {
    writer.raw(origin).items(messages.map(({ raw }) => raw));
  }
  return writer.finish();
}

/** The MessageOrigin of a worker with this sr25519 public key: `02` and the key. */
export function encodeWorkerOrigin(publicKey: Uint8Array): Uint8Array {
  return new ScaleWriter()
    .u8(2)
    .raw(expectLength(publicKey, 32, 'publicKey'))
    .finish();
}

/**
 * Decodes a MessageOrigin that fills `bytes`.
 * @throws CodecError
 */
export function decodeMessageOrigin(bytes: Uint8Array): MessageOrigin {
  return decodeAll(bytes, 'message origin', (reader) => readOrigin(reader).origin);
}

function readSignedMessage(reader: ScaleReader): EgressMessage {
  const start = reader.position;
  const sender = readOrigin(reader).raw;
  const destination = reader.bytes('destination');
  reader.bytes('payload');
  const sequence = reader.u64('sequence');
  reader.bytes('signature');
  return { raw: reader.since(start), sender, sequence, destination };
}

function readOrigin(reader: ScaleReader): { origin: MessageOrigin; raw: Uint8Array } {
  const start = reader.position;
  const origin = readOriginVariant(reader);
  return { origin, raw: reader.since(start) };
}

function readOriginVariant(reader: ScaleReader): MessageOrigin {
  const index = reader.u8('origin');
  switch (index) {
    case 0:
      return { kind: 'pallet', name: reader.bytes('origin.name') };
    case 1:
      return { kind: 'contract', id: reader.take(32, 'origin.id') };
    case 2:
      return { kind: 'worker', id: reader.take(32, 'origin.id') };
    case 3:
      return { kind: 'account', id: reader.take(32, 'origin.id') };
    case 4:
      return { kind: 'multiLocation', name: reader.bytes('origin.name') };
    case 5:
      return { kind: 'gatekeeper' };
    case 6:
      return { kind: 'cluster', id: reader.take(32, 'origin.id') };
    case 255:
      return { kind: 'reserved' };
    default:
      throw reader.badValue('origin', index);
  }
}
