import { PalletStorage } from '../../metadata/storage-item.js';
import { ScaleError, concatBytes, scale, utf8 } from '../../primitives/index.js';
import { DispatchFailure } from '../errors.js';
import { DB_WRITE, ensure, rootHandler, signedHandler, weight } from '../pallet.js';
import type { Ctx, Pallet } from '../pallet.js';
import { verifySr25519 } from '../signature.js';
import { paraCodecs } from '../types.js';
import type { Message, MessageOrigin, SignedMessage } from '../values.js';

const PALLET = 'PhalaMq';
const storage = new PalletStorage(paraCodecs, PALLET);

/** Next sequence expected of a sender outside the chain. */
export const offchainIngress = storage.map<MessageOrigin, bigint>(
  'OffchainIngress',
  'MessageOrigin',
  'u64',
);
const queuedOutboundMessage = storage.value<Message[]>('QueuedOutboundMessage', 'Vec<Message>');
export const outboundMessages = storage.valueOr<Message[]>('OutboundMessages', 'Vec<Message>', []);

/** First bytes that a destination may not have (phala-blockchain 654b1b699 crates/phala-mq/src/types.rs). */
const RESERVED_FIRST_BYTES = new Set(utf8("~!@#$%&*_+-=|<>?,./;:'"));
/** Destinations that begin with this stay on the chain. */
const ON_CHAIN_MARK = '^'.charCodeAt(0);

/** Why a message's signature is not good, as an error of the registry pallet. */
export type KeyOfSender = (ctx: Ctx, sender: MessageOrigin) => Uint8Array;
/** Receives messages of one topic on the chain. */
export type MessageListener = (ctx: Ctx, message: Message) => void;

/** Who else takes part; set by the pallets that listen, see `registry.ts` and `computation.ts`. */
export interface MqHooks {
  /** The key that a sender signs with. @throws DispatchFailure of the registry pallet */
  keyOfSender: KeyOfSender;
  listeners: ReadonlyMap<string, MessageListener>;
}

const weightOfPush = () => weight(10_000n + DB_WRITE);

/** Is the path a destination at all? */
export function isValidDestination(path: Uint8Array): boolean {
  const [first] = path;
  return first !== undefined && !RESERVED_FIRST_BYTES.has(first);
}

/** Bytes that a sender signs: the message, then its sequence. */
export function bytesToSign(message: Message, sequence: bigint): Uint8Array {
  return concatBytes(paraCodecs.encode('Message', message), scale.u64(sequence));
}

/** The pool's and the queue's tag of a message: ("PhalaMqOffchainMessages", sender, sequence). */
export function messageTag(sender: MessageOrigin, sequence: bigint): Uint8Array {
  return concatBytes(
    scale.text('PhalaMqOffchainMessages'),
    paraCodecs.encode('MessageOrigin', sender),
    scale.u64(sequence),
  );
}

/** `MessageOrigin` of a pallet. */
export const palletOrigin = (pallet: string): MessageOrigin => ({
  type: 'Pallet',
  value: utf8(pallet),
});

