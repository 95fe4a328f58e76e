import type { Clock, Logger, MetricsRegister } from '@runtime-bridge/base';
import type { Fault } from './endpoint-health.js';
import type { RpcEndpoint } from './endpoint.js';
import type { WsEndpointOptions } from './ws-endpoint.js';

/** Which nodes, and with what limits. */
export interface JsonRpcClientOptions extends Partial<Omit<WsEndpointOptions, 'url'>> {
  /** What the nodes are of, in logs and metrics: `relay` or `para`. */
  name: string;
  /** `ws:`/`wss:` URLs in order of preference. */
  endpoints: readonly string[];
}

/** What the client works with. */
export interface JsonRpcClientCollaborators {
  logger: Logger;
  metrics?: MetricsRegister;
  clock?: Clock;
  /** How an endpoint is made. @default a WebSocket connection */
  openEndpoint?: (options: WsEndpointOptions) => RpcEndpoint;
  /** Endpoints of another kind, which are preferred to the nodes while they can be asked. */
  preferred?: readonly RpcEndpoint[];
}

/** How work on an endpoint is done. */
export interface UseOptions {
  signal?: AbortSignal | undefined;
  /** What an error says of the endpoint; undefined: nothing, the error is the caller's. @default faultOf */
  faultOf?: ((error: unknown) => Fault | undefined) | undefined;
  /** For work that goes on for long: it is broken off when its endpoint falls behind another one. @default false */
  leaveWhenBehind?: boolean;
}

/** How a subscription is followed. */
export interface FollowOptions {
  signal: AbortSignal;
  /** How long to wait after an endpoint refused it. @default 3000 */
  retryMs?: number;
  /**
   * Also of endpoints that are set aside, for items that whoever uses them checks: the only node there is may be one of
   * those. @default false
   */
  isChecked?: boolean;
}
