import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import { messageOf, type Logger, type Service } from '@runtime-bridge/base';
import { ServiceError, ServiceErrorCode } from '@runtime-bridge/service-kit';
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { FleetReader } from './fleet-view.js';
import type { JsonProxy } from './json-proxy.js';
import type { RequestGuard, RequestOrigin } from './request-guard.js';
import { renderFleet, renderPage, type StatusFilter } from './status-page.js';

/** Thousands of workers in one CreateWorker; 2022 stopped at 100 kB. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;
/** A client that does not finish its request is dropped. */
const REQUEST_TIMEOUT_MS = 30_000;

/** Nothing is loaded from elsewhere, run inline, framed, or kept. */
const SECURITY_HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
};

/** The monitor's HTTP side: the JSON proxy and the status page. */
export class MonitorServer implements Service {
  readonly name = 'http';
  readonly #app: FastifyInstance;

  constructor(
    private readonly options: { host: string; port: number },
    private readonly collaborators: {
      proxy: JsonProxy;
      fleet: FleetReader;
      guard: RequestGuard;
      logger: Logger;
    },
  ) {
    this.#app = fastify({
      bodyLimit: MAX_BODY_BYTES,
      requestTimeout: REQUEST_TIMEOUT_MS,
      exposeHeadRoutes: false,
      forceCloseConnections: true,
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
    const { proxy, fleet, guard, logger } = this.collaborators;
    const app = this.#app;
    // Bodies are read by the proxy itself: whatever the content type says, and with any method.
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', (_request, _payload, done) => done(null));
    app.addHook('onRequest', async (request, reply) => {
      reply.headers(SECURITY_HEADERS);
      const refusal = guard.checkReading(originOf(request));
      if (refusal === undefined) return;
      if (refusal.status === 401) {
        reply.header('www-authenticate', 'Basic realm="Runtime Bridge monitor"');
      }
      return reply.code(refusal.status).send(errorBody(4, refusal.message));
    });
    app.setNotFoundHandler((request, reply) =>
      reply.code(404).send(errorBody(2, `Nothing is at ${request.url.slice(0, 200)}`)),
    );
    app.setErrorHandler((error, _request, reply) => {
      const status = (error as { statusCode?: number }).statusCode ?? 500;
      if (status >= 500) logger.error('HTTP request failed', {}, error);
      return reply.code(status).send(errorBody(0, messageOf(error)));
    });
    const method = app.supportedMethods;
    app.route({
      method,
      url: '/ptp/discover',
      handler: (_request, reply) => reply.send(proxy.discover()),
    });
    app.route<{ Params: { peerId: string; method: string } }>({
      method,
      url: '/ptp/proxy/:peerId/:method',
      handler: async (request, reply) => {
        const answer = await proxy.call({
          ...request.params,
          httpMethod: request.method,
          contentType: request.headers['content-type'],
          body: await readBody(request),
          checkChanging: () => guard.checkChanging(originOf(request)),
        });
        return reply.code(answer.status).send(answer.body);
      },
    });
    app.get('/', async (request, reply) =>
      sendHtml(reply, renderPage(await fleet.read(), filterOf(request)).text),
    );
    app.get('/fleet', async (request, reply) =>
      sendHtml(reply, renderFleet(await fleet.read(), filterOf(request)).text),
    );
    void app.register(fastifyStatic, {
      // Beside both `src` and `dist`.
      root: fileURLToPath(new URL('../public/', import.meta.url)),
      prefix: '/assets/',
      index: false,
    });
  }
}

function sendHtml(reply: FastifyReply, text: string): FastifyReply {
  return reply.type('text/html; charset=utf-8').header('cache-control', 'no-store').send(text);
}

function errorBody(type: number, message: string): object {
  return { hasError: true, error: { type, message }, meta: null };
}

function filterOf(request: FastifyRequest): StatusFilter {
  const { state, q } = request.query as Record<string, string | string[] | undefined>;
  const single = (value: typeof state) =>
    typeof value === 'string' && value !== '' ? value.slice(0, 200) : undefined;
  return { state: single(state), text: single(q) };
}

function originOf({ headers }: FastifyRequest): RequestOrigin {
  const single = (value: string | string[] | undefined) =>
    Array.isArray(value) ? value.join(',') : value;
  return {
    host: headers.host,
    origin: headers.origin,
    secFetchSite: single(headers['sec-fetch-site']),
    secFetchMode: single(headers['sec-fetch-mode']),
    authorization: headers.authorization,
  };
}

/** The whole body, of any method. */
function readBody({ raw }: FastifyRequest): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    raw.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= MAX_BODY_BYTES) {
        chunks.push(chunk);
        return;
      }
      // The rest is let through unseen, so that the client reads the answer.
      chunks.length = 0;
      reject(
        Object.assign(new Error(`The body is larger than ${MAX_BODY_BYTES} bytes`), {
          statusCode: 413,
        }),
      );
    });
    raw.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    raw.on('error', reject);
  });
}
