#!/usr/bin/env node
import { runService } from '@runtime-bridge/service-kit';
import { createTrader } from './service.js';
import { retiredVariables, traderSettings } from './settings.js';
import { version } from './version.js';

await runService(process, {
  name: 'trader',
  version,
  description: 'Takes jobs off the queue, signs them in batches, sends them and reports back.',
  settings: traderSettings,
  retired: retiredVariables,
  folders: ({ journalPath }) => [journalPath],
  build: ({ settings, logger, metrics, health }) =>
    createTrader(settings, { logger, metrics, health }),
});
