import { create, toBinary, type DescMessage, type MessageInitShape } from '@bufbuild/protobuf';
import { BridgeError, withTimeout, type Clock } from '@runtime-bridge/base';
import type { AuthClient } from './auth-client.js';
import { BLOB_PROTOCOL, HEAD_PROTOCOL, PB_PROTOCOL, type OpenChannel } from './channel.js';
import { NO_HANDLER_TEXT, WalkieError, WalkieErrorCode } from './errors.js';
import { ResponseErrorType } from './gen/prb/error_pb.js';
import { AuthType, type WalkieRpcResponseWrapper } from './gen/prb/message_pb.js';
import { followHead, type FollowOptions, type HeadNews } from './head-follower.js';
import { WRAPPER_BYTES, type WalkieLimits } from './limits.js';
import {
  findMethod,
  maxAnswerBytes,
  type Method,
  type MethodName,
  type RequestInit,
  type ResponseOf,
} from './methods.js';
import { decodeMessage, decodeResponse, encodeRequest, stampOf } from './rpc-messages.js';
import type { RpcMetrics } from './rpc-metrics.js';

/** How one call is made. */
export interface CallOptions {
  /** Gives the call up. */
  signal?: AbortSignal | undefined;
  /** From dialling to the decoded answer. @default the node's `callTimeoutMs` */
  timeoutMs?: number;
}

/** For a question for the head to be taken and answered beside the time that it is held. */
const HEAD_GRACE_MS = 5_000;

/** Calls one peer. Cheap: make one whenever it is needed; connections belong to the node. */
export class WalkieClient {
  constructor(
    /** Peer id or multiaddr. */
    readonly peer: string,
    private readonly collaborators: {
      open: OpenChannel;
      limits: WalkieLimits;
      metrics: RpcMetrics;
      clock: Clock;
      /** Where there is a shared secret: proves it before anything is changed. */
      auth?: AuthClient | undefined;
    },
  ) {}

  /**
   * Calls a method. A change is never sent twice: when it is not known whether the peer got the request, the call fails.
   * Reading is asked once more when the connection is lost, which 2022's peers close under others' calls.
   * @throws WalkieError with the responder's code (NOT_FOUND, DUPLICATED, UNAUTHORIZED, SERVER, UNKNOWN), or UNREACHABLE,
   *   INTERRUPTED, TOO_LARGE, BAD_MESSAGE, NOT_SPOKEN; BridgeError TIMEOUT, ABORTED
   */
  async call<M extends MethodName>(
    method: M,
    request: RequestInit<M>,
    options: CallOptions = {},
  ): Promise<ResponseOf<M>> {
    const descriptor = requireMethod(method);
    const data = toBinary(
      descriptor.input,
      create(descriptor.input, request as MessageInitShape<DescMessage>),
    );
    const wrapper = await this.exchange(method, data, options);
    if (wrapper.hasError) {
      const text = wrapper.error?.message ?? 'The peer gave no reason';
      throw WalkieError.fromWire(
        wrapper.error?.type ?? 0,
        text === NO_HANDLER_TEXT ? `${this.peer} does not serve ${method}: ${text}` : text,
        { facts: { method, peer: this.peer } },
      );
    }
    return decodeMessage(descriptor.output, wrapper.data) as ResponseOf<M>;
  }

