import { childLine, Runner, type ToManager, type ToRunner } from '@runtime-bridge/fleet/runner';
import { BlobClient } from '@runtime-bridge/walkie-protocol/blobs';

import { parentEnd, runChild } from './child-process.js';

const parent = parentEnd(process);

runChild(process, parent, ({ logger, metrics }) => {
  const line = childLine<ToManager, ToRunner>(parent);
  const runner = new Runner(
    {},
    {
      line: {
        ...line,
        send: (message) => {
          line.send(message);
          // The last word: nothing keeps the process then.
          if (message.kind === 'stopped' && process.connected) process.disconnect();
        },
      },
      connect: ({ host, port }) => new BlobClient({ host, port }, { logger }),
      logger,
      metrics,
    },
  );
  runner.start();
  return runner;
});
