import { blake2b256, concatBytes, utf8 } from '../../primitives/index.js';
import { ensure, rootHandler, signedHandler, type Ctx, type Pallet } from '../pallet.js';
import type { AccountId, TokenomicParameters, WorkerKey } from '../values.js';
import * as decl from './computation-decl.js';
import { pushPalletMessage, SYSTEM_EVENT_TOPIC } from './mq.js';
import { workers } from './registry-storage.js';
import { boundWorker, start, stop, unbind } from './sessions.js';
import { parentHash } from './system.js';
import { DEFAULT_HEARTBEAT_COUNT, heartbeatTarget } from './tokenomics.js';

const PALLET = 'PhalaComputation';
const MAX_U256 = (1n << 256n) - 1n;

/** Topic on which the chain tells gatekeepers about its parameters. */
export const GATEKEEPER_EVENT_TOPIC = 'phala/gatekeeper/event';

/** What other pallets want to know of this one. */
export interface ComputationHooks {
  /** A worker was untied from its session by somebody else than its pool. */
  onUnbound(ctx: Ctx, worker: WorkerKey): void;
}

function pushChallenge(ctx: Ctx, seed: bigint, onlineTarget: bigint): void {
  pushPalletMessage(ctx, PALLET, SYSTEM_EVENT_TOPIC, 'SystemEvent', {
    type: 'HeartbeatChallenge',
    seed,
    onlineTarget,
  });
}

/**
 * The block's challenge. Its seed is of the parent's hash alone; Khala mixes the last 81 hashes.
 * A seed read from bytes is big-endian (parity-common uint), on the wire it is little-endian.
 */
function heartbeatChallenge(ctx: Ctx): void {
  const { state } = ctx;
  if (decl.heartbeatPaused.get(state)) return;
  const hash = blake2b256(concatBytes(utf8('PhalaPoW'), parentHash.get(state)));
  const seed = BigInt(`0x${Buffer.from(hash).toString('hex')}`);
  const expected = decl.expectedHeartbeatCount.get(state) ?? DEFAULT_HEARTBEAT_COUNT;
  pushChallenge(ctx, seed, heartbeatTarget(expected, decl.onlineWorkers.get(state)));
}

/** Sessions of workers, heartbeats. Rules: phala-blockchain 654b1b699 pallets/phala/src/compute/computation.rs. */
export function makeComputation(hooks: ComputationHooks): Pallet {
  return {
    name: PALLET,
    index: 87,
    path: 'phala_pallets::compute::computation::pallet',
    storage: decl.computationStorage,
    calls: decl.computationCalls,
    events: decl.computationEvents,
    errors: decl.computationErrors,
    dispatch: {
      set_cool_down_expiration: rootHandler<{ period: bigint }>((ctx, { period }) => {
        decl.coolDownPeriod.put(ctx.state, period);
        ctx.deposit(PALLET, 'CoolDownExpirationChanged', { period });
      }),
      unbind: signedHandler<{ session: AccountId }>((ctx, who, { session }) => {
        const worker = workers.get(ctx.state, boundWorker(ctx, session));
        ensure(ctx, worker !== undefined, PALLET, 'WorkerNotRegistered');
        const { operator } = worker;
        const isOperator = operator !== undefined && Buffer.compare(operator, who) === 0;
        ensure(ctx, isOperator, PALLET, 'BadSender');
        hooks.onUnbound(ctx, unbind(ctx, session));
      }),
      force_heartbeat: rootHandler((ctx) => pushChallenge(ctx, 0n, MAX_U256)),
      force_start_computing: rootHandler<{ session: AccountId; stake: bigint }>((ctx, args) =>
        start(ctx, args.session, args.stake),
      ),
      force_stop_computing: rootHandler<{ session: AccountId }>((ctx, { session }) =>
        stop(ctx, session),
      ),
      update_tokenomic: rootHandler<{ newParams: TokenomicParameters }>((ctx, { newParams }) =>
        decl.scheduledTokenomicUpdate.put(ctx.state, newParams),
      ),
      set_heartbeat_paused: rootHandler<{ paused: boolean }>((ctx, { paused }) =>
        decl.heartbeatPaused.put(ctx.state, paused),
      ),
    },
    onFinalize: (ctx) => {
      heartbeatChallenge(ctx);
      const scheduled = decl.scheduledTokenomicUpdate.take(ctx.state);
      if (!scheduled) return;
      decl.tokenomicParameters.put(ctx.state, scheduled);
      pushPalletMessage(ctx, PALLET, GATEKEEPER_EVENT_TOPIC, 'GatekeeperEvent', {
        type: 'TokenomicParametersChanged',
        value: scheduled,
      });
      ctx.deposit(PALLET, 'TokenomicParametersChanged');
    },
  };
}
