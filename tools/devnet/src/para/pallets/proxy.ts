import { PalletStorage } from '../../metadata/storage-item.js';
import { DispatchFailure } from '../errors.js';
import { DB_READ, DB_WRITE, ensure, signedHandler, weight } from '../pallet.js';
import type { CallFilter, Ctx, Pallet } from '../pallet.js';
import { paraCodecs } from '../types.js';
import { PROXY_TYPES, type DispatchResult } from '../values.js';
import type {
  AccountId,
  MultiAddress,
  ProxyDefinition,
  ProxyTypeName,
  RuntimeCall,
} from '../values.js';
import { lookup, reserve, unreserve } from './balances.js';
import { isSuperset, proxyTypeAllows } from './proxy-filter.js';

const PALLET = 'Proxy';
const storage = new PalletStorage(paraCodecs, PALLET);

const DEPOSIT_BASE = 550_000_000_000n;
const DEPOSIT_FACTOR = 330_000_000_000n;
/** Proxies that one account may have. */
export const MAX_PROXIES = 32;

/** An account's proxies, sorted, and the deposit held for them. */
export const proxies = storage.mapOr<AccountId, [ProxyDefinition[], bigint]>(
  'Proxies',
  'AccountId',
  '(Vec<ProxyDefinition>, u128)',
  [[], 0n],
);

interface ProxyArgs {
  real: MultiAddress;
  forceProxyType: { type: ProxyTypeName } | undefined;
  call: RuntimeCall;
}
interface DelegateArgs {
  delegate: MultiAddress;
  proxyType: { type: ProxyTypeName };
  delay: number;
}

const same = (a: AccountId, b: AccountId): boolean => Buffer.compare(a, b) === 0;

function order(a: ProxyDefinition, b: ProxyDefinition): number {
  return (
    Buffer.compare(a.delegate, b.delegate) ||
    PROXY_TYPES.indexOf(a.proxyType.type) - PROXY_TYPES.indexOf(b.proxyType.type) ||
    a.delay - b.delay
  );
}

/** What a proxy may do: its type's calls, and no handing on of more than it has. */
function filterOf(type: ProxyTypeName): CallFilter {
  return (call) => {
    if (call.type === PALLET) {
      const { value } = call;
      if (value.type === 'add_proxy' || value.type === 'remove_proxy') {
        const given = value['proxyType'] as { type: ProxyTypeName };
        if (!isSuperset(type, given.type)) return false;
      }
      if (value.type === 'remove_proxies' && type !== 'Any') return false;
    }
    return proxyTypeAllows(type, call);
  };
}

function updateDeposit(ctx: Ctx, who: AccountId, before: bigint, count: number): bigint {
  const after = count === 0 ? 0n : DEPOSIT_BASE + DEPOSIT_FACTOR * BigInt(count);
  if (after > before) reserve(ctx, who, after - before);
  else unreserve(ctx, who, before - after);
  return after;
}

function save(ctx: Ctx, who: AccountId, list: ProxyDefinition[], deposit: bigint): void {
  if (list.length === 0) proxies.remove(ctx.state, who);
  else proxies.put(ctx.state, who, [list, deposit]);
}

