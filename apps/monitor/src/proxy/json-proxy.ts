import {
  create,
  fromBinary,
  fromJson,
  toBinary,
  type DescMessage,
  type JsonObject,
  type JsonValue,
} from '@bufbuild/protobuf';
import { BridgeError, messageOf } from '@runtime-bridge/base';
import {
  findMethod,
  WalkieError,
  WalkieErrorCode,
  ResponseErrorType,
  WalkieRoles,
  WalkieRpcResponseWrapperSchema,
  type Method,
  type Peer,
  type Walkie,
  type WalkieRpcResponseWrapper,
} from '@runtime-bridge/walkie-protocol';
import { toMonitorJson } from './json-shapes.js';
import type { Refusal } from '../access/request-guard.js';

/** A call through the proxy as it came by HTTP. */
export interface ProxyRequest {
  peerId: string;
  method: string;
  httpMethod: string;
  contentType: string | undefined;
  body: string;
  /** Whether it may change something. */
  checkChanging: () => Refusal;
}

/** The answer to a call: always an object with `hasError`. */
export interface ProxyAnswer {
  status: number;
  body: JsonObject;
  /** Of a method that changes something: how many rows it named, and why it was not done. */
  change?: { targetCount: number; error: string | null };
}

/** HTTP methods that may change something; links and pictures cannot make them. */
const CHANGING_HTTP_METHODS: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);

/** Walkie as JSON over HTTP, in the shapes of 2022's monitor. */
export class JsonProxy {
  constructor(
    private readonly options: { timeoutMs: number },
    private readonly collaborators: { walkie: Walkie },
  ) {}

  /** The peers that are there. `role` is a number here, as ever. */
  discover(): JsonObject {
    const peers = this.collaborators.walkie.peers.list();
    const ofRole = (role: WalkieRoles) => peers.filter((p) => p.role === role).map(toPeerJson);
    return {
      dataProviders: ofRole(WalkieRoles.WR_DATA_PROVIDER_INT),
      lifecycleManagers: ofRole(WalkieRoles.WR_LIFECYCLE_MANAGER),
    };
  }

  /** Passes a call on. Failures of the call itself are answers with `hasError`, status 200. Never rejects. */
  async call(request: ProxyRequest): Promise<ProxyAnswer> {
    const method = findMethod(request.method);
    if (method === undefined) {
      const name = request.method.slice(0, 80);
      return failure(200, ResponseErrorType.UNKNOWN, `'${name}' is no method of Walkie`);
    }
    const answer = await this.#call(method, request);
    if (!method.changes) return answer;
    const { error } = answer.body as { error?: { message: string } };
    return {
      ...answer,
      change: { targetCount: countOf(request.body), error: error?.message ?? null },
    };
  }

  async #call(method: Method, request: ProxyRequest): Promise<ProxyAnswer> {
    if (method.changes) {
      if (!CHANGING_HTTP_METHODS.has(request.httpMethod)) {
        return failure(
          405,
          ResponseErrorType.UNAUTHORIZED,
          `${method.name} changes something: use POST, not ${request.httpMethod}`,
        );
      }
      const refusal = request.checkChanging();
      if (refusal !== undefined) {
        return failure(refusal.status, ResponseErrorType.UNAUTHORIZED, refusal.message);
      }
    }
    const peer = this.collaborators.walkie.peers.get(request.peerId);
    if (peer === undefined) {
      return failure(
        500,
        ResponseErrorType.NOT_FOUND,
        `Peer ${request.peerId.slice(0, 80)} is not there`,
      );
    }
    let data: Uint8Array;
    try {
      data = encodeBody(method, request);
    } catch (error) {
      return failure(400, ResponseErrorType.UNKNOWN, messageOf(error));
    }
    try {
      const wrapper = await this.collaborators.walkie
        .client(peer.peerId)
        .exchange(method.name, data, { timeoutMs: this.options.timeoutMs });
      return { status: 200, body: toAnswerJson(method, wrapper) };
    } catch (error) {
      return failure(200, ResponseErrorType.UNKNOWN, BridgeError.from(error).message);
    }
  }
}

function toPeerJson(peer: Peer): JsonObject {
  return {
    peerId: peer.peerId,
    hostname: peer.hostname,
    role: peer.role,
    chainIdentity: peer.chainIdentity,
    bridgeIdentity: peer.bridgeIdentity,
    remoteAddr: peer.multiaddr,
  };
}

function encodeBody(method: Method, request: ProxyRequest): Uint8Array {
  const json = parseBody(method, request);
  let message;
  try {
    message = fromJson(method.input, json, { ignoreUnknownFields: true });
  } catch (error) {
    throw badBody(`The body is no ${method.input.typeName}: ${messageOf(error)}`, error);
  }
  return toBinary(method.input, message);
}

/** 2022 took a body for JSON only by its content type, and an absent or other one for no fields at all. */
function parseBody(method: Method, { body, contentType }: ProxyRequest): JsonValue {
  if (body.trim() === '') return {};
  let json: JsonValue | undefined;
  try {
    json = JSON.parse(body) as JsonValue;
  } catch (error) {
    const isMeant = method.changes || /\bjson\b/i.test(contentType ?? '');
    if (isMeant) throw badBody(`The body is no JSON: ${messageOf(error)}`, error);
  }
  if (json === undefined || json === null) return {};
  if (typeof json !== 'object' || Array.isArray(json)) throw badBody('The body is no JSON object');
  return json;
}

function badBody(message: string, cause?: unknown): WalkieError {
  return new WalkieError(WalkieErrorCode.BAD_MESSAGE, message, { cause });
}

function toAnswerJson(method: Method, wrapper: WalkieRpcResponseWrapper): JsonObject {
  const { error, hasError } = wrapper;
  const answer: JsonObject = { hasError };
  if (hasError) {
    answer['error'] = {
      type: error?.type ?? ResponseErrorType.UNKNOWN,
      message: error?.message ?? '',
    };
  } else {
    answer['data'] = decodeData(method.output, wrapper.data);
  }
  answer['meta'] = toMetaJson(wrapper);
  return answer;
}

function decodeData(schema: DescMessage, bytes: Uint8Array): JsonObject {
  return toMonitorJson(schema, fromBinary(schema, bytes));
}

/** The wrapper without its payload; enums by name here. */
function toMetaJson(wrapper: WalkieRpcResponseWrapper): JsonObject {
  const { createdAt, requestNonce, nonce, hasError, error } = wrapper;
  return toMonitorJson(
    WalkieRpcResponseWrapperSchema,
    create(WalkieRpcResponseWrapperSchema, {
      createdAt,
      requestNonce,
      nonce,
      hasError,
      ...(error === undefined ? {} : { error }),
    }),
  );
}

function failure(status: number, type: ResponseErrorType, message: string): ProxyAnswer {
  return { status, body: proxyError(type, message) };
}

/** The body of an answer that tells a failure of our own. */
export function proxyError(type: ResponseErrorType, message: string): JsonObject {
  return { hasError: true, error: { type, message }, meta: null };
}

/** Rows that a change names, in whichever list it has. */
function countOf(body: string): number {
  try {
    const json = JSON.parse(body) as Record<string, unknown>;
    return Object.values(json).find(Array.isArray)?.length ?? 0;
  } catch {
    return 0;
  }
}
