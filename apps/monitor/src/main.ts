#!/usr/bin/env node
import { defineCommand, runService } from '@runtime-bridge/service-kit';
import { hashPassword } from './access/accounts.js';
import { createMonitor } from './service.js';
import { hashPasswordSettings, monitorSettings } from './settings.js';
import { version } from './version.js';

await runService(process, {
  name: 'monitor',
  version,
  description: 'Shows data providers, lifecycle managers and workers; JSON proxy to Walkie.',
  settings: monitorSettings,
  commands: {
    'hash-password': defineCommand({
      description: 'Prints the hash of a password, for PHALA_MONITOR_USERS.',
      settings: hashPasswordSettings,
      run: async ({ settings, print }) => {
        print(await hashPassword(settings.password));
        return 0;
      },
    }),
  },
  build: ({ settings, logger, metrics, health }) =>
    createMonitor(settings, { logger, metrics, health }),
});
