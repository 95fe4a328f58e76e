import { concatBytes, scale } from '../primitives/index.js';
import { encodeMessage, type OutgoingMessage } from './messages.js';

/** A signed message that waits to be on chain. */
export interface SignedMessage {
  readonly sequence: bigint;
  /** SCALE `SignedMessage`. */
  readonly encoded: Uint8Array;
}

/** What a checkpoint keeps of one sender. */
export interface ChannelState {
  readonly origin: Uint8Array;
  readonly nextSequence: bigint;
  readonly messages: readonly SignedMessage[];
}

/**
 * Messages of the worker to the chain, kept until a dispatched block shows that the chain has taken
 * them (phala-blockchain 40ffcd1be crates/phala-mq/src/send_queue.rs).
 */
export class EgressQueue {
  private readonly channels = new Map<string, ChannelState>();

  constructor(restored: readonly ChannelState[] = []) {
    for (const channel of restored) this.channels.set(text(channel.origin), channel);
  }

  /** Signs a message with the sender's next sequence and keeps it. */
  push(
    origin: Uint8Array,
    message: OutgoingMessage,
    sign: (payload: Uint8Array) => Uint8Array,
  ): void {
    const channel = this.channels.get(text(origin));
    const sequence = channel?.nextSequence ?? 0n;
    const signed = concatBytes(encodeMessage(origin, message), scale.u64(sequence));
    const encoded = concatBytes(signed, scale.bytes(sign(signed)));
    this.channels.set(text(origin), {
      origin,
      nextSequence: sequence + 1n,
      messages: [...(channel?.messages ?? []), { sequence, encoded }],
    });
  }

  /** Forgets what the chain has taken. */
  purge(nextSequenceOf: (origin: Uint8Array) => bigint): void {
    for (const [id, channel] of this.channels) {
      const next = nextSequenceOf(channel.origin);
      const messages = channel.messages.filter((message) => message.sequence >= next);
      if (messages.length < channel.messages.length) {
        this.channels.set(id, { ...channel, messages });
      }
    }
  }

  /** How many messages wait. */
  get length(): number {
    let count = 0;
    for (const channel of this.channels.values()) count += channel.messages.length;
    return count;
  }

  /**
   * SCALE `EgressMessages` of all senders, in the order of their origins. Above `maxBytes` the newest
   * messages of the first sender that has any are left out, one by one.
   */
  encode(maxBytes: number | undefined): Uint8Array {
    let groups = this.snapshot().map((c) => ({ origin: c.origin, messages: [...c.messages] }));
    let encoded = encodeGroups(groups);
    while (maxBytes !== undefined && encoded.length > maxBytes && groups.length > 0) {
      groups.find((group) => group.messages.length > 0)?.messages.pop();
      groups = groups.filter((group) => group.messages.length > 0);
      encoded = encodeGroups(groups);
    }
    return encoded;
  }

  /** For a checkpoint; sorted by origin. */
  snapshot(): ChannelState[] {
    return [...this.channels.values()].sort((a, b) => Buffer.compare(a.origin, b.origin));
  }
}

function encodeGroups(
  groups: readonly { origin: Uint8Array; messages: readonly SignedMessage[] }[],
): Uint8Array {
  return scale.vec(
    groups.map((group) =>
      concatBytes(group.origin, scale.vec(group.messages.map((message) => message.encoded))),
    ),
  );
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
