export { ChainClientError, ChainClientErrorCode, hasCode } from './errors.js';
export { ChainReader } from './read/chain-reader.js';
export {
  defaultFinalizedHeadsOptions,
  FinalizedHeads,
  type FinalizedHeadsOptions,
} from './read/finalized-heads.js';
export { headerFromJson, type RawHeader } from './read/header-json.js';
export { JustificationStream, type AnnouncedJustification } from './read/justification-stream.js';
export { ParaReader, type StoragePair } from './read/para-reader.js';
export { RelayReader } from './read/relay-reader.js';
export { parseEndpoints } from './rpc/endpoint-list.js';
export type { EndpointStatus, Fault } from './rpc/endpoint-health.js';
export { faultOf } from './rpc/error-faults.js';
export type { CallOptions, RpcCaller, RpcEndpoint, SubscriptionRequest } from './rpc/endpoint.js';
export type {
  FollowOptions,
  JsonRpcClientCollaborators,
  JsonRpcClientOptions,
  UseOptions,
} from './rpc/client-options.js';
export { JsonRpcClient } from './rpc/json-rpc-client.js';
export { defaultWsEndpointOptions, WsEndpoint, type WsEndpointOptions } from './rpc/ws-endpoint.js';
