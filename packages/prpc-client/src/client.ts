import {
  create,
  toBinary,
  type DescMessage,
  type MessageInitShape,
  type MessageShape,
} from '@bufbuild/protobuf';
import { Limiter, type Logger } from '@runtime-bridge/base';

import { readBinApiAnswer, readHeight } from './bin-api.js';
import { isPRuntimeError, PRuntimeError, WorkerErrorClass } from './errors.js';
import {
  BlocksSchema,
  CombinedHeadersToSyncSchema,
  EmptySchema,
  GetEgressMessagesResponseSchema,
  GetRuntimeInfoRequestSchema,
  HeadersSyncedToSchema,
  InitRuntimeRequestSchema,
  InitRuntimeResponseSchema,
  ParaHeadersToSyncSchema,
  PhactoryInfoSchema,
  SyncedToSchema,
} from './gen/pruntime_rpc_pb.js';
import { toInfo, toRegistrationInfo, type PRuntimeInfo, type RegistrationInfo } from './info.js';
import { readPrpcAnswer } from './prpc.js';
import type { PRuntimeTransport } from './transport.js';

/** Deadlines and limits of a client, with their defaults. */
export interface PRuntimeClientOptions {
  /** Base URL; paths are appended to it. */
  endpoint: string;
  /** For calls with small bodies. @default 8000 */
  requestTimeoutMs?: number;
  /** For headers, blocks, initialization and attestation. @default 150000 */
  blobTimeoutMs?: number;
  /** Larger bodies are not sent: pRuntime 0.2.x cuts longer ones off without a word. @default 104857600 */
  maxBodyBytes?: number;
}

/** The parts of a combined headers blob, for the protobuf dialect. */
export interface CombinedHeadersParts {
  encodedRelayHeaders: Uint8Array;
  authoritySetChange?: Uint8Array | undefined;
  encodedParaHeaders: Uint8Array;
  proof: Uint8Array[];
}

/** What a client works with. */
export interface PRuntimeClientCollaborators {
  transport: PRuntimeTransport;
  logger: Logger;
  /** Takes a SCALE SyncCombinedHeadersReq apart; only called for workers without `/bin_api`. */
  splitCombinedHeaders: (blob: Uint8Array) => CombinedHeadersParts;
}

/** How one call is made. */
export interface CallOptions {
  signal?: AbortSignal | undefined;
}

/** What a worker is initialized with. */
export interface InitRuntimeInput {
  /** SCALE GenesisBlockInfo. */
  encodedGenesisInfo: Uint8Array;
  /** SCALE Vec<(key, value)>. */
  encodedGenesisState: Uint8Array;
  /** 32-byte account id. */
  encodedOperator?: Uint8Array;
  /** Without attestation, for development. */
  skipRa?: boolean;
  /** 32-byte seed of a development key; only together with skipRa. */
  debugSetKey?: Uint8Array;
}

/** Heights that a worker reports after a sync call: the last ones accepted; -1 for none. */
export interface HeadersSyncedTo {
  relay: number;
  para: number;
}

/** Answers of all but egress are a few hundred bytes, GetRuntimeInfo with a report some 10 KiB. */
const MAX_SMALL_ANSWER_BYTES = 4 * 1024 * 1024;
/** pRuntime 0.2.x cuts its egress list at 20 MiB (crates/phactory/src/prpc_service.rs); 2.x does not cut. */
const MAX_EGRESS_ANSWER_BYTES = 64 * 1024 * 1024;
const DEFAULT_MAX_BODY_BYTES = 100 * 1024 * 1024;
/** What pRuntime 2.x reports as "none" for unsigned heights: 0 - 1 wrapped round. */
const WRAPPED_NONE = 0xffff_ffff;
/** SCALE SyncHeaderReq without headers: every pRuntime takes it for nothing to do. */
const EMPTY_SYNC_HEADER = new Uint8Array([0, 0]);
/** SCALE enum AttestationProvider::Ias (phala-blockchain 654b1b699 crates/phala-types/src/lib.rs). */
const PROVIDER_IAS = new Uint8Array([1]);

/**
 * One pRuntime over HTTP.
 *
 * Heavy calls (headers, blocks, initialization, attestation) go one at a time; small ones (info, egress) one at a time
 * beside them, so that a long upload does not hold up what is urgent. Headers and blocks go to `/bin_api`, which takes
 * blobs as they are; a worker that has no such route is found out by asking once and gets protobuf on `/prpc`.
 */
