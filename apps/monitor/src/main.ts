#!/usr/bin/env node
import { runService } from '@runtime-bridge/service-kit';
import { createMonitor } from './service.js';
import { monitorSettings } from './settings.js';
import { version } from './version.js';

await runService(process, {
  name: 'monitor',
  version,
  description: 'Shows data providers, lifecycle managers and workers; JSON proxy to Walkie.',
  settings: monitorSettings,
  build: ({ settings, logger, metrics, health }) =>
    createMonitor(settings, { logger, metrics, health }),
});
