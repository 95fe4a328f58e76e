import { randomUUID } from 'node:crypto';
import {
  create,
  fromBinary,
  toBinary,
  type DescMessage,
  type MessageShape,
} from '@bufbuild/protobuf';
import { messageOf } from '@runtime-bridge/base';
import { WalkieError, WalkieErrorCode } from './errors.js';
import type { ResponseErrorType } from './gen/prb/error_pb.js';
import {
  WalkieRpcRequestWrapperSchema,
  WalkieRpcResponseWrapperSchema,
  type WalkieRpcRequestWrapper,
  type WalkieRpcResponseWrapper,
} from './gen/prb/message_pb.js';

/** When a wrapper is made and the random text that names it. */
export interface Stamp {
  /** Milliseconds since 1970. */
  createdAtMs: number;
  nonce: string;
}

/** A stamp of now, with a fresh UUIDv4. */
export function stampOf(nowMs: number): Stamp {
  return { createdAtMs: nowMs, nonce: randomUUID() };
}

/** The bytes of a request: a `prb.WalkieRpcRequestWrapper` around the encoded request message. */
export function encodeRequest(method: string, data: Uint8Array, stamp: Stamp): Uint8Array {
  return toBinary(
    WalkieRpcRequestWrapperSchema,
    create(WalkieRpcRequestWrapperSchema, {
      createdAt: BigInt(stamp.createdAtMs),
      nonce: stamp.nonce,
      data,
      method,
    }),
  );
}

/** @throws WalkieError BAD_MESSAGE */
export function decodeRequest(bytes: Uint8Array): WalkieRpcRequestWrapper {
  return decodeMessage(WalkieRpcRequestWrapperSchema, bytes);
}

/** The bytes of a good answer. `has_error` is written though false, as 2022 does. */
export function encodeResponse(requestNonce: string, data: Uint8Array, stamp: Stamp): Uint8Array {
  return toBinary(
    WalkieRpcResponseWrapperSchema,
    create(WalkieRpcResponseWrapperSchema, {
      createdAt: BigInt(stamp.createdAtMs),
      requestNonce,
      nonce: stamp.nonce,
      data,
      hasError: false,
    }),
  );
}

/** The bytes of a refusal or failure; without a request nonce where the request could not be decoded. */
export function encodeErrorResponse(
  requestNonce: string | undefined,
  error: { type: ResponseErrorType; message: string },
  stamp: Stamp,
): Uint8Array {
  return toBinary(
    WalkieRpcResponseWrapperSchema,
    create(WalkieRpcResponseWrapperSchema, {
      createdAt: BigInt(stamp.createdAtMs),
      ...(requestNonce === undefined ? {} : { requestNonce }),
      nonce: stamp.nonce,
      hasError: true,
      error,
    }),
  );
}

/** @throws WalkieError BAD_MESSAGE */
export function decodeResponse(bytes: Uint8Array): WalkieRpcResponseWrapper {
  return decodeMessage(WalkieRpcResponseWrapperSchema, bytes);
}

/**
 * Decodes one message; `bytes` fields are views into the input.
 * @throws WalkieError BAD_MESSAGE naming the message type
 */
export function decodeMessage<D extends DescMessage>(
  schema: D,
  bytes: Uint8Array,
): MessageShape<D> {
  try {
    return fromBinary(schema, bytes);
  } catch (error) {
    throw new WalkieError(
      WalkieErrorCode.BAD_MESSAGE,
      `Bytes are no ${schema.typeName}: ${messageOf(error)}`,
      { facts: { type: schema.typeName, size: bytes.length }, cause: error },
    );
  }
}
