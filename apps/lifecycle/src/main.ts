#!/usr/bin/env node
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { runService } from '@runtime-bridge/service-kit';

import { lifecycleSettings, retiredVariables } from './settings.js';
import { createManager } from './standby.js';
import { version } from './version.js';

await runService(process, {
  name: 'lifecycle',
  version,
  description: 'Drives every worker through its life and keeps pools and workers.',
  settings: lifecycleSettings,
  retired: retiredVariables,
  folders: ({ storePath, traderStorePath }) => [storePath, traderStorePath],
  build: ({ settings, logger, metrics, health }) =>
    createManager(settings, {
      fork: (entry, name) =>
        fork(fileURLToPath(new URL(`./${entry}-main.js`, import.meta.url)), [name], {
          serialization: 'advanced',
          stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
        }),
      logger,
      metrics,
      health,
    }),
});
