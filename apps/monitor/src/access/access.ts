import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from '@runtime-bridge/base';
import type { LoginRequest, SessionInfo } from '../api/index.js';
import type { Accounts, Principal } from './accounts.js';
import type { LoginLimiter } from './login-limiter.js';

/** The cookie of a session. */
export const SESSION_COOKIE = 'runtime_bridge_session';

/** Who asks. */
export interface Caller extends Principal {
  /** Undefined for one that sent a token or password along. */
  sessionId: string | undefined;
  expiresMs: number | null;
}

/** What came of asking who somebody is. */
export type Identified =
  | { caller: Caller }
  | { refusal: 'LOGIN_NEEDED' | 'LOGIN_WRONG' }
  | { refusal: 'TOO_MANY'; retryAfterSec: number };

/** The headers that say who somebody is, and where the request came from. */
export interface Credentials {
  authorization: string | undefined;
  cookie: string | undefined;
  address: string;
}

/** Bounds of sessions. */
export interface AccessOptions {
  sessionMs: number;
  maxSessions: number;
}

interface Session extends Principal {
  id: string;
  expiresMs: number;
}

/**
 * Who may use the monitor. Where neither token nor user is set everybody who reaches it may, which is why it listens on
 * loopback only; otherwise one shows a token or password with each request, or logs in once and has a session. Sessions are
 * kept in memory, by the digest of what the cookie holds.
 */
export class Access {
  readonly #sessions = new Map<string, Session>();

  constructor(
    private readonly options: AccessOptions,
    private readonly collaborators: { accounts: Accounts; limiter: LoginLimiter; clock: Clock },
  ) {}

  get isLoginNeeded(): boolean {
    const { accounts } = this.collaborators;
    return accounts.hasTokens || accounts.hasUsers;
  }

  get ways(): SessionInfo['ways'] {
    const { accounts } = this.collaborators;
    return [
      ...(accounts.hasTokens ? ['token' as const] : []),
      ...(accounts.hasUsers ? ['password' as const] : []),
    ];
  }

  /** Who sends these headers. */
  async identify(credentials: Credentials): Promise<Identified> {
    if (!this.isLoginNeeded) {
      return { caller: { name: 'local', role: 'operator', sessionId: undefined, expiresMs: null } };
    }
    const session = this.#sessionOf(credentials.cookie);
    if (session !== undefined) {
      const { id: sessionId, name, role, expiresMs } = session;
      return { caller: { sessionId, name, role, expiresMs } };
    }
    const given = readAuthorization(credentials.authorization);
    if (given === undefined) return { refusal: 'LOGIN_NEEDED' };
    return this.#try(given, credentials.address);
  }

  /** Begins a session. @returns beside the caller what the cookie is to hold, and for how long */
  async login(
    request: LoginRequest,
    address: string,
  ): Promise<
    Exclude<Identified, { caller: Caller }> | { caller: Caller; cookie: string; maxAgeSec: number }
  > {
    const given = 'token' in request ? { tokens: [request.token] } : request;
    const tried = await this.#try(given, address);
    if (!('caller' in tried)) return tried;
    const cookie = randomBytes(32).toString('base64url');
    const id = digest(cookie);
    const { name, role } = tried.caller;
    const expiresMs = this.#now() + this.options.sessionMs;
    this.#sessions.set(id, { id, name, role, expiresMs });
    for (const [key, session] of this.#sessions) {
      const isOver = session.expiresMs <= this.#now();
      if (!isOver && this.#sessions.size <= this.options.maxSessions) break;
      this.#sessions.delete(key);
    }
    const maxAgeSec = Math.floor(this.options.sessionMs / 1000);
    return { caller: { sessionId: id, name, role, expiresMs }, cookie, maxAgeSec };
  }

  /** Ends the session of a cookie. @returns its id */
  logout(cookie: string | undefined): string | undefined {
    const session = this.#sessionOf(cookie);
    if (session !== undefined) this.#sessions.delete(session.id);
    return session?.id;
  }

  /** Whether a session goes on. */
  isAlive(sessionId: string): boolean {
    return (this.#sessions.get(sessionId)?.expiresMs ?? 0) > this.#now();
  }

  async #try(given: Given, address: string): Promise<Identified> {
    const { accounts, limiter } = this.collaborators;
    const waitMs = limiter.waitMs(address);
    // Also one who is right has to wait: else waiting would tell those who guess.
    if (waitMs > 0) return { refusal: 'TOO_MANY', retryAfterSec: Math.ceil(waitMs / 1000) };
    let principal: Principal | undefined;
    for (const token of 'tokens' in given ? given.tokens : [given.password]) {
      principal ??= accounts.byToken(token);
    }
    if (principal === undefined && 'user' in given && accounts.hasUsers) {
      principal = await accounts.byPassword(given.user, given.password);
    }
    if (principal === undefined) {
      limiter.wrong(address);
      return { refusal: 'LOGIN_WRONG' };
    }
    limiter.right(address);
    return { caller: { ...principal, sessionId: undefined, expiresMs: null } };
  }

  #sessionOf(cookie: string | undefined): Session | undefined {
    const value = readCookie(cookie);
    const session = value === undefined ? undefined : this.#sessions.get(digest(value));
    if (session === undefined) return undefined;
    if (session.expiresMs > this.#now()) return session;
    this.#sessions.delete(session.id);
    return undefined;
  }

  #now(): number {
    return this.collaborators.clock.now();
  }
}

type Given = { tokens: string[] } | { user: string; password: string };

/** Longer ones are not meant. */
const MAX_SECRET_LENGTH = 1_000;

/** A bearer token, or a user and a password; the password may be the token, whoever the user. */
function readAuthorization(authorization: string | undefined): Given | undefined {
  const [, scheme = '', value = ''] = /^(\S+)\s+(\S+)$/.exec(authorization ?? '') ?? [];
  if (value === '' || value.length > MAX_SECRET_LENGTH * 2) return undefined;
  if (scheme.toLowerCase() === 'bearer') return { tokens: [value] };
  if (scheme.toLowerCase() !== 'basic') return undefined;
  const text = Buffer.from(value, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon < 0) return undefined;
  return { user: text.slice(0, colon), password: text.slice(colon + 1) };
}

function readCookie(header: string | undefined): string | undefined {
  for (const part of (header ?? '').split(';')) {
    const [name, value] = part.split('=', 2);
    if (name?.trim() === SESSION_COOKIE) return value?.trim();
  }
  return undefined;
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
