import type { Hex } from '@runtime-bridge/base';
import {
  remedyOf,
  SessionState,
  type PoolFacts,
  type PreflightFacts,
  type ProxyFacts,
  type WorkerFacts,
} from '@runtime-bridge/chain-client/tx';
import type { TxJob } from '@runtime-bridge/tx-queue';
import { TxSenderError, TxSenderErrorCode } from './errors.js';

/** Who would sign, and for whom. */
export interface PreflightSigner {
  account: Hex;
  /** Account on behalf of which the call would run. */
  real?: Hex | undefined;
}

/** Types of proxies that do not allow what the bridge calls (source: Phala-Network/khala-parachain acfd39b8 runtime/khala/src/lib.rs). */
const unfit: ReadonlySet<string> = new Set(['CancelProxy', 'Governance', 'Collator']);

/** Errors of rounding that do not count: the chain reckons with other fractions than we do. */
const TOLERANCE = 1e-6;

/** Confidence levels 1 to 5 (source: phala-blockchain 654b1b6 pallets/phala/src/compute/computation.rs). */
const CONFIDENCE = [1, 1, 1, 0.8, 0.7];

const PHA = 10n ** 12n;

/**
 * What the chain would refuse a job for, as far as its facts tell for sure; undefined when nothing speaks against it.
 * Rules: phala-blockchain 654b1b6 pallets/phala/src/compute/{computation.rs,stake_pool_v2.rs}.
 * @param fee what its transaction costs at least, in the smallest unit
 */
export function preflight(
  job: TxJob,
  signer: PreflightSigner,
  facts: PreflightFacts,
  fee: bigint,
): TxSenderError | undefined {
  return checkSigner(signer, facts, fee) ?? checkJob(job, signer.real ?? signer.account, facts);
}

function checkSigner(
  { account, real }: PreflightSigner,
  { spendable, proxies }: PreflightFacts,
  fee: bigint,
): TxSenderError | undefined {
  const has = spendable.get(account);
  if (has !== undefined && has < fee) {
    return refuse(
      'balance',
      `The operator account has ${phaOf(has)} left, and the fee alone is ${phaOf(fee)}`,
      { account },
      'Send some PHA to the operator account.',
    );
  }
  const known = real === undefined ? undefined : proxies.get(real);
  if (!known || real === account) return undefined;
  const mine = known.filter(({ delegate }) => delegate === account);
  if (mine.length === 0) {
    return refuseAs('proxy', 'NotProxy', 'The operator is no proxy of the proxied account', {
      account,
      proxied: real,
    });
  }
  const allows = ({ type, delayBlocks }: ProxyFacts) => !unfit.has(type) && delayBlocks === 0;
  if (mine.some(allows)) return undefined;
  const types = mine.map(({ type, delayBlocks }) => `${type} (delay ${delayBlocks})`).join(', ');
  return refuseAs(
    'proxy',
    'Unproxyable',
    `The operator is a proxy of the proxied account, but of a kind that does not allow this: ${types}`,
    { account, proxied: real, types },
  );
}

function checkJob(job: TxJob, owner: Hex, facts: PreflightFacts): TxSenderError | undefined {
  switch (job.action) {
    case 'BATCH_SYNC_MQ_MESSAGE':
    case 'REGISTER_WORKER':
      return undefined;
    case 'ADD_WORKER':
      return checkPoolJob(job.payload, owner, facts, checkAdd);
    case 'START_COMPUTING': {
      const stake = BigInt(job.payload.stake);
      return checkPoolJob(job.payload, owner, facts, (at) => checkStart(at, stake));
    }
    case 'RESTART_COMPUTING': {
      const stake = BigInt(job.payload.stake);
      return checkPoolJob(job.payload, owner, facts, (at) => checkRestart(at, stake));
    }
    case 'STOP_COMPUTING':
      return checkPoolJob(job.payload, owner, facts, checkStop);
    default:
      return undefined;
  }
}

/** A worker and a pool, and what the chain says of them. */
interface Place {
  pid: bigint;
  key: Hex;
  owner: Hex;
  pool: PoolFacts;
  worker: WorkerFacts | undefined;
  facts: PreflightFacts;
}