export class PRuntimeClient {
  readonly endpoint: string;
  readonly #heavy = new Limiter({ concurrency: 1, maxQueued: 16, name: 'heavy calls of a worker' });
  readonly #small = new Limiter({ concurrency: 1, maxQueued: 64, name: 'small calls of a worker' });
  readonly #requestTimeoutMs: number;
  readonly #blobTimeoutMs: number;
  readonly #maxBodyBytes: number;
  readonly #transport: PRuntimeTransport;
  readonly #logger: Logger;
  readonly #split: PRuntimeClientCollaborators['splitCombinedHeaders'];
  #dialect: 'binApi' | 'prpc' | undefined;

  constructor(options: PRuntimeClientOptions, collaborators: PRuntimeClientCollaborators) {
    this.endpoint = options.endpoint.replace(/\/+$/, '');
    this.#requestTimeoutMs = options.requestTimeoutMs ?? 8_000;
    this.#blobTimeoutMs = options.blobTimeoutMs ?? 150_000;
    this.#maxBodyBytes = options.maxBodyBytes ?? DEFAULT_MAX_BODY_BYTES;
    this.#transport = collaborators.transport;
    this.#logger = collaborators.logger;
    this.#split = collaborators.splitCombinedHeaders;
  }

  /** The way in which headers and blocks are sent; undefined before the first of them. */
  get dialect(): 'binApi' | 'prpc' | undefined {
    return this.#dialect;
  }

  /** Where the worker stands and what it is. @throws PRuntimeError */
  async getInfo(options: CallOptions = {}): Promise<PRuntimeInfo> {
    const answer = await this.#prpcSmall('GetInfo', PhactoryInfoSchema, options);
    return toInfo(answer);
  }

