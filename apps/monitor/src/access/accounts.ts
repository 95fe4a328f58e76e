import { createHash, randomBytes, scrypt, timingSafeEqual, type ScryptOptions } from 'node:crypto';
import { promisify } from 'node:util';
import type { Role } from '../api/index.js';

const scryptAsync = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt);

/** Some 50 ms and 16 MiB per try. Its parameters are in each hash, so that they may grow. */
const SCRYPT = { logN: 14, r: 8, p: 1 } as const;
const HASH_BYTES = 32;
/** Those of a hash may not exhaust the machine. */
const MAX_LOG_N = 17;
export const MIN_PASSWORD_LENGTH = 8;

/** A person with a password. */
export interface Account {
  name: string;
  role: Role;
  /** As `hashPassword` makes it. */
  hash: string;
}

/** Who somebody has proved to be. */
export interface Principal {
  name: string;
  role: Role;
}

/** What there is to prove it by. */
export interface AccountsOptions {
  /** Makes an operator. */
  token: string | undefined;
  /** Makes a viewer. */
  viewerToken: string | undefined;
  users: readonly Account[];
}

/** Hashes a password for the list of users: `scrypt$logN$r$p$salt$hash`, both in base64url. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const hash = await derive(password, salt, SCRYPT);
  const { logN, r, p } = SCRYPT;
  return ['scrypt', logN, r, p, salt.toString('base64url'), hash.toString('base64url')].join('$');
}

/**
 * One entry of the list of users, `name:role:hash`.
 * @throws Error that says what is wrong with it, and never what it holds
 */
export function parseAccount(text: string): Account {
  const [, name = '', role = '', hash = ''] = /^([^:]*):([^:]*):(.*)$/.exec(text.trim()) ?? [];
  if (!/^[\w.@-]{1,64}$/.test(name)) {
    throw new Error('has an entry without a name of letters, digits and . @ _ -');
  }
  if (role !== 'viewer' && role !== 'operator') {
    throw new Error(`gives ${name} a role that is neither viewer nor operator`);
  }
  if (parseHash(hash) === undefined) {
    throw new Error(`gives ${name} no hash as the command hash-password prints it`);
  }
  return { name, role, hash };
}

/** Checks tokens and passwords. */
export class Accounts {
  readonly #tokens: readonly { digest: Buffer; principal: Principal }[];
  readonly #users: ReadonlyMap<string, Account>;
  /** Passwords that were right, by their digest: scripts send theirs with each request. */
  readonly #proven = new Map<string, string>();

  constructor(options: AccountsOptions) {
    const { token, viewerToken, users } = options;
    const entry = (text: string | undefined, principal: Principal) =>
      text === undefined ? [] : [{ digest: digest(text), principal }];
    this.#tokens = [
      ...entry(token, { name: 'token', role: 'operator' }),
      ...entry(viewerToken, { name: 'viewer-token', role: 'viewer' }),
    ];
    this.#users = new Map(users.map((user) => [user.name, user]));
  }

  get hasTokens(): boolean {
    return this.#tokens.length > 0;
  }

  get hasUsers(): boolean {
    return this.#users.size > 0;
  }

  byToken(token: string): Principal | undefined {
    const given = digest(token);
    // All are compared, so that the time says nothing.
    return this.#tokens.filter((entry) => timingSafeEqual(entry.digest, given))[0]?.principal;
  }

  async byPassword(name: string, password: string): Promise<Principal | undefined> {
    const user = this.#users.get(name);
    const key = digest(password).toString('base64');
    if (user !== undefined && this.#proven.get(name) === key) return { name, role: user.role };
    // One who is not there takes as long as one who is.
    const isRight = await verify(password, user?.hash ?? NOBODY);
    if (user === undefined || !isRight) return undefined;
    this.#proven.set(name, key);
    return { name, role: user.role };
  }
}

const NOBODY = `scrypt$${SCRYPT.logN}$${SCRYPT.r}$${SCRYPT.p}$AAAAAAAAAAAAAAAAAAAAAA$${'A'.repeat(43)}`;

interface Hash {
  params: { logN: number; r: number; p: number };
  salt: Buffer;
  hash: Buffer;
}

function parseHash(text: string): Hash | undefined {
  const [, logN, r, p, salt = '', hash = ''] =
    /^scrypt\$(\d{1,2})\$(\d{1,2})\$(\d{1,2})\$([\w-]{16,64})\$([\w-]{43})$/.exec(text) ?? [];
  const params = { logN: Number(logN), r: Number(r), p: Number(p) };
  if (!(params.logN >= 10 && params.logN <= MAX_LOG_N && params.r >= 1 && params.r <= 16)) {
    return undefined;
  }
  if (params.p < 1 || params.p > 4) return undefined;
  return { params, salt: Buffer.from(salt, 'base64url'), hash: Buffer.from(hash, 'base64url') };
}

async function verify(password: string, text: string): Promise<boolean> {
  const known = parseHash(text);
  if (known === undefined) return false;
  return timingSafeEqual(await derive(password, known.salt, known.params), known.hash);
}

function derive(password: string, salt: Buffer, { logN, r, p }: Hash['params']): Promise<Buffer> {
  const N = 2 ** logN;
  return scryptAsync(password, salt, HASH_BYTES, { N, r, p, maxmem: 256 * N * r });
}

/** Of equal length, so that comparing takes equal time. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
