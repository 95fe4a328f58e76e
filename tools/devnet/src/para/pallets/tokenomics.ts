import { fromBalance, fromDecimal, fromInt, mul, ONE, sqrt, toBalance } from '../fixed-point.js';
import type { TokenomicParameters } from '../values.js';

const BLOCK_SEC = 12n;
const HOUR_SEC = 3600n;
const DAY_SEC = 24n * HOUR_SEC;
const YEAR_SEC = 365n * DAY_SEC;

/** Defaults of phala-blockchain 654b1b699 pallets/phala/src/compute/computation.rs, GenesisConfig. */
export const DEFAULT_TOKENOMICS: TokenomicParameters = {
  phaRate: ONE,
  rho: fromDecimal('1.000000666600231'),
  budgetPerBlock: (fromInt(720_000) * BLOCK_SEC) / DAY_SEC,
  vMax: fromInt(30_000),
  costK: (fromDecimal('0.0415625') * BLOCK_SEC) / YEAR_SEC,
  costB: (fromDecimal('88.59375') * BLOCK_SEC) / YEAR_SEC,
  slashRate: (fromDecimal('0.001') * BLOCK_SEC) / HOUR_SEC,
  treasuryRatio: fromDecimal('0.2'),
  heartbeatWindow: 10,
  rigK: fromDecimal('0.3'),
  rigB: 0n,
  re: fromDecimal('1.3'),
  k: fromInt(100),
  kappa: ONE,
};

const CONFIDENCE_SCORES = [ONE, ONE, ONE, fromDecimal('0.8'), fromDecimal('0.7')];

/** The least stake in picopha that a worker with this score may start with: k × √score PHA. */
export function minimalStake(params: TokenomicParameters, score: number): bigint {
  return toBalance(mul(params.k, sqrt(fromInt(score))));
}

/** A worker's first value (U64F64): ((re − 1) × confidence + 1) × (stake + rig cost). */
export function initialValue(
  params: TokenomicParameters,
  worker: { stake: bigint; score: number; confidenceLevel: number },
): bigint {
  const confidence = CONFIDENCE_SCORES[worker.confidenceLevel - 1] ?? ONE;
  const re = mul(params.re - ONE, confidence) + ONE;
  const rigCost = mul(params.rigK, fromInt(worker.score)) + params.rigB;
  return mul(re, fromBalance(worker.stake) + rigCost);
}

/** Heartbeats wanted per block when nothing else is set. */
export const DEFAULT_HEARTBEAT_COUNT = 20;

/**
 * The 256-bit number that a worker's lot must not exceed to answer a challenge: about `expected`
 * answers a block, at most two an hour from each worker. Source: same file, pow_target (U32F32).
 */
export function heartbeatTarget(expected: number, onlineWorkers: number): bigint {
  if (onlineWorkers === 0) return 0n;
  const workers = BigInt(onlineWorkers) << 32n;
  const blocksPerHour = HOUR_SEC / BLOCK_SEC;
  const most = (workers * 2n) / blocksPerHour;
  const wanted = BigInt(expected) << 32n;
  const target = wanted < most ? wanted : most;
  const share = (target << 32n) / workers;
  const fraction = (((share << 24n) & ((1n << 64n) - 1n)) >> 32n) & 0xffff_ffffn;
  return (((1n << 256n) - 1n) >> 24n) * fraction;
}
