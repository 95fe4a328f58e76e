import type { FastifyInstance, FastifyRequest } from 'fastify';
import { SESSION_COOKIE, type Access } from '../access/access.js';
import type { RequestGuard } from '../access/request-guard.js';
import {
  apiLimits,
  apiPaths,
  type FleetState,
  type LoginRequest,
  type SessionInfo,
} from '../api/index.js';
import {
  actionMeanings,
  alertMeanings,
  errorMeanings,
  sessionMeanings,
  stateMeanings,
} from '../api/index.js';
import type { AuditLog } from '../audit/audit-log.js';
import { ApiError } from '../desk/api-error.js';
import type { LookupDesk } from '../desk/lookup-desk.js';
import type { FleetWatch } from '../fleet/fleet-watch.js';
import type { StreamHub } from '../stream/stream-hub.js';
import { addChangeRoutes, type ChangeRouteCollaborators } from './change-routes.js';
import { loginError, originOf, sendError, type Callers } from './callers.js';
import { Query } from './queries.js';
import { loginBody } from './body-schemas.js';
import type { SettingsInfo } from '../api/index.js';

/** What the API answers from. */
export interface ApiRouteCollaborators extends ChangeRouteCollaborators {
  access: Access;
  guard: RequestGuard;
  callers: Callers;
  audit: AuditLog;
  fleet: FleetWatch;
  hub: StreamHub;
  lookup: LookupDesk;
  settings: () => SettingsInfo;
  version: string;
}

/** HTTP methods that change nothing. */
const READING: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);
/** For `/api/fleet`: a state that is older is looked at anew first, for as long as that takes up to this. */
const FRESH_MS = 5_000;
const PATIENCE_MS = 5_000;

/** The dashboard's API. Its own scope: bodies are JSON here and nothing else. */
export function apiRoutes(collaborators: ApiRouteCollaborators) {
  return async (app: FastifyInstance): Promise<void> => {
    app.removeContentTypeParser('text/plain');
    app.setErrorHandler((error, request, reply) => {
      const told = toApiError(error);
      if (told.status >= 500) {
        const facts = { method: request.method, url: request.url.split('?')[0], code: told.code };
        collaborators.logger.warn('A request of the dashboard failed', facts, told.cause ?? error);
      }
      return sendError(reply, told);
    });
    addDoor(app, collaborators);
    addSessionRoutes(app, collaborators);
    addStreamRoutes(app, collaborators);
    addReadingRoutes(app, collaborators);
    addChangeRoutes(app, collaborators);
  };
}

/** Who may do what: all have to be somebody, and only operators change something. */
function addDoor(app: FastifyInstance, collaborators: ApiRouteCollaborators): void {
  const { guard, callers, audit } = collaborators;
  app.addHook('onRequest', async (request) => {
    const isReading = READING.has(request.method);
    if (!isReading) {
      const refusal = guard.checkChanging(originOf(request));
      if (refusal !== undefined) throw new ApiError(refusal.status, 'FORBIDDEN', refusal.message);
    }
    const found = await callers.identify(request);
    if (request.routeOptions.url === apiPaths.session) return;
    if (!('caller' in found)) throw loginError(found);
    const { caller } = found;
    const isForOperators = !isReading || request.routeOptions.url === apiPaths.audit;
    if (!isForOperators || caller.role === 'operator') return;
    const message = 'A viewer may only look';
    audit.add({
      user: caller.name,
      role: caller.role,
      address: request.ip,
      what: `${request.method} ${request.routeOptions.url ?? ''}`,
      manager: null,
      targets: [],
      targetCount: 0,
      detail: '',
      outcome: 'refused',
      error: message,
    });
    throw new ApiError(403, 'FORBIDDEN', message, { remedy: 'Log in as an operator' });
  });
}

function addSessionRoutes(app: FastifyInstance, collaborators: ApiRouteCollaborators): void {
  const { access, callers, audit, hub, version } = collaborators;
  const info = (caller: ReturnType<Callers['of']> | undefined): SessionInfo => ({
    loginNeeded: access.isLoginNeeded,
    ways: access.ways,
    user: caller === undefined ? null : { name: caller.name, role: caller.role },
    expiresMs: caller?.expiresMs ?? null,
    version,
  });
  app.get(apiPaths.session, async (request, reply) => {
    const found = await callers.identify(request);
    return reply
      .header('cache-control', 'no-store')
      .send(info('caller' in found ? found.caller : undefined));
  });
  app.post<{ Body: LoginRequest }>(
    apiPaths.session,
    { schema: { body: loginBody } },
    async (request, reply) => {
      if (!access.isLoginNeeded) return info(callers.of(request));
      const tried = await access.login(request.body, request.ip);
      const note = {
        address: request.ip,
        what: 'login',
        manager: null,
        targets: [],
        targetCount: 0,
        detail: '',
      };
      if (!('caller' in tried)) {
        const error = loginError(tried);
        // Whoever goes on guessing gets no line for each.
        if (tried.refusal === 'LOGIN_WRONG') {
          audit.add({
            ...note,
            user: 'user' in request.body ? request.body.user.slice(0, 64) : 'token',
            role: null,
            outcome: 'refused',
            error: error.message,
          });
        }
        throw error;
      }
      const { caller, cookie, maxAgeSec } = tried;
      audit.add({ ...note, user: caller.name, role: caller.role, outcome: 'done', error: null });
      reply.header('set-cookie', cookieText(request, cookie, maxAgeSec));
      return reply.header('cache-control', 'no-store').send(info(caller));
    },
  );
  app.delete(apiPaths.session, async (request, reply) => {
    const ended = access.logout(request.headers.cookie);
    if (ended !== undefined) hub.endSession(ended);
    reply.header('set-cookie', cookieText(request, '', 0));
    const found = await callers.identify(request);
    return info('caller' in found ? found.caller : undefined);
  });
}

