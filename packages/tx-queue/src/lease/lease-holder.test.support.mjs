// A process that holds a lease whenever it can, and writes as its holder: `node … <redis url> <prefix>`.
import { silentLogger as logger } from '@runtime-bridge/base';
import { FencedStore, RedisLease } from '@runtime-bridge/tx-queue';

const [url, prefix] = process.argv.slice(2);
const lease = new RedisLease(
  { url, prefix, role: 'trader', identity: 'me', leaseMs: 400 },
  { logger },
);
lease.state.subscribe(({ kind }) => console.log(kind));
await lease.start();
for (;;) {
  const tenure = await lease.acquire();
  console.log(`held ${tenure.epoch}`);
  const store = new FencedStore({ tenure }, { lease, logger });
  while (!tenure.lost.aborted) {
    try {
      await store.write([{ command: 'HSET', key: 'data', args: ['by', tenure.epoch] }]);
      console.log(`wrote ${tenure.epoch}`);
    } catch {
      console.log(`refused ${tenure.epoch}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  console.log(`lost ${tenure.epoch}`);
}
