import type { Hex } from '@runtime-bridge/base';

/** What an operator may want of a worker on chain. */
export type OrderKind = 'stop' | 'drain' | 'reclaim';
/** Orders, and taking them back. */
export type OrderAction = OrderKind | 'resume';

/** An order that stands. */
export interface Order {
  readonly uuid: string;
  readonly kind: OrderKind;
  /** Ms since 1970. */
  readonly sinceMs: number;
  /** Key of the worker, which may no longer be driven when it is needed. */
  readonly publicKey: Hex;
  /** Finalised block at which it no longer computed; undefined before. */
  readonly stoppedAt?: number | undefined;
  /** When it was seen not to compute any more, ms since 1970. */
  readonly stoppedMs?: number | undefined;
  /** What was wanted is so. */
  readonly done: boolean;
}

/** A standing order with how far it is. */
export interface OrderView extends Order {
  readonly text: string;
  /** From when the stake can be reclaimed, ms since 1970; undefined when the worker is not cooling down. */
  readonly cooledDownMs: number | undefined;
}

/** What an order would do to one worker. */
export interface OrderEffect {
  readonly uuid: string;
  readonly name: string;
  readonly poolId: bigint;
  readonly sessionState: string | undefined;
  /** On chain, in the smallest unit. */
  readonly stake: bigint | undefined;
  readonly cooledDownMs: number | undefined;
  readonly possible: boolean;
  readonly text: string;
}

/** What an effect is made of. */
export interface EffectInput {
  readonly uuid: string;
  readonly name: string;
  readonly poolId: bigint;
  readonly publicKey: Hex | undefined;
  /** Nothing may be sent for it, for the worker, its pool or the whole manager. */
  readonly syncOnly: boolean;
  readonly enabled: boolean;
  /** Pool on chain; undefined when it is in none. */
  readonly poolIdOnChain: bigint | undefined;
  readonly sessionState: string | undefined;
  readonly stake: bigint | undefined;
  readonly cooledDownMs: number | undefined;
  /** The chain's answer is there. */
  readonly isKnown: boolean;
  /** Orders that stand for it. */
  readonly standing: readonly Order[];
}

/** Session states in which a worker computes (phala-blockchain 654b1b699 pallets/phala/src/compute/computation.rs). */
const COMPUTING: ReadonlySet<string> = new Set(['WorkerIdle', 'WorkerUnresponsive', '_Unused']);

/** Whether a session in this state computes, or is meant to. */
export function computes(sessionState: string | undefined): boolean {
  return sessionState !== undefined && COMPUTING.has(sessionState);
}

/** What an action would do to a worker, or why it cannot. Pure. */
export function effectOf(action: OrderAction, input: EffectInput): OrderEffect {
  const { uuid, name, poolId, sessionState, stake, cooledDownMs } = input;
  const { possible, text } = judge(action, input);
  return { uuid, name, poolId, sessionState, stake, cooledDownMs, possible, text };
}

function judge(action: OrderAction, input: EffectInput): { possible: boolean; text: string } {
  const no = (text: string) => ({ possible: false, text });
  const yes = (text: string) => ({ possible: true, text });
  const { standing, sessionState, stake } = input;
  const isComputing = computes(sessionState);
  const isCooling = sessionState === 'WorkerCoolingDown';
  if (action === 'resume') {
    if (standing.length === 0) return no('No order stands for it.');
    if (isCooling) return yes('Computes again once its stake is reclaimed.');
    return yes(isComputing ? 'Goes on computing.' : 'Computes again.');
  }
  if (input.syncOnly) return no('Sync only: nothing is sent on chain for it.');
  if (input.publicKey === undefined) {
    return no('Its key is not known, since it was not reached yet.');
  }
  if (!input.isKnown) return no('The chain did not tell of it yet.');
  if (input.poolIdOnChain !== undefined && input.poolIdOnChain !== input.poolId) {
    return no(`On chain it belongs to pool ${input.poolIdOnChain.toString()}.`);
  }
  const locked =
    stake === undefined ? '' : ` The stake of ${stake.toString()} stays locked meanwhile.`;
  switch (action) {
    case 'stop':
      if (standing.some(({ kind }) => kind === 'stop'))
        return no('It is stopped by order already.');
      return yes(
        isComputing
          ? `Stops computing and cools down.${locked}`
          : isCooling
            ? 'Is cooling down already; will not compute again.'
            : 'Does not compute; will not begin.',
      );
    case 'drain':
      if (!input.enabled) return no('It is disabled already.');
      if (standing.some(({ kind }) => kind === 'drain')) return no('It is being drained already.');
      return yes(
        isComputing
          ? `Stops computing, cools down, and is disabled once its last messages are on chain.${locked}`
          : 'Is disabled once its last messages are on chain.',
      );
    case 'reclaim':
      if (standing.some(({ kind }) => kind === 'reclaim'))
        return no('It will be reclaimed already.');
      if (isComputing) return no('It computes: stop it first.');
      if (!isCooling) return no('It is not cooling down, so there is nothing to reclaim.');
      return yes('Its stake goes back to the pool as soon as it has cooled down.');
  }
}
