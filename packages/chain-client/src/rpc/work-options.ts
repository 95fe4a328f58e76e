import type { Fault } from './endpoint-health.js';

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
  /** How long to wait after no endpoint offered it. @default 3000 */
  retryMs?: number;
  /**
   * Only of the endpoint on which work that goes on for long (`leaveWhenBehind`) is done, once there is some: for items
   * that are of no use to it when they come from another one. @default false
   */
  besideWork?: boolean;
}
