import type { ApiDecoration } from '@polkadot/api/types';
import type { Codec } from '@polkadot/types/types';
import { fromHex, type Hex, type Logger } from '@runtime-bridge/base';
import { decodeProblem, missingPallet, TxError, TxErrorCode } from './errors.js';
import type { ParaApi } from './para-api.js';
import { readStorage } from './storage-batch.js';
import { readPool, readRegistration, readSession, type PoolValue } from './storage-values.js';
import type {
  ChainFacts,
  ChainFactsQuery,
  PoolFacts,
  SessionFacts,
  WorkerFacts,
} from './worker-facts.js';

/** Values kept decoded, so that only what changed is decoded again. */
const MAX_DECODED = 50_000;

/** A storage item, as much of it as is needed here. */
interface Item {
  key(...args: unknown[]): string;
  readonly creator: { readonly meta: { readonly type: { readonly isMap: boolean } } };
}

/**
 * Asks the chain once per block for everything the bridge wants to know of its workers and pools: one batched storage
 * query. Session accounts and pool accounts, whose keys depend on an answer, are asked for as they were last time; only
 * when one of them has changed a second, small query follows.
 */
export class ChainFactsReader {
  readonly #para: ParaApi;
  readonly #logger: Logger;
  /** Last known session account by worker. */
  readonly #sessionAccounts = new Map<Hex, Hex>();
  /** Account of a pool, which never changes. */
  readonly #poolAccounts = new Map<bigint, Hex>();
  readonly #decoded = new Map<string, { raw: Hex; value: unknown }>();
  #decodedSpec = 0;

  constructor(_options: Record<string, never>, collaborators: { api: ParaApi; logger: Logger }) {
    this.#para = collaborators.api;
    this.#logger = collaborators.logger;
  }

