import { messageOf, Watched } from '@runtime-bridge/base';
import { isAway } from './keep-trying.js';

/** What one side of the synchronisation is doing. */
export type SideState =
  | { state: 'waiting'; detail: string }
  | { state: 'syncing'; detail: string }
  /** Nothing that a node serves can be stored; `error` says why. */
  | { state: 'refused'; detail: string; error: unknown };

/** What both sides are doing, for readiness and logs. */
export class SyncStatus {
  readonly relay = new Watched<SideState>({ state: 'waiting', detail: 'Waiting for a relay node' });
  readonly para = new Watched<SideState>({ state: 'waiting', detail: 'Waiting for a para node' });

  /** Notes that a side goes on. */
  syncing(side: 'relay' | 'para', detail: string): void {
    this[side].update((now) =>
      now.state === 'syncing' && now.detail === detail ? now : { state: 'syncing', detail },
    );
  }

  /** Notes that a side waits for something. */
  waiting(side: 'relay' | 'para', detail: string): void {
    this[side].update((now) =>
      now.state === 'waiting' && now.detail === detail ? now : { state: 'waiting', detail },
    );
  }

  /** Notes that a side cannot go on now. */
  failed(side: 'relay' | 'para', error: unknown): void {
    if (isAway(error)) this.waiting(side, `Waiting for a ${side} node: ${messageOf(error)}`);
    else this[side].set({ state: 'refused', detail: messageOf(error), error });
  }
}
