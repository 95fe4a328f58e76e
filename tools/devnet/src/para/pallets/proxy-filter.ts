import type { ProxyTypeName, RuntimeCall } from '../values.js';

/** Calls that a stake pool manager may make, by pallet; `true` allows all of a pallet. */
const STAKE_POOL_MANAGER: Readonly<Record<string, true | readonly string[]>> = {
  Utility: true,
  PhalaStakePoolv2: [
    'add_worker',
    'remove_worker',
    'start_computing',
    'stop_computing',
    'restart_computing',
    'reclaim_pool_worker',
    'create',
  ],
  PhalaRegistry: ['register_worker', 'register_worker_v2'],
  PhalaMq: ['sync_offchain_message'],
};

const ALLOWED: Readonly<Record<ProxyTypeName, Readonly<Record<string, true | readonly string[]>>>> =
  {
    Any: {},
    NonTransfer: { System: true, Timestamp: true, Utility: true, Proxy: true },
    CancelProxy: { Utility: true, Proxy: ['reject_announcement'] },
    Governance: { Utility: true },
    Collator: { Utility: true },
    StakePoolManager: STAKE_POOL_MANAGER,
  };

/**
 * May a proxy of this type make the call? Pallets that the dev chain lacks are left out.
 * Source: khala-parachain acfd39b8 runtime/khala/src/lib.rs, InstanceFilter for ProxyType.
 */
export function proxyTypeAllows(type: ProxyTypeName, call: RuntimeCall): boolean {
  if (type === 'Any') return true;
  const allowed = ALLOWED[type][call.type];
  return allowed === true || (allowed?.includes(call.value.type) ?? false);
}

/** Does one type allow everything that the other does? Same source. */
export function isSuperset(type: ProxyTypeName, other: ProxyTypeName): boolean {
  if (type === other || type === 'Any') return true;
  if (other === 'Any') return false;
  return type === 'NonTransfer';
}
