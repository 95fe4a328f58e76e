import {
  OrderKind as WireKind,
  type RequestOf,
  type Walkie,
} from '@runtime-bridge/walkie-protocol';

import type { OrderAction, OrderKind } from '../orders/order.js';
import type { OrderDesk } from '../orders/order-desk.js';
import { configMode, type FleetAbsence } from './absence.js';

const methods = {
  StopWorker: 'stop',
  DrainWorker: 'drain',
  ReclaimWorker: 'reclaim',
  ResumeWorker: 'resume',
} as const;
const kinds: Record<OrderKind, WireKind> = {
  stop: WireKind.OK_STOP,
  drain: WireKind.OK_DRAIN,
  reclaim: WireKind.OK_RECLAIM,
};

/**
 * Answers StopWorker, DrainWorker, ReclaimWorker, ResumeWorker and ListStandingOrders.
 * @param collaborators desk is undefined while no worker is driven
 */
export function serveOrders(
  walkie: Walkie,
  {
    desk,
    absence = configMode,
  }: {
    desk: Pick<OrderDesk, 'request' | 'list'> | undefined;
    /** Why that is so. @default config mode */
    absence?: FleetAbsence;
  },
): void {
  const ask = (action: OrderAction) => async (request: RequestOf<'StopWorker'>) => {
    if (!desk) throw absence.error();
    const answer = await desk.request(action, request.ids, request.confirmation);
    return {
      accepted: answer.accepted,
      confirmation: answer.confirmation,
      effects: answer.effects.map((effect) => ({
        workerUuid: effect.uuid,
        name: effect.name,
        pid: effect.poolId,
        sessionState: effect.sessionState ?? '',
        stake: effect.stake?.toString() ?? '',
        cooledDownMs: BigInt(effect.cooledDownMs ?? 0),
        text: effect.text,
        possible: effect.possible,
      })),
    };
  };
  for (const [method, action] of Object.entries(methods)) {
    walkie.handle(method as keyof typeof methods, ask(action));
  }
  walkie.handle('ListStandingOrders', () => ({
    orders: (desk?.list() ?? []).map((order) => ({
      workerUuid: order.uuid,
      kind: kinds[order.kind],
      sinceMs: BigInt(order.sinceMs),
      text: order.text,
      done: order.done,
      cooledDownMs: BigInt(order.cooledDownMs ?? 0),
    })),
  }));
}
