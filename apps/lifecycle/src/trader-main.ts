import { silentMetrics, TaskGroup } from '@runtime-bridge/base';
import { readSettings } from '@runtime-bridge/service-kit';

import { parentEnd, runChild } from './child-process.js';
import { lifecycleSettings } from './settings.js';
import { createTrader } from './trader.js';

runChild(process, ({ logger }) => {
  const { values } = readSettings(lifecycleSettings, process.env);
  const tasks = new TaskGroup({ name: 'trader' }, { logger });
  const trader = createTrader(values, { ipc: parentEnd(process), logger, metrics: silentMetrics });
  tasks.spawn('start', async (signal) => {
    await (await trader).start(signal);
  });
  return {
    stop: async () => {
      await tasks.stop();
      await (await trader).stop();
    },
  };
});
