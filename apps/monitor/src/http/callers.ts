import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Access, Caller, Identified } from '../access/access.js';
import type { RequestOrigin } from '../access/request-guard.js';
import { ApiError } from '../desk/api-error.js';

/** Who makes each request, once that is known. */
export class Callers {
  readonly #callers = new WeakMap<FastifyRequest, Caller>();

  constructor(private readonly collaborators: { access: Access }) {}

  /** Finds out who makes a request. */
  async identify(request: FastifyRequest): Promise<Identified> {
    const { authorization, cookie } = request.headers;
    const address = request.ip;
    const found = await this.collaborators.access.identify({ authorization, cookie, address });
    if ('caller' in found) this.#callers.set(request, found.caller);
    return found;
  }

  /** Who makes a request that has got past the door. */
  of(request: FastifyRequest): Caller {
    const caller = this.#callers.get(request);
    if (caller === undefined) throw new ApiError(401, 'LOGIN_NEEDED', 'Log in first');
    return caller;
  }
}

/** A refusal to say who somebody is, as an error of the API. */
export function loginError(refused: Exclude<Identified, { caller: Caller }>): ApiError {
  switch (refused.refusal) {
    case 'TOO_MANY': {
      const { retryAfterSec } = refused;
      return new ApiError(429, 'TOO_MANY', `Too many wrong tries: wait ${retryAfterSec} s`, {
        retryAfterSec,
      });
    }
    case 'LOGIN_WRONG':
      return new ApiError(401, 'LOGIN_WRONG', 'The token, user or password is wrong');
    case 'LOGIN_NEEDED':
      return new ApiError(401, 'LOGIN_NEEDED', 'Log in first', {
        remedy: 'Use the token of PHALA_MONITOR_TOKEN, or a user of PHALA_MONITOR_USERS',
      });
  }
}

/** Sends an error of the API. */
export function sendError(reply: FastifyReply, error: ApiError): FastifyReply {
  const { retryAfterSec } = error.details;
  if (retryAfterSec !== undefined) reply.header('retry-after', retryAfterSec);
  return reply.code(error.status).header('cache-control', 'no-store').send(error.body);
}

/** Where a request comes from, as its headers say. */
export function originOf({ headers }: FastifyRequest): RequestOrigin {
  const single = (value: string | string[] | undefined) =>
    Array.isArray(value) ? value.join(',') : value;
  return {
    host: headers.host,
    origin: headers.origin,
    secFetchSite: single(headers['sec-fetch-site']),
    secFetchMode: single(headers['sec-fetch-mode']),
  };
}
