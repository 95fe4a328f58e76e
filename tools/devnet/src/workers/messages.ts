import { ScaleError, ScaleReader, concatBytes, scale, utf8 } from '../primitives/index.js';

/**
 * Messages between chain and workers (phala-blockchain 40ffcd1be crates/phala-mq/src/types.rs,
 * crates/phala-types/src/lib.rs).
 */

/** A message that the chain sends to workers. */
export interface MqMessage {
  /** SCALE `MessageOrigin`. */
  readonly sender: Uint8Array;
  readonly destination: Uint8Array;
  readonly payload: Uint8Array;
}

/** A message of a worker to the chain, not signed yet. */
export interface OutgoingMessage {
  readonly destination: string;
  readonly payload: Uint8Array;
}

const ORIGIN_PALLET = 0;
const ORIGIN_WORKER = 2;

/** SCALE `MessageOrigin::Worker`. */
export function workerOrigin(publicKey: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(ORIGIN_WORKER), publicKey);
}

/** Was it sent by a pallet? Only pallets may send system events. */
export function isFromPallet(message: MqMessage): boolean {
  return message.sender[0] === ORIGIN_PALLET;
}

function readOrigin(reader: ScaleReader): Uint8Array {
  const start = reader.position;
  const index = reader.u8();
  switch (index) {
    case 0:
    case 4:
      reader.bytes();
      break;
    case 1:
    case 2:
    case 3:
    case 6:
      reader.take(32);
      break;
    case 5:
      break;
    default:
      throw new ScaleError(`message origin index ${index}`);
  }
  return reader.input.subarray(start, reader.position);
}

/** `Message`. */
export function readMessage(reader: ScaleReader): MqMessage {
  return { sender: readOrigin(reader), destination: reader.bytes(), payload: reader.bytes() };
}

/** SCALE `Message`, the beginning of what a worker signs. */
export function encodeMessage(sender: Uint8Array, message: OutgoingMessage): Uint8Array {
  return concatBytes(sender, scale.text(message.destination), scale.bytes(message.payload));
}

export const Topic = {
  systemEvent: utf8('phala/system/event'),
  registryEvent: '^phala/registry/event',
  workingReport: 'phala/mining/report',
} as const;

/** Events that a worker acts on. */
export type SystemEvent =
  | { readonly kind: 'worker'; readonly publicKey: Uint8Array; readonly event: WorkerEvent }
  | { readonly kind: 'heartbeatChallenge'; readonly seed: bigint; readonly onlineTarget: bigint };

export type WorkerEvent =
  | { readonly kind: 'registered' }
  | { readonly kind: 'benchStart'; readonly durationBlocks: number }
  | { readonly kind: 'benchScore'; readonly score: number }
  | { readonly kind: 'started'; readonly sessionId: number }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'enterUnresponsive' }
  | { readonly kind: 'exitUnresponsive' };

/** `SystemEvent`, or undefined when it is none (pRuntime drops what it cannot decode). */
export function decodeSystemEvent(payload: Uint8Array): SystemEvent | undefined {
  try {
    const r = new ScaleReader(payload);
    const index = r.u8();
    if (index === 0) {
      return { kind: 'worker', publicKey: r.take(32), event: readWorkerEvent(r) };
    }
    if (index === 1) {
      return { kind: 'heartbeatChallenge', seed: readU256(r), onlineTarget: readU256(r) };
    }
    return undefined;
  } catch (error) {
    if (error instanceof ScaleError) return undefined;
    throw error;
  }
}

function readWorkerEvent(r: ScaleReader): WorkerEvent {
  const index = r.u8();
  switch (index) {
    case 0:
      r.u8(); // confidence level
      return { kind: 'registered' };
    case 1:
      return { kind: 'benchStart', durationBlocks: r.u32() };
    case 2:
      return { kind: 'benchScore', score: r.u32() };
    case 3: {
      const sessionId = r.u32();
      r.take(16 + 4); // initial v and p
      return { kind: 'started', sessionId };
    }
    case 4:
      return { kind: 'stopped' };
    case 5:
      return { kind: 'enterUnresponsive' };
    case 6:
      return { kind: 'exitUnresponsive' };
    default:
      throw new ScaleError(`worker event index ${index}`);
  }
}

/** A `U256` as SCALE writes it: 32 bytes, little-endian. */
function readU256(r: ScaleReader): bigint {
  return bigintOf(Uint8Array.from(r.take(32)).reverse());
}

/** An unsigned integer of big-endian bytes. */
export function bigintOf(bigEndian: Uint8Array): bigint {
  let value = 0n;
  for (const byte of bigEndian) value = (value << 8n) | BigInt(byte);
  return value;
}

/** `RegistryEvent::BenchReport`. */
export function benchReport(startTimeMs: bigint, iterations: bigint): OutgoingMessage {
  return {
    destination: Topic.registryEvent,
    payload: concatBytes(Uint8Array.of(0), scale.u64(startTimeMs), scale.u64(iterations)),
  };
}

/** `WorkingReportEvent::Heartbeat`, or `HeartbeatV2` without clusters and contracts. */
export function heartbeat(
  variant: 1 | 2,
  facts: { sessionId: number; block: number; timeMs: bigint; iterations: bigint },
): OutgoingMessage {
  return {
    destination: Topic.workingReport,
    payload: concatBytes(
      Uint8Array.of(variant - 1),
      scale.u32(facts.sessionId),
      scale.u32(facts.block),
      scale.u64(facts.timeMs),
      scale.u64(facts.iterations),
      variant === 2 ? new Uint8Array(8) : new Uint8Array(),
    ),
  };
}
