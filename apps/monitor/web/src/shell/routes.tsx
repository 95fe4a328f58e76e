import { lazy } from 'react';
import type { IconName } from '../components/icons.js';
import { OverviewPage } from '../pages/overview-page.js';

/** Pages by their paths. All but the first are loaded when they are first opened. */
export const routes = [
  { path: '/', component: OverviewPage },
  {
    path: '/workers',
    component: lazy(async () => ({
      default: (await import('../pages/workers-page.js')).WorkersPage,
    })),
  },
  {
    path: '/workers/:manager/:uuid',
    component: lazy(async () => ({
      default: (await import('../pages/worker-page.js')).WorkerPage,
    })),
  },
  {
    path: '/transactions',
    component: lazy(async () => ({
      default: (await import('../pages/transactions-page.js')).TransactionsPage,
    })),
  },
  {
    path: '/pools',
    component: lazy(async () => ({
      default: (await import('../pages/pools-page.js')).PoolsPage,
    })),
  },
  {
    path: '/managers',
    component: lazy(async () => ({
      default: (await import('../pages/managers-page.js')).ManagersPage,
    })),
  },
  {
    path: '/providers',
    component: lazy(async () => ({
      default: (await import('../pages/providers-page.js')).ProvidersPage,
    })),
  },
  {
    path: '/inventory',
    component: lazy(async () => ({
      default: (await import('../pages/inventory-page.js')).InventoryPage,
    })),
  },
  {
    path: '/alerts',
    component: lazy(async () => ({
      default: (await import('../pages/alerts-page.js')).AlertsPage,
    })),
  },
  {
    path: '/settings',
    component: lazy(async () => ({
      default: (await import('../pages/settings-page.js')).SettingsPage,
    })),
  },
] as const;

/** The way around, in the order in which an operator looks. The first four are at hand on a phone too. */
export const places: readonly { path: string; label: string; icon: IconName }[] = [
  { path: '/', label: 'Overview', icon: 'overview' },
  { path: '/workers', label: 'Workers', icon: 'cpu' },
  { path: '/transactions', label: 'Transactions', icon: 'arrows' },
  { path: '/alerts', label: 'Alerts', icon: 'bell' },
  { path: '/pools', label: 'Pools', icon: 'layers' },
  { path: '/managers', label: 'Managers', icon: 'server' },
  { path: '/providers', label: 'Data providers', icon: 'database' },
  { path: '/inventory', label: 'Import & export', icon: 'transfer' },
  { path: '/settings', label: 'Settings', icon: 'settings' },
];