function checkPoolJob(
  payload: { pid: string; publicKey: Hex },
  owner: Hex,
  facts: PreflightFacts,
  check: (place: Place) => TxSenderError | undefined,
): TxSenderError | undefined {
  const pid = BigInt(payload.pid);
  const pool = facts.pools.get(pid);
  if (!pool) {
    return refuseStake('PoolDoesNotExist', `The chain has no stake pool ${pid}`, { pool: pid });
  }
  if (pool.ownerAccount !== owner) {
    return refuseStake(
      'UnauthorizedPoolOwner',
      `Pool ${pid} belongs to ${pool.ownerAccount}, not to ${owner}`,
      { pool: pid, owner: pool.ownerAccount, account: owner },
    );
  }
  const key = payload.publicKey;
  return check({ pid, key, owner, pool, worker: facts.workers.get(key), facts });
}

function checkAdd({ pid, key, owner, pool, worker, facts }: Place): TxSenderError | undefined {
  if (!worker) return undefined;
  const about = { worker: key, pool: pid };
  if (!worker.registered) {
    return refuseStake('WorkerNotRegistered', 'The worker is not registered', about);
  }
  if (worker.operator !== owner) {
    return refuseStake(
      'UnauthorizedOperator',
      `The worker is registered for ${worker.operator ?? 'nobody'}, not for ${owner}`,
      { ...about, operator: worker.operator },
    );
  }
  if (worker.initialScore === undefined) {
    return refuseStake('BenchmarkMissing', 'The worker has no benchmark score yet', about);
  }
  if (worker.poolId === pid) {
    return refuseStake('WorkerExists', `The worker is in pool ${pid} already`, about);
  }
  if (worker.poolId !== undefined) {
    return refuseStake('WorkerInAnotherPool', `The worker is in pool ${worker.poolId}`, {
      ...about,
      other: worker.poolId,
    });
  }
  const { maxPoolWorkers } = facts.rules;
  if (maxPoolWorkers !== undefined && pool.workerCount >= maxPoolWorkers) {
    return refuseStake(
      'WorkersExceedLimit',
      `Pool ${pid} has ${pool.workerCount} workers, as many as a pool may have`,
      about,
    );
  }
  if (worker.sessionAccount !== undefined) {
    return refuseStake(
      'FailedToBindSessionAndWorker',
      'The worker is still bound to a session of before',
      about,
    );
  }
  return undefined;
}

function checkStart(place: Place, stake: bigint): TxSenderError | undefined {
  const { pid, key, pool, worker, facts } = place;
  const absent = checkMember(place);
  if (absent || !worker) return absent;
  const about = { worker: key, pool: pid };
  if (!worker.session) {
    return refuseComputing('SessionNotFound', 'The worker has no session', about);
  }
  if (worker.session.state !== SessionState.READY) {
    return refuseComputing(
      'WorkerNotReady',
      `The session of the worker is ${worker.session.state}, not Ready`,
      about,
    );
  }
  if (worker.initialScore === undefined) {
    return refuseComputing('BenchmarkMissing', 'The worker has no benchmark score yet', about);
  }
  const { minScore } = facts.rules;
  if (minScore !== undefined && worker.initialScore < minScore) {
    return refuseComputing(
      'BenchmarkTooLow',
      `The worker has a score of ${worker.initialScore}, at least ${minScore} is wanted`,
      about,
    );
  }
  const wrong = checkStake(place, stake);
  if (wrong) return wrong;
  if (pool.freeStake < stake) {
    return refuseStake(
      'InsufficientFreeStake',
      `Pool ${pid} has ${phaOf(pool.freeStake)} free, and ${phaOf(stake)} is wanted`,
      about,
    );
  }
  return undefined;
}

