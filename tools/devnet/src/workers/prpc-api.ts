import {
  create,
  fromBinary,
  fromJsonString,
  toBinary,
  toJsonString,
  type DescMessage,
  type DescMethod,
  type MessageShape,
} from '@bufbuild/protobuf';
import { RequestDecodeFault, RuntimeFault } from './faults.js';
import {
  BlocksSchema,
  CombinedHeadersToSyncSchema,
  EchoMessageSchema,
  GetEgressMessagesResponseSchema,
  GetRuntimeInfoRequestSchema,
  HeadersSyncedToSchema,
  HeadersToSyncSchema,
  InitRuntimeRequestSchema,
  InitRuntimeResponseSchema,
  ParaHeadersToSyncSchema,
  PhactoryAPI,
  PhactoryInfoSchema,
  PrpcErrorSchema,
  StopOptionsSchema,
  SyncedToSchema,
} from './gen/pruntime_rpc_pb.js';
import { infoJson, sortedJson } from './info-json.js';
import type { Phactory } from './phactory.js';
import {
  decodeAccountId,
  decodeAttestationProvider,
  decodeAuthoritySetChange,
  decodeBlocks,
  decodeGenesisInfo,
  decodeHeaders,
  decodeHeadersToSync,
  decodeStorageState,
} from './requests.js';

/** An HTTP answer. */
export interface PrpcAnswer {
  readonly status: number;
  readonly body: Uint8Array;
}

/** What calls may do besides answering. */
export interface PrpcEffects {
  /** Ends the worker's process after the answer. */
  readonly stop: () => void;
}

type Handler = (phactory: Phactory, request: RequestBody, effects: PrpcEffects) => Encoded;
/** Answer of a method: its type and content. */
type Encoded = { readonly schema: DescMessage; readonly message: object };

/** A request body, decoded on demand in the dialect it came in. */
class RequestBody {
  constructor(
    private readonly bytes: Uint8Array,
    private readonly isJson: boolean,
  ) {}

  as<Desc extends DescMessage>(schema: Desc): MessageShape<Desc> {
    try {
      if (!this.isJson) return fromBinary(schema, this.bytes);
      const text = Buffer.from(this.bytes).toString('utf8');
      return fromJsonString(schema, text === '' ? '{}' : text);
    } catch (error) {
      throw new RequestDecodeFault(error instanceof Error ? error.message : String(error));
    }
  }
}

function answer<Desc extends DescMessage>(
  schema: Desc,
  message: Parameters<typeof create<Desc>>[1],
): Encoded {
  return { schema, message: create(schema, message) };
}

const HANDLERS: Readonly<Record<string, Handler>> = {
  GetInfo: (phactory) => ({ schema: PhactoryInfoSchema, message: phactory.info() }),
  SyncHeader: (phactory, request) => {
    const { encodedHeaders, encodedAuthoritySetChange: change } = request.as(HeadersToSyncSchema);
    const headers = phactory.decoded(encodedHeaders, decodeHeadersToSync);
    const decoded = change === undefined ? undefined : decodeAuthoritySetChange(change);
    return answer(SyncedToSchema, { syncedTo: phactory.syncHeaders(headers, decoded) });
  },
  SyncParaHeader: (phactory, request) => {
    const { encodedHeaders, proof } = request.as(ParaHeadersToSyncSchema);
    const syncedTo = phactory.syncParaHeaders(
      phactory.decoded(encodedHeaders, decodeHeaders),
      proof,
    );
    return answer(SyncedToSchema, { syncedTo });
  },
  SyncCombinedHeaders: (phactory, request) => {
    const message = request.as(CombinedHeadersToSyncSchema);
    const relayHeaders = phactory.decoded(message.encodedRelaychainHeaders, decodeHeadersToSync);
    const change = message.authoritySetChange;
    const authoritySetChange = change === undefined ? undefined : decodeAuthoritySetChange(change);
    const paraHeaders = phactory.decoded(message.encodedParachainHeaders, decodeHeaders);
    const { proof } = message;
    const synced = phactory.syncCombined({ relayHeaders, authoritySetChange, paraHeaders, proof });
    return answer(HeadersSyncedToSchema, {
      relaychainSyncedTo: synced.relaySyncedTo,
      parachainSyncedTo: synced.paraSyncedTo,
    });
  },
  DispatchBlocks: (phactory, request) => {
    const blocks = phactory.decoded(request.as(BlocksSchema).encodedBlocks, decodeBlocks);
    return answer(SyncedToSchema, { syncedTo: phactory.dispatch(blocks) });
  },
  InitRuntime: (phactory, request) => {
    const message = request.as(InitRuntimeRequestSchema);
    const { encodedOperator, attestationProvider } = message;
    const response = phactory.init({
      skipRa: message.skipRa,
      isParachain: message.isParachain,
      genesis: decodeGenesisInfo(message.encodedGenesisInfo),
      genesisState: decodeStorageState(message.encodedGenesisState),
      encodedGenesisState: message.encodedGenesisState,
      operator: encodedOperator === undefined ? undefined : decodeAccountId(encodedOperator),
      debugSetKey: message.debugSetKey,
      attestationProvider:
        attestationProvider === undefined
          ? undefined
          : decodeAttestationProvider(attestationProvider),
    });
    return { schema: InitRuntimeResponseSchema, message: response };
  },
  GetRuntimeInfo: (phactory, request) => {
    const { forceRefreshRa, encodedOperator } = request.as(GetRuntimeInfoRequestSchema);
    const operator = encodedOperator === undefined ? undefined : decodeAccountId(encodedOperator);
    const message = phactory.runtimeInfo(forceRefreshRa, operator);
    return { schema: InitRuntimeResponseSchema, message };
  },
  GetEgressMessages: (phactory) =>
    answer(GetEgressMessagesResponseSchema, { encodedMessages: phactory.egressMessages() }),
  GetWorkerState: (phactory) => {
    if (phactory.identity === undefined) throw new RuntimeFault('Runtime not initialized');
    throw new RuntimeFault('Not a gatekeeper');
  },
  Echo: (_, request) =>
    answer(EchoMessageSchema, { echoMsg: request.as(EchoMessageSchema).echoMsg }),
  Stop: (phactory, request, effects) => {
    if (request.as(StopOptionsSchema).removeCheckpoints) phactory.removeCheckpoints();
    effects.stop();
    return {
      schema: PhactoryAPI.method.stop.output,
      message: create(PhactoryAPI.method.stop.output),
    };
  },
};

