import { rm } from 'node:fs/promises';
import { createServer, request, type Server, type ServerResponse } from 'node:http';
import { messageOf, type Logger, type Service } from '@runtime-bridge/base';
import { ServiceError, ServiceErrorCode } from './errors.js';
import type { ProcessMetrics } from './metrics.js';

/** How one part of a service is. */
export interface PartHealth {
  /** Whether it does its job now. */
  ready: boolean;
  /** What it is doing or waiting for. */
  detail: string;
}

/** What the parts of a service say of themselves. A service is ready when all of them are. */
export class Health {
  readonly #parts = new Map<string, PartHealth>();

  /** Sets how a part is. */
  set(part: string, state: PartHealth): void {
    this.#parts.set(part, state);
  }

  /** Whether every part is ready; a service that has said nothing yet is not. */
  get ready(): boolean {
    return this.#parts.size > 0 && [...this.#parts.values()].every((part) => part.ready);
  }

  /** Every part by name. */
  get parts(): Readonly<Record<string, PartHealth>> {
    return Object.fromEntries(this.#parts);
  }
}

/** Where health is told. */
export interface HealthServerOptions {
  /** Port for `/healthz`, `/readyz` and `/metrics`; off when undefined. */
  port: number | undefined;
  host: string;
  /** Unix socket for `--health`. */
  socketPath: string;
}

/** Answers `/healthz` (the process is alive), `/readyz` (it does its job) and `/metrics`. */
export class HealthServer implements Service {
  readonly name = 'health';
  readonly #servers: Server[] = [];

  constructor(
    private readonly options: HealthServerOptions,
    private readonly collaborators: { health: Health; metrics: ProcessMetrics; logger: Logger },
  ) {}

  /** The port in use, undefined when off. */
  get port(): number | undefined {
    const address = this.#servers
      .map((server) => server.address())
      .find((one) => typeof one === 'object');
    return address?.port;
  }

  /** @throws ServiceError PORT_UNAVAILABLE when the metrics port is taken */
  async start(): Promise<void> {
    const { port, host, socketPath } = this.options;
    if (port !== undefined) {
      try {
        await this.#listen({ port, host });
      } catch (error) {
        throw new ServiceError(ServiceErrorCode.PORT_UNAVAILABLE, messageOf(error), {
          facts: { variable: 'PHALA_METRICS_PORT', port, host },
          remedy: 'Choose a free port or leave PHALA_METRICS_PORT unset',
          cause: error,
        });
      }
      this.collaborators.logger.info('Health and metrics are served', { host, port: this.port });
    }
    try {
      if ((await readHealth(socketPath)) === undefined) await rm(socketPath, { force: true });
      await this.#listen({ path: socketPath });
    } catch (error) {
      // Only --health needs it; a service does its job without.
      this.collaborators.logger.warn('No socket for --health', { socketPath }, error);
    }
  }

  async stop(): Promise<void> {
    await Promise.all(
      this.#servers.splice(0).map(
        (server) =>
          new Promise<void>((resolve) => {
            server.close(() => resolve());
            server.closeAllConnections();
          }),
      ),
    );
  }

  async #listen(where: { port: number; host: string } | { path: string }): Promise<void> {
    const server = createServer((incoming, response) => {
      void this.#answer(incoming.url ?? '/', response);
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(where, () => {
        server.off('error', reject);
        resolve();
      });
    });
    this.#servers.push(server);
  }

  async #answer(url: string, response: ServerResponse): Promise<void> {
    const { health, metrics } = this.collaborators;
    const path = url.split('?')[0];
    const json = (status: number, body: object) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    try {
      if (path === '/healthz') json(200, { alive: true });
      else if (path === '/readyz')
        json(health.ready ? 200 : 503, { ready: health.ready, parts: health.parts });
      else if (path === '/metrics') {
        const text = await metrics.expose();
        response.writeHead(200, { 'content-type': metrics.contentType }).end(text);
      } else json(404, { error: 'Not found; there are /healthz, /readyz and /metrics' });
    } catch (error) {
      json(500, { error: messageOf(error) });
    }
  }
}

/** What a running service says on its socket, undefined when nobody answers. */
export function readHealth(
  socketPath: string,
  timeoutMs = 3000,
): Promise<{ ready: boolean; body: string } | undefined> {
  return new Promise((resolve) => {
    const outgoing = request({ socketPath, path: '/readyz', timeout: timeoutMs }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (body += chunk));
      response.on('end', () => resolve({ ready: response.statusCode === 200, body }));
      response.on('error', () => resolve(undefined));
    });
    outgoing.on('timeout', () => outgoing.destroy());
    outgoing.on('error', () => resolve(undefined));
    outgoing.end();
  });
}