function checkRestart(place: Place, stake: bigint): TxSenderError | undefined {
  const { pid, key, pool, worker } = place;
  const absent = checkMember(place);
  if (absent || !worker) return absent;
  const about = { worker: key, pool: pid };
  const computes = worker.session && isComputing(worker.session.state);
  if (!computes) {
    return refuseComputing(
      'WorkerNotComputing',
      `The session of the worker is ${worker.session?.state ?? 'not there'}: it does not compute`,
      about,
    );
  }
  const now = worker.stake ?? 0n;
  if (stake <= now) {
    return refuseStake(
      'CannotRestartWithLessStake',
      `The worker has ${phaOf(now)} at stake already, and ${phaOf(stake)} is wanted`,
      about,
    );
  }
  const wrong = checkStake(place, stake);
  if (wrong) return wrong;
  if (pool.freeStake + now < stake) {
    return refuseStake(
      'InsufficientFreeStake',
      `Pool ${pid} has ${phaOf(pool.freeStake)} free besides the ${phaOf(now)} of the worker, and ${phaOf(stake)} is wanted`,
      about,
    );
  }
  return undefined;
}

function checkStop(place: Place): TxSenderError | undefined {
  const { pid, key, worker } = place;
  const absent = checkMember(place);
  if (absent || !worker?.session) return absent;
  const { state } = worker.session;
  if (isComputing(state)) return undefined;
  const about = { worker: key, pool: pid };
  return state === SessionState.WORKER_COOLING_DOWN
    ? refuseStake('WorkerAlreadyStopped', 'The worker is cooling down already', about)
    : refuseComputing('WorkerNotComputing', `The session of the worker is ${state}`, about);
}

function checkMember({ pid, key, worker }: Place): TxSenderError | undefined {
  if (!worker || worker.poolId === pid) return undefined;
  return refuseStake(
    'WorkerDoesNotExist',
    worker.poolId === undefined
      ? `The worker is in no pool, so not in pool ${pid}`
      : `The worker is in pool ${worker.poolId}, not in pool ${pid}`,
    { worker: key, pool: pid },
  );
}

/** The least and the most that may be at stake for a worker of this score. */
function checkStake({ key, worker, facts }: Place, stake: bigint): TxSenderError | undefined {
  const { tokenomics } = facts.rules;
  const score = worker?.initialScore;
  if (!tokenomics || score === undefined) return undefined;
  const { k, re, rigK, rigB, maxV } = tokenomics;
  const pha = Number(stake) / Number(PHA);
  const least = k * Math.sqrt(score);
  if (pha < least * (1 - TOLERANCE)) {
    return refuseComputing(
      'InsufficientStake',
      `With a score of ${score} at least ${least.toFixed(4)} PHA must be at stake, and ${phaOf(stake)} is wanted`,
      { worker: key, score },
    );
  }
  const confidence = CONFIDENCE[(worker?.confidenceLevel ?? 1) - 1] ?? 1;
  const factor = (re - 1) * confidence + 1;
  const ve = factor * (pha + rigK * score + rigB);
  if (maxV > 0 && ve > maxV * (1 + TOLERANCE)) {
    const most = maxV / factor - rigK * score - rigB;
    return refuseComputing(
      'TooMuchStake',
      `With a score of ${score} at most ${most.toFixed(4)} PHA may be at stake, and ${phaOf(stake)} is wanted`,
      { worker: key, score },
    );
  }
  return undefined;
}

function isComputing(state: SessionState): boolean {
  return state !== SessionState.READY && state !== SessionState.WORKER_COOLING_DOWN;
}

type About = Record<string, string | number | bigint | undefined>;

function refuseStake(name: string, message: string, about: About): TxSenderError {
  return refuseAs('phalaStakePoolv2', name, message, about);
}

function refuseComputing(name: string, message: string, about: About): TxSenderError {
  return refuseAs('phalaComputation', name, message, about);
}

/** A refusal with what the chain would have said. */
function refuseAs(pallet: string, name: string, message: string, about: About): TxSenderError {
  return refuse(`${pallet}.${name}`, message, about, remedyOf(pallet, name));
}

function refuse(
  check: string,
  message: string,
  about: About,
  remedy: string | undefined,
): TxSenderError {
  return new TxSenderError(TxSenderErrorCode.PREFLIGHT_REFUSED, message, {
    facts: { check, ...about },
    remedy,
  });
}

/** An amount as people write it. */
function phaOf(amount: bigint): string {
  const rest = (amount % PHA).toString().padStart(12, '0').replace(/0+$/, '');
  return `${amount / PHA}${rest === '' ? '' : `.${rest}`} PHA`;
}
