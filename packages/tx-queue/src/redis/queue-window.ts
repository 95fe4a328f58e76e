import { createRequire } from 'node:module';
import type { Logger } from '@runtime-bridge/base';
import type BeeQueue from 'bee-queue';
import type { Redis as IoRedis } from 'ioredis';
import { QUEUE_NAME } from '../queue.js';
import { connectClient, type RedisConnectionOptions } from './bee-connection.js';

// bee-queue is CommonJS with `export =`.
const require = createRequire(import.meta.url);
const Bee = require('bee-queue') as new (
  name: string,
  settings: BeeQueue.QueueSettings,
) => BeeQueue<unknown>;

/** What stands where a sealed key stood. */
const HIDDEN = '(sealed)';

/** The queue in Redis for those who only look at it: no key is shown, sealed or not. */
class WindowBee extends Bee {
  override checkHealth = (async (): Promise<unknown> => {
    const health = (await super.checkHealth()) as unknown as Record<string, unknown>;
    // ioredis answers a transaction with pairs of error and value.
    return Object.fromEntries(
      Object.entries(health).map(([name, value]) => [
        name,
        Array.isArray(value) ? (value[1] as unknown) : value,
      ]),
    );
  }) as BeeQueue<unknown>['checkHealth'];

  override getJobs = (async (...args: Parameters<BeeQueue<unknown>['getJobs']>) =>
    (await super.getJobs(...args)).map(withoutKey)) as BeeQueue<unknown>['getJobs'];

  override getJob = (async (id: string) => {
    const job = await super.getJob(id);
    // bee-queue's types leave out that there may be none.
    return (job as typeof job | null) ? withoutKey(job) : job;
  }) as BeeQueue<unknown>['getJob'];
}

function withoutKey(job: BeeQueue.Job<unknown>): BeeQueue.Job<unknown> {
  const data = job.data as { operator?: { sealed?: unknown } } | null;
  if (data?.operator?.sealed !== undefined) {
    job.data = { ...data, operator: { ...data.operator, sealed: HIDDEN } };
  }
  return job;
}

/** All that a page about the queue has to be given. */
export interface QueueWindow {
  /** Class of the queue, made by the page itself with a name, `redis` and `prefix`. */
  readonly Bee: new (name: string, settings: BeeQueue.QueueSettings) => BeeQueue<unknown>;
  readonly name: string;
  readonly prefix: string;
  readonly redis: IoRedis;
  close(): void;
}

/**
 * A connection to the queue for a page that shows it. Connects in the background, again and again.
 * @throws TxQueueError BAD_REDIS_URL
 */
export function openQueueWindow(
  options: RedisConnectionOptions,
  collaborators: { logger: Logger },
): QueueWindow {
  const redis = connectClient(options, collaborators);
  return {
    Bee: WindowBee,
    name: QUEUE_NAME,
    prefix: options.prefix ?? 'bq',
    redis,
    close: () => redis.disconnect(),
  };
}
