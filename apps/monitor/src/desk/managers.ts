import type {
  CallOptions,
  MethodName,
  RequestInit,
  ResponseOf,
} from '@runtime-bridge/walkie-protocol';
import { WalkieRoles, type Peer, type Walkie } from '@runtime-bridge/walkie-protocol';
import { ApiError } from './api-error.js';

/** For one question or change; a manager that is slower times out alone. */
const CALL_TIMEOUT_MS = 30_000;

/** Calls lifecycle managers that the monitor has found by itself; there is no other way to name one. */
export class Managers {
  constructor(private readonly collaborators: { walkie: Walkie }) {}

  /** Those that are there. */
  list(): Peer[] {
    return this.collaborators.walkie.peers
      .list()
      .filter(({ role }) => role === WalkieRoles.WR_LIFECYCLE_MANAGER);
  }

  /** @throws ApiError NOT_FOUND */
  get(peerId: string): Peer {
    const peer = this.collaborators.walkie.peers.get(peerId);
    if (peer?.role === WalkieRoles.WR_LIFECYCLE_MANAGER) return peer;
    throw ApiError.notFound(`Lifecycle manager ${peerId.slice(0, 80)}`);
  }

  /** @throws ApiError NOT_FOUND for a manager that is not there, and as WalkieClient.call */
  async call<M extends MethodName>(
    peerId: string,
    method: M,
    request: RequestInit<M>,
    options: CallOptions = {},
  ): Promise<ResponseOf<M>> {
    return this.collaborators.walkie
      .client(this.get(peerId).peerId)
      .call(method, request, { timeoutMs: CALL_TIMEOUT_MS, ...options });
  }
}
