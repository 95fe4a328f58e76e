import {
  dataProviderSettings,
  retiredVariables as dataProvider,
} from '@runtime-bridge/data-provider';
import { lifecycleSettings, retiredVariables as lifecycle } from '@runtime-bridge/lifecycle';
import { monitorSettings } from '@runtime-bridge/monitor';
import type { RetiredVariables, SettingsSchema } from '@runtime-bridge/service-kit';
import { retiredVariables as trader, traderSettings } from '@runtime-bridge/trader';

/** A service as the pages tell of it. */
export interface DocumentedService {
  /** Name of its image, without the prefix. */
  name: string;
  title: string;
  settings: SettingsSchema;
  retired: RetiredVariables;
}

/** All services. */
export const services: readonly DocumentedService[] = [
  {
    name: 'data-provider',
    title: 'Data provider',
    settings: dataProviderSettings,
    retired: dataProvider,
  },
  {
    name: 'lifecycle',
    title: 'Lifecycle manager',
    settings: lifecycleSettings,
    retired: lifecycle,
  },
  { name: 'trader', title: 'Trader', settings: traderSettings, retired: trader },
  { name: 'monitor', title: 'Monitor', settings: monitorSettings, retired: {} },
];