export const proxy: Pallet = {
  name: PALLET,
  index: 5,
  path: 'pallet_proxy::pallet',
  storage: [proxies],
  calls: {
    proxy: [
      0,
      { real: 'MultiAddress', force_proxy_type: 'Option<ProxyType>', call: 'RuntimeCall' },
    ],
    add_proxy: [1, { delegate: 'MultiAddress', proxy_type: 'ProxyType', delay: 'u32' }],
    remove_proxy: [2, { delegate: 'MultiAddress', proxy_type: 'ProxyType', delay: 'u32' }],
    remove_proxies: [3, null],
  },
  dispatch: {
    proxy: signedHandler<ProxyArgs>((ctx, who, args) => {
      const real = lookup(args.real);
      const forced = args.forceProxyType?.type;
      const [list] = proxies.get(ctx.state, real);
      const found = list.find(
        (p) => same(p.delegate, who) && (forced === undefined || p.proxyType.type === forced),
      );
      ensure(ctx, found !== undefined, PALLET, 'NotProxy');
      ensure(ctx, found.delay === 0, PALLET, 'Unannounced');
      const origin = {
        kind: 'signed',
        who: real,
        filters: [filterOf(found.proxyType.type)],
      } as const;
      let result: DispatchResult = { ok: undefined };
      try {
        ctx.dispatch(args.call, origin);
      } catch (e) {
        if (!(e instanceof DispatchFailure)) throw e;
        result = { err: e.error };
      }
      ctx.deposit(PALLET, 'ProxyExecuted', { result });
    }),
    add_proxy: signedHandler<DelegateArgs>((ctx, who, args) => {
      const definition: ProxyDefinition = { ...args, delegate: lookup(args.delegate) };
      ensure(ctx, !same(definition.delegate, who), PALLET, 'NoSelfProxy');
      const [list, deposit] = proxies.get(ctx.state, who);
      ensure(ctx, !list.some((p) => order(p, definition) === 0), PALLET, 'Duplicate');
      ensure(ctx, list.length < MAX_PROXIES, PALLET, 'TooMany');
      list.push(definition);
      list.sort(order);
      save(ctx, who, list, updateDeposit(ctx, who, deposit, list.length));
      ctx.deposit(PALLET, 'ProxyAdded', {
        delegator: who,
        delegatee: definition.delegate,
        proxyType: definition.proxyType,
        delay: definition.delay,
      });
    }),
    remove_proxy: signedHandler<DelegateArgs>((ctx, who, args) => {
      const definition: ProxyDefinition = { ...args, delegate: lookup(args.delegate) };
      const [list, deposit] = proxies.get(ctx.state, who);
      const left = list.filter((p) => order(p, definition) !== 0);
      ensure(ctx, left.length < list.length, PALLET, 'NotFound');
      save(ctx, who, left, updateDeposit(ctx, who, deposit, left.length));
      ctx.deposit(PALLET, 'ProxyRemoved', {
        delegator: who,
        delegatee: definition.delegate,
        proxyType: definition.proxyType,
        delay: definition.delay,
      });
    }),
    remove_proxies: signedHandler((ctx, who) => {
      const [, deposit] = proxies.take(ctx.state, who);
      unreserve(ctx, who, deposit);
    }),
  },
  weights: {
    proxy: (args, of) => {
      const inner = of((args as ProxyArgs).call);
      return { ...inner, refTime: inner.refTime + 17_000_000n + 2n * DB_READ };
    },
    add_proxy: () => weight(25_000_000n + DB_READ + DB_WRITE),
    remove_proxy: () => weight(25_000_000n + DB_READ + DB_WRITE),
    remove_proxies: () => weight(22_000_000n + DB_READ + DB_WRITE),
  },
  events: {
    ProxyExecuted: [0, { result: 'DispatchResult' }],
    PureCreated: [
      1,
      {
        pure: 'AccountId',
        who: 'AccountId',
        proxy_type: 'ProxyType',
        disambiguation_index: 'u16',
      },
    ],
    Announced: [2, { real: 'AccountId', proxy: 'AccountId', call_hash: 'H256' }],
    ProxyAdded: [
      3,
      { delegator: 'AccountId', delegatee: 'AccountId', proxy_type: 'ProxyType', delay: 'u32' },
    ],
    ProxyRemoved: [
      4,
      { delegator: 'AccountId', delegatee: 'AccountId', proxy_type: 'ProxyType', delay: 'u32' },
    ],
  },
  errors: [
    'TooMany',
    'NotFound',
    'NotProxy',
    'Unproxyable',
    'Duplicate',
    'NoPermission',
    'Unannounced',
    'NoSelfProxy',
  ],
  constants: {
    ProxyDepositBase: ['u128', DEPOSIT_BASE],
    ProxyDepositFactor: ['u128', DEPOSIT_FACTOR],
    MaxProxies: ['u32', MAX_PROXIES],
    MaxPending: ['u32', 32],
    AnnouncementDepositBase: ['u128', 630_000_000_000n],
    AnnouncementDepositFactor: ['u128', 660_000_000_000n],
  },
};
