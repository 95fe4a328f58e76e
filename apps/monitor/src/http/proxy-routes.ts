import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { RequestGuard } from '../access/request-guard.js';
import { apiLimits } from '../api/index.js';
import type { AuditLog } from '../audit/audit-log.js';
import { proxyError, type JsonProxy } from '../proxy/json-proxy.js';
import { loginError, originOf, type Callers } from './callers.js';

/** What the JSON proxy's routes need. */
export interface ProxyRouteCollaborators {
  proxy: JsonProxy;
  guard: RequestGuard;
  callers: Callers;
  audit: AuditLog;
  /** Told when something was changed at a peer. */
  onChanged: (peerId: string) => void;
}

/** ResponseErrorType UNAUTHORIZED. */
const UNAUTHORIZED = 4;

/** The JSON proxy. Its own scope: bodies are read as they are, whatever the content type says, and with any method. */
export function proxyRoutes(collaborators: ProxyRouteCollaborators) {
  return async (app: FastifyInstance): Promise<void> => {
    const { proxy, guard, callers, audit, onChanged } = collaborators;
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', (_request, _payload, done) => done(null));
    app.addHook('onRequest', basicDoor(callers));
    app.setErrorHandler((error, _request, reply) => {
      const { statusCode = 500, message } = error as { statusCode?: number; message: string };
      return reply.code(statusCode).send(proxyError(0, message));
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
        const { name, role } = callers.of(request);
        const answer = await proxy.call({
          ...request.params,
          httpMethod: request.method,
          contentType: request.headers['content-type'],
          body: await readBody(request),
          checkChanging: () =>
            role === 'operator'
              ? guard.checkChanging(originOf(request))
              : { status: 403, message: 'A viewer may only look' },
        });
        if (answer.change !== undefined) {
          const { targetCount, error } = answer.change;
          const isRefused = answer.status === 403 || answer.status === 405;
          audit.add({
            user: name,
            role,
            address: request.ip,
            what: `proxy.${request.params.method}`,
            manager: request.params.peerId.slice(0, 80),
            targets: [],
            targetCount,
            detail: '',
            outcome: error === null ? 'done' : isRefused ? 'refused' : 'failed',
            error,
          });
          onChanged(request.params.peerId);
        }
        return reply.code(answer.status).send(answer.body);
      },
    });
  };
}

/** Lets scripts and plain browsers say who they are by the headers that they know. */
export function basicDoor(callers: Callers) {
  return async (
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply | undefined> => {
    const found = await callers.identify(request);
    if ('caller' in found) return undefined;
    const { status, message, details } = loginError(found);
    if (status === 401) reply.header('www-authenticate', 'Basic realm="Runtime Bridge monitor"');
    if (details.retryAfterSec !== undefined) reply.header('retry-after', details.retryAfterSec);
    return reply.code(status).send(proxyError(UNAUTHORIZED, message));
  };
}

/** The whole body, of any method. */
function readBody({ raw }: FastifyRequest): Promise<string> {
  const { maxBodyBytes } = apiLimits;
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    raw.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= maxBodyBytes) {
        chunks.push(chunk);
        return;
      }
      // The rest is let through unseen, so that the client reads the answer.
      chunks.length = 0;
      reject(
        Object.assign(new Error(`The body is larger than ${maxBodyBytes} bytes`), {
          statusCode: 413,
        }),
      );
    });
    raw.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    raw.on('error', reject);
  });
}
