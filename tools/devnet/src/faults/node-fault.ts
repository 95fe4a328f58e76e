import type { Chain } from '../chain/chain.js';
import type { AuthorityKeys } from '../grandpa/authorities.js';
import type { RpcCall, RpcNotification } from '../rpc/connection.js';
import type { FaultParams } from './fault.js';

/** What a fault of a node may look at. */
export interface NodeFaultContext {
  readonly chain: Chain;
  /** Keys of the voters; on the relay chain only. */
  readonly keys?: AuthorityKeys;
}

/** What a fault does to the calls and notifications that it takes. */
export interface NodeDisturbance {
  /** Is it meant for this method or notification, unless the fault names methods? */
  readonly concerns: (method: string) => boolean;
  /** Stands between a call and its answer. */
  readonly call?: (call: RpcCall, next: () => Promise<unknown>) => Promise<unknown>;
  /** What is sent instead of a notification; undefined: nothing. */
  readonly notification?: (
    notification: RpcNotification,
  ) => { result: unknown; afterMs?: number } | undefined;
}

/** Makes a disturbance from its parameters. */
export interface NodeFaultKind {
  readonly description: string;
  make(params: FaultParams, context: NodeFaultContext): NodeDisturbance;
}

/** A disturbance that changes results, of answers and of notifications alike. */
export function changing(
  methods: readonly string[],
  change: (name: string, result: unknown, params: readonly unknown[]) => unknown,
): NodeDisturbance {
  return {
    concerns: (method) => methods.includes(method),
    call: async (call, next) => change(call.method, await next(), call.params),
    notification: ({ method, result }) => ({ result: change(method, result, []) }),
  };
}
