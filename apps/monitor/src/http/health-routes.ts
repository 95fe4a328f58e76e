import type { Health } from '@runtime-bridge/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Callers } from './callers.js';
import { basicDoor } from './proxy-routes.js';

/** Where the text of `/metrics` comes from; undefined where there is none. */
export type Exposition = { expose(): Promise<string>; readonly contentType: string } | undefined;

/**
 * `/healthz`, `/readyz` and `/metrics` on the monitor's own port, beside those of PHALA_METRICS_PORT. The former two say
 * nothing that needs a login.
 */
export function healthRoutes(collaborators: {
  health: Health;
  metrics: Exposition;
  callers: Callers;
}) {
  return async (app: FastifyInstance): Promise<void> => {
    const { health, metrics, callers } = collaborators;
    app.addHook('onRequest', async (_request, reply) => {
      reply.header('cache-control', 'no-store');
    });
    app.get('/healthz', (_request, reply) => reply.send({ alive: true }));
    app.get('/readyz', (_request, reply) =>
      reply.code(health.ready ? 200 : 503).send({ ready: health.ready, parts: health.parts }),
    );
    if (metrics === undefined) return;
    app.get('/metrics', { onRequest: basicDoor(callers) }, async (_request, reply) =>
      reply.type(metrics.contentType).send(await metrics.expose()),
    );
  };
}
