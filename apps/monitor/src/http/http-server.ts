import { messageOf, type Logger, type Service } from '@runtime-bridge/base';
import { ServiceError, ServiceErrorCode, type Health } from '@runtime-bridge/service-kit';
import { fastify, type FastifyInstance } from 'fastify';
import type { RequestGuard } from '../access/request-guard.js';
import { apiLimits } from '../api/index.js';
import { ApiError } from '../desk/api-error.js';
import { proxyError } from '../proxy/json-proxy.js';
import { apiRoutes, type ApiRouteCollaborators } from './api-routes.js';
import { originOf } from './callers.js';
import { healthRoutes, type Exposition } from './health-routes.js';
import { pageRoutes } from './page-routes.js';
import { proxyRoutes, type ProxyRouteCollaborators } from './proxy-routes.js';
import { SECURITY_HEADERS } from './security-headers.js';

/** A client that does not finish its request is dropped. */
const REQUEST_TIMEOUT_MS = 30_000;
/** Where answers have the shape of the JSON proxy also when something is wrong. */
const PROXY_PATH = /^\/ptp(\/|$)/;
const NOT_FOUND = 2;
const UNAUTHORIZED = 4;

/** What the HTTP side is made of. */
export interface MonitorServerCollaborators extends ApiRouteCollaborators, ProxyRouteCollaborators {
  guard: RequestGuard;
  logger: Logger;
  health: Health;
  metrics: Exposition;
}

/** The monitor's HTTP side: the dashboard with its API, the JSON proxy, a plain page, health and metrics. */
export class MonitorServer implements Service {
  readonly name = 'http';
  readonly #app: FastifyInstance;

  constructor(
    private readonly options: { host: string; port: number; webRoot: string },
    private readonly collaborators: MonitorServerCollaborators,
  ) {
    this.#app = fastify({
      bodyLimit: apiLimits.maxBodyBytes,
      requestTimeout: REQUEST_TIMEOUT_MS,
      exposeHeadRoutes: false,
      forceCloseConnections: true,
      ajv: { customOptions: { coerceTypes: false, removeAdditional: false, allErrors: false } },
    });
    this.#addRoutes();
  }

  /** The port it listens on; 0 before the start. */
  get port(): number {
    const address = this.#app.server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** @throws ServiceError PORT_UNAVAILABLE */
  async start(): Promise<void> {
    const { host, port } = this.options;
    await this.#app.ready();
    try {
      await this.#app.listen({ host, port });
    } catch (error) {
      throw new ServiceError(ServiceErrorCode.PORT_UNAVAILABLE, messageOf(error), {
        facts: { variable: 'PORT', host, port },
        remedy: 'Choose a free PORT and a HOST of this machine',
        cause: error,
      });
    }
    this.collaborators.logger.info('Monitor is up', {
      url: `http://${host.includes(':') ? `[${host}]` : host}:${this.port}`,
    });
  }

  async stop(): Promise<void> {
    await this.#app.close();
  }

  #addRoutes(): void {
    const { guard, logger, callers, fleet } = this.collaborators;
    const { webRoot } = this.options;
    const app = this.#app;
    app.addHook('onRequest', async (request, reply) => {
      reply.headers(SECURITY_HEADERS);
      const refusal = guard.checkReading(originOf(request));
      if (refusal === undefined) return undefined;
      const { status, message } = refusal;
      return reply
        .code(status)
        .send(
          PROXY_PATH.test(request.url)
            ? proxyError(UNAUTHORIZED, message)
            : new ApiError(status, 'FORBIDDEN', message).body,
        );
    });
    app.setNotFoundHandler((request, reply) => {
      const path = request.url.split('?')[0]!.slice(0, 200);
      const message = `Nothing is at ${path}`;
      return reply
        .code(404)
        .header('cache-control', 'no-store')
        .send(
          PROXY_PATH.test(path)
            ? proxyError(NOT_FOUND, message)
            : new ApiError(404, 'NOT_FOUND', message).body,
        );
    });
    app.setErrorHandler((error, _request, reply) => {
      const { statusCode = 500 } = error as { statusCode?: number };
      if (statusCode >= 500) logger.error('HTTP request failed', {}, error);
      const code = statusCode >= 500 ? 'UNEXPECTED' : 'BAD_REQUEST';
      return reply.code(statusCode).send(new ApiError(statusCode, code, messageOf(error)).body);
    });
    void app.register(healthRoutes(this.collaborators));
    void app.register(proxyRoutes(this.collaborators));
    void app.register(apiRoutes(this.collaborators));
    void app.register(pageRoutes({ callers, fleet, webRoot }));
  }
}