/** The message queue, with its listeners. */
export function makeMq(hooks: MqHooks): Pallet {
  /** Tells the listeners, then puts the message where workers will find it. */
  function dispatchMessage(ctx: Ctx, message: Message): void {
    const listener = hooks.listeners.get(Buffer.from(message.destination).toString('latin1'));
    try {
      listener?.(ctx, message);
    } catch (e) {
      // The chain swallows what listeners refuse: a message cannot be stopped by its contents.
      if (!(e instanceof DispatchFailure || e instanceof ScaleError)) throw e;
    }
    if (isValidDestination(message.destination) && message.destination[0] !== ON_CHAIN_MARK) {
      appendOutbound(ctx, message);
    }
  }

  return {
    name: PALLET,
    index: 85,
    path: 'phala_pallets::mq::pallet',
    storage: [offchainIngress, queuedOutboundMessage, outboundMessages],
    calls: {
      sync_offchain_message: [0, { signed_message: 'SignedMessage' }],
      push_message: [1, { destination: 'Bytes', payload: 'Bytes' }],
      force_push_pallet_message: [2, { destination: 'Bytes', payload: 'Bytes' }],
    },
    dispatch: {
      sync_offchain_message: signedHandler<{ signedMessage: SignedMessage }>((ctx, _, args) => {
        const { message, sequence, signature } = args.signedMessage;
        const { sender } = message;
        const isOffchain = ['Worker', 'Contract', 'Cluster', 'Gatekeeper'].includes(sender.type);
        ensure(ctx, isOffchain, PALLET, 'BadSender');
        ensure(ctx, isValidDestination(message.destination), PALLET, 'BadDestination');
        const expected = offchainIngress.get(ctx.state, sender) ?? 0n;
        ensure(ctx, sequence === expected, PALLET, 'BadSequence');
        const key = hooks.keyOfSender(ctx, sender);
        ensure(ctx, signature.length === 64, 'PhalaRegistry', 'InvalidSignatureLength');
        const isGood = verifySr25519(bytesToSign(message, sequence), signature, key);
        ensure(ctx, isGood, 'PhalaRegistry', 'InvalidSignature');
        offchainIngress.put(ctx.state, sender, expected + 1n);
        dispatchMessage(ctx, message);
        return { paysFee: sender.type !== 'Gatekeeper' };
      }),
      push_message: signedHandler<Pick<Message, 'destination' | 'payload'>>((ctx, who, args) =>
        dispatchMessage(ctx, {
          sender: { type: 'AccountId', value: who },
          ...pathAndPayload(args),
        }),
      ),
      force_push_pallet_message: rootHandler<Pick<Message, 'destination' | 'payload'>>(
        (ctx, args) =>
          dispatchMessage(ctx, { sender: palletOrigin('ForcePushed'), ...pathAndPayload(args) }),
      ),
    },
    weights: {
      sync_offchain_message: weightOfPush,
      push_message: weightOfPush,
      force_push_pallet_message: weightOfPush,
    },
    errors: ['BadSender', 'BadSequence', 'BadDestination'],
    onInitialize: (ctx) => {
      outboundMessages.remove(ctx.state);
      for (const message of queuedOutboundMessage.take(ctx.state) ?? []) {
        dispatchMessage(ctx, message);
      }
    },
  };
}

const pathAndPayload = ({ destination, payload }: Pick<Message, 'destination' | 'payload'>) => ({
  destination,
  payload,
});

function appendOutbound(ctx: Ctx, message: Message): void {
  // Appended as bytes: a block may carry thousands of messages.
  const { key } = outboundMessages;
  const before = ctx.state.get(key);
  const encoded = paraCodecs.encode('Message', message);
  if (before === undefined) {
    ctx.state.set(key, concatBytes(scale.compact(1), encoded));
    return;
  }
  const reader = new scale.ScaleReader(before);
  const count = reader.compact();
  ctx.state.set(key, concatBytes(scale.compact(count + 1), reader.rest(), encoded));
}

/** A pallet says something to the workers. The topics of pallets have no listeners on the chain. */
export function pushPalletMessage(
  ctx: Ctx,
  pallet: string,
  topic: string,
  type: string,
  payload: unknown,
): void {
  appendOutbound(ctx, {
    sender: palletOrigin(pallet),
    destination: utf8(topic),
    payload: paraCodecs.encode(type, payload),
  });
}

/** A pallet says something to the workers at the beginning of the next block. */
export function queuePalletMessage(
  state: Ctx['state'],
  pallet: string,
  topic: string,
  type: string,
  payload: unknown,
): void {
  const queued = queuedOutboundMessage.get(state) ?? [];
  queued.push({
    sender: palletOrigin(pallet),
    destination: utf8(topic),
    payload: paraCodecs.encode(type, payload),
  });
  queuedOutboundMessage.put(state, queued);
}

/** Topic of {@link pushWorkerEvent}. */
export const SYSTEM_EVENT_TOPIC = 'phala/system/event';

/** Tells a worker what happened to it. */
export function pushWorkerEvent(
  ctx: Ctx,
  pallet: string,
  pubkey: Uint8Array,
  event: { type: string } & Record<string, unknown>,
): void {
  pushPalletMessage(ctx, pallet, SYSTEM_EVENT_TOPIC, 'SystemEvent', {
    type: 'WorkerEvent',
    pubkey,
    event,
  });
}