  /**
   * Sends an encoded request and gives the wrapper of the answer as it came, an error in it included. For those who pass
   * answers on, as the monitor's JSON proxy does; others use `call`.
   * @throws as `call`, but for errors that the responder sent
   */
  async exchange(
    method: MethodName,
    data: Uint8Array,
    options: CallOptions = {},
  ): Promise<WalkieRpcResponseWrapper> {
    const descriptor = requireMethod(method);
    const { limits, metrics, clock } = this.collaborators;
    const startedMs = clock.now();
    let outcome = 'ok';
    try {
      if (data.length > limits.maxMessageBytes) {
        throw tooLarge(`The request of ${method}`, data.length, limits.maxMessageBytes);
      }
      const bytes = encodeRequest(method, data, stampOf(startedMs));
      const maxBytes = maxAnswerBytes(descriptor, limits);
      const wrapper = await this.#exchangeProven(descriptor, options, async (onlyPeer, signal) =>
        decodeResponse(
          await this.#exchangeBytes(PB_PROTOCOL, method, bytes, maxBytes, {
            ...options,
            signal,
            mayRepeat: !descriptor.changes,
            onlyPeer,
          }),
        ),
      );
      if (wrapper.hasError) outcome = 'refused';
      return wrapper;
    } catch (error) {
      outcome = BridgeError.from(error).code;
      throw error;
    } finally {
      metrics.calls.inc({ side: 'client', method, outcome });
      metrics.durationSeconds.observe((clock.now() - startedMs) / 1000, { side: 'client', method });
    }
  }

  /**
   * Reads a raw blob by `/blob`, without a checksum; the blob server's TCP port is faster and has one.
   * @returns undefined when the peer has none of that key
   * @throws as `call`
   */
  async getBlob(key: string, options: CallOptions = {}): Promise<Uint8Array | undefined> {
    const { limits } = this.collaborators;
    const bytes = Buffer.from(key, 'utf8');
    if (bytes.length > limits.maxKeyBytes)
      throw tooLarge('The key', bytes.length, limits.maxKeyBytes);
    const blob = await this.#exchangeBytes(
      BLOB_PROTOCOL,
      'getting a blob',
      bytes,
      limits.maxBlobBytes + WRAPPER_BYTES,
      { ...options, mayRepeat: true },
    );
    return blob.length === 0 ? undefined : blob;
  }

  /**
   * Follows how far a data provider is: it tells as soon as something changes, or is asked regularly where it is one of
   * 2022. Goes on through disconnects and restarts until the signal or until the loop is left.
   * @throws WalkieError BAD_ADDRESS, NOT_RUNNING
   */
  heads(options: FollowOptions = {}): AsyncGenerator<HeadNews, void, undefined> {
    const { limits, clock } = this.collaborators;
    const maxBytes = limits.maxMessageBytes;
    const timeoutMs = limits.headHoldMs + HEAD_GRACE_MS;
    return followHead(
      {
        ask: (request, signal) =>
          this.#exchangeBytes(HEAD_PROTOCOL, 'following the head', request, maxBytes, {
            signal,
            timeoutMs,
            mayRepeat: false,
          }),
        getInfo: (callOptions) => this.call('GetDataProviderInfo', {}, callOptions),
        clock,
      },
      options,
    );
  }

  /** Exchanges messages; where something is to be changed and there is a secret, with a peer that knows it too. */
  async #exchangeProven(
    method: Method,
    options: CallOptions,
    exchange: (
      onlyPeer: string | undefined,
      signal: AbortSignal | undefined,
    ) => Promise<WalkieRpcResponseWrapper>,
  ): Promise<WalkieRpcResponseWrapper> {
    const { auth, limits } = this.collaborators;
    if (auth === undefined || !method.changes) return exchange(undefined, options.signal);
    return withTimeout(
      options.timeoutMs ?? limits.callTimeoutMs,
      `${method.name} of ${this.peer}`,
      async (signal) => {
        const peerId = await this.#prove(auth, signal);
        const answer = await exchange(peerId, signal);
        if (answer.error?.type !== ResponseErrorType.UNAUTHORIZED) return answer;
        // It may have been restarted since. A call that was refused did nothing, so it may be made again.
        auth.forget(peerId);
        return exchange(await this.#prove(auth, signal), signal);
      },
      options.signal,
    );
  }

  /** The peer's id, after both sides have proved to know the secret. */
  async #prove(auth: AuthClient, signal: AbortSignal): Promise<string> {
    if (auth.isProven(this.peer)) return this.peer;
    const { peerId, bridgeIdentity } = await this.call('Hello', {}, { signal });
    if (auth.isProven(peerId)) return peerId;
    // What it says of itself needs no belief: its proof holds for this id only, and so does the connection.
    await auth.prove(
      { peerId, bridgeIdentity },
      (authString, askSignal) =>
        this.call('Auth', { type: AuthType.AT_PSK, authString }, { signal: askSignal }),
      signal,
    );
    return peerId;
  }

  #exchangeBytes(
    protocol: string,
    what: string,
    bytes: Uint8Array,
    maxBytes: number,
    options: CallOptions & { mayRepeat: boolean; onlyPeer?: string | undefined },
  ): Promise<Uint8Array> {
    return withTimeout(
      options.timeoutMs ?? this.collaborators.limits.callTimeoutMs,
      `${what} of ${this.peer}`,
      async (signal) => {
        try {
          return await this.#exchangeOnce(protocol, bytes, maxBytes, signal, options.onlyPeer);
        } catch (error) {
          const isLost = error instanceof WalkieError && error.code === WalkieErrorCode.INTERRUPTED;
          if (!isLost || !options.mayRepeat || signal.aborted) throw error;
          return await this.#exchangeOnce(protocol, bytes, maxBytes, signal, options.onlyPeer);
        }
      },
      options.signal,
    );
  }

  async #exchangeOnce(
    protocol: string,
    bytes: Uint8Array,
    maxBytes: number,
    signal: AbortSignal,
    onlyPeer: string | undefined,
  ): Promise<Uint8Array> {
    const channel = await this.collaborators.open(this.peer, protocol, signal);
    if (onlyPeer !== undefined && channel.remotePeerId !== onlyPeer) {
      const error = new WalkieError(
        WalkieErrorCode.IDENTITY_MISMATCH,
        `${this.peer} is ${channel.remotePeerId}, not ${onlyPeer.slice(0, 80)}`,
        { facts: { peer: channel.remotePeerId, claimed: onlyPeer.slice(0, 80) } },
      );
      channel.reset(error);
      throw error;
    }
    const answer = channel.readAll(maxBytes, signal);
    try {
      await channel.writeAll(bytes, signal);
    } catch (error) {
      // The read fails with it; one error is enough.
      answer.catch(() => {});
      throw error;
    }
    return answer;
  }
}

function requireMethod(name: string): Method {
  const method = findMethod(name);
  if (method !== undefined) return method;
  throw new WalkieError(WalkieErrorCode.BAD_METHOD, `'${name}' is no method of Walkie`, {
    facts: { method: name },
  });
}

function tooLarge(what: string, size: number, maxBytes: number): WalkieError {
  return new WalkieError(
    WalkieErrorCode.TOO_LARGE,
    `${what} has ${size} bytes, the limit is ${maxBytes}`,
    { facts: { size, maxBytes } },
  );
}
