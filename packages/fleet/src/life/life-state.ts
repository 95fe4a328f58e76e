import type { ErrorObject } from '@runtime-bridge/base';

import { FleetError, FleetErrorCode } from '../errors.js';
import type { WorkerStatus } from '../runner/messages.js';

/** Where a worker is in its life. */
export type LifeState =
  | { readonly kind: 'idle' }
  | { readonly kind: 'starting' }
  | { readonly kind: 'syncing' }
  | { readonly kind: 'synced' }
  | { readonly kind: 'preActive' }
  | { readonly kind: 'active' }
  | { readonly kind: 'error'; readonly error: ErrorObject; readonly retryInMs: number }
  | { readonly kind: 'kicked' };

const names: Record<LifeState['kind'], WorkerStatus> = {
  idle: 'S_IDLE',
  starting: 'S_STARTING',
  syncing: 'S_SYNCHING',
  synced: 'S_SYNCHED',
  preActive: 'S_PRE_ACTIVE',
  active: 'S_ACTIVE',
  error: 'S_ERROR',
  kicked: 'S_KICKED',
};

/** The name of a state on Walkie. */
export function statusOf(state: LifeState): WorkerStatus {
  return names[state.kind];
}

/**
 * A worker's state with one method per transition; a transition that its state does not have is a fault of this program
 * and throws. Every state may fail, be kicked or begin anew.
 */
export class LifeMachine {
  #state: LifeState = { kind: 'idle' };

  constructor(private readonly onChange: (from: LifeState, to: LifeState) => void) {}

  get state(): LifeState {
    return this.#state;
  }

  /** Nothing of it is known any more: restarted by the operator, or about to be tried again. */
  reset(): void {
    this.#to({ kind: 'idle' });
  }

  /** It is looked at, and initialized if need be. */
  start(): void {
    this.#from(['idle']);
    this.#to({ kind: 'starting' });
  }

  /** It takes headers and blocks. Also the way back of one that fell behind. */
  sync(): void {
    this.#from(['starting', 'synced', 'preActive', 'active']);
    this.#to({ kind: 'syncing' });
  }

  /** It stands at the head. Also where one waits that may do nothing on chain, or is cooling down. */
  reachHead(): void {
    this.#from(['syncing', 'preActive', 'active']);
    this.#to({ kind: 'synced' });
  }

  /** It is being registered, added to its pool, started. Also the way back of one whose session has ended. */
  prepare(): void {
    this.#from(['synced', 'active']);
    this.#to({ kind: 'preActive' });
  }

  /** It computes. */
  activate(): void {
    this.#from(['preActive']);
    this.#to({ kind: 'active' });
  }

  /** It failed and is tried again after a while. */
  fail(error: ErrorObject, retryInMs: number): void {
    this.#to({ kind: 'error', error, retryInMs });
  }

  /** The operator had its pRuntime told to exit; nothing happens until it is restarted. */
  kick(): void {
    this.#to({ kind: 'kicked' });
  }

  #from(allowed: readonly LifeState['kind'][]): void {
    if (allowed.includes(this.#state.kind)) return;
    throw new FleetError(FleetErrorCode.BAD_STATE, 'A worker cannot go on from its state', {
      facts: { state: this.#state.kind, allowed: allowed.join(', ') },
    });
  }

  #to(next: LifeState): void {
    const from = this.#state;
    if (from.kind === next.kind && next.kind !== 'error') return;
    this.#state = next;
    this.onChange(from, next);
  }
}
