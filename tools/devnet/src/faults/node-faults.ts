import type { NotificationIntercept, RpcIntercept } from '../rpc/connection.js';
import { CHANGE_LIES } from './change-lies.js';
import { FaultDose, FaultParams, FaultRequestError, type FaultRequest } from './fault.js';
import { HEIGHT_FAULTS } from './height-faults.js';
import { LIES } from './lies.js';
import { LINE_FAULTS } from './line-faults.js';
import type { NodeDisturbance, NodeFaultContext, NodeFaultKind } from './node-fault.js';

/** Every kind of fault that a node can have, by name. */
export const NODE_FAULTS: Readonly<Record<string, NodeFaultKind>> = {
  ...LINE_FAULTS,
  ...HEIGHT_FAULTS,
  ...LIES,
  ...CHANGE_LIES,
};

/** The faults in force at one node; given to its RPC server as interceptors. */
export class NodeFaults {
  private readonly faults: { disturbance: NodeDisturbance; dose: FaultDose }[] = [];

  constructor(private readonly context: NodeFaultContext) {}

  /**
   * Puts a fault in force; the last one added stands nearest to the client.
   *
   * @returns takes it away again, and how many calls it has disturbed
   * @throws FaultRequestError for an unknown kind or a bad parameter
   */
  add(request: FaultRequest): { remove(): void; count(): number } {
    const kind = Object.hasOwn(NODE_FAULTS, request.kind) ? NODE_FAULTS[request.kind] : undefined;
    if (kind === undefined) {
      throw new FaultRequestError(
        `no fault "${request.kind}" for a node: ${Object.keys(NODE_FAULTS).join(', ')}`,
      );
    }
    const params = new FaultParams(request);
    const dose = FaultDose.from(params);
    const disturbance = kind.make(params, this.context);
    params.end();
    const fault = { disturbance, dose };
    this.faults.push(fault);
    return {
      remove: () => {
        const at = this.faults.indexOf(fault);
        if (at >= 0) this.faults.splice(at, 1);
      },
      count: () => dose.count,
    };
  }

  readonly intercept: RpcIntercept = (call, next) => {
    let run = next;
    for (const { disturbance, dose } of this.faults) {
      const { call: disturb } = disturbance;
      if (disturb === undefined) continue;
      if (!dose.takes(call.method, disturbance.concerns(call.method))) continue;
      const inner = run;
      run = () => disturb(call, inner);
    }
    return run();
  };

  readonly onNotification: NotificationIntercept = (notification) => {
    let { result } = notification;
    let afterMs = 0;
    for (const { disturbance, dose } of this.faults) {
      const { notification: disturb } = disturbance;
      if (disturb === undefined) continue;
      if (!dose.takes(notification.method, disturbance.concerns(notification.method))) continue;
      const sent = disturb({ method: notification.method, result });
      if (sent === undefined) return undefined;
      ({ result } = sent);
      afterMs += sent.afterMs ?? 0;
    }
    return afterMs === 0 ? { result } : { result, afterMs };
  };
}
