import type { ApiDecoration } from '@polkadot/api/types';
import type { Codec } from '@polkadot/types/types';
import { fromHex, type Hex } from '@runtime-bridge/base';
import type { CallOptions } from '../rpc/endpoint.js';
import { ChainFactsReader } from './chain-facts-reader.js';
import type { ParaApi } from './para-api.js';
import { readStorage } from './storage-batch.js';
import type { PoolFacts, WorkerFacts } from './worker-facts.js';

/** A proxy of an account. */
export interface ProxyFacts {
  delegate: Hex;
  /** Name of the chain's ProxyType, such as `Any` or `StakePoolManager`. */
  type: string;
  /** Blocks that its calls have to be announced before; 0 for none. */
  delayBlocks: number;
}

/** What the chain demands of stakes, and how large pools may be. */
export interface ComputingRules {
  /** Least score of a worker that may compute. */
  minScore: number | undefined;
  maxPoolWorkers: number | undefined;
  /** Numbers of the tokenomics; undefined where the runtime has none. */
  tokenomics: { k: number; re: number; rigK: number; rigB: number; maxV: number } | undefined;
}

/** What is wanted. */
export interface PreflightQuery {
  /** Accounts that would sign and pay. */
  accounts: readonly Hex[];
  /** Accounts on behalf of which calls would run. */
  reals: readonly Hex[];
  workers: readonly Hex[];
  pools: readonly bigint[];
}

/** Everything that decides whether a transaction would be refused, as of one block of the best chain. */
export interface PreflightFacts {
  block: number;
  /** What fees can be paid from; 0 for an account that does not exist. */
  spendable: ReadonlyMap<Hex, bigint>;
  /** Proxies by the account that they act for; missing where the runtime has no proxies. */
  proxies: ReadonlyMap<Hex, readonly ProxyFacts[]>;
  workers: ReadonlyMap<Hex, WorkerFacts>;
  /** Pools that do not exist, or are vaults, are missing. */
  pools: ReadonlyMap<bigint, PoolFacts>;
  rules: ComputingRules;
}

/** Least score (source: Phala-Network/khala-parachain acfd39b8 runtime/khala/src/lib.rs MinInitP). */
const DEFAULT_MIN_SCORE = 50;

/** Asks, in two batched queries, for all that a check before a transaction looks at. */
export class PreflightReader {
  readonly #para: ParaApi;
  readonly #facts: ChainFactsReader;

  constructor(
    _options: Record<string, never>,
    collaborators: ConstructorParameters<typeof ChainFactsReader>[1],
  ) {
    this.#para = collaborators.api;
    // One of its own: this one looks at the best block, where a session may be another.
    this.#facts = new ChainFactsReader({}, collaborators);
  }

  /** @throws TxError NOT_READY, MISSING_PALLET, BAD_STORAGE, BAD_ANSWER; ChainClientError; ABORTED */
  async read(query: PreflightQuery, options: CallOptions = {}): Promise<PreflightFacts> {
    const head = await this.#para.bestHead.until((value) => value !== undefined, options.signal);
    const at = await this.#para.at(head.hash);
    const { workers, pools, accounts, reals } = query;
    const [facts, money] = await Promise.all([
      this.#facts.read({ workers, pools, origins: [], at: head.hash }, options.signal),
      this.#readAccounts(at, head.hash, { accounts, reals }, options),
    ]);
    return { block: head.number, workers: facts.workers, pools: facts.pools, ...money };
  }

  async #readAccounts(
    at: ApiDecoration<'promise'>,
    block: Hex,
    { accounts, reals }: Pick<PreflightQuery, 'accounts' | 'reals'>,
    options: CallOptions,
  ): Promise<Pick<PreflightFacts, 'spendable' | 'proxies' | 'rules'>> {
    const item = (pallet: string, name: string) => at.query[pallet]?.[name];
    const key = (pallet: string, name: string, ...args: unknown[]) =>
      item(pallet, name)?.key(...args) as Hex | undefined;
    const keys = {
      account: accounts.map((account) => key('system', 'account', account)),
      proxies: reals.map((real) => key('proxy', 'proxies', real)),
      tokenomics: key('phalaComputation', 'tokenomicParameters'),
    };
    const wanted = [...keys.account, ...keys.proxies, keys.tokenomics].filter(
      (one) => one !== undefined,
    );
    const values = await readStorage(this.#para, wanted, block, options);
    const decode = (pallet: string, name: string, at32: Hex | undefined): Codec | undefined => {
      const raw = at32 === undefined ? undefined : values.get(at32);
      const entry = item(pallet, name);
      if (raw === undefined || !entry) return undefined;
      const { type } = entry.creator.meta;
      const lookup = type.isMap ? type.asMap.value : type.asPlain;
      return at.registry.createTypeUnsafe(at.registry.createLookupType(lookup), [fromHex(raw)]);
    };
    const hasProxies = item('proxy', 'proxies') !== undefined;
    return {
      spendable: new Map(
        accounts.map((account, index) => [
          account,
          spendableOf(decode('system', 'account', keys.account[index])),
        ]),
      ),
      proxies: new Map(
        hasProxies
          ? reals.map((real, index) => [
              real,
              proxiesOf(decode('proxy', 'proxies', keys.proxies[index])),
            ])
          : [],
      ),
      rules: {
        minScore: constant(at, 'phalaComputation', 'minInitP') ?? DEFAULT_MIN_SCORE,
        maxPoolWorkers: constant(at, 'phalaStakePoolv2', 'maxPoolWorkers'),
        tokenomics: tokenomicsOf(
          decode('phalaComputation', 'tokenomicParameters', keys.tokenomics),
        ),
      },
    };
  }
}

function spendableOf(value: Codec | undefined): bigint {
  if (!value) return 0n;
  const { data } = value as unknown as { data: Record<string, Codec | undefined> };
  const big = (name: string) => BigInt(data[name]?.toString() ?? '0');
  const locked = ['frozen', 'feeFrozen', 'miscFrozen']
    .map(big)
    .reduce((most, one) => (one > most ? one : most), 0n);
  const free = big('free');
  return free > locked ? free - locked : 0n;
}

function proxiesOf(value: Codec | undefined): ProxyFacts[] {
  if (!value) return [];
  const [list] = value as unknown as [
    Iterable<{ delegate: Codec; proxyType: Codec; delay: Codec }>,
  ];
  return [...list].map(({ delegate, proxyType, delay }) => ({
    delegate: delegate.toHex(),
    type: proxyType.toString(),
    delayBlocks: Number(delay.toString()),
  }));
}

/** Numbers with 64 fractional bits. */
function tokenomicsOf(value: Codec | undefined): ComputingRules['tokenomics'] {
  if (!value) return undefined;
  const fields = value as unknown as Record<string, Codec | undefined>;
  const fixed = (name: string) => Number(BigInt(fields[name]?.toString() ?? '0')) / 2 ** 64;
  return {
    k: fixed('k'),
    re: fixed('re'),
    rigK: fixed('rigK'),
    rigB: fixed('rigB'),
    maxV: fixed('vMax'),
  };
}

function constant(at: ApiDecoration<'promise'>, pallet: string, name: string): number | undefined {
  const value = at.consts[pallet]?.[name];
  return value === undefined ? undefined : Number(value.toString());
}
