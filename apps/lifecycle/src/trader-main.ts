import { TaskGroup } from '@runtime-bridge/base';
import { readSettings } from '@runtime-bridge/service-kit';

import { parentEnd, runChild } from './child-process.js';
import { lifecycleSettings } from './settings.js';
import { createTrader } from './trader.js';

const parent = parentEnd(process);

runChild(process, parent, ({ logger, metrics }) => {
  const { values } = readSettings(lifecycleSettings, process.env);
  const tasks = new TaskGroup({ name: 'trader' }, { logger });
  const trader = createTrader(values, { ipc: parent, logger, metrics });
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
