import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { BridgeError, type Logger, type Service } from '@runtime-bridge/base';
import { loadOrCreatePageToken } from './page-token.js';

/** Answers requests that were let in. */
export type PageHandler = (request: IncomingMessage, response: ServerResponse) => void;

/** A page that is up, and what it holds open. */
export interface OpenPage {
  handle: PageHandler;
  close?: () => void;
}

/** How the page is served. */
export interface PageServerOptions {
  /** 0 takes any free one. */
  port: number;
  /** Whoever opens the page has to know it. @default that of the file */
  token?: string | undefined;
  /** Holds the token when none is given; made when there is none. */
  tokenFile: string;
}

const COOKIE = 'runtime-bridge-queue';

/** Names under which a browser on this host may reach it; any other is a page that was rebound to loopback. */
const ownNames: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Longest a request may take to arrive, in milliseconds. */
const REQUEST_TIMEOUT_MS = 10_000;

/** Connections at once: a few browsers. */
const MAX_CONNECTIONS = 64;

/**
 * Serves a page to this host alone: on loopback, to whoever has the token, for reading. The token may come as bearer, as
 * password of basic authentication, or once as `?token=`, which becomes a cookie.
 */
export class PageServer implements Service {
  readonly name = 'queue page';
  #server: Server | undefined;
  #page: OpenPage | undefined;
  #token = '';

  constructor(
    private readonly options: PageServerOptions,
    private readonly collaborators: { open: () => OpenPage; logger: Logger },
  ) {}

  /** Where it listens; undefined when it does not. */
  get port(): number | undefined {
    const address = this.#server?.address();
    return typeof address === 'object' ? address?.port : undefined;
  }

  /** A page that cannot be served is a warning: transactions matter more than a page about them. */
  async start(): Promise<void> {
    if (this.#server) return;
    const { logger } = this.collaborators;
    const { port, token, tokenFile } = this.options;
    try {
      this.#token = token ?? (await loadOrCreatePageToken(tokenFile));
      this.#server = await this.#listen(port);
      this.#page = this.collaborators.open();
    } catch (error) {
      logger.warn('Queue page is not served', { port }, BridgeError.from(error));
      await this.stop();
      return;
    }
    const facts = token === undefined ? { tokenFile } : {};
    logger.info('Queue page is served', { url: `http://127.0.0.1:${this.port}/`, ...facts });
  }

  async #listen(port: number): Promise<Server> {
    const server = createServer((request, response) => this.#answer(request, response));
    server.requestTimeout = REQUEST_TIMEOUT_MS;
    server.maxConnections = MAX_CONNECTIONS;
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, '127.0.0.1', resolve);
      });
    } catch (error) {
      throw new BridgeError('QUEUE_PAGE_PORT', 'The port of the queue page cannot be had', {
        facts: { port },
        cause: error,
        remedy: 'Free the port, or set PHALA_QUEUE_PAGE_PORT to another one, or to 0 for none.',
      });
    }
    server.on('error', (error) => this.collaborators.logger.debug('Queue page error', {}, error));
    return server;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    this.#page?.close?.();
    this.#page = undefined;
    if (!server) return;
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    response.setHeader('Cache-Control', 'no-store');
    response.setHeader('Referrer-Policy', 'no-referrer');
    response.setHeader('X-Frame-Options', 'DENY');
    response.setHeader('X-Content-Type-Options', 'nosniff');
    const host = (request.headers.host ?? '').replace(/:\d+$/, '').toLowerCase();
    if (!ownNames.has(host)) return refuse(response, 403, 'Only served as localhost');
    // Retrying or removing jobs behind the back of those who wait for them would only confuse them.
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return refuse(response, 405, 'The queue can be looked at, not changed');
    }
    let url: URL;
    try {
      url = new URL(request.url ?? '/', 'http://localhost');
    } catch {
      return refuse(response, 400, 'Not a path');
    }
    if (this.#isToken(url.searchParams.get('token') ?? undefined)) {
      url.searchParams.delete('token');
      response.setHeader(
        'Set-Cookie',
        `${COOKIE}=${this.#cookie}; HttpOnly; SameSite=Strict; Path=/`,
      );
      // Never `//host`, which a browser takes for another one.
      response.setHeader('Location', `/${url.pathname.replace(/^\/+/, '')}${url.search}`);
      response.writeHead(303).end();
      return;
    }
    if (!this.#knows(request)) {
      response.setHeader('WWW-Authenticate', 'Basic realm="queue page"');
      return refuse(response, 401, 'The token of the queue page is needed');
    }
    try {
      if (!this.#page) return refuse(response, 503, 'The page is not up yet');
      this.#page.handle(request, response);
    } catch (error) {
      this.collaborators.logger.warn('Queue page failed', { path: url.pathname }, error);
      if (!response.headersSent) refuse(response, 500, 'The page failed');
    }
  }

  #knows(request: IncomingMessage): boolean {
    const { authorization = '', cookie = '' } = request.headers;
    const [, scheme = '', value = ''] = /^(\S+)\s+(\S+)$/.exec(authorization) ?? [];
    if (scheme.toLowerCase() === 'bearer' && this.#isToken(value)) return true;
    if (scheme.toLowerCase() === 'basic') {
      const text = Buffer.from(value, 'base64').toString();
      if (this.#isToken(text.slice(text.indexOf(':') + 1))) return true;
    }
    return cookie.split(';').some((pair) => {
      const [name, given] = pair.trim().split('=', 2);
      return name === COOKIE && same(given ?? '', this.#cookie);
    });
  }

  #isToken(given: string | undefined): boolean {
    return given !== undefined && same(given, this.#token);
  }

  /** What the cookie holds: it is no use elsewhere, and the token cannot be read from it. */
  get #cookie(): string {
    return createHash('sha256').update(`${COOKIE} ${this.#token}`).digest('hex');
  }
}

function same(given: string, wanted: string): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(given), hash(wanted));
}

function refuse(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' }).end(`${text}\n`);
}