  /**
   * Reads everything as of one block.
   * @throws TxError MISSING_PALLET, BAD_STORAGE, BAD_ANSWER; ChainClientError; ABORTED
   */
  async read(query: ChainFactsQuery, signal?: AbortSignal): Promise<ChainFacts> {
    const head = await this.#blockOf(query.at, signal);
    const api = await this.#para.at(head.hash);
    this.#forgetOtherRuntimes(api);
    const items = new Items(api);
    const wanted = new Set<Hex>();
    const keysOf = {
      worker: (key: Hex) => [
        items.key('phalaRegistry', 'workers', key),
        items.key('phalaStakePoolv2', 'workerAssignments', key),
        items.key('phalaComputation', 'workerBindings', key),
      ],
      session: (account: Hex) => [
        items.key('phalaComputation', 'sessions', account),
        items.key('phalaComputation', 'stakes', account),
      ],
      poolAssets: (account: Hex) => [
        items.key(
          'assets',
          'account',
          items.constant('phalaWrappedBalances', 'wPhaAssetId'),
          account,
        ),
      ],
    };
    const add = (keys: Hex[]) => keys.forEach((key) => wanted.add(key));

    const coolDownKey = items.key('phalaComputation', 'coolDownPeriod');
    add([coolDownKey]);
    for (const worker of query.workers) {
      add(keysOf.worker(worker));
      const account = this.#sessionAccounts.get(worker);
      if (account) add(keysOf.session(account));
    }
    const { accounts = [] } = query;
    const accountKey = (account: Hex) => items.key('system', 'account', account);
    add(accounts.map(accountKey));
    for (const origin of query.origins) add([items.key('phalaMq', 'offchainIngress', origin)]);
    for (const pool of query.pools) {
      add([items.key('phalaBasePool', 'pools', pool)]);
      const account = this.#poolAccounts.get(pool);
      if (account) add(keysOf.poolAssets(account));
    }
    const values = await readStorage(this.#para, [...wanted], head.hash, { signal });

    const late = new Set<Hex>();
    for (const worker of query.workers) {
      const account = this.#account(api, values, keysOf.worker(worker)[2]!);
      if (account && account !== this.#sessionAccounts.get(worker)) {
        keysOf.session(account).forEach((key) => late.add(key));
      }
      if (account) this.#sessionAccounts.set(worker, account);
      else this.#sessionAccounts.delete(worker);
    }
    const pools = new Map<bigint, PoolValue>();
    for (const pool of query.pools) {
      const value = this.#value(
        api,
        values,
        items.key('phalaBasePool', 'pools', pool),
        'phalaBasePool',
        'pools',
        readPool,
      );
      if (!value) continue;
      pools.set(pool, value);
      if (!this.#poolAccounts.has(pool)) {
        keysOf.poolAssets(value.poolAccount).forEach((key) => late.add(key));
        this.#poolAccounts.set(pool, value.poolAccount);
      }
    }
    if (late.size > 0) {
      const more = await readStorage(this.#para, [...late], head.hash, { signal });
      for (const [key, value] of more) values.set(key, value);
    }

    const coolDown = this.#value(
      api,
      values,
      coolDownKey,
      'phalaComputation',
      'coolDownPeriod',
      bigintOf,
    );
    return {
      block: head.number,
      blockHash: head.hash,
      coolDownPeriodSec: Number(coolDown ?? 0n),
      balances: new Map(
        accounts.map((account) => [
          account,
          this.#value(api, values, accountKey(account), 'system', 'account', freeOf) ?? 0n,
        ]),
      ),
      ingress: new Map(
        query.origins.map((origin) => {
          const key = items.key('phalaMq', 'offchainIngress', origin);
          return [
            origin,
            this.#value(api, values, key, 'phalaMq', 'offchainIngress', bigintOf) ?? 0n,
          ];
        }),
      ),
      workers: new Map(
        query.workers.map((worker) => [worker, this.#worker(api, values, worker, keysOf)]),
      ),
      pools: new Map(
        [...pools].map(([pool, value]): [bigint, PoolFacts] => {
          const [key] = keysOf.poolAssets(value.poolAccount);
          const freeStake = this.#value(api, values, key!, 'assets', 'account', balanceOf) ?? 0n;
          return [
            pool,
            { ownerAccount: value.ownerAccount, workerCount: value.workerCount, freeStake },
          ];
        }),
      ),
    };
  }

  #worker(
    api: ApiDecoration<'promise'>,
    values: ReadonlyMap<Hex, Hex>,
    publicKey: Hex,
    keysOf: { worker(key: Hex): Hex[]; session(account: Hex): Hex[] },
  ): WorkerFacts {
    const [registration, assignment] = keysOf.worker(publicKey);
    const registered = this.#value(
      api,
      values,
      registration!,
      'phalaRegistry',
      'workers',
      readRegistration,
    );
    const poolId = this.#value(
      api,
      values,
      assignment!,
      'phalaStakePoolv2',
      'workerAssignments',
      bigintOf,
    );
    const sessionAccount = this.#sessionAccounts.get(publicKey);
    const facts: WorkerFacts = { publicKey, registered: registered !== undefined, ...registered };
    if (poolId !== undefined) facts.poolId = poolId;
    if (sessionAccount === undefined) return facts;
    facts.sessionAccount = sessionAccount;
    const [sessionKey, stakeKey] = keysOf.session(sessionAccount);
    const session: SessionFacts | undefined = this.#value(
      api,
      values,
      sessionKey!,
      'phalaComputation',
      'sessions',
      readSession,
    );
    const stake = this.#value(api, values, stakeKey!, 'phalaComputation', 'stakes', bigintOf);
    if (session) facts.session = session;
    if (stake !== undefined) facts.stake = stake;
    return facts;
  }

  #account(
    api: ApiDecoration<'promise'>,
    values: ReadonlyMap<Hex, Hex>,
    key: Hex,
  ): Hex | undefined {
    return this.#value(api, values, key, 'phalaComputation', 'workerBindings', (value) =>
      value.toHex(),
    );
  }

  /** Decodes a value with the runtime's own type; the same bytes under the same key are decoded once. */
  #value<T>(
    api: ApiDecoration<'promise'>,
    values: ReadonlyMap<Hex, Hex>,
    key: Hex,
    pallet: string,
    item: string,
    read: (value: Codec) => T,
  ): T | undefined {
    const raw = values.get(key);
    if (raw === undefined) return undefined;
    const known = this.#decoded.get(key);
    if (known?.raw === raw) return known.value as T;
    try {
      const { type } = api.query[pallet]![item]!.creator.meta;
      const lookup = type.isMap ? type.asMap.value : type.asPlain;
      const value = read(
        // As bytes: a hex text would be read as a big-endian number where the type is an integer.
        api.registry.createTypeUnsafe(api.registry.createLookupType(lookup), [fromHex(raw)]),
      );
      if (this.#decoded.size >= MAX_DECODED) this.#decoded.clear();
      this.#decoded.set(key, { raw, value });
      return value;
    } catch (error) {
      throw new TxError(TxErrorCode.BAD_STORAGE, `A value of ${pallet}.${item} cannot be read`, {
        facts: { pallet, item, key },
        cause: decodeProblem(error),
      });
    }
  }

  #forgetOtherRuntimes(api: ApiDecoration<'promise'>): void {
    const spec = api.runtimeVersion.specVersion.toNumber();
    if (spec === this.#decodedSpec) return;
    this.#decodedSpec = spec;
    this.#decoded.clear();
    this.#logger.debug('Reading chain facts with the types of a runtime', { specVersion: spec });
  }

  async #blockOf(
    at: Hex | undefined,
    signal?: AbortSignal,
  ): Promise<{ number: number; hash: Hex }> {
    const finalized = this.#para.finalizedHead.value;
    if (finalized && (at === undefined || at === finalized.hash)) return finalized;
    if (at === undefined) {
      const head = await this.#para.finalizedHead.until((value) => value !== undefined, signal);
      return head;
    }
    const header = (await this.#para.call('chain_getHeader', [at], { signal })) as {
      number?: unknown;
    } | null;
    const number = Number(header?.number);
    if (Number.isSafeInteger(number)) return { number, hash: at };
    throw new TxError(TxErrorCode.BAD_ANSWER, 'The node does not know the block', {
      facts: { method: 'chain_getHeader', block: at },
    });
  }
}

/** Storage keys by the runtime's own names and hashers. */
class Items {
  constructor(private readonly api: ApiDecoration<'promise'>) {}

  key(pallet: string, item: string, ...args: unknown[]): Hex {
    const entry = this.api.query[pallet]?.[item] as unknown as Item | undefined;
    if (!entry) throw missingPallet(pallet, item);
    return entry.key(...args) as Hex;
  }

  constant(pallet: string, item: string): Codec {
    const value = this.api.consts[pallet]?.[item];
    if (!value) throw missingPallet(pallet, item);
    return value;
  }
}

function bigintOf(value: Codec): bigint {
  return BigInt(value.toString());
}

function freeOf(value: Codec): bigint {
  return bigintOf((value as unknown as { data: { free: Codec } }).data.free);
}

function balanceOf(value: Codec): bigint {
  return bigintOf((value as unknown as { balance: Codec }).balance);
}
