export {
  PRuntimeClient,
  type CallOptions,
  type CombinedHeadersParts,
  type HeadersSyncedTo,
  type InitRuntimeInput,
  type PRuntimeClientCollaborators,
  type PRuntimeClientOptions,
} from './client.js';
export { classifyText, isPRuntimeError, PRuntimeError, WorkerErrorClass } from './errors.js';
export type { PRuntimeAttestation, PRuntimeInfo, RegistrationInfo } from './info.js';
export { PRuntimeTransport, type PRuntimeTransportOptions } from './transport.js';
