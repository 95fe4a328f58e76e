import { createHash } from 'node:crypto';
import type { Logger } from '@runtime-bridge/base';
import type { Redis as IoRedis } from 'ioredis';
import { QUEUE_NAME } from '../queue.js';
import { connectClient, type RedisConnectionOptions } from '../redis/bee-connection.js';

/** Which part of a bridge a lease is about: the one that asks for transactions, or the one that sends them. */
export type LeaseRole = 'manager' | 'trader';

/** One connection for leases and what is kept beside them. */
export class LeaseConnection {
  readonly client: IoRedis;
  readonly #prefix: string;
  readonly #shas = new Map<string, string>();

  constructor(options: RedisConnectionOptions, collaborators: { logger: Logger }) {
    this.client = connectClient(options, collaborators, { lazyConnect: true });
    this.#prefix = `${options.prefix ?? 'bq'}:${QUEUE_NAME}`;
  }

  /** Whether Redis can be talked to now. */
  get isConnected(): boolean {
    return this.client.status === 'ready';
  }

  leaseKey(role: LeaseRole): string {
    return `${this.#prefix}:lease:${role}`;
  }

  epochKey(role: LeaseRole): string {
    return `${this.#prefix}:lease:${role}:epoch`;
  }

  key(name: string): string {
    return `${this.#prefix}:${name}`;
  }

  /** Runs a script; it is sent in full only to a server that does not know it. */
  async run(
    script: string,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<unknown> {
    let sha = this.#shas.get(script);
    if (!sha) {
      sha = createHash('sha1').update(script).digest('hex');
      this.#shas.set(script, sha);
    }
    try {
      return await this.client.call('EVALSHA', sha, keys.length, ...keys, ...args);
    } catch (error) {
      if (!String(error).includes('NOSCRIPT')) throw error;
      return await this.client.call('EVAL', script, keys.length, ...keys, ...args);
    }
  }

  close(): void {
    this.client.disconnect();
  }
}
