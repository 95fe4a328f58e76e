import { createRequire } from 'node:module';
import type { Logger } from '@runtime-bridge/base';
import { openQueueWindow, type RedisConnectionOptions } from '@runtime-bridge/tx-queue';
import type { OpenPage, PageHandler } from './page-server.js';

/** As far as it is used here: it answers like a listener of node:http. */
type Arena = (config: object, options: object) => PageHandler;

// bull-arena is CommonJS without types.
const require = createRequire(import.meta.url);

/**
 * The queue in Redis as bull-arena shows it, everything served from here.
 * @throws TxQueueError BAD_REDIS_URL
 */
export function arenaPage(
  options: RedisConnectionOptions,
  collaborators: { logger: Logger },
): OpenPage {
  const arena = require('bull-arena') as Arena;
  const window = openQueueWindow(options, collaborators);
  const { Bee, name, prefix, redis } = window;
  const app = arena(
    { Bee, queues: [{ type: 'bee', name, hostId: 'transactions', prefix, redis }] },
    { disableListen: true, useCdn: false, activeHostId: 'transactions' },
  );
  const handle: PageHandler = (request, response) => {
    if (redis.status === 'ready') return app(request, response);
    // Its commands would wait for as long as Redis is away.
    response.writeHead(503, { 'Content-Type': 'text/plain; charset=utf-8', 'Retry-After': '3' });
    response.end('Waiting for Redis\n');
  };
  return { handle, close: () => window.close() };
}
