#!/usr/bin/env node
import { runService } from '@runtime-bridge/service-kit';
import { commands } from './commands.js';
import { createDataProvider } from './service.js';
import { dataProviderSettings, retiredVariables } from './settings.js';
import { version } from './version.js';

await runService(process, {
  name: 'data-provider',
  version,
  description: 'Reads both chains, proves what it reads, and serves it to lifecycle managers.',
  settings: dataProviderSettings,
  retired: retiredVariables,
  commands,
  folders: ({ storePath }) => [storePath],
  build: ({ settings, logger, metrics, health }) =>
    createDataProvider(settings, { logger, metrics, health }),
});
