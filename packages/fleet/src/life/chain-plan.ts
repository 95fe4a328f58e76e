import { computes } from '../orders/order.js';
import type { RunnerSettings, WorkerChainFacts, WorkerSpec } from '../runner/messages.js';

/** What a decision is made on. */
export interface PlanInput {
  readonly spec: Pick<WorkerSpec, 'poolId' | 'stake' | 'operatorAccount' | 'halted'>;
  readonly settings: Pick<RunnerSettings, 'skipRa' | 'minScore' | 'enforceMinScore'>;
  /** As of `block`. */
  readonly facts: WorkerChainFacts;
  /** The finalised block that the facts are of. */
  readonly block: number;
  /** wPHA of the pool that is not at stake; undefined when not known. */
  readonly freeStake: bigint | undefined;
  /** What pRuntime says of itself. */
  readonly registeredAtWorker: boolean;
  /** Last block that the worker has executed. */
  readonly workerBlock: number;
  /** The operator asked for a new attestation; the number tells one wish from the next. */
  readonly refreshRa: number | undefined;
  /**
   * Block in which this program last registered the worker, or first saw it registered: a restart alone is no reason to
   * register again.
   */
  readonly lastRegistration: number | undefined;
}

/** What to do for a worker on chain next. */
export type Plan =
  | { kind: 'register'; epoch: string; forceRefresh: boolean }
  | { kind: 'addToPool'; epoch: string }
  | { kind: 'start'; epoch: string }
  | { kind: 'restart'; epoch: string }
  /** Nothing can be done until the chain changes. */
  | { kind: 'wait'; message: string }
  /** Nothing may be done, and none of our doing will change that. */
  | { kind: 'hold'; message: string }
  /** The chain contradicts the inventory. */
  | { kind: 'otherPool'; poolId: bigint }
  /** All is as wanted. */
  | { kind: 'done'; notice: string | undefined };

/** A registration is repeated at most this often when it leads to no score, or to none that is high enough. */
export const REREGISTER_BLOCKS = 50;
/** How far a worker must have come past the facts' block before it is not believed to have missed its registration. */
const REGISTRATION_SEEN_BLOCKS = 2;

/**
 * Compares what an operator wants with what the chain says. Pure; asked again whenever one of them changes. Rules of the
 * pallets: phala-blockchain 654b1b699 pallets/phala/src/{registry.rs,compute/computation.rs,compute/stake_pool_v2.rs}.
 */
export function planNext(input: PlanInput): Plan {
  const { spec, facts, settings, refreshRa } = input;
  if (facts.poolId !== undefined && facts.poolId !== spec.poolId) {
    return { kind: 'otherPool', poolId: facts.poolId };
  }
  // Asked for by the operator: also of one that cools down or is stopped.
  if (refreshRa !== undefined && !settings.skipRa) {
    return { kind: 'register', epoch: `refresh-${refreshRa}`, forceRefresh: true };
  }
  if (spec.halted) return { kind: 'hold', message: haltMessage(facts.sessionState) };
  if (facts.sessionState === 'WorkerCoolingDown') {
    return { kind: 'hold', message: 'Worker is cooling down, skipping on-chain operations.' };
  }
  const reason = whyRegister(input);
  if (reason !== undefined) {
    if (settings.skipRa) {
      return {
        kind: 'hold',
        message:
          'Attestation is switched off (PHALA_DEV_SKIP_RA), the worker cannot be registered.',
      };
    }
    return { kind: 'register', epoch: reason, forceRefresh: false };
  }
  if (facts.poolId === undefined) return planPool(input);
  return planSession(input);
}

/** Why the worker has to be registered, as an epoch: the chain fact that the registration answers. */
function whyRegister(input: PlanInput): string | undefined {
  const { spec, facts, settings, block, refreshRa } = input;
  if (refreshRa !== undefined) return `refresh-${refreshRa}`;
  if (!facts.registered) return 'new';
  if (facts.operator !== spec.operatorAccount) return `operator-${facts.operator ?? 'none'}`;
  if (block - (input.lastRegistration ?? block) < REREGISTER_BLOCKS) return undefined;
  // A worker that stands past the block of its registration and says that it is not registered missed the event.
  if (!input.registeredAtWorker && input.workerBlock >= block + REGISTRATION_SEEN_BLOCKS) {
    return `unseen-${block}`;
  }
  if (facts.initialScore === undefined) return `unscored-${block}`;
  if (settings.enforceMinScore && facts.initialScore <= settings.minScore) {
    return `score-${facts.initialScore}-${block}`;
  }
  return undefined;
}

function haltMessage(sessionState: string | undefined): string {
  if (sessionState === 'WorkerCoolingDown') return 'Stopped by the operator, cooling down.';
  return computes(sessionState)
    ? 'Stopping by order of the operator...'
    : 'Stopped by the operator.';
}

function planPool({ facts, settings, spec }: PlanInput): Plan {
  const enough = settings.enforceMinScore ? settings.minScore : 0;
  if (facts.initialScore === undefined || facts.initialScore <= enough) {
    return { kind: 'wait', message: 'Waiting for benchmark...' };
  }
  return { kind: 'addToPool', epoch: `pool-${spec.poolId.toString()}` };
}

function planSession({ facts, spec, freeStake, settings }: PlanInput): Plan {
  const wanted = spec.stake.toString();
  switch (facts.sessionState) {
    case undefined:
      return { kind: 'wait', message: 'Waiting until worker ready...' };
    case 'Ready':
      if (settings.enforceMinScore && (facts.initialScore ?? 0) <= settings.minScore) {
        return { kind: 'wait', message: 'Waiting for benchmark...' };
      }
      if (freeStake !== undefined && freeStake < spec.stake) {
        return {
          kind: 'wait',
          message: `Waiting for stake: pool ${spec.poolId.toString()} has ${freeStake.toString()} free, ${wanted} is wanted.`,
        };
      }
      return { kind: 'start', epoch: `ready-${wanted}` };
    default: {
      const notice =
        facts.sessionState === 'WorkerUnresponsive' ? 'Notice: worker unresponsive!' : undefined;
      if (facts.stake === undefined || spec.stake <= facts.stake) return { kind: 'done', notice };
      if (freeStake !== undefined && freeStake + facts.stake < spec.stake) {
        return {
          kind: 'done',
          notice: `The stake cannot be raised to ${wanted}: pool ${spec.poolId.toString()} has ${freeStake.toString()} free.`,
        };
      }
      return { kind: 'restart', epoch: `${facts.stake.toString()}-${wanted}` };
    }
  }
}
