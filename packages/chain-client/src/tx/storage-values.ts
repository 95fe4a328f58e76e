import type { Option, Vec } from '@polkadot/types';
import type { Codec } from '@polkadot/types/types';
import { formatBalance } from '@polkadot/util';
import type { Hex } from '@runtime-bridge/base';
import { SessionState, type SessionFacts, type WorkerFacts } from './worker-facts.js';

/** A struct of which the fields are known by name. */
type Fields<K extends string> = Readonly<Record<K, Codec>>;

const fields = <K extends string>(value: Codec) => value as unknown as Fields<K>;
const big = (value: Codec) => BigInt(value.toString());
const whole = (value: Codec) => Number(value.toString());
const optional = (value: Codec): Codec | undefined =>
  (value as unknown as Option<Codec>).unwrapOr(undefined);

/** PhalaRegistry.Workers: with or without the provider of the attestation, both generations have these. */
export function readRegistration(
  value: Codec,
): Pick<WorkerFacts, 'operator' | 'initialScore' | 'confidenceLevel'> {
  const info = fields<'operator' | 'initialScore' | 'confidenceLevel'>(value);
  const operator = optional(info.operator);
  const score = optional(info.initialScore);
  return {
    ...(operator ? { operator: operator.toHex() } : {}),
    ...(score ? { initialScore: whole(score) } : {}),
    confidenceLevel: whole(info.confidenceLevel),
  };
}

/** PhalaComputation.Sessions (source: phala-blockchain 654b1b6 pallets/phala/src/compute/computation.rs). */
export function readSession(value: Codec): SessionFacts {
  const info = fields<'state' | 've' | 'v' | 'benchmark' | 'coolDownStart' | 'stats'>(value);
  const benchmark = fields<'pInit' | 'pInstant'>(info.benchmark);
  const totalReward = fields<'totalReward'>(info.stats).totalReward;
  const states: readonly string[] = Object.values(SessionState);
  const state = info.state.toString();
  if (!states.includes(state)) throw new Error(`unknown session state ${state}`);
  const v = big(info.v);
  const ve = big(info.ve);
  const human = value.toHuman() as Record<string, unknown>;
  return {
    state: state as SessionState,
    v,
    ve,
    pInit: whole(benchmark.pInit),
    pInstant: whole(benchmark.pInstant),
    totalReward: big(totalReward),
    coolDownStart: big(info.coolDownStart),
    json: {
      ...human,
      v: decimalOfFixed64(v),
      ve: decimalOfFixed64(ve),
      stats: {
        ...(human['stats'] as Record<string, unknown> | undefined),
        totalReward: humanBalance(big(totalReward)),
      },
      raw: value.toJSON(),
    },
  };
}

/** A stake pool out of PhalaBasePool.Pools. */
export interface PoolValue {
  ownerAccount: Hex;
  poolAccount: Hex;
  workerCount: number;
}

/** PhalaBasePool.Pools; undefined for a vault. */
export function readPool(value: Codec): PoolValue | undefined {
  const proxy = value as unknown as { isStakePool: boolean; asStakePool: Codec };
  if (!proxy.isStakePool) return undefined;
  const pool = fields<'basepool' | 'workers' | 'cdWorkers'>(proxy.asStakePool);
  const base = fields<'owner' | 'poolAccountId'>(pool.basepool);
  return {
    ownerAccount: base.owner.toHex(),
    poolAccount: base.poolAccountId.toHex(),
    // A worker that cools down stays in `workers`.
    workerCount: (pool.workers as unknown as Vec<Codec>).length,
  };
}

/** A number with 64 fractional bits as decimal text with 8 digits, rounded down. */
export function decimalOfFixed64(value: bigint): string {
  const scaled = (value * 100_000_000n) >> 64n;
  return `${scaled / 100_000_000n}.${(scaled % 100_000_000n).toString().padStart(8, '0')}`;
}

/** An amount of PHA as people write it: `1.2345 PHA`. */
function humanBalance(amount: bigint): string {
  return formatBalance(amount, { decimals: 12, withUnit: 'PHA', withSi: true });
}
