import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { cspNoncePlaceholder } from '../api/index.js';
import type { FleetWatch } from '../fleet/fleet-watch.js';
import { renderFleet, renderPage, type PlainFilter } from '../page/plain-page.js';
import type { Callers } from './callers.js';
import { basicDoor } from './proxy-routes.js';
import { contentSecurityPolicy } from './security-headers.js';

/** What the pages are made of. */
export interface PageRouteCollaborators {
  callers: Callers;
  fleet: FleetWatch;
  /** Folder of the built dashboard. */
  webRoot: string;
}

/** Beside both `src` and `dist`. */
export const defaultWebRoot = fileURLToPath(new URL('../../dist/web/', import.meta.url));
const PLAIN_ROOT = fileURLToPath(new URL('../../public/', import.meta.url));
/** Names of these files carry a hash of what is in them. */
const HASHED = 'assets';
const YEAR_SEC = 31_536_000;
/** For the plain page: what is older is looked at anew first. */
const FRESH_MS = 2_000;
const PATIENCE_MS = 5_000;

/** The dashboard's files, and a page that needs none of them. */
export function pageRoutes(collaborators: PageRouteCollaborators) {
  return async (app: FastifyInstance): Promise<void> => {
    const { webRoot } = collaborators;
    const index = join(webRoot, 'index.html');
    await app.register(plainRoutes(collaborators));
    if (existsSync(index)) {
      addDashboard(app, webRoot, index);
      return;
    }
    app.get('/', (_request, reply) => reply.redirect('/plain'));
  };
}

function addDashboard(app: FastifyInstance, webRoot: string, index: string): void {
  void app.register(fastifyStatic, {
    root: webRoot,
    prefix: '/',
    index: false,
    // What is not there is for the page, whose addresses are its own.
    wildcard: false,
    globIgnore: ['index.html', '**/*.{br,gz}'],
    decorateReply: false,
    preCompressed: true,
    cacheControl: false,
    setHeaders: (response, path) => {
      const isHashed = path.startsWith(join(webRoot, HASHED));
      response.setHeader(
        'cache-control',
        isHashed ? `public, max-age=${YEAR_SEC}, immutable` : 'no-cache',
      );
    },
  });
  const sendIndex = async (_request: FastifyRequest, reply: FastifyReply) => {
    const nonce = randomBytes(16).toString('base64');
    const text = (await readFile(index, 'utf8')).replaceAll(cspNoncePlaceholder, nonce);
    return reply
      .type('text/html; charset=utf-8')
      .header('cache-control', 'no-store')
      .header('content-security-policy', contentSecurityPolicy(nonce))
      .send(text);
  };
  app.get('/', sendIndex);
  app.get('/*', async (request, reply) => {
    const { pathname } = new URL(request.url, 'http://monitor');
    const isPage = /\btext\/html\b/.test(request.headers.accept ?? '');
    if (!isPage || /^\/(api|ptp|assets|plain)(\/|$)/.test(pathname)) {
      return reply.callNotFound();
    }
    return sendIndex(request, reply);
  });
}

function plainRoutes({ callers, fleet, webRoot }: PageRouteCollaborators) {
  return async (app: FastifyInstance): Promise<void> => {
    app.addHook('onRequest', basicDoor(callers));
    const hasDashboard = existsSync(join(webRoot, 'index.html'));
    app.get('/plain', async (request, reply) => {
      await fleet.fresh(FRESH_MS, PATIENCE_MS);
      return sendHtml(reply, renderPage(fleet.state(), filterOf(request), { hasDashboard }).text);
    });
    app.get('/plain/fleet', async (request, reply) => {
      await fleet.fresh(FRESH_MS, PATIENCE_MS);
      return sendHtml(reply, renderFleet(fleet.state(), filterOf(request)).text);
    });
    await app.register(fastifyStatic, { root: PLAIN_ROOT, prefix: '/plain/assets/', index: false });
  };
}

function sendHtml(reply: FastifyReply, text: string): FastifyReply {
  return reply.type('text/html; charset=utf-8').header('cache-control', 'no-store').send(text);
}

function filterOf(request: FastifyRequest): PlainFilter {
  const { state, q } = request.query as Record<string, string | string[] | undefined>;
  const single = (value: typeof state) =>
    typeof value === 'string' && value !== '' ? value.slice(0, 200) : undefined;
  return { state: single(state), text: single(q) };
}
