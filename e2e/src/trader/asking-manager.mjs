// The asking end of a queue, as a lifecycle manager has it: `node asking-manager.mjs <settings.json>`.
// Writes down each answer, and asks again for whatever has none when it is started again.
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { silentLogger as logger, silentMetrics as metrics } from '@runtime-bridge/base';
import { loadOrCreateIdentity, operatorFromMnemonic, sealOperator } from '@runtime-bridge/keystore';
import { RedisLease, RedisProducer } from '@runtime-bridge/tx-queue';

const settings = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const identity = await loadOrCreateIdentity(
  { directory: settings.identityDirectory, name: 'LIFECYCLE' },
  { logger },
);
const sealed = Buffer.from(
  sealOperator(identity, operatorFromMnemonic(settings.mnemonic)),
).toString('base64');

// A line that was cut short by death is no answer.
const answered = new Set(
  (existsSync(settings.answersFile) ? readFileSync(settings.answersFile, 'utf8') : '')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line).id),
);
appendFileSync(settings.answersFile, answered.size > 0 ? '' : '');

const { url, leaseMs } = settings;
const lease = new RedisLease(
  { url, role: 'manager', identity: identity.peerId, leaseMs },
  { logger },
);
await lease.start();
const { epoch, lost } = await lease.acquire();
lost.addEventListener('abort', () => process.exit(1));
const producer = new RedisProducer({ url, epoch, checkIntervalMs: 500 }, { logger, metrics });
await producer.start();
console.log('asking');

await Promise.all(
  settings.calls.map(async ({ id, pid, message, proxiedAccount, askAtMs }) => {
    if (answered.has(id)) return;
    await new Promise((resolve) => setTimeout(resolve, askAtMs - Date.now()));
    for (;;) {
      const outcome = await producer.submit({
        id,
        job: { action: 'BATCH_SYNC_MQ_MESSAGE', payload: { pid, messages: [message] } },
        operator: { sealed, ...(proxiedAccount ? { proxiedAccount } : {}) },
      });
      appendFileSync(settings.answersFile, `${JSON.stringify({ id, outcome })}\n`);
      if (outcome.ok) return;
      // As a worker's life does: what failed is asked for again.
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }),
);
console.log('all answered');
// Stays, so that it can be killed.
setInterval(() => {}, 60_000);
