/** Makes a message of a schema, for what is handed on as one; calls and handlers take plain fields. */
export { create, isFieldSet } from '@bufbuild/protobuf';
/** The base of `WalkieError`, and what TIMEOUT and ABORTED come as; and the shape of a log that a node may be given. */
export { BridgeError, type Facts, type Logger } from '@runtime-bridge/base';
export { createAccessPolicy, type AccessOptions, type AccessPolicy } from './access-policy.js';
export { hostOfAddress, parseBootNodes, type BootNode } from './addresses.js';
export { BlobClient, type BlobClientOptions } from './blob-client.js';
export { crc32c } from './blob-frames.js';
export { BlobServer, type BlobServerOptions } from './blob-server.js';
export type { Blob, BlobSource } from './blob-stream.js';
export {
  BLOB_PROTOCOL,
  HEAD_PROTOCOL,
  PB_PROTOCOL,
  type Caller,
  type Channel,
  type OpenChannel,
} from './channel.js';
export { WalkieError, WalkieErrorCode } from './errors.js';
export type { FollowOptions, HeadNews } from './head-follower.js';
export type { Head, HeadRange } from './head-server.js';
export { defaultWalkieLimits, type WalkieLimits } from './limits.js';
export {
  findMethod,
  walkieMethods,
  type Method,
  type MethodName,
  type RequestInit,
  type RequestOf,
  type ResponseInit,
  type ResponseOf,
} from './methods.js';
export { PeerDirectory, type Peer } from './peer-directory.js';
export type { CallContext, Handler } from './rpc-server.js';
export * from './schema.js';
export { SharedSecret } from './shared-secret.js';
export type { CallOptions } from './walkie-client.js';
export { WalkieClient } from './walkie-client.js';
export { WalkieNode, type WalkieNodeOptions } from './walkie-node.js';
export type { Walkie } from './walkie.js';