/** Methods by the name that paths carry. */
const METHODS = new Map<string, DescMethod>(PhactoryAPI.methods.map((m) => [m.name, m]));

/** `PhactoryAPI.GetInfo` → `GetInfo`; undefined for what is no method path. */
export function methodOfPath(path: string): string | undefined {
  const prefix = 'PhactoryAPI.';
  return path.startsWith(prefix) ? path.slice(prefix.length) : undefined;
}

/**
 * Answers a pRPC call: protobuf in and out, or JSON where the pRuntime speaks it; errors as
 * `PrpcError` with pRuntime's status (phala-blockchain 40ffcd1be crates/phactory/src/prpc_service.rs
 * `dispatch_prpc_request`).
 *
 * @throws EnclavePanic where the enclave dies.
 */
export async function callPrpc(
  phactory: Phactory,
  path: string,
  body: Uint8Array,
  isJson: boolean,
  effects: PrpcEffects,
): Promise<PrpcAnswer> {
  const fail = (status: number, message: string): PrpcAnswer => ({
    status,
    body: isJson
      ? Buffer.from(JSON.stringify({ error: message }, undefined, 2))
      : toBinary(PrpcErrorSchema, create(PrpcErrorSchema, { message })),
  });
  const method = methodOfPath(path);
  if (method === undefined || !phactory.behaviour.methods.has(method)) {
    return fail(404, 'Method Not Found');
  }
  try {
    const request = new RequestBody(body, isJson);
    if (method === 'TakeCheckpoint') {
      const syncedTo = await phactory.takeCheckpoint();
      return { status: 200, body: encode(answer(SyncedToSchema, { syncedTo }), phactory, isJson) };
    }
    const handler = METHODS.has(method) ? HANDLERS[method] : undefined;
    if (handler === undefined) {
      return fail(500, `${method} is not simulated by the dev network's worker`);
    }
    return { status: 200, body: encode(handler(phactory, request, effects), phactory, isJson) };
  } catch (error) {
    if (error instanceof RuntimeFault) return fail(500, error.message);
    if (error instanceof RequestDecodeFault) {
      const description = JSON.stringify(error.message);
      return fail(400, `DecodeError(DecodeError { description: ${description}, stack: [] })`);
    }
    throw error;
  }
}

function encode({ schema, message }: Encoded, phactory: Phactory, isJson: boolean): Uint8Array {
  if (!isJson) return toBinary(schema, message as MessageShape<DescMessage>);
  if (schema === (PhactoryInfoSchema as DescMessage)) {
    const info = phactory.info();
    return Buffer.from(sortedJson(infoJson(info, phactory.machineId, phactory.behaviour)));
  }
  const options = { useProtoFieldName: true, alwaysEmitImplicit: true };
  return Buffer.from(toJsonString(schema, message as MessageShape<DescMessage>, options));
}