function cookieText(request: FastifyRequest, value: string, maxAgeSec: number): string {
  // A page that came over TLS, which a proxy in front of us ended, says so.
  const secure = request.headers.origin?.startsWith('https:') === true ? '; Secure' : '';
  return `${SESSION_COOKIE}=${value}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${maxAgeSec}${secure}`;
}

function addStreamRoutes(app: FastifyInstance, collaborators: ApiRouteCollaborators): void {
  const { access, callers, fleet, hub } = collaborators;
  app.get(apiPaths.events, (request, reply) => {
    const { sessionId } = callers.of(request);
    if (hub.isFull) {
      throw new ApiError(429, 'TOO_MANY', 'Too many listen already', { retryAfterSec: 10 });
    }
    const header = request.headers['last-event-id'];
    const given = typeof header === 'string' ? header : new Query(request).text('lastEventId');
    const gzip = /\bgzip\b/.test(request.headers['accept-encoding'] ?? '');
    reply.hijack();
    const { raw } = reply;
    raw.writeHead(200, {
      ...(reply.getHeaders() as Record<string, string>),
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
      ...(gzip ? { 'content-encoding': 'gzip', vary: 'accept-encoding' } : {}),
    });
    const isWelcome = () => sessionId === undefined || access.isAlive(sessionId);
    const remove = hub.add({ gzip, sessionId, isWelcome }, raw, given === '' ? undefined : given);
    raw.on('error', () => remove?.());
    raw.on('close', () => remove?.());
  });
  app.get(apiPaths.fleet, async (_request, reply): Promise<FleetState> => {
    await fleet.fresh(FRESH_MS, PATIENCE_MS);
    reply.header('cache-control', 'no-store');
    return fleet.state();
  });
}

interface WorkerParams {
  Params: { manager: string; uuid: string };
}

function addReadingRoutes(app: FastifyInstance, collaborators: ApiRouteCollaborators): void {
  const { lookup, fleet, audit, settings } = collaborators;
  app.addHook('onRequest', async (_request, reply) => {
    reply.header('cache-control', 'no-store');
  });
  const worker = '/api/workers/:manager/:uuid';
  app.get<WorkerParams>(worker, ({ params }) => lookup.worker(params.manager, params.uuid));
  app.get<WorkerParams>(`${worker}/events`, (request) => {
    const { manager, uuid } = request.params;
    return lookup.workerEvents(manager, uuid, new Query(request).page());
  });
  app.get<WorkerParams>(`${worker}/heights`, (request, reply) => {
    const { manager, uuid } = request.params;
    const query = new Query(request);
    const points = Math.max(2, query.whole('points', 300, 1_000));
    return reply.send(lookup.heights(manager, uuid, query.whole('sinceMs', 0), points));
  });
  app.get(apiPaths.transactions, (request) => {
    const query = new Query(request);
    return lookup.transactions({
      managers: query.list('manager'),
      worker: query.text('worker'),
      states: query.list('states'),
      page: query.page(),
    });
  });
  app.get<{ Params: { manager: string } }>('/api/managers/:manager/alerts', (request) =>
    lookup.managerAlerts(request.params.manager, new Query(request).page().limit),
  );
  app.get(apiPaths.alerts, (request, reply) => {
    const { beforeMs, limit } = new Query(request).page();
    return reply.send(fleet.alerts.page(fleet.store, beforeMs, limit));
  });
  app.get(apiPaths.audit, (request, reply) => {
    const { beforeMs, limit } = new Query(request).page();
    return reply.send(audit.page(beforeMs, limit));
  });
  app.get(apiPaths.settings, (_request, reply) => reply.send(settings()));
  app.get(apiPaths.glossary, (_request, reply) =>
    reply.send({
      states: stateMeanings,
      sessions: sessionMeanings,
      alerts: alertMeanings,
      actions: actionMeanings,
      errors: errorMeanings,
      limits: apiLimits,
    }),
  );
}

interface HttpError {
  statusCode?: number;
  code?: string;
  message: string;
  validation?: { instancePath: string; message?: string; params: Record<string, unknown> }[];
}

/** What failed on the way to a handler, or in it. */
function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  const { statusCode, validation, message } = error as HttpError;
  if (validation !== undefined) {
    const [first] = validation;
    const parts = (first?.instancePath ?? '').split('/').slice(1);
    const missing = first?.params['missingProperty'] ?? first?.params['additionalProperty'];
    const field =
      typeof missing === 'string' ? missing : parts.filter((p) => !/^\d+$/.test(p)).at(-1);
    const index = parts.find((part) => /^\d+$/.test(part));
    return new ApiError(400, 'BAD_REQUEST', `The body is not right: ${message}`, {
      ...(field === undefined ? {} : { field }),
      ...(index === undefined ? {} : { index: Number(index) }),
    });
  }
  if (statusCode !== undefined && statusCode < 500) {
    return new ApiError(statusCode, 'BAD_REQUEST', message);
  }
  return ApiError.of(error);
}