  /** Everything that the worker wants on chain, SCALE Vec<(MessageOrigin, Vec<SignedMessage>)>. @throws PRuntimeError */
  async getEgressMessages(options: CallOptions = {}): Promise<Uint8Array> {
    const answer = await this.#prpcSmall(
      'GetEgressMessages',
      GetEgressMessagesResponseSchema,
      options,
      MAX_EGRESS_ANSWER_BYTES,
    );
    return answer.encodedMessages;
  }

  /** Gives the worker its trusted start. @throws PRuntimeError, ALREADY_INITIALIZED when it has one */
  async initRuntime(input: InitRuntimeInput, options: CallOptions = {}): Promise<RegistrationInfo> {
    const skipRa = input.skipRa ?? false;
    const answer = await this.#prpcHeavy(
      'InitRuntime',
      InitRuntimeRequestSchema,
      {
        skipRa,
        encodedGenesisInfo: input.encodedGenesisInfo,
        encodedGenesisState: input.encodedGenesisState,
        isParachain: true,
        ...(input.encodedOperator ? { encodedOperator: input.encodedOperator } : {}),
        ...(input.debugSetKey ? { debugSetKey: input.debugSetKey } : {}),
        // 2.x reads no skip_ra: a provider given means "attest with it".
        ...(skipRa ? {} : { attestationProvider: PROVIDER_IAS }),
      },
      InitRuntimeResponseSchema,
      options,
    );
    return toRegistrationInfo(answer);
  }

  /** What is needed to register the worker; a refresh makes a new report. @throws PRuntimeError */
  async getRuntimeInfo(
    input: { forceRefreshRa?: boolean; encodedOperator?: Uint8Array } = {},
    options: CallOptions = {},
  ): Promise<RegistrationInfo> {
    const answer = await this.#prpcHeavy(
      'GetRuntimeInfo',
      GetRuntimeInfoRequestSchema,
      {
        forceRefreshRa: input.forceRefreshRa ?? false,
        ...(input.encodedOperator ? { encodedOperator: input.encodedOperator } : {}),
      },
      InitRuntimeResponseSchema,
      options,
    );
    return toRegistrationInfo(answer);
  }

  /**
   * Sends relay headers and the para headers that their end proves.
   * @param blob SCALE SyncCombinedHeadersReq
   * @throws PRuntimeError; the relay part may have been accepted all the same
   */
  syncCombinedHeaders(blob: Uint8Array, options: CallOptions = {}): Promise<HeadersSyncedTo> {
    return this.#sync(
      async () => {
        const path = '/bin_api/sync_combined_headers';
        const payload = await this.#binApi(path, blob, options);
        return {
          relay: this.#height(payload, 'relaychain_synced_to', path),
          para: this.#height(payload, 'parachain_synced_to', path),
        };
      },
      async () => {
        const parts = this.#split(blob);
        const answer = await this.#prpc(
          'SyncCombinedHeaders',
          CombinedHeadersToSyncSchema,
          {
            encodedRelaychainHeaders: parts.encodedRelayHeaders,
            encodedParachainHeaders: parts.encodedParaHeaders,
            proof: parts.proof,
            ...(parts.authoritySetChange ? { authoritySetChange: parts.authoritySetChange } : {}),
          },
          HeadersSyncedToSchema,
          { ...options, timeoutMs: this.#blobTimeoutMs },
        );
        return {
          relay: unwrapHeight(answer.relaychainSyncedTo),
          para: unwrapHeight(answer.parachainSyncedTo),
        };
      },
      options,
    );
  }

  /**
   * Sends para headers alone, after a call that had its relay part accepted and its para part not.
   * @param input `blob` is the SCALE SyncParachainHeaderReq, the rest its parts
   * @returns the last para header accepted, -1 for none
   * @throws PRuntimeError
   */
  syncParaHeader(
    input: { blob: Uint8Array; encodedParaHeaders: Uint8Array; proof: Uint8Array[] },
    options: CallOptions = {},
  ): Promise<number> {
    return this.#sync(
      async () => {
        const path = '/bin_api/sync_para_header';
        return this.#height(await this.#binApi(path, input.blob, options), 'synced_to', path);
      },
      async () => {
        const answer = await this.#prpc(
          'SyncParaHeader',
          ParaHeadersToSyncSchema,
          { encodedHeaders: input.encodedParaHeaders, proof: input.proof },
          SyncedToSchema,
          { ...options, timeoutMs: this.#blobTimeoutMs },
        );
        return unwrapHeight(answer.syncedTo);
      },
      options,
    );
  }

  /**
   * Sends blocks to execute.
   * @param blob SCALE Vec<BlockHeaderWithChanges>
   * @returns the last block executed, -1 for none
   * @throws PRuntimeError; blocks before the failing one stay executed
   */
  dispatchBlocks(blob: Uint8Array, options: CallOptions = {}): Promise<number> {
    return this.#sync(
      async () => {
        const path = '/bin_api/dispatch_block';
        return this.#height(await this.#binApi(path, blob, options), 'dispatched_to', path);
      },
      async () => {
        const answer = await this.#prpc(
          'DispatchBlocks',
          BlocksSchema,
          { encodedBlocks: blob },
          SyncedToSchema,
          { ...options, timeoutMs: this.#blobTimeoutMs },
        );
        return unwrapHeight(answer.syncedTo);
      },
      options,
    );
  }

  /**
   * Asks pRuntime to exit. A pRuntime that does breaks the connection, which counts as done.
   * @throws PRuntimeError NOT_AVAILABLE when it does not allow that
   */
  async kick(options: CallOptions = {}): Promise<void> {
    try {
      const answer = await this.#transport.post({
        endpoint: this.endpoint,
        path: '/kick',
        body: new Uint8Array(0),
        timeoutMs: this.#requestTimeoutMs,
        maxAnswerBytes: MAX_SMALL_ANSWER_BYTES,
        signal: options.signal,
      });
      if (answer.status >= 400) {
        throw new PRuntimeError(
          WorkerErrorClass.NOT_AVAILABLE,
          `pRuntime refused to be kicked: HTTP ${answer.status}`,
          undefined,
          {
            facts: { endpoint: this.endpoint, status: answer.status },
            remedy: 'Start pRuntime with its kick API enabled.',
          },
        );
      }
    } catch (error) {
      if (isPRuntimeError(error) && error.code === WorkerErrorClass.TRANSPORT) return;
      throw error;
    }
  }

  /** Asks again for the dialect at the next sync call; for a pRuntime that was replaced. */
  forgetDialect(): void {
    this.#dialect = undefined;
  }

  async #sync<T>(
    binApi: () => Promise<T>,
    prpc: () => Promise<T>,
    { signal }: CallOptions,
  ): Promise<T> {
    return this.#heavy.run(
      async () => {
        this.#dialect ??= await this.#askDialect(signal);
        if (this.#dialect === 'prpc') return prpc();
        try {
          return await binApi();
        } catch (error) {
          // The worker behind the endpoint may have been replaced by another make.
          if (isPRuntimeError(error) && error.code === WorkerErrorClass.NOT_AVAILABLE) {
            this.#dialect = undefined;
          }
          throw error;
        }
      },
      { signal },
    );
  }

  async #askDialect(signal: AbortSignal | undefined): Promise<'binApi' | 'prpc'> {
    const answer = await this.#transport.post({
      endpoint: this.endpoint,
      path: '/bin_api/sync_header',
      body: EMPTY_SYNC_HEADER,
      timeoutMs: this.#requestTimeoutMs,
      maxAnswerBytes: MAX_SMALL_ANSWER_BYTES,
      signal,
    });
    const dialect = answer.status === 404 || answer.status === 405 ? 'prpc' : 'binApi';
    this.#logger.debug('Found the dialect of a worker', { endpoint: this.endpoint, dialect });
    return dialect;
  }

  async #binApi(
    path: string,
    body: Uint8Array,
    { signal }: CallOptions,
  ): Promise<Record<string, unknown>> {
    this.#checkBody(path, body);
    const answer = await this.#transport.post({
      endpoint: this.endpoint,
      path,
      body,
      timeoutMs: this.#blobTimeoutMs,
      maxAnswerBytes: MAX_SMALL_ANSWER_BYTES,
      signal,
    });
    return readBinApiAnswer(answer, { endpoint: this.endpoint, path });
  }

  #height(payload: Record<string, unknown>, field: string, path: string): number {
    return unwrapHeight(readHeight(payload, field, { endpoint: this.endpoint, path }));
  }

  #prpcSmall<O extends DescMessage>(
    method: string,
    output: O,
    { signal }: CallOptions,
    maxAnswerBytes?: number,
  ): Promise<MessageShape<O>> {
    return this.#small.run(
      () =>
        this.#prpc(method, EmptySchema, {}, output, {
          signal,
          timeoutMs: this.#requestTimeoutMs,
          ...(maxAnswerBytes === undefined ? {} : { maxAnswerBytes }),
        }),
      { signal },
    );
  }

  #prpcHeavy<I extends DescMessage, O extends DescMessage>(
    method: string,
    input: I,
    request: MessageInitShape<I>,
    output: O,
    { signal }: CallOptions,
  ): Promise<MessageShape<O>> {
    return this.#heavy.run(
      () => this.#prpc(method, input, request, output, { signal, timeoutMs: this.#blobTimeoutMs }),
      { signal },
    );
  }

  async #prpc<I extends DescMessage, O extends DescMessage>(
    method: string,
    input: I,
    request: MessageInitShape<I>,
    output: O,
    call: { signal?: AbortSignal | undefined; timeoutMs: number; maxAnswerBytes?: number },
  ): Promise<MessageShape<O>> {
    const path = `/prpc/PhactoryAPI.${method}`;
    const body = toBinary(input, create(input, request));
    this.#checkBody(path, body);
    const answer = await this.#transport.post({
      endpoint: this.endpoint,
      path,
      body,
      timeoutMs: call.timeoutMs,
      maxAnswerBytes: call.maxAnswerBytes ?? MAX_SMALL_ANSWER_BYTES,
      signal: call.signal,
    });
    return readPrpcAnswer(output, answer, { endpoint: this.endpoint, path });
  }

  #checkBody(path: string, body: Uint8Array): void {
    if (body.length <= this.#maxBodyBytes) return;
    throw new PRuntimeError(
      WorkerErrorClass.BODY_TOO_LARGE,
      `A body of ${body.length} bytes is more than pRuntime accepts (${this.#maxBodyBytes})`,
      undefined,
      {
        facts: { endpoint: this.endpoint, path, bytes: body.length, maxBytes: this.#maxBodyBytes },
      },
    );
  }
}

/** Undoes the wrap-around of an unsigned "none". */
function unwrapHeight(height: number): number {
  return height === WRAPPED_NONE ? -1 : height;
}
